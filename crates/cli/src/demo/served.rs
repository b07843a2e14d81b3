//! Comparing rows of a training set with what serving would have said at their time: bit for bit.

use std::path::Path;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimestampMicrosecondType};
use asofdb::{AnswerColumns, EntityRows, Error, Prepared, Result, Store, Timestamp};

use super::check::Check;
use super::columns::{FLIGHT_ID, column};
use super::parquet::{self, unreadable};
use crate::text::count;

/// The column of the spine that has the times.
const TIMES: &str = "event_timestamp";

/// Reads `sampled` of the rows of a training set one by one, as of their own time and as it was known then, and compares
/// each value and status with the training set's.
pub(super) fn compare(store: &Store, service: &str, training_set: &Path, rows: u64, sampled: u64) -> Result<Check> {
    let mut served = Served::new(store, service)?;
    // Of every so many rows one, so that they are spread over the year.
    let is_sampled = |row: u64| (row + 1) * sampled / rows.max(1) > row * sampled / rows.max(1);
    let mut first = 0;
    for batch in parquet::open(training_set)? {
        let batch = batch.map_err(|error| unreadable(training_set, error))?;
        let of_batch = (0..batch.num_rows()).filter(|row| is_sampled(first + *row as u64));
        of_batch.into_iter().try_for_each(|row| served.compare(&batch.slice(row, 1)))?;
        first += batch.num_rows() as u64;
    }
    Ok(served.check())
}

/// Reads of a service, and what of them was not as in the training set.
struct Served<'s> {
    store: &'s Store,
    request: Prepared,
    entity: EntityRows,
    rows: u64,
    values: u64,
    wrong: Vec<String>,
}

impl<'s> Served<'s> {
    fn new(store: &'s Store, service: &str) -> Result<Self> {
        let request = store.prepare(&[service])?;
        let entity = request.entity_rows();
        Ok(Served { store, request, entity, rows: 0, values: 0, wrong: Vec::new() })
    }

    /// Compares one row of the training set.
    fn compare(&mut self, row: &RecordBatch) -> Result<()> {
        let at = Timestamp::from_micros(column(row, TIMES)?.as_primitive::<TimestampMicrosecondType>().value(0));
        self.entity.clear();
        let (keys, values) = (self.request.key_columns(row)?, self.request.request_columns(row)?);
        self.entity.push_columns_with(&keys, &values)?;
        let answer = self.store.as_of(&self.request, &self.entity, at, Some(at))?;
        let answer = answer.to_record_batch(AnswerColumns { statuses: true, ..AnswerColumns::default() })?;
        self.rows += 1;
        for (field, served) in answer.schema_ref().fields().iter().zip(answer.columns()) {
            self.values += 1;
            let trained = column(row, field.name())?;
            if !is_same(trained, served)? {
                let flight = column(row, FLIGHT_ID)?;
                self.wrong.push(format!("flight {flight:?}, {}: {trained:?}, served {served:?}", field.name()));
            }
        }
        Ok(())
    }

    fn check(self) -> Check {
        let (rows, values) = (count(self.rows), count(self.values));
        let mut text =
            format!("{rows} rows read one by one, as serving would have: {values} values and statuses, bit for bit");
        if let Some(first) = self.wrong.first() {
            text.push_str(&format!("; {} differ, the first of {first}", count(self.wrong.len() as u64)));
        }
        Check { holds: self.wrong.is_empty() && self.rows > 0, text }
    }
}

/// Returns whether two arrays have the same bits; a status is its name in either form.
fn is_same(trained: &ArrayRef, served: &ArrayRef) -> Result<bool> {
    if trained.data_type() == served.data_type() {
        return Ok(trained.to_data() == served.to_data());
    }
    let no_texts = |error| Error::internal("a status is no text").with_source(error);
    let text = |array: &ArrayRef| cast(array, &DataType::Utf8).map_err(no_texts);
    Ok(text(trained)?.to_data() == text(served)?.to_data())
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::sync::Arc;

    use ::parquet::arrow::ArrowWriter;
    use arrow::array::{Float64Array, Int64Array, TimestampMicrosecondArray};
    use arrow::compute::concat_batches;
    use asofdb::{JoinOptions, KnownAt, ManualClock, Session, parse_definitions};

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_717_200_000_000_000);
    const MINUTE: i64 = 60_000_000;

    const DEFINITIONS: &str = r#"
[[entity]]
name = "user"
join_keys = [{ name = "user_id", type = "int64" }]

[[event_view]]
name = "purchases"
entities = ["user"]
created_timestamp = "created"
columns = [{ name = "amount", type = "float64" }]

[[window_view]]
name = "spending"
from = "purchases"
windows = ["1h"]
feature = [{ name = "spent", aggregate = "sum", of = "amount" }]
"#;

    fn times(minutes: impl IntoIterator<Item = i64>) -> ArrayRef {
        let times = minutes.into_iter().map(|minutes| NOW.as_micros() - minutes * MINUTE);
        Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC"))
    }

    fn ints(values: Vec<i64>) -> ArrayRef {
        Arc::new(Int64Array::from(values))
    }

    fn batch<const N: usize>(columns: [(&str, ArrayRef); N]) -> RecordBatch {
        RecordBatch::try_from_iter(columns).unwrap()
    }

    fn store() -> Store {
        let store = Store::in_memory(ManualClock::new(NOW));
        store.apply(&parse_definitions(DEFINITIONS, "served.toml").unwrap(), false).unwrap();
        let rows = batch([
            ("user_id", ints(vec![1, 1, 1])),
            (TIMES, times([90, 80, 70])),
            // The last of them came late.
            ("created", times([90, 80, 10])),
            ("amount", Arc::new(Float64Array::from(vec![0.1, 0.2, 0.4]))),
        ]);
        store.write("purchases", &rows).unwrap();
        store
    }

    fn training_set(store: &Store) -> RecordBatch {
        let spine =
            batch([(FLIGHT_ID, ints(vec![7, 8, 9])), ("user_id", ints(vec![1, 1, 2])), (TIMES, times([60, 0, 0]))]);
        let columns = AnswerColumns { statuses: true, ..AnswerColumns::default() };
        let options = JoinOptions { known_at: KnownAt::OwnTime, columns, ..JoinOptions::default() };
        let batches = [Ok(spine.clone())].into_iter();
        let joined = store.point_in_time_join(&["spending"], spine.schema(), batches, &options).unwrap();
        let joined = joined.collect::<Result<Vec<_>>>().unwrap();
        concat_batches(joined[0].schema_ref(), &joined).unwrap()
    }

    fn check(store: &Store, training_set: &RecordBatch, sampled: u64) -> Check {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut writer = ArrowWriter::try_new(File::create(file.path()).unwrap(), training_set.schema(), None).unwrap();
        writer.write(training_set).unwrap();
        writer.close().unwrap();
        compare(store, "spending", file.path(), 3, sampled).unwrap()
    }

    #[test]
    fn a_training_set_is_what_serving_would_have_said_to_the_last_bit() {
        let store = store();
        let mut rows = training_set(&store);
        let good = check(&store, &rows, 3);
        assert!(good.holds, "{}", good.text);
        assert_eq!(good.text, "3 rows read one by one, as serving would have: 6 values and statuses, bit for bit");
        assert!(check(&store, &rows, 1).text.starts_with("1 rows"));
        // What was known later is in the sum by a reader of now: 0.1 + 0.2 + 0.4, not 0.1 + 0.2.
        let mut columns = rows.columns().to_vec();
        let spent = rows.schema_ref().index_of("spent_1h").unwrap();
        let values = columns[spent].as_primitive::<arrow::datatypes::Float64Type>();
        assert_eq!(values.value(0), 0.2 + 0.1);
        columns[spent] = Arc::new(Float64Array::from(vec![Some(0.3), Some(0.0), None]));
        rows = RecordBatch::try_new(rows.schema(), columns).unwrap();
        let bad = check(&store, &rows, 3);
        assert!(!bad.holds && bad.text.contains("1 differ, the first of flight"), "{}", bad.text);
    }
}
