//! Folds of 10,000 events, with and without a condition, and merges of 300 partial results.

use std::hint::black_box;

use asofdb_aggregate::Partial;
use asofdb_expression::{Column, Values};
use asofdb_storage::{Aggregate, ScalarType, ValueType};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const EVENTS: usize = 10_000;
const PARTIALS: usize = 300;
const OF: Option<ValueType> = Some(ValueType::Scalar(ScalarType::Float64));

fn aggregates() -> Vec<Aggregate> {
    vec![
        Aggregate::Count,
        Aggregate::Sum,
        Aggregate::Min,
        Aggregate::Mean,
        Aggregate::Variance { population: false },
        Aggregate::Quantile { q: 0.5, error: 0.01 },
        Aggregate::ApproxDistinct { precision: 12 },
    ]
}

fn numbers() -> Vec<f64> {
    (0..EVENTS as u64).map(|event| 1.0 + (event.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 50) as f64 / 16.0).collect()
}

fn folds(criterion: &mut Criterion) {
    let numbers = numbers();
    let keep: Vec<bool> = numbers.iter().map(|number| *number < 700.0).collect();
    let column = Column::new(Values::Float64(&numbers));
    let mut group = criterion.benchmark_group("fold");
    group.throughput(Throughput::Elements(EVENTS as u64));
    for aggregate in aggregates() {
        let mut partial = Partial::new(&aggregate, OF).unwrap();
        for (what, keep) in [("all", None), ("kept", Some(keep.as_slice()))] {
            group.bench_function(format!("{aggregate} {what}"), |bencher| {
                bencher.iter(|| {
                    partial.clear();
                    partial.fold(Some(black_box(&column)), 0..EVENTS, keep);
                });
            });
        }
    }
    group.finish();
}

fn merges(criterion: &mut Criterion) {
    let numbers = numbers();
    let column = Column::new(Values::Float64(&numbers));
    let mut group = criterion.benchmark_group("merge");
    group.throughput(Throughput::Elements(PARTIALS as u64));
    for aggregate in aggregates() {
        let part = |at: usize| {
            let mut partial = Partial::new(&aggregate, OF).unwrap();
            partial.fold(Some(&column), at * 33..(at + 1) * 33, None);
            partial
        };
        let parts: Vec<Partial> = (0..PARTIALS).map(part).collect();
        let mut whole = Partial::new(&aggregate, OF).unwrap();
        group.bench_function(aggregate.to_string(), |bencher| {
            bencher.iter(|| {
                whole.clear();
                black_box(&parts).iter().for_each(|part| whole.merge(part));
            });
        });
    }
    group.finish();
}

criterion_group!(benches, folds, merges);
criterion_main!(benches);
