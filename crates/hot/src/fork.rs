//! A mark that the children of a fork do not have.

use std::io;

use memmap2::MmapMut;
use rustix::mm::{Advice, madvise};

/// The bytes of the mark's memory, of which the kernel gives a page.
const BYTES: usize = 4_096;

/// Says whether this is the process that made it, and not a child of a fork, without a system call.
pub(crate) struct ForkMark(MmapMut);

impl ForkMark {
    pub(crate) fn new() -> io::Result<Self> {
        let mut map = MmapMut::map_anon(BYTES)?;
        // SAFETY: the range is the whole mapping, private and without a file, as the advice wants; it changes only what the
        // children of a fork have there.
        #[allow(unsafe_code, reason = "asking for the process on every read is a system call")]
        unsafe {
            madvise(map.as_mut_ptr().cast(), map.len(), Advice::LinuxWipeOnFork)?;
        }
        map[0] = 1;
        Ok(ForkMark(map))
    }

    /// Returns whether no fork lies between.
    #[inline]
    pub(crate) fn is_here(&self) -> bool {
        self.0[0] == 1
    }
}
