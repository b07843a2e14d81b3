//! Latest reads beside a raw RocksDB get of the same rows from the same files.

mod support;

use std::hint::black_box;

use asofdb::{F32Matrix, Prepared, Store, Value};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use support::{MANY_VIEWS, NARROW, Raw, Sizes, WIDE, all, many_views, mix, open, two_views, value};

fn entities(request: &Prepared, ids: impl Iterator<Item = usize>) -> asofdb::EntityRows {
    let mut rows = request.entity_rows();
    ids.for_each(|id| rows.push(&[Some(Value::Int64(id as i64))]).expect("a good key"));
    rows
}

/// Entities in no order.
fn picks(entities: usize) -> impl FnMut() -> usize {
    let mut n = 0;
    move || {
        n += 1;
        mix(n) as usize % entities
    }
}

/// The answers are checked before they are timed.
fn check(store: &Store, request: &Prepared, sizes: Sizes) {
    let mut out = vec![0.0; WIDE];
    for id in (0..sizes.entities).step_by((sizes.entities / 100).max(1)) {
        let matrix = F32Matrix { values: &mut out, statuses: None, fill: f32::NAN };
        store.latest_f32(request, &entities(request, [id].into_iter()), matrix).expect("a read");
        let expected: Vec<f32> = (0..WIDE).map(|feature| value(id, sizes.versions - 1, feature + 1)).collect();
        assert_eq!(out, expected, "entity {id}");
    }
}

fn one_row(c: &mut Criterion) {
    let sizes = Sizes::from_env();
    let path = two_views(sizes);
    let store = open(&path);
    let raw = Raw::open(&path);
    let view = store.catalog().view("wide").expect("the view").clone();
    let family = raw.db.cf_handle("latest").expect("the family");
    let request = store.prepare(&all("wide")).expect("a request");
    check(&store, &request, sizes);
    let mut group = c.benchmark_group("latest/1 row x 50");
    let mut next = picks(sizes.entities);
    // Both sides see every row once before anything is measured.
    (0..sizes.entities).for_each(|id| drop(raw.db.get_pinned_cf(family, Raw::latest_key(&view, id)).expect("a get")));
    group.bench_function("raw get", |b| {
        b.iter(|| {
            let row = raw.db.get_pinned_cf(family, Raw::latest_key(&view, next())).expect("a get");
            black_box(row.expect("a row").len())
        });
    });
    let mut rows = request.entity_rows();
    let mut out = vec![0.0f32; WIDE];
    store.latest(&request, &entities(&request, 0..sizes.entities)).expect("a read");
    group.bench_function("latest_f32", |b| {
        b.iter(|| {
            rows.clear();
            rows.push(&[Some(Value::Int64(next() as i64))]).expect("a good key");
            let matrix = F32Matrix { values: &mut out, statuses: None, fill: f32::NAN };
            store.latest_f32(&request, &rows, matrix).expect("a read");
            black_box(out[7])
        });
    });
    let counted = store.for_consumer("bench").expect("a name").prepare(&all("wide")).expect("a request");
    group.bench_function("latest_f32, counted", |b| {
        b.iter(|| {
            rows.clear();
            rows.push(&[Some(Value::Int64(next() as i64))]).expect("a good key");
            let matrix = F32Matrix { values: &mut out, statuses: None, fill: f32::NAN };
            store.latest_f32(&counted, &rows, matrix).expect("a read");
            black_box(out[7])
        });
    });
    group.bench_function("latest to Arrow", |b| {
        b.iter(|| {
            rows.clear();
            rows.push(&[Some(Value::Int64(next() as i64))]).expect("a good key");
            let answer = store.latest(&request, &rows).expect("a read");
            black_box(answer.to_record_batch(Default::default()).expect("a batch").num_columns())
        });
    });
    group.finish();
}

/// Of a hundred entities one in two is unknown: all that is not there is counted for a consumer.
fn half_missing(c: &mut Criterion) {
    let sizes = Sizes::from_env();
    let store = open(&two_views(sizes));
    let asked: Vec<usize> = (0..100).map(|n| n + (n % 2) * sizes.entities).collect();
    let mut out = vec![0.0f32; WIDE * asked.len()];
    let mut group = c.benchmark_group("latest/batch x 50, half missing");
    let counted = store.for_consumer("bench").expect("a name");
    for (name, store) in [("latest_f32", &store), ("latest_f32, counted", &counted)] {
        let request = store.prepare(&all("wide")).expect("a request");
        let rows = entities(&request, asked.iter().copied());
        let matrix = F32Matrix { values: &mut out, statuses: None, fill: f32::NAN };
        store.latest_f32(&request, &rows, matrix).expect("a read");
        assert!(out[0].is_finite() && out[WIDE].is_nan(), "one is known, and the next is not");
        group.bench_function(name, |b| {
            b.iter(|| {
                let matrix = F32Matrix { values: &mut out, statuses: None, fill: f32::NAN };
                store.latest_f32(&request, &rows, matrix).expect("a read");
            });
        });
    }
    group.finish();
}

fn batches(c: &mut Criterion) {
    let sizes = Sizes::from_env();
    let path = two_views(sizes);
    let store = open(&path);
    let request = store.prepare(&all("wide")).expect("a request");
    store.latest(&request, &entities(&request, 0..sizes.entities)).expect("a read");
    let mut group = c.benchmark_group("latest/batch x 50");
    for size in [100, 1_000] {
        group.throughput(Throughput::Elements(size as u64));
        let rows = entities(&request, (0..size).map(|n| mix(n as u64) as usize % sizes.entities));
        let mut out = vec![0.0f32; WIDE * size];
        group.bench_function(BenchmarkId::new("latest_f32", size), |b| {
            b.iter(|| {
                let matrix = F32Matrix { values: &mut out, statuses: None, fill: f32::NAN };
                store.latest_f32(&request, &rows, matrix).expect("a read");
            });
        });
    }
    group.finish();
}

fn many(c: &mut Criterion) {
    let entities_count = Sizes::from_env().entities;
    let path = many_views(entities_count);
    let store = open(&path);
    let raw = Raw::open(&path);
    let family = raw.db.cf_handle("latest").expect("the family");
    let view = store.catalog().view("v7").expect("the view").clone();
    let references: Vec<String> = (0..MANY_VIEWS).map(|n| format!("v{n}:*")).collect();
    let request = store.prepare(&references).expect("a request");
    store.latest(&request, &entities(&request, 0..entities_count)).expect("a read");
    (0..entities_count).for_each(|id| drop(raw.db.get_pinned_cf(family, Raw::latest_key(&view, id)).expect("a get")));
    let mut group = c.benchmark_group("latest/25 views x 10 of one entity");
    let mut next = picks(entities_count);
    group.bench_function("one raw get", |b| {
        b.iter(|| black_box(raw.db.get_pinned_cf(family, Raw::latest_key(&view, next())).expect("a get").is_some()));
    });
    let mut rows = request.entity_rows();
    let mut out = vec![0.0f32; MANY_VIEWS * NARROW];
    group.bench_function("latest_f32", |b| {
        b.iter(|| {
            rows.clear();
            rows.push(&[Some(Value::Int64(next() as i64))]).expect("a good key");
            let matrix = F32Matrix { values: &mut out, statuses: None, fill: f32::NAN };
            store.latest_f32(&request, &rows, matrix).expect("a read");
            black_box(out[7])
        });
    });
    group.finish();
}

criterion_group!(benches, one_row, batches, half_missing, many);
criterion_main!(benches);
