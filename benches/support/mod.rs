//! Data and baselines shared by the benches.
//!
//! Sizes come from the environment: `ASOFDB_BENCH_ENTITIES` (20,000), `ASOFDB_BENCH_VERSIONS` (10). Stores are
//! built once for each size and kept under cargo's target directory.

#![allow(dead_code, reason = "each bench uses its part")]

pub mod cpu;
pub mod mixed;
pub mod random;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, Int64Array, RecordBatch, TimestampMicrosecondArray};
use asofdb::storage::row::RowBlock;
use asofdb::storage::{Backend, Place, RocksBackend, RowLayout, Upkeep, WriteBatch, key};
use asofdb::{
    Definitions, Durability, EntityDefinition, FeatureDefinition, FeatureView, JoinKey, Options, ScalarType, Span,
    Store, SystemClock, Timestamp, ValueType, ViewDefinition,
};
use rocksdb::{BlockBasedOptions, Cache, ColumnFamilyDescriptor, DB};

pub use self::random::mix;

/// Features of the wide view; 50 floats make a row of about 250 bytes with its key.
pub const WIDE: usize = 50;
/// Features of the narrow view.
pub const NARROW: usize = 10;
/// Views of the store that measures one request over many views.
pub const MANY_VIEWS: usize = 25;
/// The block cache of both sides.
pub const CACHE_BYTES: usize = 2 << 30;
/// The first event: 2024-01-01.
const FIRST_EVENT: i64 = 1_704_067_200_000_000;
const DAY: i64 = 86_400_000_000;
/// Rows of one bulk load while building.
const LOAD_ROWS: usize = 500_000;

/// The amount of data that a bench runs over.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    pub entities: usize,
    pub versions: usize,
}

impl Sizes {
    pub fn from_env() -> Self {
        Sizes { entities: number("ASOFDB_BENCH_ENTITIES", 20_000), versions: number("ASOFDB_BENCH_VERSIONS", 10) }
    }

    pub fn rows(self) -> usize {
        self.entities * self.versions
    }
}

pub fn number(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.replace('_', "").parse().ok()).unwrap_or(default)
}

/// The event of a version: one a day, at an hour of the entity's own.
pub fn event(entity: usize, version: usize) -> Timestamp {
    let offset = (mix(entity as u64) % DAY as u64) as i64 / 1_000_000 * 1_000_000;
    Timestamp::from_micros(FIRST_EVENT + version as i64 * DAY + offset)
}

/// The value of the feature with this number: three decimals, half of them the same in every version, as features are.
pub fn value(entity: usize, version: usize, feature: usize) -> f32 {
    let version = if feature.is_multiple_of(2) { 0 } else { version as u64 };
    let seed = (entity as u64) << 20 ^ version << 10 ^ feature as u64;
    (mix(seed) % 100_000) as f32 / 1_000.0
}

fn view(name: String, features: usize) -> ViewDefinition {
    let feature = |n| FeatureDefinition::new(format!("{name}_f{n}"), ValueType::Scalar(ScalarType::Float32));
    let features = (0..features).map(feature).collect();
    ViewDefinition { entities: vec!["user".into()], features, name, ..ViewDefinition::default() }
}

/// An event view with the columns of a feature view; the first of them tells events of one time apart.
fn events(name: &str, of: &ViewDefinition) -> ViewDefinition {
    let event_id = Some(vec![of.features[0].name.clone()]);
    ViewDefinition { name: name.into(), event_id, keep_newest: false, ..of.clone() }
}

fn definitions(views: Vec<ViewDefinition>) -> Definitions {
    let join_keys = vec![JoinKey { name: "user_id".into(), ty: ScalarType::Int64 }];
    let user = EntityDefinition { name: "user".into(), join_keys, ..EntityDefinition::default() };
    Definitions { entities: vec![user], views, services: vec![] }
}

/// Two views, `wide` and `narrow`, with every version of every entity.
pub fn two_views(sizes: Sizes) -> PathBuf {
    build(&format!("two-{}x{}", sizes.entities, sizes.versions), sizes, || {
        definitions(vec![view("wide".into(), WIDE), view("narrow".into(), NARROW)])
    })
}

/// Twenty-five views of ten features each.
pub fn many_views(entities: usize) -> PathBuf {
    build(&format!("many-{entities}"), Sizes { entities, versions: 1 }, || {
        definitions((0..MANY_VIEWS).map(|n| view(format!("v{n}"), NARROW)).collect())
    })
}

/// An empty store with the two views, the mixed one, event views `wide_events` and `narrow_events` of the same columns, and its backend.
pub fn fresh_store() -> (tempfile::TempDir, Store, Arc<RocksBackend>) {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    let path = directory.path().join("store");
    let backend = Arc::new(RocksBackend::open(path, options(), Arc::new(SystemClock)).expect("a new store"));
    let store = Store::with_backend(backend.clone(), Durability::Os);
    let (wide, narrow) = (view("wide".into(), WIDE), view("narrow".into(), NARROW));
    let views = vec![events("wide_events", &wide), events("narrow_events", &narrow), wide, narrow];
    let Definitions { entities, views: mixed, .. } = mixed::definitions();
    let views = views.into_iter().chain(mixed).collect();
    store.apply(&Definitions { entities, views, services: vec![] }, false).expect("the bench's definitions");
    (directory, store, backend)
}

/// `ASOFDB_BENCH_HOT_BYTES` is the size of the hot table; 0: none.
pub fn options() -> Options {
    let hot_bytes = std::env::var("ASOFDB_BENCH_HOT_BYTES").is_ok().then(|| number("ASOFDB_BENCH_HOT_BYTES", 0));
    Options { memory_budget_bytes: CACHE_BYTES, hot_bytes, ..Options::default() }
}

pub fn open(path: &Path) -> Store {
    Store::open_with(path, options(), Arc::new(SystemClock), Durability::Os).expect("the bench's store opens")
}

fn build(name: &str, sizes: Sizes, definitions: impl Fn() -> Definitions) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench");
    let path = directory.join(name);
    if path.exists() {
        return path;
    }
    let unfinished = directory.join(format!("{name}.unfinished"));
    let _ = std::fs::remove_dir_all(&unfinished);
    std::fs::create_dir_all(&directory).expect("the target directory is writable");
    eprintln!("building {name} ...");
    let backend = Arc::new(RocksBackend::open(&unfinished, options(), Arc::new(SystemClock)).expect("a new store"));
    let store = Store::with_backend(backend.clone(), Durability::Os);
    store.apply(&definitions(), false).expect("the bench's definitions");
    for view in store.catalog().views() {
        load(&*backend, view, sizes);
    }
    backend.compact().expect("the store compacts");
    drop((store, backend));
    std::fs::rename(&unfinished, &path).expect("the target directory is writable");
    path
}

fn load(backend: &dyn Backend, view: &FeatureView, sizes: Sizes) {
    let per_load = (LOAD_ROWS / sizes.versions).max(1);
    for first in (0..sizes.entities).step_by(per_load) {
        let entities = first..(first + per_load).min(sizes.entities);
        backend.bulk_load(batch(view, entities, 0..sizes.versions)).expect("the store loads");
    }
}

/// Encoded rows of every entity and version, as `Store::write` would make them.
pub fn batch(view: &FeatureView, entities: std::ops::Range<usize>, versions: std::ops::Range<usize>) -> WriteBatch {
    let layout = view.current_layout();
    let now = Timestamp::from_micros(FIRST_EVENT + 1_000 * DAY);
    let mut batch = WriteBatch::bulk();
    let mut encoded_key = Vec::new();
    for entity in entities {
        encoded_key.clear();
        key::encode_i64(entity as i64, &mut encoded_key);
        let rows = rows(&layout, entity, versions.clone());
        for (n, version) in versions.clone().enumerate() {
            let event = event(entity, version);
            let created = Some(event.plus(Span::from_secs(60)));
            batch.put(view, &encoded_key, event, created, rows.row(n), now).expect("a good row");
        }
    }
    batch
}

fn rows(layout: &RowLayout, entity: usize, versions: std::ops::Range<usize>) -> RowBlock<'_> {
    let mut block = RowBlock::new(layout, versions.len());
    block.allocate();
    for slot in layout.slots() {
        let Place::Fixed(offset) = slot.place else { unreachable!("the bench has floats only") };
        for (row, version) in versions.clone().enumerate() {
            block.put_fixed(row, offset, value(entity, version, slot.feature.0 as usize).to_le_bytes());
        }
    }
    block
}

/// Rows of a view as `Store::write` takes them: entities and versions.
pub fn arrow_batch(view: &FeatureView, rows: &[(usize, usize)]) -> RecordBatch {
    let ids: ArrayRef = Arc::new(rows.iter().map(|(entity, _)| Some(*entity as i64)).collect::<Int64Array>());
    let events = rows.iter().map(|(entity, version)| Some(event(*entity, *version).as_micros()));
    let events = events.collect::<TimestampMicrosecondArray>().with_timezone("UTC");
    let mut columns = vec![("user_id".to_owned(), ids), ("event_timestamp".to_owned(), Arc::new(events) as ArrayRef)];
    for feature in &view.features {
        let values = rows.iter().map(|(entity, version)| Some(value(*entity, *version, feature.id.0 as usize)));
        columns.push((feature.name.clone(), Arc::new(values.collect::<Float32Array>())));
    }
    RecordBatch::try_from_iter(columns).expect("columns of one length")
}

/// The files of the store through RocksDB alone, read-only, with a cache of the same size.
pub struct Raw {
    pub db: DB,
}

impl Raw {
    pub fn open(path: &Path) -> Self {
        let cache = Cache::new_hyper_clock_cache(CACHE_BYTES, 0);
        let family = |name: &str| {
            let mut table = BlockBasedOptions::default();
            table.set_block_cache(&cache);
            let mut options = rocksdb::Options::default();
            options.set_block_based_table_factory(&table);
            ColumnFamilyDescriptor::new(name, options)
        };
        let families = ["default", "catalog", "latest", "history"].map(family);
        let options = rocksdb::Options::default();
        let db = DB::open_cf_descriptors_read_only(&options, path, families, false).expect("a RocksDB directory");
        Raw { db }
    }

    pub fn latest_key(view: &FeatureView, entity: usize) -> Vec<u8> {
        let (mut entity_key, mut out) = (Vec::new(), Vec::new());
        key::encode_i64(entity as i64, &mut entity_key);
        key::latest_key(view.key_space, &entity_key, view.id, &mut out);
        out
    }

    pub fn history_key(view: &FeatureView, entity: usize, at: Timestamp) -> Vec<u8> {
        let (mut entity_key, mut out) = (Vec::new(), Vec::new());
        key::encode_i64(entity as i64, &mut entity_key);
        key::version_key(view.id, &entity_key, asofdb::Version::new(at, Timestamp::MAX), &mut out);
        out
    }
}

/// References of every feature of a view.
pub fn all(view: &str) -> [String; 1] {
    [format!("{view}:*")]
}
