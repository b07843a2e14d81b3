//! The history of rows: how versions are written, and how they are found again.

use std::sync::Arc;

use super::lookup::{AsOfLookup, Lookup, Visit};
use super::newest::Observer;
use super::snapshot::Snapshot;
use super::staging::Staging;
use super::state::State;
use crate::batch::{Durability, WriteBatch};
use crate::catalog::FeatureView;
use crate::error::Result;
use crate::time::Timestamp;

/// The outcome of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// The created timestamp given to rows that had none.
    pub created: Timestamp,
}

/// The receipt of an erasure, for one view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erased {
    /// Name of the view.
    pub view: String,
    /// Versions that were removed, tombstones included.
    pub versions: u64,
    /// The bytes of their keys and rows.
    pub bytes: u64,
}

/// A state, and a stamp that lies between those of the commits that are in it and those of the others.
pub type StampedState<'s> = (Box<dyn State + 's>, Timestamp);

/// Keeps every version of every row.
///
/// Every read enforces the retention of its view: a version older than the cut-off is invisible, save the
/// newest of its entity where the view keeps it. Reads know nothing of ttl, which belongs to the question.
pub trait History: Send + Sync + 'static {
    /// Writes a batch atomically. When it returns, every later read sees it.
    ///
    /// # Errors
    /// `NotFound` when a view of the batch was dropped; `Unavailable` when the disk is full or background
    /// work failed. Nothing of the batch is then visible.
    fn commit(&self, batch: WriteBatch, durability: Durability) -> Result<Committed>;

    /// Writes a large batch of one view by sorting it into files. Same answers as [`History::commit`]; a
    /// crash leaves all of its rows or none.
    ///
    /// # Errors
    /// As [`History::commit`].
    fn bulk_load(&self, batch: WriteBatch) -> Result<Committed>;

    /// Begins to gather rows of a view that are more than one batch should have; `None` where nothing is gained by it, as
    /// in memory.
    fn stage<'s>(&'s self, _view: &FeatureView) -> Option<Box<dyn Staging + 's>> {
        None
    }

    /// Removes every version of the rows, physically. The lookups name one entity in several views.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot write.
    fn erase(&self, lookups: &[Lookup<'_>]) -> Result<Vec<Erased>>;

    /// A note written with a batch.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read.
    fn note(&self, name: &[u8]) -> Result<Option<Vec<u8>>>;

    /// The newest version of each row with an event up to `at`, which is the present: the caller takes it once a
    /// read, by [`crate::Catalogs::now`]. Retention goes by it too, or by the time of a write that came in between.
    /// All lookups of one call see the same state.
    ///
    /// # Errors
    /// `Corrupt` when stored bytes cannot be read, or what `visit` returned.
    fn latest(&self, lookups: &[Lookup<'_>], at: Timestamp, visit: &mut Visit<'_>) -> Result<()>;

    /// The greatest version of each row with an event up to its `at` and, if asked, created up to `known_at`.
    /// All lookups of one call see the same state.
    ///
    /// # Errors
    /// `Corrupt` when stored bytes cannot be read, or what `visit` returned.
    fn as_of(&self, lookups: &[AsOfLookup<'_>], known_at: Option<Timestamp>, visit: &mut Visit<'_>) -> Result<()>;

    /// The state for one read that asks for rows and events together. Retention goes by `now`, the present of the read, or
    /// by the time of a write that came in between. With `known_at`, all that was stamped up to then is in it.
    fn state(&self, now: Timestamp, known_at: Option<Timestamp>) -> Box<dyn State + '_>;

    /// [`History::state`] for a read that is to be repeated, with a stamp of its own: all commits with an earlier stamp
    /// are in the state, save bulk loads that are under way, and later ones get a later stamp. `None` where a commit
    /// takes too long to wait for it.
    fn stamped_state(&self, now: Timestamp, known_at: Option<Timestamp>) -> Option<StampedState<'_>>;

    /// A consistent state to read at length. Retention holds still for it.
    fn snapshot(&self) -> Box<dyn Snapshot + '_>;

    /// Lets `observer` hear every change of the newest versions from now on, for as long as the store is open.
    /// Before this returns it hears what there is already, suspended until that is complete; writes wait meanwhile.
    /// It must come empty: what it knew before it cannot know to be out of date.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read.
    fn observe(&self, observer: Arc<dyn Observer>) -> Result<()>;
}
