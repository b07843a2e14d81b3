//! Stores and batches for tests.

pub mod disk;
pub mod files;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, TimestampMicrosecondArray};
use asofdb::{
    Definitions, Durability, EntityDefinition, FeatureDefinition, JoinKey, ManualClock, Options, ScalarType, Span,
    Store, Timestamp, Value, ValueType, ViewDefinition,
};
use tempfile::TempDir;

/// A path within the repository, whichever package's tests ask.
pub fn repository(path: &str) -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = package.ancestors().find(|directory| directory.join("Cargo.lock").exists());
    root.expect("a workspace around the package").join(path)
}

/// The present of test stores: 2024-06-01.
pub const NOW: Timestamp = Timestamp::from_micros(1_717_200_000_000_000);

/// A store on disk with a clock that stands at [`NOW`].
pub struct TestStore {
    pub store: Store,
    pub clock: Arc<ManualClock>,
    pub directory: TempDir,
}

impl TestStore {
    pub fn new(definitions: &Definitions) -> Self {
        let directory = TempDir::new().expect("a temporary directory");
        let clock = ManualClock::new(NOW);
        let options = Options { memory_budget_bytes: 64 << 20, ..Options::default() };
        let path = directory.path().join("store");
        let store = Store::open_with(path, options, clock.clone(), Durability::Os).expect("a new store");
        store.confirm_clock().expect("a store that can be written");
        store.apply(definitions, false).expect("good definitions");
        TestStore { store, clock, directory }
    }
}

/// A store in memory with a clock that stands at [`NOW`].
pub fn in_memory(definitions: &Definitions) -> Store {
    let store = Store::in_memory(ManualClock::new(NOW));
    store.apply(definitions, false).expect("good definitions");
    store
}

/// Hours before [`NOW`].
pub fn hours_ago(hours: i64) -> Timestamp {
    NOW.minus(Span::from_secs(hours * 3_600))
}

pub fn entity(name: &str, keys: &[(&str, ScalarType)]) -> EntityDefinition {
    let join_keys = keys.iter().map(|(name, ty)| JoinKey { name: (*name).into(), ty: *ty }).collect();
    EntityDefinition { name: name.into(), join_keys, ..EntityDefinition::default() }
}

pub fn view(name: &str, entities: &[&str], features: &[(&str, &str)]) -> ViewDefinition {
    let feature = |(name, ty): &(&str, &str)| FeatureDefinition::new(*name, ty.parse::<ValueType>().expect("a type"));
    ViewDefinition {
        name: name.into(),
        entities: entities.iter().map(|name| (*name).into()).collect(),
        features: features.iter().map(feature).collect(),
        created_column: Some("created".into()),
        ..ViewDefinition::default()
    }
}

/// Users by number, with one view `profile` (score float32, visits int64, name string), ttl one day.
pub fn users() -> Definitions {
    let mut profile = view("profile", &["user"], &[("score", "float32"), ("visits", "int64"), ("name", "string")]);
    profile.ttl = Some(Span::from_secs(86_400));
    Definitions {
        entities: vec![entity("user", &[("user_id", ScalarType::Int64)])],
        views: vec![profile],
        services: vec![],
    }
}

pub fn times(times: impl IntoIterator<Item = Option<Timestamp>>) -> ArrayRef {
    let micros = times.into_iter().map(|time| time.map(Timestamp::as_micros));
    Arc::new(micros.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
}

pub fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)))
        .expect("columns of one length")
}

pub fn int(value: i64) -> Option<Value> {
    Some(Value::Int64(value))
}
