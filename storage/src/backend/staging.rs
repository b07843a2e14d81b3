//! Large loads, gathered on disk before they become part of the store.

use crate::batch::{Note, WriteBatch};
use crate::error::Result;

use super::history::Committed;

/// Rows of one view that are gathered on disk, in the store's directory, to be loaded in one step. Nobody sees them
/// before, and what is dropped before leaves nothing.
///
/// However many rows there are, each is sorted and written twice: once when it is gathered, once when all are loaded.
pub trait Staging: Send {
    /// Adds the rows of a batch. Of two of the same version, the one added later counts. Its notes are not taken.
    ///
    /// # Errors
    /// `Unavailable` when the disk is full or cannot be written; what was added is then of no use.
    fn add(&mut self, batch: WriteBatch) -> Result<()>;

    /// Makes all rows part of the store, with notes, as [`History::bulk_load`](super::History::bulk_load) does a batch:
    /// a crash leaves all of them or none. `check` is asked between the steps whether to go on; it may be called from
    /// several threads.
    ///
    /// # Errors
    /// As a commit; `Corrupt` when what was gathered cannot be read again; `Invalid` when more rows than fit into memory
    /// have one entity and one event timestamp; and what `check` returned. Nothing was loaded then.
    fn load(self: Box<Self>, notes: Vec<Note>, check: &(dyn Fn() -> Result<()> + Sync)) -> Result<Committed>;
}
