//! The logs of a store, kept so that a backup can be brought to any commit after it.
//!
//! The logs that are kept are RocksDB's own write-ahead logs, in which every write but those of bulk loads is, and the
//! files of bulk loads. Why so, and what is proved by marks, is described in `docs/design.md`. `point` reads them
//! again.

mod files;
mod mark;
mod name;
mod setting;

use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use rocksdb::WriteBatch as RocksBatch;
use rustix::rand::{GetRandomFlags, getrandom};

pub(super) use self::files::remove_all;
pub(super) use self::mark::{KEY, Mark, MarkKind};
pub(super) use self::name::{KeptFile, KeptName};
pub(super) use self::setting::Setting;
use super::families::Database;
use super::modes::Modes;
use crate::error::{Error, Result};
use crate::time::Timestamp;

/// The logs of an open store that keeps them.
pub(super) struct Kept {
    directory: PathBuf,
    state: Mutex<State>,
}

struct State {
    setting: Setting,
    /// The newest mark that was written; none as long as these logs have nothing.
    last: Option<Mark>,
}

impl Kept {
    /// Goes on keeping the logs of the store in `directory`, from its newest mark.
    pub(super) fn resume(directory: &Path, setting: Setting, database: &Database) -> Result<Self> {
        files::sweep(directory, setting.first_log)?;
        let last = Mark::newest(database)?.filter(|mark| mark.id == setting.id);
        Ok(Kept { directory: directory.to_owned(), state: Mutex::new(State { setting, last }) })
    }

    /// Gives the logs up and begins new ones, of what is written from here on: nothing of what was erased stays. Only
    /// while nobody writes.
    ///
    /// # Errors
    /// `Unavailable` when they cannot be removed.
    pub(super) fn begin_anew(&self) -> Result<()> {
        let mut state = self.state.lock();
        let first_log = files::newest_log(&self.directory)?;
        let setting = Setting { id: new_id()?, first_log, ..state.setting };
        setting.write(&self.directory)?;
        *state = State { setting, last: None };
        files::sweep(&self.directory, first_log)?;
        files::remove_loads(&self.directory)
    }

    /// Removes what RocksDB needs no more of the logs that were given up.
    ///
    /// # Errors
    /// `Unavailable` when it cannot be removed.
    pub(super) fn sweep(&self) -> Result<()> {
        let first_log = self.state.lock().setting.first_log;
        files::sweep(&self.directory, first_log)
    }

    /// Keeps the files of a bulk load, before RocksDB takes them over. The oldest loads go where there are too many.
    ///
    /// # Errors
    /// `Unavailable` when they cannot be linked.
    pub(super) fn keep_load(&self, stamp: Timestamp, families: [(&str, &[PathBuf]); 2]) -> Result<()> {
        let bytes_max = self.state.lock().setting.bytes_max;
        files::keep_load(&self.directory, stamp, families)?;
        files::trim_loads(&self.directory, bytes_max)
    }

    /// Adds the kept logs to a copy of the store, up to now at least.
    ///
    /// # Errors
    /// `Unavailable` when they cannot be read or the copy not written.
    pub(super) fn copy_to(&self, to: &Path, modes: Modes) -> Result<()> {
        let setting = self.state.lock().setting;
        files::sweep(&self.directory, setting.first_log)?;
        files::copy(&self.directory, &setting, to, modes)
    }
}

/// Turns the keeping of logs on or off, for the store in `directory`, which nobody has open. Turned on, also again, it
/// begins new logs.
///
/// # Errors
/// `Unavailable` when the directory cannot be written.
pub(super) fn set(directory: &Path, bytes_max: Option<u64>) -> Result<()> {
    Setting::remove(directory)?;
    remove_all(directory)?;
    match bytes_max {
        Some(bytes_max) => Setting { bytes_max, id: new_id()?, first_log: 0 }.write(directory),
        None => Ok(()),
    }
}

fn new_id() -> Result<u128> {
    let mut bytes = [0; 16];
    // Fewer than 256 bytes come whole or not at all.
    match getrandom(&mut bytes, GetRandomFlags::empty()) {
        Ok(read) if read == bytes.len() => Ok(u128::from_le_bytes(bytes)),
        _ => Err(Error::unavailable("the kernel gives no random bytes")),
    }
}

/// The marks of one write. Whoever has them is the only one who writes.
pub(super) struct Marks<'k> {
    kept: Option<&'k Kept>,
    last: Option<Mark>,
}

impl<'k> Marks<'k> {
    pub(super) fn new(kept: Option<&'k Kept>) -> Self {
        Marks { kept, last: None }
    }

    /// Returns whether marks are to be put.
    pub(super) fn are_kept(&self) -> bool {
        self.kept.is_some()
    }

    /// Adds a mark to the batch of the write. All marks of one write have the same number: the last one stays.
    pub(super) fn put(
        &mut self,
        database: &Database,
        time: Timestamp,
        kind: MarkKind,
        batch: &mut RocksBatch,
    ) -> Result<()> {
        let Some(kept) = self.kept else { return Ok(()) };
        let state = kept.state.lock();
        let mark = Mark::after(state.last.as_ref(), state.setting.id, time, kind);
        drop(state);
        self.last = Some(mark);
        mark.put(database.catalog(), batch)
    }

    /// Says that the write is done, so that the next one follows it.
    pub(super) fn written(&self) {
        if let (Some(kept), Some(mark)) = (self.kept, self.last) {
            kept.state.lock().last = Some(mark);
        }
    }
}
