//! Look-ups in the hot table: one row, and batches, of rows as 50 numbers have them.
//!
//!     cargo bench -p asofdb-hot --bench look

use std::hint::black_box;

use asofdb_hot::{Looked, Row, Table};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// Rows in the table: more than the processor's cache holds.
const ROWS: u64 = 500_000;
const ROW_BYTES: usize = 232;
const BATCHES: [usize; 3] = [1, 100, 1_000];

fn filled() -> Table {
    let table = Table::new(512 << 20);
    let mut looked = Looked::new();
    for row in 0..ROWS {
        let key = row.to_be_bytes();
        table.look([(1, &key[..])].into_iter(), &mut looked);
        table.fill(&looked, 0, (1, &key), Some(Row { version: [1, 1], bytes: &[7; ROW_BYTES] }));
    }
    table
}

fn look(criterion: &mut Criterion) {
    let table = filled();
    let mut group = criterion.benchmark_group("hot/look");
    let mut looked = Looked::new();
    let mut next = 1u64;
    for rows in BATCHES {
        let mut keys = vec![[0; 8]; rows];
        group.throughput(Throughput::Elements(rows as u64));
        group.bench_function(format!("{rows}_rows"), |bencher| {
            bencher.iter(|| {
                for key in &mut keys {
                    next = next.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    *key = ((next >> 33) % ROWS).to_be_bytes();
                }
                table.look(keys.iter().map(|key| (1, &key[..])), &mut looked);
                assert!(table.is_still(black_box(&looked)));
            });
        });
    }
    let counts = table.counts();
    assert!(counts.hits > 9 * (counts.misses - ROWS), "most of what is looked for is there: {counts:?}");
    group.finish();
}

criterion_group!(benches, look);
criterion_main!(benches);
