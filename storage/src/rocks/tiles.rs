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

/// Adds the deletion of all tiles of an event view, or of an index of one, to a batch. How far they have reached stays on
/// record, as it does in memory: tiles that are made later within it do not write it again.
pub(super) fn delete_view(database: &Database, view: u32, batch: &mut RocksBatch) {
    let start = view.to_be_bytes();
    if let Some(end) = key::prefix_end(&start) {
        // The record of the reach is the number of the view alone.
        batch.delete_range_cf(database.tiles(), [&start[..], &[0]].concat(), end);
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::aggregate::Aggregate;
    use crate::backend::{Catalogs, History, Lookup, Tiles as _, Timekeeping};
    use crate::batch::{Durability, WriteBatch};
    use crate::catalog::FeatureView;
    use crate::computed::{Computed, WindowAggregate, WindowFeature, Windows};
    use crate::definition::{Definitions, EntityDefinition, FeatureDefinition, ViewDefinition};
    use crate::key::EVENT_ID_BYTES;
    use crate::rocks::testing::encoded;
    use crate::rocks::{Options, RocksBackend};
    use crate::time::{ManualClock, Span};
    use crate::value::Value;
    use crate::value_type::{ScalarType, ValueType};
    use crate::{JoinKey, row};

    /// 2024-01-01T00:00:00Z.
    const START: i64 = 1_704_067_200_000_000;
    const HOUR: i64 = 3_600_000_000;

    fn definitions(features: &[&str]) -> Definitions {
        let entity = EntityDefinition {
            name: "user".to_owned(),
            join_keys: vec![JoinKey { name: "user_id".to_owned(), ty: ScalarType::Bytes }],
            ..EntityDefinition::default()
        };
        let events = ViewDefinition {
            name: "events".to_owned(),
            entities: vec!["user".to_owned()],
            event_id: Some(Vec::new()),
            keep_newest: false,
            features: vec![FeatureDefinition::new("value", ValueType::Scalar(ScalarType::Int64))],
            ..ViewDefinition::default()
        };
        let feature = |name: &&str| WindowFeature {
            name: (*name).to_owned(),
            aggregate: WindowAggregate::One(Aggregate::Count),
            of: None,
            condition: None,
            windows: vec!["1h".parse().unwrap()],
            default: None,
            description: String::new(),
            tags: Default::default(),
        };
        let windows = Windows {
            from: "events".to_owned(),
            condition: None,
            every: None,
            offset: Span::ZERO,
            features: features.iter().map(feature).collect(),
        };
        let view = ViewDefinition {
            name: "w".to_owned(),
            entities: vec!["user".to_owned()],
            computed: Some(Computed::Windows(windows)),
            ..ViewDefinition::default()
        };
        Definitions { entities: vec![entity], views: vec![events, view], services: Vec::new() }
    }

    struct Test {
        directory: tempfile::TempDir,
        clock: Arc<ManualClock>,
        store: Option<RocksBackend>,
    }

    impl Test {
        fn new() -> Self {
            let clock = ManualClock::new(Timestamp::from_micros(START + 100 * HOUR));
            let mut test = Test { directory: tempfile::tempdir().unwrap(), clock, store: None };
            test.open();
            test.store().confirm_clock().unwrap();
            test.define(&["n"]);
            test
        }

        fn open(&mut self) {
            self.store = None;
            let options = Options { memory_budget_bytes: 16 << 20, ..Options::default() };
            let path = self.directory.path().join("store");
            self.store = Some(RocksBackend::open(path, options, self.clock.clone()).unwrap());
        }

        fn store(&self) -> &RocksBackend {
            self.store.as_ref().unwrap()
        }

        fn define(&self, features: &[&str]) {
            let (catalog, now) = (self.store().catalog(), self.store().now());
            let next = catalog.plan(&definitions(features), now).unwrap().into_catalog();
            self.store().set_catalog(next).unwrap();
        }

        fn view(&self, name: &str) -> Arc<FeatureView> {
            self.store().catalog().view(name).unwrap().clone()
        }

        /// Writes an event of an entity, some hours after the start.
        fn write(&self, entity: &[u8], hours: i64) {
            let (view, event) = (self.view("events"), Timestamp::from_micros(START + hours * HOUR));
            let (mut key, mut bytes, mut batch) = (Vec::new(), Vec::new(), WriteBatch::new());
            key::event_key(&encoded(entity), event, &[0; EVENT_ID_BYTES], &mut key);
            row::encode(&view.current_layout(), &[Some(Value::Int64(1))], &mut bytes);
            batch.put(&view, &key, event, None, &bytes, self.store().now()).unwrap();
            self.store().commit(batch, Durability::Os).unwrap();
        }

        /// The tile of an entity that has the slots of an hour, counted from the start.
        fn key(&self, entity: &[u8], hour: i64) -> Vec<u8> {
            let (events, windows) = (self.view("events").id, self.view("w").id);
            let (mut bytes, tile) = (Vec::new(), START / HOUR + hour);
            TileKey { events, entity: &encoded(entity), windows, level: 0, tile }.encode(&mut bytes);
            bytes
        }

        /// Makes tiles of the first 50 hours; `meanwhile` runs between the state and the keeping.
        fn make(&self, tiles: &[(&[u8], i64)], meanwhile: impl FnOnce()) -> usize {
            let until = Timestamp::from_micros(START + 50 * HOUR);
            let making = self.store().make_tiles(until).unwrap().unwrap();
            meanwhile();
            let tile = |(entity, hour): &(&[u8], i64)| Tile { key: self.key(entity, *hour), content: b"made".to_vec() };
            making.keep(tiles.iter().map(tile).collect()).unwrap()
        }

        fn has(&self, entity: &[u8], hour: i64) -> bool {
            let key = self.key(entity, hour);
            let state = self.store().state(self.store().now(), None);
            let mut content = Vec::new();
            let is_there = state.tile(&TileKey::decode(&key).unwrap(), &mut content).unwrap();
            assert_eq!(content, if is_there { &b"made"[..] } else { b"" });
            is_there
        }
    }

    #[test]
    fn tiles_are_kept_but_for_entities_whose_events_were_written_since_the_state() {
        let test = Test::new();
        let tiles: [(&[u8], i64); 3] = [(b"a", 1), (b"a", 2), (b"b", 1)];
        let kept = test.make(&tiles, || {
            test.write(b"a", 1);
            // In no tile that could be made: it is after all of them.
            test.write(b"b", 60);
        });
        assert_eq!(kept, 1);
        assert_eq!(tiles.map(|(entity, hour)| test.has(entity, hour)), [false, false, true]);
    }

    #[test]
    fn no_tiles_are_kept_when_the_catalog_was_changed_or_events_were_loaded_or_erased() {
        let test = Test::new();
        assert_eq!(test.make(&[(b"a", 1)], || test.define(&["n", "m"])), 0);
        let lookup = (test.view("events"), encoded(b"a"));
        let erase = || drop(test.store().erase(&[Lookup { view: &lookup.0, key: &lookup.1 }]).unwrap());
        assert_eq!(test.make(&[(b"a", 1), (b"b", 1)], erase), 1);
        assert_eq!([test.has(b"a", 1), test.has(b"b", 1)], [false, true]);
        let load = || {
            let (mut batch, mut key, mut bytes) = (WriteBatch::bulk(), Vec::new(), Vec::new());
            let (view, event) = (test.view("events"), Timestamp::from_micros(START + HOUR));
            key::event_key(&encoded(b"c"), event, &[0; EVENT_ID_BYTES], &mut key);
            row::encode(&view.current_layout(), &[None], &mut bytes);
            batch.put(&view, &key, event, None, &bytes, test.store().now()).unwrap();
            test.store().bulk_load(batch).unwrap();
        };
        assert_eq!(test.make(&[(b"c", 2)], load), 0);
    }

    #[test]
    fn an_event_takes_the_tiles_that_it_is_in_and_no_others_also_after_the_store_was_opened_again() {
        let mut test = Test::new();
        let tiles: [(&[u8], i64); 4] = [(b"a", 0), (b"a", 1), (b"a", 40), (b"b", 1)];
        let there = |test: &Test| tiles.map(|(entity, hour)| test.has(entity, hour));
        assert_eq!(test.make(&tiles, || {}), 4);
        // An event at a whole hour belongs to the hour that it ends.
        test.write(b"a", 1);
        assert_eq!(there(&test), [false, true, true, true]);
        test.open();
        test.write(b"a", 2);
        test.write(b"a", 45);
        assert_eq!(there(&test), [false, false, true, true]);
        test.write(b"b", 2);
        assert_eq!(there(&test), [false, false, true, false]);
    }

    #[test]
    fn a_window_view_that_is_computed_in_another_way_loses_its_tiles() {
        let test = Test::new();
        assert_eq!(test.make(&[(b"a", 1)], || {}), 1);
        let id = test.view("w").id;
        test.define(&["n", "m"]);
        assert_eq!((test.view("w").id, test.has(b"a", 1)), (id, false));
    }

    #[test]
    fn tiles_that_are_made_after_a_redefinition_go_with_a_late_event_also_after_the_store_was_opened_again() {
        let mut test = Test::new();
        assert_eq!(test.make(&[(b"a", 1), (b"a", 40)], || {}), 2);
        test.define(&["n", "m"]);
        assert_eq!(test.make(&[(b"a", 1)], || {}), 1);
        test.open();
        test.write(b"a", 2);
        assert!(!test.has(b"a", 1));
    }
}
