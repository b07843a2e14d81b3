//! Making tiles, and passing over them.

use std::collections::{HashMap, HashSet};

use parking_lot::MutexGuard;
use rocksdb::WriteBatch as RocksBatch;

use super::commit::Committer;
use super::error::from_rocks;
use super::state::RocksState;
use super::store::Store;
use super::tiles::{Written, whole_order};
use crate::backend::{State, Tile, TileMaking, VisitTile};
use crate::error::Result;
use crate::fail_point;
use crate::key::holds_events;
use crate::tile::TileKey;
use crate::time::Timestamp;

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
    let reach = store.tiles.raise(raised);
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
    use crate::key;
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
