//! The position up to which the write-ahead logs are on disk, kept along with the writes.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::slots::{LOGS_MAX, LogSlots};
use super::statement::LogFloor;
use super::wal;
use crate::error::Result;
use crate::rocks::error::from_io;

/// The place that writing has reached. Whoever has it is the only one who writes.
pub(super) struct Position {
    directory: PathBuf,
    slots: LogSlots,
    /// The log that is written, by its number, if that is known.
    current: Option<(u64, File)>,
    known: LogFloor,
}

impl Position {
    /// Starts from what is known.
    pub(super) fn new(directory: &Path, known: LogFloor) -> Result<Self> {
        Ok(Position { directory: directory.to_owned(), slots: LogSlots::open(directory)?, current: None, known })
    }

    pub(super) fn known(&self) -> &LogFloor {
        &self.known
    }

    pub(super) fn slots(&self) -> &LogSlots {
        &self.slots
    }

    /// The length of the log that is written, before a write.
    pub(super) fn length(&self) -> Option<u64> {
        let (_, file) = self.current.as_ref()?;
        file.metadata().ok().map(|metadata| metadata.len())
    }

    /// States that all that was written is on disk: RocksDB syncs all logs with one synced write.
    ///
    /// The write is in the log that grew by it, since nobody else writes meanwhile. Where the one that was known did
    /// not grow, RocksDB has gone on to another.
    pub(super) fn synced(&mut self, before: Option<u64>, last_sequence: u64) -> Result<()> {
        let after = self.length();
        match (&self.current, after.filter(|after| Some(*after) > before && before.is_some())) {
            (Some((number, _)), Some(after)) => drop(self.known.logs.insert(*number, after)),
            _ => {
                let failed = |error| from_io("cannot look at the write-ahead logs", error);
                self.look_again().map_err(failed)?;
            }
        }
        self.known.last_sequence = self.known.last_sequence.max(last_sequence);
        self.slots.state(&self.known)
    }

    fn look_again(&mut self) -> io::Result<()> {
        let mut logs = wal::logs(&self.directory)?;
        while logs.len() > LOGS_MAX {
            logs.pop_first();
        }
        self.current = match logs.last_key_value() {
            Some((number, _)) => Some((*number, File::open(wal::path(&self.directory, *number))?)),
            None => None,
        };
        self.known.logs = logs;
        Ok(())
    }
}
