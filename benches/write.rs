//! Writes of 1,000 rows of 50 features a batch, one in five of them late. The baselines write the same rows with
//! RocksDB alone: to `history` only, and to `history` and `latest` blindly, which is wrong for late data.
//! Both sides write to a log and sync nothing.

mod support;

use std::hint::black_box;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use asofdb::storage::{History, WriteBatch, key};
use asofdb::{FeatureView, Store, Version};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rocksdb::{DB, Options as RocksOptions};
use support::{Sizes, WIDE, arrow_batch, batch, fresh_store, mix};
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

/// Times `write` alone over `batches`; making the batches is not part of it.
fn timed<B>(batches: u64, make: impl Fn(usize) -> B, mut write: impl FnMut(B)) -> Duration {
    (0..batches as usize).fold(Duration::ZERO, |time, n| {
        let batch = make(n * ROWS);
        #[allow(clippy::disallowed_methods, reason = "a bench measures time")]
        let start = Instant::now();
        write(batch);
        time + start.elapsed()
    })
}

fn to_batch(view: &FeatureView, store: &Store, rows: &[(Vec<u8>, Version, Vec<u8>)]) -> WriteBatch {
    let mut batch = WriteBatch::new();
    for (key, version, row) in rows {
        batch.put(view, key, version.event, Some(version.created), row, store.now()).expect("a good row");
    }
    batch
}

fn writes(c: &mut Criterion) {
    let sizes = Sizes::from_env();
    let mut group = c.benchmark_group(format!("write/{ROWS} rows x {WIDE}"));
    group.throughput(Throughput::Elements(ROWS as u64));
    group.sample_size(10);
    let (_keep, store, _) = fresh_store();
    let view = store.catalog().view("wide").expect("the view").clone();
    for (name, latest) in [("raw, history only", false), ("raw, history and latest, blind", true)] {
        group.bench_function(name, |b| {
            b.iter_custom(|batches| {
                let (_keep, db) = raw();
                timed(batches, |first| encoded(&view, first, sizes), |rows| write_raw(&db, &view, &rows, latest))
            });
        });
    }
    group.bench_function("commit of encoded rows", |b| {
        b.iter_custom(|batches| {
            let (_keep, store, backend) = fresh_store();
            let make = |first| to_batch(&view, &store, &encoded(&view, first, sizes));
            timed(batches, make, |batch| {
                black_box(backend.commit(batch, asofdb::Durability::Os).expect("a commit"));
            })
        });
    });
    group.bench_function("Store::write of an Arrow batch", |b| {
        b.iter_custom(|batches| {
            let (_keep, store, _) = fresh_store();
            timed(
                batches,
                |first| arrow_rows(&view, first, sizes),
                |batch| {
                    black_box(store.write("wide", &batch).expect("a write"));
                },
            )
        });
    });
    group.finish();
}

criterion_group!(benches, writes);
criterion_main!(benches);
