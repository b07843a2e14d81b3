//! Look-ups in the hot table: one row, and batches, of rows as 50 numbers have them.
//!
//!     cargo bench -p asofdb-hot --bench look

use std::hint::black_box;

use asofdb_hot::{Looked, Row, Table};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// Rows in the table: more than the processor's cache holds.
const ROWS: u64 = 500_000;
const ROW_BYTES: usize = 232;
const TABLE_BYTES: usize = 512 << 20;
const BATCHES: [usize; 3] = [1, 100, 1_000];

fn filled(table: &Table) {
    let mut looked = Looked::new();
    for row in 0..ROWS {
        let key = row.to_be_bytes();
        table.look([(1, &key[..])].into_iter(), &mut looked);
        table.fill(&looked, 0, (1, &key), Some(Row { version: [1, 1], bytes: &[7; ROW_BYTES] }));
    }
}

fn look(criterion: &mut Criterion) {
    let table = Table::new(TABLE_BYTES);
    filled(&table);
    let mut group = criterion.benchmark_group("hot/look");
    let mut looked = Looked::new();
    let mut random = Random(1);
    for rows in BATCHES {
        let mut keys = vec![[0; 8]; rows];
        group.throughput(Throughput::Elements(rows as u64));
        group.bench_function(format!("{rows}_rows"), |bencher| {
            bencher.iter(|| {
                random.fill(&mut keys);
                table.look(keys.iter().map(|key| (1, &key[..])), &mut looked);
                assert!(table.is_still(black_box(&looked)));
            });
        });
    }
    let counts = table.counts();
    assert!(counts.hits > 9 * (counts.misses - ROWS), "most of what is looked for is there: {counts:?}");
    group.finish();
}

/// The same out of memory that another process would map.
#[cfg(target_os = "linux")]
fn look_shared(criterion: &mut Criterion) {
    let table = Table::shared(TABLE_BYTES).expect("memory that can be shared");
    filled(&table);
    let shared = asofdb_hot::SharedTable::open(table.descriptor().expect("a descriptor").expect("it is shared"));
    let shared = shared.expect("the table");
    let mut group = criterion.benchmark_group("hot/look_shared");
    let mut looked = Looked::new();
    let mut random = Random(1);
    for rows in BATCHES {
        let mut keys = vec![[0; 8]; rows];
        group.throughput(Throughput::Elements(rows as u64));
        group.bench_function(format!("{rows}_rows"), |bencher| {
            bencher.iter(|| {
                random.fill(&mut keys);
                let conditions = shared.conditions().expect("a table that is kept");
                shared.look(keys.iter().map(|key| (1, &key[..])), &mut looked);
                assert!(shared.is_still(black_box(&looked), &conditions));
            });
        });
    }
    group.finish();
}

#[cfg(not(target_os = "linux"))]
fn look_shared(_: &mut Criterion) {}

struct Random(u64);

impl Random {
    fn fill(&mut self, keys: &mut [[u8; 8]]) {
        for key in keys {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *key = ((self.0 >> 33) % ROWS).to_be_bytes();
        }
    }
}

criterion_group!(benches, look, look_shared);
criterion_main!(benches);
