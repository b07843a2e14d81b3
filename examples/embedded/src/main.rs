//! A feature store inside a process: define, write, read now and as of a time, fill a model's input.
//!
//! `cargo run -p asofdb-example-embedded`

use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, Int64Array, RecordBatch, TimestampMicrosecondArray};
use asofdb::{F32Matrix, Result, Span, Store, Value, parse_definitions};

const DEFINITIONS: &str = r#"
[[entity]]
name = "user"
join_keys = [{ name = "user_id", type = "int64" }]

[[feature_view]]
name = "activity_v1"
entities = ["user"]
ttl = "7d"
[[feature_view.feature]]
name = "clicks"
type = "int64"
default = 0
[[feature_view.feature]]
name = "spend"
type = "float32"
description = "Money spent in the last thirty days, euros"

[[feature_service]]
name = "ranking_v1"
features = ["activity_v1:spend", "activity_v1:clicks"]
"#;

fn main() -> Result<()> {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let store = Store::open(directory.path().join("store"))?;
    store.apply(&parse_definitions(DEFINITIONS, "embedded.rs")?, false)?;

    // Two versions of user 1001, one of user 1002 whose spend is not known.
    let now = store.now();
    let events = [now.minus(Span::from_secs(7_200)), now.minus(Span::from_secs(60)), now];
    let events =
        TimestampMicrosecondArray::from(events.map(asofdb::Timestamp::as_micros).to_vec()).with_timezone("UTC");
    let rows = RecordBatch::try_from_iter_with_nullable([
        ("user_id", Arc::new(Int64Array::from(vec![1001, 1001, 1002])) as ArrayRef, false),
        ("event_timestamp", Arc::new(events), false),
        ("clicks", Arc::new(Int64Array::from(vec![3, 5, 1])), true),
        ("spend", Arc::new(Float32Array::from(vec![Some(9.5), Some(12.0), None])), true),
    ])
    .expect("columns of one length");
    store.write("activity_v1", &rows)?;

    // Names are resolved once; reading then touches no strings and no catalog.
    let request = store.prepare(&["ranking_v1"])?;
    let mut users = request.entity_rows();
    for user in [1001, 1002, 9999] {
        users.push(&[Some(Value::Int64(user))])?;
    }

    println!("latest:");
    let answer = store.latest(&request, &users)?;
    for row in 0..answer.rows() {
        for (feature, reference) in answer.references().iter().enumerate() {
            let value = answer.value(row, feature)?.map_or("-".to_owned(), |value| value.to_string());
            println!("  {reference:<20} {value:<8} {}", answer.status(row, feature));
        }
    }

    println!("an hour ago, user 1001 had spent:");
    let answer = store.as_of(&request, &users, now.minus(Span::from_secs(3_600)), None)?;
    println!("  {:?} ({})", answer.value(0, 0)?, answer.status(0, 0));

    println!("as a model's input, NaN for holes:");
    let mut inputs = vec![0.0; users.len() * answer.features()];
    store.latest_f32(&request, &users, F32Matrix { values: &mut inputs, statuses: None, fill: f32::NAN })?;
    inputs.chunks(answer.features()).for_each(|row| println!("  {row:?}"));
    Ok(())
}
