//! Export of every version of 50 float features to Parquet, in CPU time of all threads. The baselines scan the
//! same rows with raw RocksDB, and encode ready Arrow batches of as many rows: what an export cannot go below.

mod support;

use std::hint::black_box;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, Int64Array, RecordBatch, TimestampMicrosecondArray};
use asofdb::{Compression, ExportOptions, Session};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression as ParquetCompression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use support::cpu::{CpuTime, peak_mib, reset_peak};
use support::{Raw, Sizes, WIDE, event, mix, open, two_views, value};

/// Rows of a batch that is encoded.
const BATCH: usize = 8_192;

fn ready_batch(sizes: Sizes) -> RecordBatch {
    let ids = (0..BATCH).map(|n| n / sizes.versions);
    let keys: ArrayRef = Arc::new(ids.clone().map(|id| Some(id as i64)).collect::<Int64Array>());
    let times = ids.clone().enumerate().map(|(n, id)| Some(event(id, n % sizes.versions).as_micros()));
    let times: ArrayRef = Arc::new(times.collect::<TimestampMicrosecondArray>().with_timezone("UTC"));
    let mut columns = vec![("user_id".to_owned(), keys), ("event_timestamp".to_owned(), times)];
    for feature in 0..WIDE {
        let values = ids.clone().map(|id| Some(value(id, mix(id as u64) as usize % sizes.versions, feature)));
        columns.push((format!("wide_f{feature}"), Arc::new(values.collect::<Float32Array>())));
    }
    RecordBatch::try_from_iter(columns).expect("columns of one length")
}

fn encode(batch: &RecordBatch, rows: usize, compression: ParquetCompression, path: &PathBuf) -> usize {
    let properties = WriterProperties::builder()
        .set_compression(compression)
        .set_dictionary_enabled(false)
        .set_max_row_group_row_count(Some(1 << 17))
        .build();
    let file = std::fs::File::create(path).expect("a file");
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).expect("a writer");
    for start in (0..rows).step_by(BATCH) {
        writer.write(&batch.slice(0, BATCH.min(rows - start))).expect("a written batch");
    }
    writer.close().expect("a whole file").row_groups().len()
}

fn scan(raw: &Raw, view: &asofdb::FeatureView) -> usize {
    let family = raw.db.cf_handle("history").expect("the family");
    let mut options = rocksdb::ReadOptions::default();
    options.fill_cache(false);
    options.set_readahead_size(4 << 20);
    let mut iterator = raw.db.raw_iterator_cf_opt(family, options);
    iterator.seek(view.id.to_be_bytes());
    let mut bytes = 0;
    while let Some((key, row)) = iterator.item().filter(|(key, _)| key.starts_with(&view.id.to_be_bytes())) {
        bytes += key.len() + row.len();
        iterator.next();
    }
    bytes
}

fn exports(c: &mut Criterion<CpuTime>) {
    let sizes = Sizes::from_env();
    let path = two_views(sizes);
    let store = open(&path);
    let raw = Raw::open(&path);
    let view = store.catalog().view("wide").expect("the view").clone();
    let directory = tempfile::tempdir_in(path.parent().expect("a directory")).expect("a directory");
    let batch = ready_batch(sizes);
    let mut group = c.benchmark_group(format!("export/{} rows x {WIDE}", sizes.rows()));
    group.throughput(Throughput::Elements(sizes.rows() as u64));
    group.sample_size(10);
    group.bench_function("raw scan", |b| b.iter(|| black_box(scan(&raw, &view))));
    let zstd = ParquetCompression::ZSTD(ZstdLevel::default());
    let mut run = 0;
    for (name, ours, theirs) in
        [("snappy", Compression::Snappy, ParquetCompression::SNAPPY), ("zstd", Compression::Zstd, zstd)]
    {
        let file = directory.path().join("raw.parquet");
        group.bench_function(format!("Parquet of ready batches, {name}"), |b| {
            b.iter(|| encode(&batch, sizes.rows(), theirs, &file));
        });
        reset_peak();
        let before = peak_mib();
        group.bench_function(format!("export, {name}"), |b| {
            b.iter(|| {
                run += 1;
                let out = directory.path().join(format!("out-{run}"));
                let options = ExportOptions { compression: ours, ..ExportOptions::default() };
                let manifest = store.export("wide", &out, &options, &mut |_| ()).expect("an export");
                assert_eq!(manifest.rows, sizes.rows() as u64);
                std::fs::remove_dir_all(&out).expect("the export is removed");
            });
        });
        eprintln!("{name}: memory {before} MiB before, {} MiB at the peak", peak_mib());
    }
    group.finish();
}

criterion_group!(name = benches; config = Criterion::default().with_measurement(CpuTime); targets = exports);
criterion_main!(benches);
