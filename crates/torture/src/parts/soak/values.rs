//! Rows whose values follow from their entity and version, so that each answer can be checked alone.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{Float64Type, Int64Type};
use asofdb::{Clock, SystemClock, Timestamp, Value};

/// Entities that are written and read.
pub(super) const ENTITIES: i64 = 400;

/// The time between two versions of an entity.
pub(super) const TICK: Duration = Duration::from_millis(200);

/// The features of the two views that are written together, in the order in which [`check`] takes them.
pub(super) const FEATURES: [&str; 5] = ["soak_a:version", "soak_a:sum", "soak_a:half", "soak_a:text", "soak_b:version"];

/// The views: two that are written in one step, one that files are ingested into, and one that hostile clients know.
/// Versions older than a minute may be reclaimed, so that the store stays as it is.
pub(super) const DEFINITIONS: &str = r#"
[[entity]]
name = "thing"
join_keys = [{ name = "id", type = "int64" }]
[[feature_view]]
name = "soak_a"
entities = ["thing"]
retention = "1m"
feature = [
    { name = "version", type = "int64" },
    { name = "sum", type = "int64" },
    { name = "half", type = "float64" },
    { name = "text", type = "string" },
]
[[feature_view]]
name = "soak_b"
entities = ["thing"]
retention = "1m"
feature = [{ name = "version", type = "int64" }]
[[feature_view]]
name = "soak_load"
entities = ["thing"]
retention = "1m"
feature = [{ name = "version", type = "int64" }, { name = "sum", type = "int64" }]
[[entity]]
name = "user"
join_keys = [{ name = "user_id", type = "int64" }]
[[feature_view]]
name = "profile"
entities = ["user"]
feature = [{ name = "visits", type = "int64" }]
"#;

/// The time of version 0, from which those of all others follow.
#[derive(Debug, Clone, Copy)]
pub(super) struct Beginning(Timestamp);

impl Beginning {
    /// A beginning two ticks ago: version 1 can be written at once.
    pub(super) fn now() -> Self {
        let two_ticks = asofdb::Span::from_micros(2 * TICK.as_micros() as i64);
        Beginning(SystemClock.now().minus(two_ticks))
    }

    /// The beginning that another process has told.
    pub(super) const fn of_micros(micros: i64) -> Self {
        Beginning(Timestamp::from_micros(micros))
    }

    pub(super) const fn as_micros(self) -> i64 {
        self.0.as_micros()
    }

    /// The time of a version.
    pub(super) fn event(self, version: i64) -> Timestamp {
        Timestamp::from_micros(self.as_micros() + version * TICK.as_micros() as i64)
    }

    /// The newest version whose time has come.
    pub(super) fn newest_version(self) -> i64 {
        self.version_at(SystemClock.now())
    }

    /// The newest version as of a time.
    pub(super) fn version_at(self, time: Timestamp) -> i64 {
        (time.as_micros() - self.as_micros()) / TICK.as_micros() as i64
    }
}

/// A number that follows from an entity and a version.
pub(super) fn sum(entity: i64, version: i64) -> i64 {
    let mixed =
        (entity as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (version as u64).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed ^ (mixed >> 29)) as i64
}

fn half(entity: i64, version: i64) -> f64 {
    (sum(entity, version) >> 12) as f64 / 2.0
}

fn text(entity: i64, version: i64) -> String {
    let sum = sum(entity, version);
    format!("{sum:x}").repeat((sum as u64 % 8) as usize)
}

/// Checks what was read of an entity; gives its version.
///
/// # Errors
/// The faults.
pub(super) fn check(entity: i64, values: &[Option<Value>]) -> Result<i64, String> {
    let [Some(Value::Int64(version)), rest @ ..] = values else {
        return Err(format!("entity {entity} has no version: {values:?}"));
    };
    let good = [
        Some(Value::Int64(sum(entity, *version))),
        Some(Value::Float64(half(entity, *version))),
        Some(Value::String(text(entity, *version))),
        // Written in one step with the others.
        Some(Value::Int64(*version)),
    ];
    match rest.iter().zip(&good).find(|(found, good)| found != good) {
        None => Ok(*version),
        Some((found, good)) => Err(format!("entity {entity}, version {version}: {found:?} instead of {good:?}")),
    }
}

/// Checks rows of an export of `soak_a`, or of a file for it; gives the entity and version of each.
///
/// # Errors
/// The faults.
pub(super) fn check_rows(rows: &RecordBatch) -> Result<Vec<(i64, i64)>, String> {
    let column = |name: &str| rows.column_by_name(name).ok_or_else(|| format!("no column {name}"));
    let (ids, versions) = (column("id")?.as_primitive::<Int64Type>(), column("version")?.as_primitive::<Int64Type>());
    let (sums, halves) = (column("sum")?.as_primitive::<Int64Type>(), column("half")?.as_primitive::<Float64Type>());
    let texts = column("text")?.as_string::<i32>();
    let row = |row: usize| {
        let (id, version) = (ids.value(row), versions.value(row));
        let is_good = sums.value(row) == sum(id, version)
            && halves.value(row) == half(id, version)
            && texts.value(row) == text(id, version);
        is_good.then_some((id, version)).ok_or_else(|| format!("entity {id}, version {version}: wrong values"))
    };
    (0..rows.num_rows()).map(row).collect()
}

/// The rows of some entities and versions, for both views.
pub(super) fn rows(
    beginning: Beginning,
    entities: std::ops::Range<i64>,
    versions: std::ops::Range<i64>,
) -> [RecordBatch; 2] {
    let all: Vec<(i64, i64)> = versions.flat_map(|version| entities.clone().map(move |id| (id, version))).collect();
    let (keys, of_version) = (keys_and_times(beginning, &all), versions_of(&all));
    let of_a: Vec<(&str, ArrayRef)> = vec![
        ("sum", Arc::new(all.iter().map(|(id, version)| sum(*id, *version)).collect::<Int64Array>())),
        ("half", Arc::new(all.iter().map(|(id, version)| Some(half(*id, *version))).collect::<Float64Array>())),
        ("text", Arc::new(all.iter().map(|(id, version)| Some(text(*id, *version))).collect::<StringArray>())),
    ];
    let batch = |more: Vec<(&'static str, ArrayRef)>| {
        let columns = keys.iter().cloned().chain([("version", of_version.clone())]).chain(more);
        RecordBatch::try_from_iter(columns).expect("columns of one length")
    };
    [batch(of_a), batch(Vec::new())]
}

/// A spine: entities, and times as of which they are asked about.
pub(super) fn spine(beginning: Beginning, asked: &[(i64, i64)]) -> RecordBatch {
    RecordBatch::try_from_iter(keys_and_times(beginning, asked)).expect("columns of one length")
}

fn keys_and_times(beginning: Beginning, all: &[(i64, i64)]) -> Vec<(&'static str, ArrayRef)> {
    let times: Vec<i64> = all.iter().map(|(_, version)| beginning.event(*version).as_micros()).collect();
    let ids: Int64Array = all.iter().map(|(id, _)| *id).collect();
    let times = TimestampMicrosecondArray::from(times).with_timezone("UTC");
    vec![("id", Arc::new(ids)), ("event_timestamp", Arc::new(times))]
}

fn versions_of(all: &[(i64, i64)]) -> ArrayRef {
    Arc::new(all.iter().map(|(_, version)| *version).collect::<Int64Array>())
}

/// A file for `soak_load`, as CSV: one version of so many entities.
pub(super) fn csv(beginning: Beginning, entities: i64, version: i64) -> String {
    let time = beginning.event(version);
    let rows = (0..entities).map(|id| format!("{id},{time},{version},{}\n", sum(id, version)));
    ["id,event_timestamp,version,sum\n".to_owned()].into_iter().chain(rows).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_check_themselves_and_a_changed_one_is_found() {
        let beginning = Beginning::of_micros(1_000_000);
        let [a, b] = rows(beginning, 3..5, 7..9);
        assert_eq!(check_rows(&a), Ok(vec![(3, 7), (4, 7), (3, 8), (4, 8)]));
        assert_eq!(b.num_rows(), 4);
        let values = |b: i64| {
            let of_a =
                [Value::Int64(7), Value::Int64(sum(3, 7)), Value::Float64(half(3, 7)), Value::String(text(3, 7))];
            of_a.into_iter().chain([Value::Int64(b)]).map(Some).collect::<Vec<_>>()
        };
        assert_eq!(check(3, &values(7)), Ok(7));
        assert!(check(3, &values(8)).unwrap_err().contains("instead of"));
        assert!(check(4, &values(7)).is_err());
        assert!(check(3, &[None]).unwrap_err().contains("no version"));
        assert_eq!(beginning.version_at(beginning.event(9)), 9);
    }
}
