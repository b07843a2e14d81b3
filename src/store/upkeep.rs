//! Upkeep of a store: what operators do, and nothing in it changes an answer.

use std::path::Path;
use std::time::Duration;

use asofdb_storage::{CheckpointFiles, Result, Stats, Stop, Verified, Warming};

use super::Store;
use crate::served::log::ServedLog;
use crate::windows;

impl Store {
    /// Writes what is in memory to disk, what is logged of reads included.
    ///
    /// # Errors
    /// `Unavailable` when the disk is full.
    pub fn flush(&self) -> Result<()> {
        self.recorder.write()?;
        self.served.as_deref().map_or(Ok(()), ServedLog::flush)?;
        self.backend.flush()
    }

    /// Lets go of the store and waits until it is closed, and no longer than `patience`; says whether it is. It is once all
    /// its clones, and what was made of them, are gone, and what is kept for the next opening is written. A process
    /// that ends before that loses nothing that was acknowledged; the next one that opens the store has to find its hot
    /// rows again.
    ///
    /// ```
    /// # use std::{sync::Arc, time::Duration};
    /// # use asofdb::{Store, SystemClock};
    /// let store = Store::in_memory(Arc::new(SystemClock));
    /// let other = store.clone();
    /// assert!(!store.close(Duration::ZERO));
    /// assert!(other.close(Duration::from_secs(10)));
    /// ```
    pub fn close(self, patience: Duration) -> bool {
        let closed = self.backend.closed();
        drop(self);
        closed.wait(patience)
    }

    /// Returns how far the rows have come back that the hot table held before the store was opened: at once after it was
    /// closed, and in the background after a crash.
    pub fn warming(&self) -> Warming {
        self.backend.warming()
    }

    /// Compacts everything, reclaiming what retention, drops and erasures left.
    ///
    /// # Errors
    /// `Unavailable` when the disk is full.
    pub fn compact(&self) -> Result<()> {
        self.compact_until(&self.bulk_stop())
    }

    /// [`Store::compact`] that ends soon when it is told to, within some seconds of work. What it has rewritten until
    /// then stays so.
    ///
    /// # Errors
    /// As there; `Unavailable` also when it was stopped.
    pub fn compact_until(&self, stop: &Stop) -> Result<()> {
        self.sealer.finish(stop)?;
        self.backend.compact_until(stop)
    }

    /// Writes a consistent copy of the store into the new directory `to`.
    ///
    /// # Errors
    /// `Conflict` when it exists.
    pub fn checkpoint(&self, to: &Path) -> Result<()> {
        self.checkpoint_with(to, CheckpointFiles::default())
    }

    /// [`Store::checkpoint`] that shares its data files with the store, or none.
    ///
    /// # Errors
    /// As there; `Corrupt` when a file is not what it was.
    pub fn checkpoint_with(&self, to: &Path, files: CheckpointFiles) -> Result<()> {
        self.checkpoint_until(to, files, &self.bulk_stop())
    }

    /// [`Store::checkpoint_with`] that ends soon when it is told to, and then leaves nothing.
    ///
    /// # Errors
    /// As there; `Unavailable` also when it was stopped.
    pub fn checkpoint_until(&self, to: &Path, files: CheckpointFiles, stop: &Stop) -> Result<()> {
        self.backend.checkpoint_until(to, files, stop)
    }

    /// Figures about the store.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read.
    pub fn stats(&self) -> Result<Stats> {
        self.backend.stats()
    }

    /// Returns why the store is read-only, if it is: a write to disk failed, and until the store is opened again every
    /// other one is refused as `Unavailable`. Reads go on.
    pub fn read_only(&self) -> Option<String> {
        self.backend.read_only()
    }

    /// Reads everything and checks that it can be read and that the answers agree.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read; what is wrong with the data is in the answer.
    pub fn verify(&self) -> Result<Verified> {
        self.verify_until(&self.bulk_stop())
    }

    /// [`Store::verify`] that ends soon when it is told to.
    ///
    /// # Errors
    /// As there; `Unavailable` also when it was stopped.
    pub fn verify_until(&self, stop: &Stop) -> Result<Verified> {
        let mut verified = self.backend.verify_until(stop)?;
        verified.problems.extend(windows::verify::problems(self.backend(), stop)?);
        Ok(verified)
    }
}
