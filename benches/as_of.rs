//! As-of reads beside a raw RocksDB seek to the same rows in the same files.

mod support;

use std::hint::black_box;

use asofdb::{F32Matrix, Prepared, Store, Timestamp, Value};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use support::{Raw, Sizes, WIDE, all, event, mix, open, two_views, value};

/// Rows of the batch.
const BATCH: usize = 10_000;

fn check(store: &Store, request: &Prepared, sizes: Sizes) {
    let mut out = vec![0.0; WIDE];
    let mut rows = request.entity_rows();
    for n in 0..100 {
        let (id, version) = (mix(n) as usize % sizes.entities, mix(n + 1_000) as usize % sizes.versions);
        rows.clear();
        rows.push(&[Some(Value::Int64(id as i64))]).expect("a good key");
        let matrix = F32Matrix { values: &mut out, statuses: None, fill: f32::NAN };
        store.as_of_f32(request, &rows, event(id, version), None, matrix).expect("a read");
        let expected: Vec<f32> = (0..WIDE).map(|feature| value(id, version, feature + 1)).collect();
        assert_eq!(out, expected, "entity {id}, version {version}");
    }
}

fn single(c: &mut Criterion) {
    let sizes = Sizes::from_env();
    let path = two_views(sizes);
    let store = open(&path);
    let raw = Raw::open(&path);
    let view = store.catalog().view("wide").expect("the view").clone();
    let family = raw.db.cf_handle("history").expect("the family");
    let request = store.prepare(&all("wide")).expect("a request");
    check(&store, &request, sizes);
    let mut n = 0;
    let mut next = move || {
        n += 2;
        let (id, version) = (mix(n) as usize % sizes.entities, mix(n + 1) as usize % sizes.versions);
        (id, event(id, version).plus(asofdb::Span::from_secs(3_600)))
    };
    warm(&store, &raw, family, &request, sizes);
    let mut group = c.benchmark_group("as_of/1 row x 50");
    let mut iterator = raw.db.raw_iterator_cf(family);
    group.bench_function("raw seek", |b| {
        b.iter(|| {
            let (id, at) = next();
            iterator.seek(Raw::history_key(&view, id, at));
            black_box(iterator.value().expect("a row").len())
        });
    });
    let mut rows = request.entity_rows();
    let mut out = vec![0.0f32; WIDE];
    group.bench_function("as_of_f32", |b| {
        b.iter(|| {
            let (id, at) = next();
            rows.clear();
            rows.push(&[Some(Value::Int64(id as i64))]).expect("a good key");
            let matrix = F32Matrix { values: &mut out, statuses: None, fill: f32::NAN };
            store.as_of_f32(&request, &rows, at, None, matrix).expect("a read");
            black_box(out[7])
        });
    });
    group.finish();
}

/// Both sides see every row once before anything is measured.
fn warm(store: &Store, raw: &Raw, family: &rocksdb::ColumnFamily, request: &Prepared, sizes: Sizes) {
    let mut iterator = raw.db.raw_iterator_cf(family);
    iterator.seek_to_first();
    while iterator.valid() {
        iterator.next();
    }
    let mut rows = request.entity_rows();
    (0..sizes.entities).for_each(|id| rows.push(&[Some(Value::Int64(id as i64))]).expect("a good key"));
    for version in 0..sizes.versions {
        let at = Timestamp::from_micros(event(0, version).as_micros());
        store.as_of(request, &rows, at, None).expect("a read");
    }
}

/// Reads the same rows three ways: as one batch, one by one in their order on disk, and one by one as they come.
fn batch(c: &mut Criterion) {
    let sizes = Sizes::from_env();
    let path = two_views(sizes);
    let store = open(&path);
    let request = store.prepare(&all("wide")).expect("a request");
    let as_they_come: Vec<usize> = (0..BATCH).map(|n| mix(n as u64) as usize % sizes.entities).collect();
    let mut sorted = as_they_come.clone();
    sorted.sort_unstable();
    let mut rows = request.entity_rows();
    as_they_come.iter().for_each(|id| rows.push(&[Some(Value::Int64(*id as i64))]).expect("a good key"));
    let at = event(0, sizes.versions / 2);
    let mut out = vec![0.0f32; WIDE * BATCH];
    let mut group = c.benchmark_group("as_of/10,000 rows x 50");
    group.throughput(Throughput::Elements(BATCH as u64));
    group.bench_function("one batch", |b| {
        b.iter(|| {
            let matrix = F32Matrix { values: &mut out, statuses: None, fill: f32::NAN };
            store.as_of_f32(&request, &rows, at, None, matrix).expect("a read");
        });
    });
    let mut one = request.entity_rows();
    for (name, ids) in [("one by one, sorted", &sorted), ("one by one, as they come", &as_they_come)] {
        group.bench_function(name, |b| {
            b.iter(|| {
                for (id, out) in ids.iter().zip(out.chunks_exact_mut(WIDE)) {
                    one.clear();
                    one.push(&[Some(Value::Int64(*id as i64))]).expect("a good key");
                    let matrix = F32Matrix { values: out, statuses: None, fill: f32::NAN };
                    store.as_of_f32(&request, &one, at, None, matrix).expect("a read");
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, single, batch);
criterion_main!(benches);
