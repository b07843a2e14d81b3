//! Tiles beside events.

use super::state::State;
use crate::error::Result;
use crate::tile::TileKey;
use crate::time::Timestamp;

/// A tile to be kept.
#[derive(Debug, Clone)]
pub struct Tile {
    /// Its key, as [`TileKey::encode`] writes it.
    pub key: Vec<u8>,
    /// Its content, which is the writer's affair.
    pub content: Vec<u8>,
}

/// Keeps tiles beside events: bytes that were made of the events in a piece of time, and can be made again.
///
/// They are a cache. A tile that a [`State`] has was made of exactly the events of that piece of time which the state
/// has, all versions of them: whoever writes, erases or moves one of these events removes the tile in the same step. A
/// store may also remove tiles, or keep none, whenever it likes.
pub trait Tiles: Send + Sync + 'static {
    /// Returns whether this store keeps tiles at all.
    fn keeps_tiles(&self) -> bool {
        false
    }

    /// Begins to make tiles of events up to `until`: gives a state to make them of. One is made at a time; others wait.
    /// `None` when this store keeps no tiles.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read.
    fn make_tiles(&self, until: Timestamp) -> Result<Option<Box<dyn TileMaking + '_>>> {
        let _ = until;
        Ok(None)
    }

    /// Visits all tiles, in the order of their keys, with a state that has them and their events, until `visit` fails.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read, or what `visit` returned.
    fn each_tile(&self, visit: &mut VisitTile<'_>) -> Result<()> {
        let _ = visit;
        Ok(())
    }
}

/// Receives a tile, and the state that has it.
pub type VisitTile<'v> = dyn FnMut(TileKey<'_>, &[u8], &dyn State) -> Result<()> + 'v;

/// Tiles that are being made.
pub trait TileMaking {
    /// The state that they are made of.
    fn state(&self) -> &dyn State;

    /// Keeps tiles, but for those of entities whose events were written since the state was taken, and none after the
    /// catalog was changed. Returns how many were kept.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot write.
    fn keep(self: Box<Self>, tiles: Vec<Tile>) -> Result<usize>;
}
