//! The lock of a store's directory: one process has a store open at a time.
//!
//! It is taken before anything in the directory is looked at, so that nobody judges a store that another process is
//! just making, opening or closing. It is a lock of the open file (`flock`), not of the process as RocksDB's own is:
//! that one is lost when any code of the process opens and closes the file, a copy of the directory for instance.

use std::collections::HashMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use parking_lot::Mutex;
use rustix::fs::OFlags;
use rustix::process::{Pid, test_kill_process};

use super::error::{already_open, from_access, from_io, open_elsewhere};
use super::modes::Modes;
use crate::error::Result;

/// The file that is locked. Its text is the number of the process that holds the lock.
pub(super) const LOCK: &str = "ASOFDB.lock";

/// Bytes of the text: always as many, so that one write replaces it.
const TEXT_BYTES: usize = 11;

/// A file, wherever its names are: its device and its inode.
type FileId = (u64, u64);

/// The locks that this process holds, and the process that took them: the child of a fork has its parent's list.
static HELD: Mutex<Option<HashMap<FileId, u32>>> = Mutex::new(None);

/// A lock that is held until it is dropped.
#[derive(Debug)]
pub(super) struct DirectoryLock {
    file: File,
    id: FileId,
    process: u32,
}

impl DirectoryLock {
    /// Locks the directory `path`, which exists.
    ///
    /// # Errors
    /// `Unavailable` when the store is open, in this process or another, or cannot be written.
    pub(super) fn take(path: &Path, modes: Modes) -> Result<Self> {
        let mut held = HELD.lock();
        let held = held.get_or_insert_default();
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(modes.file());
        let file = options.custom_flags(OFlags::NOFOLLOW.bits() as i32).open(path.join(LOCK));
        let file = file.map_err(|error| from_access(path, error))?;
        let failed = |error: io::Error| from_io(&format!("cannot lock the store at {}", path.display()), error);
        let found = file.metadata().map_err(failed)?;
        let (id, process) = ((found.dev(), found.ino()), std::process::id());
        if held.get(&id) == Some(&process) {
            return Err(already_open(path));
        }
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(open_elsewhere(path, holder(&file))),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        if let Err(error) = write(&file, &process.to_string()) {
            let _ = file.unlock();
            return Err(failed(error));
        }
        held.insert(id, process);
        // Last: one that was dropped here would wait for the list, which this thread has.
        Ok(DirectoryLock { file, id, process })
    }
}

fn write(file: &File, text: &str) -> io::Result<()> {
    file.write_all_at(format!("{text:<width$}\n", width = TEXT_BYTES - 1).as_bytes(), 0)
}

impl Drop for DirectoryLock {
    fn drop(&mut self) {
        // The child of a fork has the parent's lock in its hands, and must leave it locked.
        if self.process != std::process::id() {
            return;
        }
        let mut held = HELD.lock();
        // A number that stays is no harm: it is told only while that process lives and the file is locked.
        let _ = write(&self.file, "");
        // Unlocked by name: a child of a fork may have the file open, too, and closing it here would not do.
        let _ = self.file.unlock();
        held.as_mut().map(|held| held.remove(&self.id));
    }
}

/// The process that holds the lock, by its own word. None while it has not written it yet, or where it is not to be
/// seen from here.
fn holder(file: &File) -> Option<u32> {
    let mut text = [0; TEXT_BYTES];
    let read = file.read_at(&mut text, 0).ok()?;
    let number: i32 = str::from_utf8(&text[..read]).ok()?.trim().parse().ok()?;
    // EPERM, too, says that there is one.
    let lives = test_kill_process(Pid::from_raw(number)?) != Err(rustix::io::Errno::SRCH);
    lives.then_some(number as u32)
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_lock_whose_text_cannot_be_written_is_an_error_and_keeps_nobody_waiting() {
        let directory = tempfile::tempdir().unwrap();
        // A pipe can be locked, and not written at a place.
        assert!(Command::new("mkfifo").arg(directory.path().join(LOCK)).status().unwrap().success());
        let (answer, answered) = channel();
        let path = directory.path().to_owned();
        std::thread::spawn(move || {
            for _ in 0..2 {
                let _ = answer.send(DirectoryLock::take(&path, Modes::Private).map(drop));
            }
        });
        for _ in 0..2 {
            let taken = answered.recv_timeout(Duration::from_secs(60)).expect("it waits for itself");
            let error = taken.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unavailable);
            assert!(error.message().starts_with("cannot lock the store at "), "{error}");
        }
    }
}
