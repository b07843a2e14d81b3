//! Windows over events beside a raw RocksDB scan of the same events, and a join of many rows.
//!
//! Purchases of users in two days: an amount, a shop, one in ten amounts null. `ASOFDB_BENCH_USERS` (100),
//! `ASOFDB_BENCH_EVENTS` of each (20,000) and `ASOFDB_BENCH_SPINE` rows of the join (20,000). The answers are compared
//! with sums over the same data before anything is measured.

mod support;

use std::hint::black_box;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use asofdb::storage::{RowPlan, key};
use asofdb::{
    Durability, EntityRows, JoinOptions, Options, Prepared, Session, Span, Store, SystemClock, Timestamp, Value,
    parse_definitions,
};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use rocksdb::{DB, Options as RocksOptions};
use support::{CACHE_BYTES, mix, number};

/// 2024-01-01, and two days later.
const FIRST: Timestamp = Timestamp::from_micros(1_704_067_200_000_000);
const MICROS: i64 = 2 * 86_400_000_000;

const DEFINITIONS: &str = r#"
[[entity]]
name = "user"
join_keys = [{ name = "user_id", type = "int64" }]

[[event_view]]
name = "purchases"
entities = ["user"]
event_id = ["order_id"]
created_timestamp = "created"
columns = [
    { name = "order_id", type = "int64" },
    { name = "amount", type = "float64" },
    { name = "shop", type = "string" },
]

[[window_view]]
name = "exact"
from = "purchases"
windows = ["24h"]
feature = [
    { name = "n", aggregate = "count" },
    { name = "sum", aggregate = "sum", of = "amount" },
    { name = "least", aggregate = "min", of = "amount" },
    { name = "most", aggregate = "max", of = "amount" },
    { name = "mean", aggregate = "mean", of = "amount" },
]

[[window_view]]
name = "stepped"
from = "purchases"
windows = ["24h"]
every = "5m"
feature = [
    { name = "n", aggregate = "count" },
    { name = "sum", aggregate = "sum", of = "amount" },
    { name = "least", aggregate = "min", of = "amount" },
    { name = "most", aggregate = "max", of = "amount" },
    { name = "mean", aggregate = "mean", of = "amount" },
]

[[window_view]]
name = "short"
from = "purchases"
windows = ["1h"]
feature = [{ name = "n", aggregate = "count" }, { name = "sum", aggregate = "sum", of = "amount" }]

[[window_view]]
name = "six"
from = "purchases"
windows = ["5m", "1h", "3h", "6h", "12h", "24h"]
feature = [{ name = "n", aggregate = "count" }, { name = "sum", aggregate = "sum", of = "amount" }]

[[window_view]]
name = "filtered"
from = "purchases"
where = "shop == 'shop 3' and amount > 10.0"
windows = ["24h"]
feature = [{ name = "n", aggregate = "count" }, { name = "sum", aggregate = "sum", of = "amount" }]
"#;

#[derive(Clone, Copy)]
struct Sizes {
    users: usize,
    events: usize,
}

fn sizes() -> Sizes {
    Sizes { users: number("ASOFDB_BENCH_USERS", 100), events: number("ASOFDB_BENCH_EVENTS", 20_000) }
}

fn time(user: usize, event: usize, sizes: Sizes) -> Timestamp {
    let step = MICROS / sizes.events as i64;
    FIRST.plus(Span::from_micros(event as i64 * step + mix((user * 31 + event) as u64) as i64 % step.max(1)))
}

fn amount(user: usize, event: usize) -> Option<f64> {
    let seed = mix((user << 32 | event) as u64);
    (!seed.is_multiple_of(10)).then(|| (seed % 10_000) as f64 / 100.0)
}

fn events(user: usize, sizes: Sizes) -> RecordBatch {
    let times = (0..sizes.events).map(|event| Some(time(user, event, sizes).as_micros()));
    let times = || -> ArrayRef { Arc::new(times.clone().collect::<TimestampMicrosecondArray>().with_timezone("UTC")) };
    let shops = (0..sizes.events).map(|event| format!("shop {}", mix(event as u64) % 20));
    let columns: [(&str, ArrayRef); 6] = [
        ("user_id", Arc::new((0..sizes.events).map(|_| Some(user as i64)).collect::<Int64Array>())),
        ("event_timestamp", times()),
        ("created", times()),
        ("order_id", Arc::new((0..sizes.events).map(|event| Some(event as i64)).collect::<Int64Array>())),
        ("amount", Arc::new((0..sizes.events).map(|event| amount(user, event)).collect::<Float64Array>())),
        ("shop", Arc::new(StringArray::from_iter_values(shops))),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true))).expect("columns")
}

/// The store of these sizes, made once.
fn store(sizes: Sizes) -> (Store, PathBuf) {
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let path = target.join(format!("windows-2-{}-{}", sizes.users, sizes.events));
    let open = || {
        let options = Options { memory_budget_bytes: CACHE_BYTES, ..Options::default() };
        Store::open_with(&path, options, Arc::new(SystemClock), Durability::Os).expect("a store")
    };
    let done = path.join("../").join(format!("windows-2-{}-{}.done", sizes.users, sizes.events));
    if !done.exists() {
        let _ = std::fs::remove_dir_all(&path);
        let store = open();
        store.apply(&parse_definitions(DEFINITIONS, "windows.toml").expect("definitions"), false).expect("a catalog");
        for user in 0..sizes.users {
            store.write("purchases", &events(user, sizes)).expect("written");
        }
        check(&store, sizes);
        make_tiles(&store, sizes);
        store.compact().expect("compacted");
        std::fs::write(done, "").expect("a mark");
        return (store, path);
    }
    (open(), path)
}

/// A time in the second day.
fn asked_at(n: u64) -> Timestamp {
    FIRST.plus(Span::from_micros(MICROS / 2 + mix(n) as i64 % (MICROS / 2)).max(Span::ZERO))
}

fn entity(request: &Prepared, user: usize) -> EntityRows {
    let mut rows = request.entity_rows();
    rows.push(&[Some(Value::Int64(user as i64))]).expect("a good key");
    rows
}

/// Makes the tiles of all windows, by reads of two days.
fn make_tiles(store: &Store, sizes: Sizes) {
    for features in ["exact:*", "filtered:*", "six:*", "short:*", "stepped:*"] {
        let request = store.prepare(&[features]).expect("a request");
        for at in (0..=48).rev().step_by(if features == "short:*" { 1 } else { 24 }) {
            let at = FIRST.plus(Span::from_secs(at * 3_600));
            for user in 0..sizes.users {
                store.as_of(&request, &entity(&request, user), at, None).expect("a read");
            }
            store.compact().expect("tiles");
        }
    }
}

fn check(store: &Store, sizes: Sizes) {
    let request = store.prepare(&["exact:n_24h", "exact:sum_24h"]).expect("a request");
    for n in 0..20 {
        let (user, at) = (mix(n) as usize % sizes.users, asked_at(n));
        let start = at.minus(Span::from_secs(86_400));
        let inside =
            (0..sizes.events).filter(|event| (start < time(user, *event, sizes)) && time(user, *event, sizes) <= at);
        let (mut count, mut sum) = (0, 0.0);
        inside.for_each(|event| (count, sum) = (count + 1, sum + amount(user, event).unwrap_or(0.0)));
        let answer = store.as_of(&request, &entity(&request, user), at, None).expect("a read");
        assert_eq!(answer.value(0, 0).expect("a value"), Some(Value::Int64(count)));
        let Some(Value::Float64(got)) = answer.value(0, 1).expect("a value") else { panic!("a sum") };
        assert!((got - sum).abs() < 1e-6 * sum.abs().max(1.0), "{got} and {sum}");
    }
}

/// Brings every block into the cache, by reads at random times: a criterion warm-up of seconds does not meet all.
fn warm(store: &Store, sizes: Sizes) {
    let request = store.prepare(&["exact:*"]).expect("a request");
    for n in 0..500 * sizes.users as u64 {
        let user = mix(n) as usize % sizes.users;
        store.as_of(&request, &entity(&request, user), asked_at(n), None).expect("a read");
    }
}

fn reads(c: &mut Criterion) {
    let sizes = sizes();
    let (store, path) = store(sizes);
    check(&store, sizes);
    warm(&store, sizes);
    let mut group = c.benchmark_group(format!("windows/{} events in 24 h", sizes.events / 2));
    let raw = DB::open_cf_for_read_only(&RocksOptions::default(), &path, ["events"], false).expect("the files");
    let view = store.catalog().view("purchases").expect("the view").clone();
    let plan = RowPlan::new(&view, &[view.feature("amount").expect("a column").id]).expect("a plan");
    let mut n = 0;
    let mut next = move || {
        n += 1;
        (mix(n) as usize % sizes.users, asked_at(n))
    };
    group.bench_function("raw scan, amounts summed", |b| {
        let mut iterator = raw.raw_iterator_cf(raw.cf_handle("events").expect("the family"));
        b.iter(|| {
            let (user, at) = next();
            let mut prefix = view.id.to_be_bytes().to_vec();
            key::encode_value(&Value::Int64(user as i64), &mut prefix).expect("a key");
            let mut from = prefix.clone();
            key::event_key(&[], at, &[0; 16], &mut from);
            let start = at.minus(Span::from_secs(86_400));
            iterator.seek(&from);
            let mut sum = 0.0;
            while let Some((key, row)) = iterator.item().filter(|(key, _)| key.starts_with(&prefix)) {
                let (_, _, version) = key::split_version_key(key).expect("a key");
                if version.event <= start {
                    break;
                }
                let row = plan.open(row).expect("a row").expect("no deletion");
                sum +=
                    row.get(0).expect("a value").map_or(0.0, |bytes| f64::from_le_bytes(bytes.try_into().expect("8")));
                iterator.next();
            }
            black_box(sum)
        });
    });
    for features in ["exact:*", "stepped:*", "filtered:*", "six:*", "short:*"] {
        let request = store.prepare(&[features]).expect("a request");
        let mut rows = request.entity_rows();
        group.bench_function(features, |b| {
            b.iter(|| {
                let (user, at) = next();
                rows.clear();
                rows.push(&[Some(Value::Int64(user as i64))]).expect("a good key");
                black_box(store.as_of(&request, &rows, at, None).expect("a read").rows())
            });
        });
    }
    group.finish();
    let mut group = c.benchmark_group(format!("windows/all {} users in one call", sizes.users));
    group.throughput(Throughput::Elements(sizes.users as u64));
    for features in ["exact:*", "stepped:*"] {
        let request = store.prepare(&[features]).expect("a request");
        let mut rows = request.entity_rows();
        (0..sizes.users).for_each(|user| rows.push(&[Some(Value::Int64(user as i64))]).expect("a good key"));
        group.bench_function(features, |b| {
            b.iter(|| black_box(store.as_of(&request, &rows, next().1, None).expect("a read").rows()));
        });
    }
    group.finish();
}

fn join(c: &mut Criterion) {
    let sizes = sizes();
    let (store, _) = store(sizes);
    let rows = number("ASOFDB_BENCH_SPINE", 20_000);
    let ids = (0..rows).map(|n| Some((mix(2 * n as u64) as usize % sizes.users) as i64)).collect::<Int64Array>();
    let times = (0..rows).map(|n| Some(asked_at(2 * n as u64 + 1).as_micros())).collect::<TimestampMicrosecondArray>();
    let spine = RecordBatch::try_from_iter([
        ("user_id", Arc::new(ids) as ArrayRef),
        ("event_timestamp", Arc::new(times.with_timezone("UTC")) as ArrayRef),
    ]);
    let spine = spine.expect("two columns");
    let mut group = c.benchmark_group("windows/join");
    group.sample_size(10).throughput(Throughput::Elements(rows as u64));
    for features in ["six:*", "exact:*"] {
        group.bench_function(features, |b| {
            b.iter_batched(
                || spine.clone(),
                |spine| {
                    let schema = spine.schema();
                    let options = JoinOptions::default();
                    let joined = store.point_in_time_join(&[features], schema, [Ok(spine)].into_iter(), &options);
                    joined.expect("a join").map(|batch| batch.expect("a batch").num_rows()).sum::<usize>()
                },
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, reads, join);
criterion_main!(benches);
