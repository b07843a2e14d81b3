//! Writes of 1,000 rows of 50 and of 10 columns a batch, one in five of them late, to a feature view and to an event view
//! of the same columns. The baselines write the same rows with RocksDB alone: to `history` only, and to `history` and
//! `latest` blindly, which is wrong for late data. Both sides write to a log and sync nothing. In time and in CPU time.

mod support;

use std::collections::HashMap;
use std::hint::black_box;
use std::path::Path;

use arrow::array::RecordBatch;
use asofdb::storage::{History, WriteBatch, key};
use asofdb::{FeatureView, Store, Version};
use criterion::measurement::{Measurement, WallTime};
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use rocksdb::{DB, IngestExternalFileOptions, Options as RocksOptions, SstFileWriter};
use support::cpu::CpuTime;
use support::{NARROW, Sizes, WIDE, arrow_batch, batch, fresh_store, mix};
use tempfile::TempDir;

/// Rows of a batch.
const ROWS: usize = 1_000;

/// Entity and version of row `n`; every fifth row is older than what is there.
fn row(n: usize, sizes: Sizes) -> (usize, usize) {
    let entity = mix(n as u64) as usize % sizes.entities;
    let newest = 1 + n / sizes.entities % sizes.versions.max(2);
    (entity, if n.is_multiple_of(5) { 0 } else { newest })
}

fn encoded(view: &FeatureView, first: usize, sizes: Sizes) -> Vec<(Vec<u8>, Version, Vec<u8>)> {
    let rows = (first..first + ROWS).map(|n| {
        let (entity, version) = row(n, sizes);
        let one = batch(view, entity..entity + 1, version..version + 1);
        let row = one.row(0);
        (row.key.to_vec(), Version::new(row.event, row.created.expect("a created timestamp")), row.row.to_vec())
    });
    rows.collect()
}

fn arrow_rows(view: &FeatureView, first: usize, sizes: Sizes) -> RecordBatch {
    arrow_batch(view, &(first..first + ROWS).map(|n| row(n, sizes)).collect::<Vec<_>>())
}

/// RocksDB with two families, as it comes.
fn raw() -> (TempDir, DB) {
    let directory = TempDir::new().expect("a directory");
    let mut options = RocksOptions::default();
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    options.set_compression_type(rocksdb::DBCompressionType::Lz4);
    let db = DB::open_cf(&options, directory.path(), ["history", "latest"]).expect("a database");
    (directory, db)
}

fn write_raw(db: &DB, view: &FeatureView, rows: &[(Vec<u8>, Version, Vec<u8>)], latest: bool) {
    let mut batch = rocksdb::WriteBatch::default();
    let history = db.cf_handle("history").expect("the family");
    let latest = latest.then(|| db.cf_handle("latest").expect("the family"));
    let mut bytes = Vec::new();
    for (entity_key, version, row) in rows {
        bytes.clear();
        key::version_key(view.id, entity_key, *version, &mut bytes);
        batch.put_cf(history, &bytes, row);
        if let Some(family) = latest {
            bytes.clear();
            key::latest_key(view.key_space, entity_key, view.id, &mut bytes);
            batch.put_cf(family, &bytes, row);
        }
    }
    db.write(batch).expect("a write");
}

/// Newest rows in memory, which go to `latest` all together when there are many: the shape that docs/design.md weighs
/// against writing each with its batch. What it takes to open such a store, or to read it, is not in it.
#[derive(Default)]
struct Coalesced {
    dirty: HashMap<Vec<u8>, (Version, Vec<u8>)>,
    bytes: usize,
    files: usize,
}

impl Coalesced {
    /// Bytes of rows after which they are written.
    const BYTES_MAX: usize = 64 << 20;

    fn write(&mut self, db: &DB, directory: &Path, view: &FeatureView, rows: &[(Vec<u8>, Version, Vec<u8>)]) {
        write_raw(db, view, rows, false);
        for (entity_key, version, row) in rows {
            let mut key = Vec::with_capacity(entity_key.len() + 8);
            key::latest_key(view.key_space, entity_key, view.id, &mut key);
            match self.dirty.get_mut(&key) {
                Some(known) if known.0 > *version => {}
                Some(known) => *known = (*version, row.clone()),
                None => {
                    self.bytes += key.len() + row.len();
                    self.dirty.insert(key, (*version, row.clone()));
                }
            }
        }
        if self.bytes > Coalesced::BYTES_MAX {
            self.checkpoint(db, directory);
        }
    }

    /// Writes a file in the order of the keys, which RocksDB takes over.
    fn checkpoint(&mut self, db: &DB, directory: &Path) {
        let mut rows: Vec<_> = self.dirty.drain().collect();
        rows.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        let path = directory.join(format!("{}.sst", self.files));
        let mut options = RocksOptions::default();
        options.set_compression_type(rocksdb::DBCompressionType::Lz4);
        let mut file = SstFileWriter::create(&options);
        file.open(&path).expect("a file");
        rows.iter().for_each(|(key, (_, row))| file.put(key, row).expect("a row in its order"));
        file.finish().expect("a whole file");
        let mut taking = IngestExternalFileOptions::default();
        taking.set_move_files(true);
        let latest = db.cf_handle("latest").expect("the family");
        db.ingest_external_file_cf_opts(latest, &taking, vec![path]).expect("a good file");
        (self.bytes, self.files) = (0, self.files + 1);
    }
}

/// Measures `write` alone over `batches`; making the batches is not part of it.
fn measured<B, M: Measurement>(by: &M, batches: u64, make: impl Fn(usize) -> B, mut write: impl FnMut(B)) -> M::Value {
    (0..batches as usize).fold(by.zero(), |sum, n| {
        let batch = make(n * ROWS);
        let start = by.start();
        write(batch);
        by.add(&sum, &by.end(start))
    })
}

fn to_batch(view: &FeatureView, store: &Store, rows: &[(Vec<u8>, Version, Vec<u8>)]) -> WriteBatch {
    let mut batch = WriteBatch::new();
    let mut event_key = Vec::new();
    for (n, (entity_key, version, row)) in rows.iter().enumerate() {
        let row_key = if view.holds_events() {
            // As of a column of eight bytes that names the event.
            let id = key::short_event_id(&n.to_be_bytes()).expect("a short id");
            event_key.clear();
            key::event_key(entity_key, version.event, &id, &mut event_key);
            &event_key
        } else {
            entity_key
        };
        batch.put(view, row_key, version.event, Some(version.created), row, store.now()).expect("a good row");
    }
    batch
}

fn writes<M: Measurement>(c: &mut Criterion<M>, by: &M, unit: &str) {
    for (name, columns) in [("wide", WIDE), ("narrow", NARROW)] {
        let mut group = c.benchmark_group(format!("write/{ROWS} rows x {columns}, {unit}"));
        group.throughput(Throughput::Elements(ROWS as u64));
        group.sample_size(10);
        raws(&mut group, by, name);
        coalesced(&mut group, by, name);
        for view in [name.to_owned(), format!("{name}_events")] {
            commits(&mut group, by, &view);
            stores(&mut group, by, &view);
        }
        group.finish();
    }
}

fn raws<M: Measurement>(group: &mut BenchmarkGroup<'_, M>, by: &M, name: &str) {
    let sizes = Sizes::from_env();
    let (_keep, store, _) = fresh_store();
    let view = store.catalog().view(name).expect("the view").clone();
    for (name, latest) in [("raw, history only", false), ("raw, history and latest, blind", true)] {
        group.bench_function(name, |b| {
            b.iter_custom(|batches| {
                let (_keep, db) = raw();
                measured(by, batches, |first| encoded(&view, first, sizes), |rows| write_raw(&db, &view, &rows, latest))
            });
        });
    }
}

/// The rows that are left in memory at the end are written as well.
fn coalesced<M: Measurement>(group: &mut BenchmarkGroup<'_, M>, by: &M, name: &str) {
    let sizes = Sizes::from_env();
    let (_keep, store, _) = fresh_store();
    let view = store.catalog().view(name).expect("the view").clone();
    group.bench_function("raw, history, and latest together later", |b| {
        b.iter_custom(|batches| {
            let ((_keep, db), files) = (raw(), TempDir::new().expect("a directory"));
            let mut newest = Coalesced::default();
            let make = |first| encoded(&view, first, sizes);
            let written = measured(by, batches, make, |rows| newest.write(&db, files.path(), &view, &rows));
            let start = by.start();
            if newest.bytes > 0 {
                newest.checkpoint(&db, files.path());
            }
            by.add(&written, &by.end(start))
        });
    });
}

fn commits<M: Measurement>(group: &mut BenchmarkGroup<'_, M>, by: &M, name: &str) {
    let sizes = Sizes::from_env();
    group.bench_function(format!("commit of encoded rows, {}", kind(name)), |b| {
        b.iter_custom(|batches| {
            let (_keep, store, backend) = fresh_store();
            let of = |name: &str| store.catalog().view(name).expect("the view").clone();
            // Rows of both are the same bytes: their columns are.
            let (view, rows_of) = (of(name), of(name.trim_end_matches("_events")));
            let make = |first| to_batch(&view, &store, &encoded(&rows_of, first, sizes));
            measured(by, batches, make, |batch| {
                black_box(backend.commit(batch, asofdb::Durability::Os).expect("a commit"));
            })
        });
    });
}

fn kind(name: &str) -> &'static str {
    if name.ends_with("_events") { "an event view" } else { "a feature view" }
}

fn stores<M: Measurement>(group: &mut BenchmarkGroup<'_, M>, by: &M, name: &str) {
    let sizes = Sizes::from_env();
    group.bench_function(format!("Store::write of an Arrow batch, {}", kind(name)), |b| {
        b.iter_custom(|batches| {
            let (_keep, store, _) = fresh_store();
            let view = store.catalog().view(name).expect("the view").clone();
            let write = |batch: RecordBatch| {
                black_box(store.write(name, &batch).expect("a write"));
            };
            measured(by, batches, |first| arrow_rows(&view, first, sizes), write)
        });
    });
}

fn in_time(c: &mut Criterion) {
    writes(c, &WallTime, "time");
}

fn in_cpu_time(c: &mut Criterion<CpuTime>) {
    writes(c, &CpuTime, "CPU time");
}

criterion_group!(time, in_time);
criterion_group!(name = cpu; config = Criterion::default().with_measurement(CpuTime); targets = in_cpu_time);
criterion_main!(time, cpu);
