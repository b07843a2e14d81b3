//! The upkeep of a store. Nothing here changes an answer.

use std::os::fd::OwnedFd;
use std::path::Path;

use crate::ages::Ages;
use crate::catalog::FeatureView;
use crate::closed::Closed;
use crate::error::Result;
use crate::stop::Stop;

/// Figures about a store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// Bytes of live data on disk.
    pub disk_bytes: u64,
    /// Bytes held in block cache, write buffers and hot table.
    pub memory_bytes: u64,
    /// The stated budget for `memory_bytes`.
    pub memory_budget_bytes: u64,
    /// Rows in each column family, as an estimate, with the family's bytes on disk.
    pub families: Vec<FamilyStats>,
    /// Batches and rows written since the store was opened.
    pub batches: u64,
    /// Rows written since the store was opened.
    pub rows: u64,
    /// Times a write had to wait because compaction was behind.
    pub stalls: u64,
    /// The error that stopped background work, if one did.
    pub background_error: Option<String>,
    /// The hot table, if there is one.
    pub hot: Option<HotStats>,
}

/// Figures about the hot table: newest rows in memory. Counts are since the store was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HotStats {
    /// Rows of latest reads that were found in it, those known not to exist included.
    pub hits: u64,
    /// Rows of latest reads that were not.
    pub misses: u64,
    /// Rows that were filled in.
    pub fills: u64,
    /// Rows that made room for others.
    pub evictions: u64,
    /// Rows that are there.
    pub rows: u64,
    /// Bytes that they take, with those whose room is not free yet.
    pub bytes: u64,
    /// Bytes that the table may take, its index included.
    pub bytes_max: u64,
    /// Rows of those that are there which are pinned.
    pub pinned_rows: u64,
    /// Bytes that those take.
    pub pinned_bytes: u64,
    /// The return of the rows that were there before the store was opened.
    pub warming: Warming,
}

/// The return of the rows that the hot table held when the store was closed, or some time before it crashed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Warming {
    /// True once all have come, or what could not come was given up.
    pub is_over: bool,
    /// Rows that have come.
    pub rows: u64,
    /// Rows that are to come in all.
    pub rows_wanted: u64,
}

/// The memory of a hot table, for another process.
#[derive(Debug)]
pub struct SharedMemory {
    /// A descriptor that can be mapped and read.
    pub descriptor: OwnedFd,
    /// The number of grants that its header has for as long as it may be read.
    pub grants: u64,
}

/// Figures about one column family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FamilyStats {
    /// Name.
    pub name: String,
    /// Rows, as an estimate.
    pub rows_estimate: u64,
    /// Bytes on disk.
    pub disk_bytes: u64,
}

/// The findings of a check of the store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    /// Versions read.
    pub versions: u64,
    /// Rows of `latest` compared with `history`.
    pub entities: u64,
    /// Problems, one line each; at most a hundred are kept.
    pub problems: Vec<String>,
}

/// The files of a copy of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CheckpointFiles {
    /// Data files, which nothing ever changes, are the store's own where both are on one file system: they take no
    /// room, and what damages one of them damages both.
    #[default]
    Shared,
    /// Every file is a copy, read back and compared.
    Copied,
}

/// Looks after a store: its memory, its files and its soundness. No call changes what a read answers.
pub trait Upkeep: Send + Sync + 'static {
    /// Writes what is in memory to disk.
    ///
    /// # Errors
    /// `Unavailable` when the disk is full.
    fn flush(&self) -> Result<()>;

    /// Compacts everything, reclaiming what retention, drops and erasures left.
    ///
    /// # Errors
    /// `Unavailable` when the disk is full.
    fn compact(&self) -> Result<()> {
        self.compact_until(&Stop::NEVER)
    }

    /// [`Upkeep::compact`] that ends soon when it is told to. What it has rewritten until then stays so.
    ///
    /// # Errors
    /// As there; `Unavailable` also when it was stopped.
    fn compact_until(&self, stop: &Stop) -> Result<()>;

    /// Writes a consistent copy of the store into a new directory, with a list of its files and their checksums.
    ///
    /// # Errors
    /// `Conflict` when the directory exists or another copy is being written to it; `Invalid` for a store that is not
    /// on disk; `Corrupt` when a file is not what it was.
    fn checkpoint(&self, directory: &Path, files: CheckpointFiles) -> Result<()> {
        self.checkpoint_until(directory, files, &Stop::NEVER)
    }

    /// [`Upkeep::checkpoint`] that ends soon when it is told to, and then leaves nothing.
    ///
    /// # Errors
    /// As there; `Unavailable` also when it was stopped.
    fn checkpoint_until(&self, directory: &Path, files: CheckpointFiles, stop: &Stop) -> Result<()>;

    /// Counts the entities of a feature view by the time of their newest event, as far as that is no deletion; those
    /// that a read would not find, because the retention has ended, are not counted. Reads no rows. `None` while it is
    /// not known, and being counted in the background.
    ///
    /// Of an event view, events are counted: at least the newest of each entity, and none twice that lies after the
    /// time at which a store was last opened.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read.
    fn ages(&self, view: &FeatureView) -> Result<Option<Ages>>;

    /// Figures about the store.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read.
    fn stats(&self) -> Result<Stats>;

    /// Returns why the store is read-only, if it is: a write to disk failed, and until the store is opened again every
    /// other one is refused. Reads go on.
    fn read_only(&self) -> Option<String> {
        None
    }

    /// Reads everything and checks that it can be read and that `latest` agrees with `history`.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read; what is wrong with the data is in the answer.
    fn verify(&self) -> Result<Verified> {
        self.verify_until(&Stop::NEVER)
    }

    /// [`Upkeep::verify`] that ends soon when it is told to.
    ///
    /// # Errors
    /// As there; `Unavailable` also when it was stopped.
    fn verify_until(&self, stop: &Stop) -> Result<Verified>;

    /// Returns whether the hot table lies in memory that other processes may be given to read (`Options::hot_shared`).
    fn shares_memory(&self) -> bool {
        false
    }

    /// Lets rows that are written by a revision of the catalog lie in that memory, but those of some views, by their ids.
    /// After a change of the catalog none do until this was called for it.
    fn share_hot(&self, _revision: u64, _but: Vec<u32>) {}

    /// The memory of the hot table, for another process to map; `None` where it is not shared.
    ///
    /// # Errors
    /// `Unavailable` where this process has no room for a descriptor.
    fn shared_memory(&self) -> Result<Option<SharedMemory>> {
        Ok(None)
    }

    /// Takes the right to read that memory from all who have it: they ask for it again.
    fn withdraw_memory(&self) {}

    /// Counts uses of rows of the hot table by other processes, which know them by their hashes.
    fn count_hot_uses(&self, _hashes: &[u64]) {}

    /// Returns how far the rows have come back that the hot table held before the store was opened.
    fn warming(&self) -> Warming {
        Warming { is_over: true, ..Warming::default() }
    }

    /// Returns the sign that the store is closed, for whoever lets go of it and waits: others may still use it, and what
    /// closing a store has to finish takes its time.
    fn closed(&self) -> Closed;

    /// Findings of opening the store that its operator should hear of, a line each: writes that were never finished,
    /// say. Nothing of it is wrong with the store.
    fn notices(&self) -> Vec<String> {
        Vec::new()
    }
}
