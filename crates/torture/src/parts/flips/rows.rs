//! A small store, and everything that it answers.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use asofdb_storage::{
    Catalogs, Definitions, Durability, EntityDefinition, Error, FeatureDefinition, FeatureView, History, JoinKey,
    KeyRange, Lookup, ManualClock, Options, Result, RocksBackend, ScalarType, Timestamp, Upkeep, Value, ValueType,
    ViewDefinition, WriteBatch, key, row,
};

/// 2024-01-01T00:00:00Z.
const START: i64 = 1_704_067_200_000_000;

/// The present of these stores: a day later.
const NOW: Timestamp = Timestamp::from_micros(START + 86_400_000_000);

/// Longer than any open of these small stores takes, however busy the machine is.
const ENDLESS: Duration = Duration::from_secs(120);

/// Users that are read.
const USERS: Range<i64> = 0..200;

/// User and event, counted from the start, with the value.
pub(super) type Rows = BTreeMap<(i64, i64), i64>;

/// The findings of opening and reading a store.
pub(super) enum Found {
    /// Its rows, and what it says of itself.
    Rows(Rows, Vec<String>),
    /// The error that it was refused with, or that a read gave.
    Refused(Error),
    /// A read that contradicts another.
    Wrong(String),
    /// Nothing within a time in which any open ends.
    Endless,
}

pub(super) fn clock() -> Arc<ManualClock> {
    ManualClock::new(NOW)
}

pub(super) fn options() -> Options {
    Options { memory_budget_bytes: 16 << 20, ..Options::default() }
}

pub(super) fn open(path: &Path) -> Result<RocksBackend> {
    RocksBackend::open(path, options(), clock())
}

pub(super) fn define(store: &RocksBackend) -> Result<()> {
    let entities = vec![EntityDefinition {
        name: "user".to_owned(),
        join_keys: vec![JoinKey { name: "user_id".to_owned(), ty: ScalarType::Int64 }],
        ..EntityDefinition::default()
    }];
    let views = vec![ViewDefinition {
        name: "v".to_owned(),
        entities: vec!["user".to_owned()],
        features: vec![FeatureDefinition::new("value", ValueType::Scalar(ScalarType::Int64))],
        ..ViewDefinition::default()
    }];
    let definitions = Definitions { entities, views, services: Vec::new() };
    store.set_catalog(store.catalog().plan(&definitions, store.now())?.into_catalog())
}

fn view(store: &RocksBackend) -> Option<Arc<FeatureView>> {
    store.catalog().view("v").cloned()
}

fn entity_key(user: i64) -> Vec<u8> {
    let mut bytes = Vec::new();
    key::encode_i64(user, &mut bytes);
    bytes
}

fn put(store: &RocksBackend, batch: &mut WriteBatch, rows: &mut Rows, user: i64, event: i64) -> Result<()> {
    let view = view(store).ok_or_else(|| Error::not_found("the view is gone"))?;
    let value = user * 1_000 + event;
    let mut bytes = Vec::new();
    row::encode(&view.current_layout(), &[Some(Value::Int64(value))], &mut bytes);
    let at = Timestamp::from_micros(START + event);
    batch.put(&view, &entity_key(user), at, None, &bytes, store.now())?;
    rows.insert((user, event), value);
    Ok(())
}

pub(super) fn commit(
    store: &RocksBackend,
    rows: &mut Rows,
    users: Range<i64>,
    event: i64,
    durability: Durability,
) -> Result<()> {
    let mut batch = WriteBatch::new();
    for user in users {
        put(store, &mut batch, rows, user, event)?;
    }
    store.commit(batch, durability).map(drop)
}

/// Makes a store with flushed files, a bulk load and a log with synced writes; returns what it holds.
pub(super) fn make(path: &Path) -> Result<Rows> {
    let mut rows = Rows::new();
    let store = open(path)?;
    define(&store)?;
    for event in 0..3 {
        commit(&store, &mut rows, 0..40, event, Durability::Sync)?;
        store.flush()?;
    }
    let mut batch = WriteBatch::bulk();
    (100..140).try_for_each(|user| put(&store, &mut batch, &mut rows, user, 10))?;
    store.bulk_load(batch)?;
    for event in 20..40 {
        commit(&store, &mut rows, event..event + 5, event, Durability::Sync)?;
    }
    Ok(rows)
}

/// Everything that the store answers.
///
/// # Errors
/// Those of its reads.
pub(super) fn read(store: &RocksBackend) -> Result<Found> {
    let Some(view) = view(store) else { return Ok(Found::Rows(Rows::new(), store.notices())) };
    let value = |row: &[u8]| i64::from_le_bytes(row.last_chunk().copied().unwrap_or_default());
    let users: BTreeMap<Vec<u8>, i64> = USERS.map(|user| (entity_key(user), user)).collect();
    let mut rows = Rows::new();
    let snapshot = store.snapshot();
    let mut scan = snapshot.scan(&view, &KeyRange::default())?;
    while let Some(version) = scan.next()? {
        match users.get(version.key) {
            Some(user) => rows.insert((*user, version.version.event.as_micros() - START), value(version.row)),
            None => return Ok(Found::Wrong(format!("a row of a key that nobody wrote: {:?}", version.key))),
        };
    }
    let keys: Vec<_> = USERS.map(entity_key).collect();
    let lookups: Vec<_> = keys.iter().map(|key| Lookup { view: &view, key }).collect();
    let mut latest = vec![None; keys.len()];
    store.latest(&lookups, store.now(), &mut |index, found| {
        latest[index] = found.map(|found| (found.version.event.as_micros() - START, value(found.row)));
        Ok(())
    })?;
    for (user, latest) in USERS.zip(latest) {
        let newest = rows.range((user, i64::MIN)..=(user, i64::MAX)).next_back();
        let newest = newest.map(|((_, event), value)| (*event, *value));
        if latest != newest {
            return Ok(Found::Wrong(format!("latest of user {user} is {latest:?}, and its newest version {newest:?}")));
        }
    }
    Ok(Found::Rows(rows, store.notices()))
}

/// Opens and reads a store, in a thread of its own, so that an open without an end is seen.
pub(super) fn open_and_read(path: &Path) -> Found {
    let (answer, answered) = channel();
    let path = path.to_owned();
    std::thread::spawn(move || {
        // The store is closed before the answer is given: what is damaged next must not be open.
        let found = open(&path).and_then(|store| read(&store)).unwrap_or_else(Found::Refused);
        let _ = answer.send(found);
    });
    answered.recv_timeout(ENDLESS).unwrap_or(Found::Endless)
}

/// The rows of a store that opens and reads as it should, and what it says of itself.
///
/// # Errors
/// With what is wrong otherwise.
pub(super) fn rows_of(path: &Path) -> crate::check::Checked<(Rows, Vec<String>)> {
    match open_and_read(path) {
        Found::Rows(rows, notices) => Ok((rows, notices)),
        Found::Refused(error) => Err(format!("it was refused: {error:#}").into()),
        Found::Wrong(wrong) => Err(wrong.into()),
        Found::Endless => Err("it opens without an end".into()),
    }
}
