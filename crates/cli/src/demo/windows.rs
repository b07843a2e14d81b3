//! Comparing windows and derived features with the known answers: `expected_windows.json`.

use std::collections::BTreeMap;
use std::path::Path;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use asofdb::{Error, Result, Status};
use serde_json::Value as Json;

use super::check::Check;
use super::columns::{FLIGHT_ID, column, flight_ids, numbers};
use super::digest::Digest;
use super::expected_windows::{ExpectedWindow, ExpectedWindows};
use super::parquet::{self, unreadable};
use crate::text::count;

/// The most that reading a number from JSON may change it, relative to it: its last bits. The digests are exact.
const READ_TOLERANCE: f64 = 1e-15;

/// The values and statuses of one feature, as read.
#[derive(Debug)]
struct Found {
    by_status: [u64; 4],
    sum: f64,
    min: f64,
    max: f64,
    digest: Digest,
}

/// One value and its status.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Cell {
    value: f64,
    status: Status,
}

/// Reads the training set once and compares every feature with what was expected, and some rows value by value.
pub(super) fn compare(expected: &ExpectedWindows, training_set: &Path) -> Result<Vec<Check>> {
    let features = expected.features()?;
    let mut found: Vec<Found> = features.iter().map(|_| Found::new()).collect();
    let mut samples = Samples::new(expected)?;
    let mut rows = 0;
    for batch in parquet::open(training_set)? {
        let batch = batch.map_err(|error| unreadable(training_set, error))?;
        let flights = flight_ids(&batch)?;
        for ((name, expected), found) in features.iter().zip(&mut found) {
            let cells = Cells::read(&batch, name)?;
            cells.iter().for_each(|cell| found.add(cell));
            samples.compare(&flights, &cells, name, expected.tolerance);
        }
        rows += batch.num_rows() as u64;
    }
    let mut checks = vec![Check { holds: rows == expected.rows, text: format!("{} rows", count(rows)) }];
    checks.extend(features.iter().zip(&found).map(|((name, expected), found)| found.check(name, expected)));
    checks.push(samples.check());
    Ok(checks)
}

/// The cells of a feature in one batch.
struct Cells {
    values: ArrayRef,
    statuses: ArrayRef,
}

impl Cells {
    fn read(batch: &RecordBatch, name: &str) -> Result<Self> {
        let no_texts = |error| Error::internal("a status is no text").with_source(error);
        let statuses = column(batch, &format!("{name}__status"))?;
        Ok(Cells {
            values: numbers(column(batch, name)?)?,
            statuses: cast(statuses, &DataType::Utf8).map_err(no_texts)?,
        })
    }

    fn get(&self, row: usize) -> Cell {
        let values = self.values.as_primitive::<Float64Type>();
        let text = self.statuses.as_string::<i32>().value(row);
        // A status of no known name is worse than any that is expected.
        let status = Status::ALL.into_iter().find(|status| status.as_str() == text).unwrap_or(Status::Expired);
        // A zero of either sign is the same, and no value is one.
        let value = if values.is_null(row) { 0.0 } else { values.value(row) + 0.0 };
        Cell { value, status }
    }

    fn iter(&self) -> impl Iterator<Item = Cell> {
        (0..self.values.len()).map(|row| self.get(row))
    }
}

impl Found {
    fn new() -> Self {
        Found { by_status: [0; 4], sum: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY, digest: Digest::default() }
    }

    fn add(&mut self, cell: Cell) {
        self.by_status[cell.status as usize] += 1;
        self.digest.add(cell.value, cell.status);
        if cell.status == Status::Present {
            self.sum += cell.value;
            self.min = self.min.min(cell.value);
            self.max = self.max.max(cell.value);
        }
    }

    fn of(&self, status: Status) -> u64 {
        self.by_status[status as usize]
    }

    fn check(&self, name: &str, expected: &ExpectedWindow) -> Check {
        let counts = [Status::Present, Status::Null, Status::Missing].map(|status| self.of(status));
        let holds = counts == [expected.present, expected.null, expected.missing]
            && self.of(Status::Expired) == 0
            && (self.sum - expected.sum).abs() <= expected.sum_tolerance
            && is_near(self.min, expected.min, expected.tolerance)
            && is_near(self.max, expected.max, expected.tolerance)
            && expected.digest.as_ref().is_none_or(|digest| self.digest.to_string() == *digest);
        let [present, null, missing] = counts.map(count);
        let (min, max) = (self.min, self.max);
        let mut text =
            format!("{name:26} {present:>8} {null:>8} {missing:>8} {:>14.1}   {min:.1} to {max:.1}", self.sum);
        if !holds {
            text.push_str(&format!(" (digest {}; expected {expected:?})", self.digest));
        }
        Check { holds, text }
    }
}

/// Returns whether a value is as near to the expected one as it must be.
fn is_near(found: f64, expected: f64, tolerance: f64) -> bool {
    (found - expected).abs() <= tolerance.max(READ_TOLERANCE) * expected.abs()
}

/// The rows that are compared value by value.
struct Samples<'e> {
    /// The sample rows, by flight.
    rows: BTreeMap<i64, &'e [Json]>,
    /// The place of each feature in them.
    places: BTreeMap<&'e str, usize>,
    values: usize,
    wrong: Vec<String>,
}

impl<'e> Samples<'e> {
    fn new(expected: &'e ExpectedWindows) -> Result<Self> {
        let sample = &expected.sample;
        let places: BTreeMap<&str, usize> =
            sample.columns.iter().enumerate().map(|(place, name)| (name.as_str(), place)).collect();
        let id = places.get(FLIGHT_ID).copied().unwrap_or_default();
        let by_flight = |row: &'e Vec<Json>| {
            let flight = row.get(id).and_then(Json::as_i64).filter(|_| row.len() == sample.columns.len());
            let flight = flight.ok_or_else(|| Error::corrupt("a sample row of expected_windows.json is not whole"))?;
            Ok((flight, row.as_slice()))
        };
        let rows = sample.rows.iter().map(by_flight).collect::<Result<_>>()?;
        Ok(Samples { rows, places, values: 0, wrong: Vec::new() })
    }

    /// Compares one feature of a batch, whose rows are these flights.
    fn compare(&mut self, flights: &[i64], cells: &Cells, name: &str, tolerance: f64) {
        let Some(place) = self.places.get(name) else { return };
        for (row, flight) in flights.iter().enumerate() {
            let Some(sample) = self.rows.get(flight) else { continue };
            self.values += 1;
            let (expected, found) = (&sample[*place], cells.get(row));
            if !is_cell(found, expected, tolerance) {
                self.wrong.push(format!("flight {flight}, {name}, expected {expected}, found {found:?}"));
            }
        }
    }

    fn check(self) -> Check {
        // All columns but the flight and the reason why the row is there.
        let wanted = self.rows.len() * self.places.len().saturating_sub(2);
        let holds = self.wrong.is_empty() && self.values == wanted && wanted > 0;
        let mut text =
            format!("{} rows of interest, {} values and their statuses", self.rows.len(), count(self.values as u64));
        if !holds {
            text.push_str(&format!(" of {wanted}; wrong: {}", self.wrong.join("; ")));
        }
        Check { holds, text }
    }
}

/// Returns whether a cell is what a sample row has: a number, null, or "missing".
fn is_cell(found: Cell, expected: &Json, tolerance: f64) -> bool {
    match expected {
        Json::Null => found.status == Status::Null,
        Json::String(text) => found.status.as_str() == text,
        Json::Number(number) => {
            found.status == Status::Present
                && number.as_f64().is_some_and(|number| is_near(found.value, number, tolerance))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::sync::Arc;

    use ::parquet::arrow::ArrowWriter;
    use arrow::array::{Float64Array, Int64Array, StringArray};
    use serde_json::json;

    use super::*;

    /// A training set of four flights: 1.5, null, missing, -2.0.
    fn training_set() -> tempfile::NamedTempFile {
        let flights: ArrayRef = Arc::new(Int64Array::from(vec![0, 1, 2, 3]));
        let values: ArrayRef = Arc::new(Float64Array::from(vec![Some(1.5), None, None, Some(-2.0)]));
        let statuses: ArrayRef = Arc::new(StringArray::from(vec!["present", "null", "missing", "present"]));
        let columns = [(FLIGHT_ID, flights), ("mean", values), ("mean__status", statuses)];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut writer = ArrowWriter::try_new(File::create(file.path()).unwrap(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        file
    }

    fn expected() -> Json {
        json!({
            "rows": 4,
            "features": {"mean": {
                "present": 2, "null": 1, "missing": 1, "sum": -0.5, "min": -2.0, "max": 1.5,
                "tolerance": 0.0, "sum_tolerance": 0.0, "digest": "779b1099dd4b24c9",
            }},
            "sample": {
                "columns": ["flight_id", "why", "mean"],
                "rows": [[1, "null", null], [2, "missing", "missing"], [3, "last", -2.0]],
            },
        })
    }

    /// The outcome of the three checks: of the rows, of the feature and of the sample.
    fn holds(expected: Json) -> Vec<bool> {
        let checks = compare(&serde_json::from_value(expected).unwrap(), training_set().path()).unwrap();
        checks.iter().map(|check| check.holds).collect()
    }

    #[test]
    fn a_training_set_is_compared_by_counts_by_digest_and_by_value() {
        assert_eq!(holds(expected()), [true, true, true]);
        for (name, other) in [
            ("present", json!(3)),
            ("null", json!(2)),
            ("missing", json!(0)),
            ("sum", json!(-0.25)),
            ("min", json!(-2.5)),
            ("max", json!(1.0)),
            ("digest", json!("779b1099dd4b24ca")),
        ] {
            let mut altered = expected();
            altered["features"]["mean"][name] = other;
            assert_eq!(holds(altered), [true, false, true], "{name}");
        }
        for (row, other) in [(0_usize, json!("missing")), (1, json!(null)), (2, json!(-2.5)), (2, json!(null))] {
            let mut altered = expected();
            altered["sample"]["rows"][row][2] = other;
            assert_eq!(holds(altered), [true, true, false], "{row}");
        }
        let mut altered = expected();
        altered["rows"] = json!(5);
        assert_eq!(holds(altered), [false, true, true]);
    }

    #[test]
    fn what_is_near_enough_is_the_same_where_a_tolerance_says_so() {
        let mut altered = expected();
        let feature = altered["features"]["mean"].as_object_mut().unwrap();
        feature.remove("digest");
        feature.extend([("tolerance".into(), json!(0.01)), ("sum_tolerance".into(), json!(0.1))]);
        feature.extend([("max".into(), json!(1.51)), ("sum".into(), json!(-0.45))]);
        altered["sample"]["rows"][2][2] = json!(-2.01);
        assert_eq!(holds(altered.clone()), [true, true, true]);
        altered["sample"]["rows"][2][2] = json!(-2.1);
        assert_eq!(holds(altered), [true, true, false]);
    }
}
