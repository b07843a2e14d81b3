//! Point-in-time joins, Parquet spine to Parquet result, in CPU time of all threads. The baseline looks the
//! same rows up with raw RocksDB iterators, in key order, and keeps their bytes: no decoding, no Parquet.
//!
//! `ASOFDB_BENCH_SPINE` (rows, 20,000) beside the sizes of the data.

mod support;

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, TimestampMicrosecondArray};
use arrow::datatypes::{Float32Type, Int64Type, TimestampMicrosecondType};
use asofdb::{Session, Timestamp, TrainingSetOptions};
use criterion::{Criterion, criterion_group, criterion_main};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use support::cpu::{CpuTime, peak_mib, reset_peak};
use support::{NARROW, Raw, Sizes, event, mix, number, open, two_views, value};

/// Entity and version asked about in row `n` of the spine.
fn asked(n: usize, sizes: Sizes) -> (usize, usize) {
    (mix(2 * n as u64) as usize % sizes.entities, mix(2 * n as u64 + 1) as usize % sizes.versions)
}

/// A time at which that version is the newest.
fn at(n: usize, sizes: Sizes) -> Timestamp {
    let (entity, version) = asked(n, sizes);
    event(entity, version).plus(asofdb::Span::from_secs(3_600))
}

fn write_spine(path: &Path, rows: usize, sizes: Sizes) {
    let ids: ArrayRef = Arc::new((0..rows).map(|n| Some(asked(n, sizes).0 as i64)).collect::<Int64Array>());
    let times = (0..rows).map(|n| Some(at(n, sizes).as_micros())).collect::<TimestampMicrosecondArray>();
    let times: ArrayRef = Arc::new(times.with_timezone("UTC"));
    let batch = RecordBatch::try_from_iter([("user_id", ids), ("event_timestamp", times)]).expect("two columns");
    let file = std::fs::File::create(path).expect("a file");
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).expect("a writer");
    writer.write(&batch).expect("a written batch");
    writer.close().expect("a whole file");
}

/// Every row of the result is compared with what was loaded.
fn check(path: &Path, rows: usize, features: &[(String, usize)], sizes: Sizes) {
    let file = std::fs::File::open(path).expect("the result");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet").build().expect("a reader");
    let mut n = 0;
    for batch in reader {
        let batch = batch.expect("a batch");
        let ids = batch.column(0).as_primitive::<Int64Type>();
        let times = batch.column(1).as_primitive::<TimestampMicrosecondType>();
        for row in 0..batch.num_rows() {
            let (entity, version) = asked(n, sizes);
            assert_eq!((ids.value(row), times.value(row)), (entity as i64, at(n, sizes).as_micros()), "row {n}");
            for (column, (name, feature)) in features.iter().enumerate() {
                let got = batch.column(2 + column).as_primitive::<Float32Type>().value(row);
                assert_eq!(got, value(entity, version, *feature), "row {n}, {name}");
            }
            n += 1;
        }
    }
    assert_eq!(n, rows);
}

/// The references and, in the order of the result, names and numbers of the features.
fn request(features: usize) -> (Vec<String>, Vec<(String, usize)>) {
    let narrow = if features > NARROW { NARROW } else { features / 2 };
    let one = |view: &str, n: usize| (format!("{view}:{view}_f{n}"), n + 1);
    let all: Vec<_> =
        (0..features - narrow).map(|n| one("wide", n)).chain((0..narrow).map(|n| one("narrow", n))).collect();
    (all.iter().map(|(name, _)| name.clone()).collect(), all)
}

fn raw_lookups(raw: &Raw, store: &asofdb::Store, order: &[(usize, Timestamp)]) -> usize {
    let family = raw.db.cf_handle("history").expect("the family");
    let mut kept = 0;
    for view in ["wide", "narrow"] {
        let view = store.catalog().view(view).expect("the view").clone();
        let mut iterator = raw.db.raw_iterator_cf(family);
        for (entity, at) in order {
            iterator.seek(Raw::history_key(&view, *entity, *at));
            kept += iterator.value().expect("a row").to_vec().len();
        }
    }
    kept
}

fn joins(c: &mut Criterion<CpuTime>) {
    let sizes = Sizes::from_env();
    let rows = number("ASOFDB_BENCH_SPINE", 20_000);
    let path = two_views(sizes);
    let directory = tempfile::tempdir_in(path.parent().expect("a directory")).expect("a directory");
    let spine: PathBuf = directory.path().join("spine.parquet");
    write_spine(&spine, rows, sizes);
    let store = open(&path);
    let raw = Raw::open(&path);
    let mut order: Vec<_> = (0..rows).map(|n| (asked(n, sizes).0, at(n, sizes))).collect();
    order.sort_unstable_by_key(|(entity, at)| (*entity, std::cmp::Reverse(*at)));
    let mut group = c.benchmark_group(format!("join/{rows} rows against 2 views of {} rows", sizes.rows()));
    group.sample_size(10);
    group.bench_function("raw seeks in key order", |b| b.iter(|| black_box(raw_lookups(&raw, &store, &order))));
    let mut run = 0;
    for features in [6, 60] {
        let (references, expected) = request(features);
        let mut out = PathBuf::new();
        reset_peak();
        let before = peak_mib();
        group.bench_function(format!("training set of {features} features"), |b| {
            b.iter(|| {
                run += 1;
                let _ = std::fs::remove_file(&out);
                out = directory.path().join(format!("out-{run}.parquet"));
                let options = TrainingSetOptions::default();
                store.training_set(&references, &spine, &out, &options, &mut |_| {}).expect("a training set").rows
            });
        });
        if out.exists() {
            eprintln!("{features} features: memory {before} MiB before, {} MiB at the peak", peak_mib());
            check(&out, rows, &expected, sizes);
        }
    }
    group.finish();
}

criterion_group!(name = benches; config = Criterion::default().with_measurement(CpuTime); targets = joins);
criterion_main!(benches);
