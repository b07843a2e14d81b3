//! The family `tiles`: kept beside events, and removed with any of theirs that is written.
//!
//! All of it happens on the committer. It knows for each event view up to which time tiles reach: rows behind that time
//! are in no tile, so that writing events as they come compares a number. For any other row the tiles that its event is
//! in are deleted in the same batch, unread. While tiles are made, the committer notes the entities whose events are
//! written; what was made of these is not kept.

use std::collections::{HashMap, HashSet};

use parking_lot::Mutex;
use rocksdb::ReadOptions;

use super::error::from_rocks;
use super::families::Database;
use super::present::Known;
use crate::error::Result;
use crate::key;
use crate::tile::TileKey;
use crate::time::Timestamp;

/// Entities whose events are noted while tiles are made; with more of them nothing is kept.
const WRITTEN_MAX: usize = 65_536;

/// The tiles of a store.
#[derive(Default)]
pub(super) struct Tiles {
    /// By event view: no tile has a time after it. Written on the committer only.
    pub(super) reach: Mutex<HashMap<u32, Timestamp>>,
    /// The making that is under way.
    pub(super) written: Mutex<Option<Written>>,
    /// Held by whoever makes tiles: one at a time.
    pub(super) making: Mutex<()>,
}

/// The revision of the catalog, and how far the tiles of some views reach.
pub(super) type Basis = (u64, Vec<Option<Timestamp>>);

/// The entities whose events were written since tiles have been made.
pub(super) struct Written {
    /// Later events are in none of the tiles.
    pub(super) until: Timestamp,
    /// The revision of the catalog at the beginning.
    pub(super) revision: u64,
    /// The start of the keys of each entity.
    pub(super) entities: HashSet<Vec<u8>>,
    pub(super) is_full: bool,
}

impl Written {
    pub(super) fn note(&mut self, view: u32, entity: &[u8], event: Timestamp) {
        if event > self.until || self.is_full {
            return;
        }
        self.entities.insert(prefix(view, entity));
        self.is_full = self.entities.len() > WRITTEN_MAX;
    }

    pub(super) fn has(&self, tile: &TileKey<'_>) -> bool {
        self.is_full || self.entities.contains(&prefix(tile.events, tile.entity))
    }
}

/// The start of the keys of an entity's tiles.
pub(super) fn prefix(view: u32, entity: &[u8]) -> Vec<u8> {
    let mut prefix = Vec::with_capacity(size_of::<u32>() + entity.len());
    key::version_prefix(view, entity, &mut prefix);
    prefix
}

impl Tiles {
    /// Reads how far the tiles of a store reach.
    ///
    /// # Errors
    /// `Unavailable` when it cannot be read.
    pub(super) fn resume(database: &Database, known: &Known) -> Result<Self> {
        let mut reach = HashMap::new();
        let events = known.catalog.views().chain(known.catalog.indexes()).filter(|view| view.holds_events());
        for view in events.map(|view| view.id) {
            let stored = database.rocks.get_pinned_cf(database.tiles(), view.to_be_bytes());
            let stored = stored.map_err(|error| from_rocks("cannot read tiles", error))?;
            if let Some(micros) = stored.and_then(|stored| stored.first_chunk().copied()) {
                reach.insert(view, Timestamp::from_micros(i64::from_be_bytes(micros)));
            }
        }
        Ok(Tiles { reach: Mutex::new(reach), ..Tiles::default() })
    }

    /// The basis on which it is decided which tiles an event is in: while it is the same, so are they.
    pub(super) fn basis(&self, known: &Known, views: &[u32]) -> Basis {
        let reach = self.reach.lock();
        (known.catalog.revision(), views.iter().map(|view| reach.get(view).copied()).collect())
    }

    /// Lets nothing be kept of the tiles that are being made.
    pub(super) fn give_up_making(&self) {
        if let Some(written) = self.written.lock().as_mut() {
            written.is_full = true;
        }
    }

    /// Notes that events of an entity are written.
    pub(super) fn note(&self, view: u32, entity: &[u8]) {
        if let Some(written) = self.written.lock().as_mut() {
            written.note(view, entity, Timestamp::MIN);
        }
    }

    /// Says that tiles of some views reach so far at least; returns how far they do now. All of it is written with the
    /// tiles, also what has not changed: an earlier write of it may have failed.
    pub(super) fn raise(&self, raised: HashMap<u32, Timestamp>) -> Vec<(u32, Timestamp)> {
        let mut reach = self.reach.lock();
        let raise = |(view, until): (u32, Timestamp)| {
            let reach = reach.entry(view).or_insert(until);
            *reach = until.max(*reach);
            (view, *reach)
        };
        raised.into_iter().map(raise).collect()
    }
}

/// The way to pass over tiles once.
pub(super) fn whole_order() -> ReadOptions {
    let mut options = ReadOptions::default();
    options.set_total_order_seek(true);
    options.fill_cache(false);
    options
}
