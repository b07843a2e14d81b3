//! The keeper of a shared table: a thread that lives as long as the table is kept up.
//!
//! Readers in other processes must know when this one is gone: from then on somebody else may write the store, and the
//! table is old. They cannot ask on every read, which would be a system call. So the kernel tells them, by the way that it
//! tells of robust mutexes: a thread registers the place of a word, and when it ends without having taken it back, the
//! kernel sets a bit of the word (get_robust_list(2); Documentation/locking/robust-futex-ABI.rst). It does so when the
//! thread lets go of its memory, which is before the process lets go of its files and thus of the lock of its store: as
//! long as a reader finds the word as it was, no other process has the store.

use std::io;
use std::os::raw::c_long;
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, JoinHandle};

use crate::header::KEEPER_AT;
use crate::pages::Huge;
use crate::words::Words;

/// A list of one word, as the kernel knows it (`struct robust_list_head`).
#[repr(C)]
struct RobustList {
    first: *const Link,
    /// From a link to its word.
    offset: c_long,
    pending: *const Link,
}

#[repr(C)]
struct Link {
    next: *const Link,
}

/// Stack of the thread, which calls the kernel and waits.
const STACK_BYTES: usize = 64 << 10;

/// Keeps a table for as long as it lives.
pub(crate) struct Keeper {
    /// Taken when it ends.
    work: Option<Sender<Huge>>,
    thread: Option<JoinHandle<()>>,
}

/// The place of the keeper's word.
struct Place(*const AtomicU32);

// SAFETY: it is the address of an atomic in memory that any thread may use.
#[allow(unsafe_code, reason = "the address goes to the thread")]
unsafe impl Send for Place {}

impl Keeper {
    /// Starts to keep a table, whose words must outlive the keeper.
    pub(crate) fn start(words: &Words) -> io::Result<Self> {
        let place = Place(ptr::from_ref(&words.header()[KEEPER_AT]).cast());
        let (work, wanted) = channel();
        let (started, wait) = channel();
        let keep = move || keep(place, &started, &wanted);
        let thread = Builder::new().name("asofdb-keeper".to_owned()).stack_size(STACK_BYTES).spawn(keep)?;
        let keeper = Keeper { work: Some(work), thread: Some(thread) };
        wait.recv().unwrap_or_else(|_| Err(io::ErrorKind::Other.into()))?;
        Ok(keeper)
    }

    /// Has its thread, which has nothing else to do, put some of the table's memory on huge pages.
    pub(crate) fn collapse(&self, pages: Huge) {
        if let Some(work) = &self.work {
            // The thread does not end before.
            let _ = work.send(pages);
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.work.take());
        self.thread.take().map(JoinHandle::join);
    }
}

#[allow(unsafe_code, clippy::needless_pass_by_value, reason = "system calls; the place belongs to the thread")]
fn keep(place: Place, started: &Sender<io::Result<()>>, wanted: &Receiver<Huge>) {
    // SAFETY: the words outlive the keeper, which waits for this thread. The word is aligned for two of them, and nothing
    // but this thread and the kernel writes it.
    let word = unsafe { &*place.0 };
    let mut link = Link { next: ptr::null() };
    let mut list = RobustList { first: &raw const link, offset: 0, pending: ptr::null() };
    link.next = (&raw const list).cast();
    list.offset = (place.0 as isize).wrapping_sub((&raw const link) as isize) as c_long;
    let (mut before, mut bytes) = (ptr::null::<RobustList>(), 0usize);
    // SAFETY: zero is this thread, and the kernel writes a pointer and a size where they are.
    let asked = unsafe { libc::syscall(libc::SYS_get_robust_list, 0, &raw mut before, &raw mut bytes) };
    // The kernel compares with the number of the thread that ends.
    word.store(rustix::thread::gettid().as_raw_nonzero().get().unsigned_abs(), Ordering::Release);
    // SAFETY: list and link lie on the stack of this thread until it takes them back below. The list that the C library had
    // registered is of its own robust mutexes, of which this thread uses none.
    let set = unsafe { libc::syscall(libc::SYS_set_robust_list, &raw const list, size_of::<RobustList>()) };
    if asked != 0 || set != 0 {
        word.store(0, Ordering::Release);
        let _ = started.send(Err(io::Error::last_os_error()));
        return;
    }
    let _ = started.send(Ok(()));
    // Until the other end is dropped.
    wanted.iter().for_each(Huge::collapse);
    word.store(0, Ordering::Release);
    // SAFETY: what the kernel gave above is what it takes.
    unsafe { libc::syscall(libc::SYS_set_robust_list, before, bytes) };
}
