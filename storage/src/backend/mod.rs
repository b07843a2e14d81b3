//! The traits of a store, in the terms of the domain, cut into what different parts of a program need.
//!
//! [`Catalogs`], [`History`], [`Tiles`], [`Upkeep`] and [`Timekeeping`] together make a [`Backend`], a whole store;
//! [`crate::MemoryBackend`] is their specification. [`Online`] is a part that a store has rather than is: a table
//! of newest versions that hangs on the [`Newest`] events of a store.

mod catalogs;
mod history;
mod lookup;
mod newest;
mod online;
mod range;
mod snapshot;
mod staging;
mod state;
mod tiles;
mod timekeeping;
mod upkeep;

pub use self::catalogs::Catalogs;
pub use self::history::{Committed, Erased, History, StampedState};
pub use self::lookup::{AsOfLookup, Found, Lookup, RowKey, Visit};
pub(crate) use self::newest::Observers;
pub use self::newest::{Newest, NewestRow, Observer};
pub use self::online::{LookedUp, Online};
pub use self::range::KeyRange;
pub use self::snapshot::{Cursor, EventVersion, Scan, Scanned, Snapshot, VisitEventVersion, VisitVersion};
pub use self::staging::{OnStagingProgress, Staging, StagingProgress};
pub use self::state::State;
pub use self::tiles::{Tile, TileMaking, Tiles, VisitTile};
pub use self::timekeeping::Timekeeping;
pub use self::upkeep::{CheckpointFiles, FamilyStats, HotStats, SharedMemory, Stats, Upkeep, Verified, Warming};

/// A store of versioned rows: whatever keeps a catalog, a history and its time, and can be looked after.
pub trait Backend: Catalogs + History + Tiles + Upkeep + Timekeeping {}

impl<T: Catalogs + History + Tiles + Upkeep + Timekeeping> Backend for T {}
