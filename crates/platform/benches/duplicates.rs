//! Duplicates among 300 features of 40 views on disk: how long one search of all of them takes. `ASOFDB_BENCH_ENTITIES`
//! says how many entities there are.

use std::sync::Arc;
use std::time::Instant;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, TimestampMicrosecondArray};
use asofdb::{Durability, ManualClock, Options, Session, Store, Timestamp, parse_definitions};
use asofdb_platform::Discovery;
use tempfile::TempDir;

const VIEWS: usize = 40;
const FEATURES: usize = 300;
const ROWS: i64 = 20_000;

/// The present: 2024-06-01.
const NOW: Timestamp = Timestamp::from_micros(1_717_200_000_000_000);

/// The features of a view: seven or eight.
fn features(view: usize) -> std::ops::Range<usize> {
    FEATURES * view / VIEWS..FEATURES * (view + 1) / VIEWS
}

fn definitions() -> String {
    let mut text = "[[entity]]\nname = \"user\"\njoin_keys = [{ name = \"user_id\", type = \"int64\" }]\n".to_owned();
    for view in 0..VIEWS {
        let features = features(view).map(|number| format!("{{ name = \"feature_{number}\", type = \"float64\" }}"));
        let features = features.collect::<Vec<_>>().join(", ");
        text += &format!("[[feature_view]]\nname = \"view_{view}\"\nentities = [\"user\"]\nfeature = [{features}]\n");
    }
    text
}

/// A number for an entity that has nothing to do with others. Every hundredth feature is a hundred times the one
/// before.
fn value(user: i64, feature: usize) -> f64 {
    if feature % 100 == 99 {
        return value(user, feature - 9) * 100.0;
    }
    let mixed =
        (user as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (feature as u64).wrapping_mul(0xC2B2_AE3D_27D4_EB4F);
    let mixed = (mixed ^ (mixed >> 31)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    ((mixed ^ (mixed >> 29)) >> 40) as f64 / 1e3
}

fn rows(view: usize, users: std::ops::Range<i64>) -> RecordBatch {
    let times = users.clone().map(|user| NOW.as_micros() - 1_000_000 * (user % 5_000));
    let mut columns: Vec<(String, ArrayRef)> = vec![
        ("user_id".into(), Arc::new(Int64Array::from_iter_values(users.clone()))),
        ("event_timestamp".into(), Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC"))),
    ];
    for feature in features(view) {
        let values = users.clone().map(|user| value(user, feature));
        columns.push((format!("feature_{feature}"), Arc::new(Float64Array::from_iter_values(values))));
    }
    RecordBatch::try_from_iter(columns).expect("columns of one length")
}

#[allow(clippy::disallowed_methods, reason = "a bench measures")]
fn main() {
    let entities = std::env::var("ASOFDB_BENCH_ENTITIES").ok().and_then(|text| text.parse().ok()).unwrap_or(ROWS);
    let directory = TempDir::new().expect("a directory");
    let options = Options::default();
    let store = Store::open_with(directory.path().join("store"), options, ManualClock::new(NOW), Durability::Os);
    let store = store.expect("a store");
    store.apply(&parse_definitions(&definitions(), "bench.toml").expect("definitions"), false).expect("a catalog");
    for view in 0..VIEWS {
        for first in (0..entities).step_by(ROWS as usize) {
            let rows = rows(view, first..(first + ROWS).min(entities));
            store.write(&format!("view_{view}"), &rows).expect("rows");
        }
    }
    Session::flush(&store).expect("a flush");
    let start = Instant::now();
    let sampled = store.sample_entities("view_0", 512).expect("a sample");
    println!("{} of {entities} entities sampled in {:?}", sampled.len(), start.elapsed());
    let start = Instant::now();
    let found = store.duplicates(&[]).expect("pairs");
    println!("{} pairs among {FEATURES} features of {VIEWS} views in {:?}", found.len(), start.elapsed());
    assert_eq!(found.len(), 3, "{found:?}");
}
