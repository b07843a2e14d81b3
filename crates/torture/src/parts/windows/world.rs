//! The events and windows of the part.

use arrow::array::RecordBatch;
use asofdb::{AnswerColumns, Definitions, Result, Store, Timestamp, Value, parse_definitions};

/// The event view.
pub(super) const EVENTS: &str = "purchases";

/// Users 1 to this one have events; the next one has none.
pub(super) const USERS: u64 = 5;

const TEXT: &str = r#"
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
    { name = "shop", type = "string" },
    { name = "amount", type = "float64" },
]

[[window_view]]
name = "w"
from = "purchases"
where = "shop != 'c'"
windows = ["5m", "1h", "7h", "2d", "50d"]
feature = [
    { name = "n", aggregate = "count" },
    { name = "sum", aggregate = "sum", of = "amount" },
    { name = "mean", aggregate = "mean", of = "amount", where = "shop == 'a'" },
    { name = "most", aggregate = "max", of = "shop" },
    { name = "spread", aggregate = "stddev", of = "amount" },
    { name = "last", aggregate = "last", of = "shop" },
    { name = "shops", aggregate = "distinct", of = "shop" },
    { name = "orders", aggregate = "approx_distinct", of = "order_id", precision = 6 },
    { name = "middle", aggregate = "quantile", of = "amount", q = 0.5, error = 0.05 },
]

[[window_view]]
name = "stepped"
from = "purchases"
windows = ["1h", "1d"]
every = "5m"
offset = "10m"
feature = [{ name = "n", aggregate = "count" }, { name = "sum", aggregate = "sum", of = "amount" }]
"#;

pub(super) fn definitions() -> Result<Definitions> {
    parse_definitions(TEXT, "windows.toml")
}

/// All windows of all users as of a time, with statuses and the times of events.
///
/// # Errors
/// Those of the store.
pub(super) fn read_all(store: &Store, at: Timestamp, known_at: Option<Timestamp>) -> Result<RecordBatch> {
    let request = store.prepare(&["w:*", "stepped:*"])?;
    let mut rows = request.entity_rows();
    (1..=USERS as i64 + 1).try_for_each(|user| rows.push(&[Some(Value::Int64(user))]))?;
    let columns = AnswerColumns { statuses: true, event_timestamps: true, ..AnswerColumns::default() };
    store.as_of(&request, &rows, at, known_at)?.to_record_batch(columns)
}
