//! The family `tiles`: kept beside events, and removed with any of theirs that is written.
//!
//! All of it happens on the committer. It knows for each event view up to which time tiles reach: rows behind that time
//! are in no tile, so that writing events as they come compares a number. For any other row the tiles that its event is
//! in are deleted in the same batch, unread. While tiles are made, the committer notes the entities whose events are
//! written; what was made of these is not kept.

use std::collections::{HashMap, HashSet};

use parking_lot::{Mutex, MutexGuard};
use rocksdb::{ReadOptions, WriteBatch as RocksBatch};

use super::commit::Committer;
use super::error::from_rocks;
use super::families::Database;
use super::order::Sorted;
use super::present::Known;
use super::state::RocksState;
use super::store::Store;
use crate::backend::{State, Tile, TileMaking, VisitTile};
use crate::error::Result;
use crate::fail_point;
use crate::key::{self, holds_events};
use crate::tile::{LEVELS, TileKey, place_of, unit_of};
use crate::time::Timestamp;

/// Entities whose events are noted while tiles are made; with more of them nothing is kept.
const WRITTEN_MAX: usize = 65_536;

/// Bytes of deletions that are written at once.
const WRITE_BYTES_MAX: usize = 4 << 20;

/// The tiles of a store.
#[derive(Default)]
pub(super) struct Tiles {
    /// By event view: no tile has a time after it. Written on the committer only.
    reach: Mutex<HashMap<u32, Timestamp>>,
    /// The making that is under way.
    written: Mutex<Option<Written>>,
    /// Held by whoever makes tiles: one at a time.
    making: Mutex<()>,
}

/// The revision of the catalog, and how far the tiles of some views reach.
pub(super) type Basis = (u64, Vec<Option<Timestamp>>);

/// The entities whose events were written since tiles have been made.
struct Written {
    /// Later events are in none of the tiles.
    until: Timestamp,
    /// The revision of the catalog at the beginning.
    revision: u64,
    /// The start of the keys of each entity.
    entities: HashSet<Vec<u8>>,
    is_full: bool,
}

impl Written {
    fn note(&mut self, view: u32, entity: &[u8], event: Timestamp) {
        if event > self.until || self.is_full {
            return;
        }
        self.entities.insert(prefix(view, entity));
        self.is_full = self.entities.len() > WRITTEN_MAX;
    }

    fn has(&self, tile: &TileKey<'_>) -> bool {
        self.is_full || self.entities.contains(&prefix(tile.events, tile.entity))
    }
}

/// The start of the keys of an entity's tiles.
fn prefix(view: u32, entity: &[u8]) -> Vec<u8> {
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
        for view in known.catalog.views().filter(|view| view.holds_events()).map(|view| view.id) {
            let stored = database.rocks.get_pinned_cf(database.tiles(), view.to_be_bytes());
            let stored = stored.map_err(|error| from_rocks("cannot read tiles", error))?;
            if let Some(micros) = stored.and_then(|stored| stored.first_chunk().copied()) {
                reach.insert(view, Timestamp::from_micros(i64::from_be_bytes(micros)));
            }
        }
        Ok(Tiles { reach: Mutex::new(reach), ..Tiles::default() })
    }

    /// What decides which tiles an event is in: while it is the same, so are they.
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
    fn note(&self, view: u32, entity: &[u8]) {
        if let Some(written) = self.written.lock().as_mut() {
            written.note(view, entity, Timestamp::MIN);
        }
    }
}

/// The keys of the tiles that some events are in.
#[derive(Default)]
pub(super) struct Spoiled {
    keys: Vec<u8>,
    ends: Vec<usize>,
    /// The last event's tiles, of which the next one's are likely to be the same.
    view: u32,
    entity: Vec<u8>,
    tiles: Option<[i64; LEVELS]>,
}

impl Spoiled {
    /// The tiles that the events of a write are in. Notes them for whoever makes tiles.
    pub(super) fn by(store: &Store, known: &Known, sorted: &Sorted<'_>) -> Self {
        let mut spoiled = Spoiled::default();
        let (mut written, reach) = (store.tiles.written.lock(), store.tiles.reach.lock());
        let mut last = None;
        for (version, row) in (sorted.first_event()..sorted.len()).map(|index| sorted.get(index)) {
            let entity = key::entity_of(row.view, row.key);
            if let Some(written) = written.as_mut() {
                written.note(row.view, entity, version.event);
            }
            let of_view = match last {
                Some((view, of_view)) if view == row.view => of_view,
                _ => reach.get(&row.view),
            };
            last = Some((row.view, of_view));
            if of_view.is_some_and(|reach| version.event <= *reach) {
                spoiled.add(known, row.view, entity, version.event);
            }
        }
        spoiled
    }

    /// Adds the tiles of one event.
    fn add(&mut self, known: &Known, view: u32, entity: &[u8], event: Timestamp) {
        let tiles: [i64; LEVELS] = std::array::from_fn(|level| place_of(level, unit_of(level, event.as_micros())).0);
        let is_same = (self.view, self.entity.as_slice()) == (view, entity);
        let last = self.tiles.filter(|_| is_same);
        if !is_same {
            self.view = view;
            self.entity.clear();
            self.entity.extend_from_slice(entity);
        }
        self.tiles = Some(tiles);
        for level in (0..LEVELS).filter(|level| last.is_none_or(|last| last[*level] != tiles[*level])) {
            for windows in known.windows_over(view).iter().copied() {
                TileKey { events: view, entity, windows, level, tile: tiles[level] }.encode(&mut self.keys);
                self.ends.push(self.keys.len());
            }
        }
    }

    fn keys(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.keys[start..*end])
    }

    /// Adds the deletions to a batch, in front of the rows of the events: a log may be cut behind them.
    pub(super) fn delete(&self, database: &Database, batch: &mut RocksBatch) {
        self.keys().for_each(|key| batch.delete_cf(database.tiles(), key));
    }

    /// Writes the deletions by themselves, ahead of the events. Runs on the committer, which goes on to write these.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot write.
    pub(super) fn delete_ahead(&self, store: &Store) -> Result<()> {
        let mut batch = RocksBatch::default();
        for key in self.keys() {
            batch.delete_cf(store.database.tiles(), key);
            if batch.size_in_bytes() > WRITE_BYTES_MAX {
                store.write_rare(std::mem::take(&mut batch), false)?;
            }
        }
        if batch.is_empty() { Ok(()) } else { store.write_rare(batch, false) }
    }
}

/// Adds deletions of all tiles of an entity to a batch.
///
/// # Errors
/// `Unavailable` when they cannot be read.
pub(super) fn delete_entity(store: &Store, view: u32, entity: &[u8], batch: &mut RocksBatch) -> Result<()> {
    store.tiles.note(view, entity);
    let (database, prefix) = (&store.database, prefix(view, entity));
    let mut raw = database.rocks.raw_iterator_cf_opt(database.tiles(), whole_order());
    raw.seek(&prefix);
    while let Some(found) = raw.key().filter(|found| found.starts_with(&prefix)) {
        batch.delete_cf(database.tiles(), found);
        raw.next();
    }
    raw.status().map_err(|error| from_rocks("cannot read tiles", error))
}

/// Adds the deletion of all tiles of an event view to a batch.
pub(super) fn delete_view(database: &Database, view: u32, batch: &mut RocksBatch) {
    let start = view.to_be_bytes();
    if let Some(end) = key::prefix_end(&start) {
        batch.delete_range_cf(database.tiles(), &start[..], &end[..]);
    }
}

/// Removes all tiles of a database that nobody else uses.
///
/// # Errors
/// `Unavailable` when it cannot be written.
pub(super) fn delete_all(database: &Database) -> Result<()> {
    let mut batch = RocksBatch::default();
    batch.delete_range_cf(database.tiles(), &[][..], &[u8::MAX; 8][..]);
    database.rocks.write(batch).map_err(|error| from_rocks("cannot remove tiles", error))
}

fn whole_order() -> ReadOptions {
    let mut options = ReadOptions::default();
    options.set_total_order_seek(true);
    options.fill_cache(false);
    options
}

/// Tiles that are being made of a state.
pub(super) struct Making<'s> {
    store: &'s Store,
    committer: &'s Committer,
    state: RocksState<'s>,
    _one_at_a_time: MutexGuard<'s, ()>,
}

impl<'s> Making<'s> {
    /// Begins to note what is written, and takes the state: every write is in the one or in the other.
    pub(super) fn begin(store: &'s Store, committer: &'s Committer, until: Timestamp) -> Result<Self> {
        let one_at_a_time = store.tiles.making.lock();
        committer.exclusively(move |store| {
            let revision = store.present.known().catalog.revision();
            let written = Written { until, revision, entities: HashSet::new(), is_full: false };
            *store.tiles.written.lock() = Some(written);
            Ok(())
        })?;
        let state = RocksState::new(store, store.present.now(), None);
        Ok(Making { store, committer, state, _one_at_a_time: one_at_a_time })
    }
}

impl TileMaking for Making<'_> {
    fn state(&self) -> &dyn State {
        &self.state
    }

    fn keep(self: Box<Self>, tiles: Vec<Tile>) -> Result<usize> {
        self.committer.exclusively(move |store| keep(store, tiles))
    }
}

impl Drop for Making<'_> {
    fn drop(&mut self) {
        *self.store.tiles.written.lock() = None;
    }
}

/// Keeps tiles, but for those whose events were written meanwhile. Runs between commits.
fn keep(store: &Store, mut tiles: Vec<Tile>) -> Result<usize> {
    let Some(written) = store.tiles.written.lock().take() else { return Ok(0) };
    if written.revision != store.present.known().catalog.revision() {
        return Ok(0);
    }
    let mut raised: HashMap<u32, Timestamp> = HashMap::new();
    tiles.retain(|tile| {
        let key = TileKey::decode(&tile.key).filter(|key| holds_events(key.events) && !written.has(key));
        let Some(key) = key else { return false };
        let reach = raised.entry(key.events).or_insert(Timestamp::MIN);
        *reach = key.end().min(written.until).max(*reach);
        true
    });
    if tiles.is_empty() {
        return Ok(0);
    }
    // Before the write, which may have happened where it fails.
    let reach = raise(store, raised);
    fail_point("tiles begun");
    store.write(false, || {
        let mut batch = RocksBatch::default();
        tiles.iter().for_each(|tile| batch.put_cf(store.database.tiles(), &tile.key, &tile.content));
        for (view, reach) in &reach {
            batch.put_cf(store.database.tiles(), view.to_be_bytes(), reach.as_micros().to_be_bytes());
        }
        Ok(batch)
    })?;
    fail_point("tiles written");
    Ok(tiles.len())
}

/// Says that tiles reach farther; returns how far they do now, where that has changed.
fn raise(store: &Store, raised: HashMap<u32, Timestamp>) -> Vec<(u32, Timestamp)> {
    let mut reach = store.tiles.reach.lock();
    let farther = |(view, until): &(u32, Timestamp)| reach.get(view).is_none_or(|reach| reach < until);
    let raised: Vec<_> = raised.into_iter().filter(farther).collect();
    reach.extend(raised.iter().copied());
    raised
}

/// Visits every tile, in one state.
pub(super) fn each(store: &Store, visit: &mut VisitTile<'_>) -> Result<()> {
    let state = RocksState::new(store, store.present.now(), None);
    let mut raw = state.tiles(whole_order());
    raw.seek_to_first();
    while let Some((found, content)) = raw.item() {
        if let Some(key) = TileKey::decode(found) {
            visit(key, content, &state)?;
        }
        raw.next();
    }
    raw.status().map_err(|error| from_rocks("cannot read tiles", error))
}
