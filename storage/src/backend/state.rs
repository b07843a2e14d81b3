//! States of a store for one read.

use super::lookup::{AsOfLookup, Lookup, Visit};
use super::snapshot::Cursor;
use crate::catalog::FeatureView;
use crate::error::Result;
use crate::tile::TileKey;
use crate::time::Timestamp;

/// A state of the store that one read sees: rows and events of the same commits. It holds up nothing but compaction's
/// deleting of files, and pins no time as a [`Snapshot`](super::Snapshot) does, so it is made in a microsecond and
/// dropped with its answer.
pub trait State {
    /// As [`History::latest`](super::History::latest), of this state.
    ///
    /// # Errors
    /// As there.
    fn latest(&self, lookups: &[Lookup<'_>], at: Timestamp, visit: &mut Visit<'_>) -> Result<()>;

    /// As [`History::as_of`](super::History::as_of), of this state.
    ///
    /// # Errors
    /// As there.
    fn as_of(&self, lookups: &[AsOfLookup<'_>], known_at: Option<Timestamp>, visit: &mut Visit<'_>) -> Result<()>;

    /// A cursor over the events of a view, for entities in any order.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read.
    fn events<'s>(&'s self, view: &'s FeatureView) -> Result<Box<dyn Cursor + 's>>;

    /// Puts the content of a tile in `content`, in place of what was there; false when there is none.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read.
    fn tile(&self, key: &TileKey<'_>, content: &mut Vec<u8>) -> Result<bool> {
        let _ = (key, content);
        Ok(false)
    }
}
