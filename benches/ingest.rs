//! Ingest of a Parquet file of 50 columns into an empty store, in time and in CPU time, beside the decoding of the same
//! file alone: of mixed columns, and of floats as features and as events. `ASOFDB_BENCH_INGEST` rows (100,000).

mod support;

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, Int64Array, RecordBatch, TimestampMicrosecondArray};
use asofdb::{IngestOptions, Input, Session};
use criterion::measurement::Measurement;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use support::cpu::CpuTime;
use support::{WIDE, event, fresh_store, mix, mixed, number, value};

/// Rows of one row group of the input.
const GROUP: usize = 100_000;

/// Entities in no order, as an upstream job leaves them.
fn write_input(path: &Path, rows: usize) {
    let part = |first: usize, count: usize| {
        let entities: Vec<usize> = (first..first + count).map(|n| mix(n as u64) as usize % rows.max(1)).collect();
        let ids: ArrayRef = Arc::new(entities.iter().map(|id| Some(*id as i64)).collect::<Int64Array>());
        let events = entities.iter().enumerate().map(|(n, id)| Some(event(*id, (first + n) % 10).as_micros()));
        let events = events.collect::<TimestampMicrosecondArray>().with_timezone("UTC");
        let mut columns =
            vec![("user_id".to_owned(), ids), ("event_timestamp".to_owned(), Arc::new(events) as ArrayRef)];
        for feature in 0..WIDE {
            let values = entities.iter().map(|id| Some(value(*id, 0, feature)));
            columns.push((format!("wide_f{feature}"), Arc::new(values.collect::<Float32Array>())));
        }
        RecordBatch::try_from_iter(columns).expect("columns of one length")
    };
    let first = part(0, GROUP.min(rows));
    let file = std::fs::File::create(path).expect("a file");
    let mut writer = ArrowWriter::try_new(file, first.schema(), None).expect("a writer");
    writer.write(&first).expect("a written batch");
    for start in (GROUP..rows).step_by(GROUP) {
        writer.write(&part(start, GROUP.min(rows - start))).expect("a written batch");
    }
    writer.close().expect("a whole file");
}

/// One input, and the views that it goes into.
struct Shape {
    title: &'static str,
    write: fn(&Path, usize),
    views: &'static [(&'static str, &'static str)],
}

const SHAPES: [Shape; 2] = [
    Shape { title: "50 mixed", write: mixed::write_parquet, views: &[("ingest", mixed::VIEW)] },
    Shape {
        title: "50 floats",
        write: write_input,
        views: &[("ingest", "wide"), ("ingest into an event view", "wide_events")],
    },
];

fn ingests<M: Measurement>(c: &mut Criterion<M>, unit: &str) {
    for shape in SHAPES {
        ingest_shape(c, unit, &shape);
    }
}

fn ingest_shape<M: Measurement>(c: &mut Criterion<M>, unit: &str, shape: &Shape) {
    let rows = number("ASOFDB_BENCH_INGEST", 100_000);
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    let input = directory.path().join("input.parquet");
    (shape.write)(&input, rows);
    let mut group = c.benchmark_group(format!("ingest/{rows} rows x {}, {unit}", shape.title));
    group.throughput(Throughput::Elements(rows as u64));
    group.sample_size(10);
    group.bench_function("Parquet decoded, no more", |b| {
        b.iter(|| {
            let file = std::fs::File::open(&input).expect("the input");
            let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet").build().expect("a reader");
            reader.map(|batch| batch.expect("a batch").num_rows()).sum::<usize>()
        });
    });
    for (name, view) in shape.views.iter().copied() {
        group.bench_function(name, |b| {
            b.iter_batched(
                fresh_store,
                |(directory, store, _)| {
                    let inputs = vec![Input::Path(input.clone())];
                    let report = store.ingest(view, inputs, &IngestOptions::default(), &mut |_| ());
                    assert_eq!(report.expect("an ingest").rows_written, rows as u64);
                    (directory, store)
                },
                criterion::BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

fn in_time(c: &mut Criterion) {
    ingests(c, "time");
}

fn in_cpu_time(c: &mut Criterion<CpuTime>) {
    ingests(c, "CPU time");
}

criterion_group!(time, in_time);
criterion_group!(name = cpu; config = Criterion::default().with_measurement(CpuTime); targets = in_cpu_time);
criterion_main!(time, cpu);
