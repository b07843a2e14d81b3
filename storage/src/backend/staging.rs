//! Large loads, gathered on disk before they become part of the store.

use crate::batch::{Note, WriteBatch};
use crate::error::Result;

use super::history::Committed;

/// The progress of a load whose rows were gathered, while they become part of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StagingProgress {
    /// Bytes of the rows that are written where they will stay.
    pub done: u64,
    /// Bytes of all of them; at least 1.
    pub total: u64,
}

/// Hears how far a load has come, and says whether to go on. It may be called from several threads.
pub type OnStagingProgress<'p> = dyn Fn(StagingProgress) -> Result<()> + Sync + 'p;

/// Rows of one view that are gathered on disk, in the store's directory, to be loaded in one step. Nobody sees them
/// before, and what is dropped before leaves nothing.
///
/// However many rows there are, each is sorted and written twice: once when it is gathered, once when all are loaded.
pub trait Staging: Send {
    /// Returns the most bytes of keys and rows that may be gathered, with 32 bytes for each row.
    fn bytes_max(&self) -> u64 {
        u64::MAX
    }

    /// Adds the rows of a batch. Of two of the same version, the one added later counts. Its notes are not taken.
    ///
    /// # Errors
    /// `Unavailable` when the disk is full or cannot be written; what was added is then of no use.
    fn add(&mut self, batch: WriteBatch) -> Result<()>;

    /// Called now and then while no rows come, where somebody else holds the rows and would think this end dead.
    ///
    /// # Errors
    /// As [`Staging::add`].
    fn stay(&mut self) -> Result<()> {
        Ok(())
    }

    /// Makes all rows part of the store, with notes, as [`History::bulk_load`](super::History::bulk_load) does a batch:
    /// a crash leaves all of them or none. `progress` is told between the parts how far it has come, and says whether to
    /// go on.
    ///
    /// # Errors
    /// As a commit; `Corrupt` when what was gathered cannot be read again; `Invalid` when more rows than fit into memory
    /// have one entity and one event timestamp; and what `progress` returned. Nothing was loaded then.
    fn load(self: Box<Self>, notes: Vec<Note>, progress: &OnStagingProgress<'_>) -> Result<Committed>;
}
