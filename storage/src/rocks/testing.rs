//! A small store for the tests of this folder: one view of one integer, and one of events that are also found by an item.

use std::fs;
use std::io::ErrorKind::NotFound;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Options, RocksBackend};
use crate::backend::{AsOfLookup, Catalogs, Found, History, Lookup, Timekeeping};
use crate::batch::{Durability, WriteBatch};
use crate::catalog::FeatureView;
use crate::definition::{Definitions, EntityDefinition, FeatureDefinition, ViewDefinition};
use crate::key::{event_key, hashed_event_id};
use crate::time::{ManualClock, Span, Timestamp};
use crate::value::Value;
use crate::value_type::{ScalarType, ValueType};
use crate::{JoinKey, row};

/// 2024-01-01T00:00:00Z, the present of the fixture less a day.
const START: i64 = 1_704_067_200_000_000;

pub(super) struct Fixture {
    directory: tempfile::TempDir,
    clock: Arc<ManualClock>,
    pub(super) view: FeatureView,
    /// Events of users, also found by their item, with a retention of ten days.
    pub(super) events: FeatureView,
}

impl Fixture {
    pub(super) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = ManualClock::new(Timestamp::from_micros(START + 86_400_000_000));
        let store = open(&path(directory.path()), &clock);
        store.confirm_clock().unwrap();
        let plan = store.catalog().plan(&definitions(), store.now()).unwrap();
        store.set_catalog(plan.into_catalog()).unwrap();
        let view = FeatureView::clone(store.catalog().view("v").unwrap());
        let events = FeatureView::clone(store.catalog().view("e").unwrap());
        drop(store);
        Fixture { directory, clock, view, events }
    }

    pub(super) fn open(&self) -> RocksBackend {
        open(&path(self.directory.path()), &self.clock)
    }

    pub(super) fn drop_views(&self, store: &RocksBackend) {
        let definitions = Definitions { views: Vec::new(), ..definitions() };
        store.set_catalog(store.catalog().plan(&definitions, store.now()).unwrap().into_catalog()).unwrap();
    }

    pub(super) fn put(&self, store: &RocksBackend, batch: &mut WriteBatch, key: &[u8], event: i64, value: i64) {
        let layout = self.view.current_layout();
        let mut bytes = Vec::new();
        row::encode(&layout, &[Some(Value::Int64(value))], &mut bytes);
        let key = encoded(key);
        batch.put(&self.view, &key, Timestamp::from_micros(START + event), None, &bytes, store.now()).unwrap();
    }

    pub(super) fn commit(&self, store: &RocksBackend, key: &[u8], event: i64, value: i64) {
        let mut batch = WriteBatch::new();
        self.put(store, &mut batch, key, event, value);
        store.commit(batch, Durability::Os).unwrap();
    }

    /// Moves the clock.
    pub(super) fn advance(&self, span: Span) {
        self.clock.advance(span);
    }

    /// Commits an event of a user.
    pub(super) fn commit_event(&self, store: &RocksBackend, user: &[u8], event: i64, item: Option<i64>, value: i64) {
        let mut batch = WriteBatch::new();
        self.put_event(store, &mut batch, user, event, item, value);
        store.commit(batch, Durability::Os).unwrap();
    }

    /// Adds an event of a user to a batch.
    pub(super) fn put_event(
        &self,
        store: &RocksBackend,
        batch: &mut WriteBatch,
        user: &[u8],
        event: i64,
        item: Option<i64>,
        value: i64,
    ) {
        let (layout, mut bytes, mut key) = (self.events.current_layout(), Vec::new(), Vec::new());
        row::encode(&layout, &[item.map(Value::Int64), Some(Value::Int64(value))], &mut bytes);
        let (event, id) = (Timestamp::from_micros(START + event), hashed_event_id(value as u128));
        event_key(&encoded(user), event, &id, &mut key);
        batch.put(&self.events, &key, event, None, &bytes, store.now()).unwrap();
    }

    /// Returns whether any file of the store has these bytes. A file that the store removes meanwhile has none.
    pub(super) fn holds(&self, bytes: &[u8]) -> bool {
        let files = fs::read_dir(path(self.directory.path())).unwrap().map(|file| file.unwrap().path());
        files.filter(|file| file.is_file()).any(|file| {
            let content = match fs::read(file) {
                Err(error) if error.kind() == NotFound => Vec::new(),
                read => read.unwrap(),
            };
            content.windows(bytes.len()).any(|window| window == bytes)
        })
    }
}

/// Event, counted from the start, and value of the newest version of each key, by `latest` and `as_of` alike.
pub(super) fn seen(fixture: &Fixture, store: &RocksBackend, keys: &[&[u8]]) -> Vec<Option<(i64, i64)>> {
    let keys: Vec<_> = keys.iter().map(|key| encoded(key)).collect();
    let read = |found: Option<Found<'_>>| {
        let value = |row: &[u8]| i64::from_le_bytes(row[row.len() - 8..].try_into().unwrap());
        found.map(|found| (found.version.event.as_micros() - START, value(found.row)))
    };
    let (mut latest, mut as_of) = (vec![None; keys.len()], vec![None; keys.len()]);
    let lookups: Vec<_> = keys.iter().map(|key| Lookup { view: &fixture.view, key }).collect();
    let visit = &mut |index: usize, found: Option<Found<'_>>| {
        latest[index] = read(found);
        Ok(())
    };
    store.latest(&lookups, store.now(), visit).unwrap();
    let questions: Vec<_> = keys.iter().map(|key| AsOfLookup { view: &fixture.view, key, at: store.now() }).collect();
    let visit = &mut |index: usize, found: Option<Found<'_>>| {
        as_of[index] = read(found);
        Ok(())
    };
    store.as_of(&questions, None, visit).unwrap();
    assert_eq!(latest, as_of);
    latest
}

pub(super) fn encoded(key: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    crate::key::encode_bytes(key, &mut bytes);
    bytes
}

fn path(directory: &Path) -> PathBuf {
    directory.join("store")
}

fn open(path: &Path, clock: &Arc<ManualClock>) -> RocksBackend {
    let options = Options { memory_budget_bytes: 16 << 20, ..Options::default() };
    RocksBackend::open(path, options, clock.clone()).unwrap()
}

fn definitions() -> Definitions {
    let entity = EntityDefinition {
        name: "user".to_owned(),
        join_keys: vec![JoinKey { name: "user_id".to_owned(), ty: ScalarType::Bytes }],
        ..EntityDefinition::default()
    };
    let view = ViewDefinition {
        name: "v".to_owned(),
        entities: vec!["user".to_owned()],
        features: vec![FeatureDefinition::new("value", ValueType::Scalar(ScalarType::Int64))],
        ..ViewDefinition::default()
    };
    let item = EntityDefinition {
        name: "item".to_owned(),
        join_keys: vec![JoinKey { name: "item_id".to_owned(), ty: ScalarType::Int64 }],
        ..EntityDefinition::default()
    };
    let column = |name| FeatureDefinition::new(name, ValueType::Scalar(ScalarType::Int64));
    let events = ViewDefinition {
        name: "e".to_owned(),
        entities: vec!["user".to_owned()],
        event_id: Some(Vec::new()),
        also_by: vec![vec!["item".to_owned()]],
        keep_newest: false,
        retention: Some(Span::from_secs(10 * 86_400)),
        features: vec![column("item_id"), column("value")],
        ..ViewDefinition::default()
    };
    Definitions { entities: vec![entity, item], views: vec![view, events], services: Vec::new() }
}
