//! Comparing the training set with the known answers.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, TimestampMicrosecondType};
use asofdb::{Result, Timestamp};
use serde_json::{Map, Value as Json};

use super::check::Check;
use super::columns::{FLIGHT_ID, column, flight_ids, numbers};
use super::expected::{Expected, ExpectedFeature};
use super::parquet::{self, unreadable};
use crate::text::count;

/// The most that a sum of many `f32` may differ from the one computed elsewhere, relative to it.
const SUM_TOLERANCE: f64 = 1e-6;

/// The samples are rounded to four places.
const SAMPLE_TOLERANCE: f64 = 1e-4;

/// The contents of a column, as read.
#[derive(Debug, Default)]
struct Found {
    non_null: u64,
    sum: f64,
    distinct: BTreeSet<String>,
}

/// Reads the training set once and compares it with what was expected, line by line.
pub(super) fn compare(expected: &Expected, training_set: &Path, spine: &Path) -> Result<Vec<Check>> {
    let features = expected.features()?;
    let mut found: BTreeMap<&str, Found> = features.iter().map(|(name, _)| (name.as_str(), Found::default())).collect();
    let mut flights = Vec::new();
    let mut samples = Samples::new(expected);
    for batch in parquet::open(training_set)? {
        let batch = batch.map_err(|error| unreadable(training_set, error))?;
        flights.extend(flight_ids(&batch)?);
        for (name, found) in &mut found {
            found.add(column(&batch, name)?)?;
        }
        samples.compare(&batch)?;
    }
    let mut checks = vec![
        Check { holds: flights.len() as u64 == expected.rows, text: format!("{} rows", count(flights.len() as u64)) },
        Check { holds: flights == spine_flights(spine)?, text: "the rows of the spine, in its order".to_owned() },
    ];
    checks.extend(features.iter().map(|(name, expected)| found[name.as_str()].check(name, expected)));
    checks.push(samples.check());
    Ok(checks)
}

fn spine_flights(spine: &Path) -> Result<Vec<i64>> {
    let mut flights = Vec::new();
    for batch in parquet::open(spine)? {
        flights.extend(flight_ids(&batch.map_err(|error| unreadable(spine, error))?)?);
    }
    Ok(flights)
}

impl Found {
    fn add(&mut self, array: &ArrayRef) -> Result<()> {
        self.non_null += (array.len() - array.null_count()) as u64;
        if let Some(texts) = array.as_string_opt::<i32>() {
            let new = texts.iter().flatten().filter(|text| !self.distinct.contains(*text)).map(str::to_owned);
            self.distinct.extend(new.collect::<Vec<_>>());
        } else {
            self.sum += numbers(array)?.as_primitive::<Float64Type>().iter().flatten().sum::<f64>();
        }
        Ok(())
    }

    fn check(&self, name: &str, expected: &ExpectedFeature) -> Check {
        let sum = expected.sum.is_none_or(|sum| (self.sum - sum).abs() <= SUM_TOLERANCE * sum.abs());
        let distinct = expected.distinct.is_none_or(|distinct| self.distinct.len() as u64 == distinct);
        let holds = self.non_null == expected.non_null && sum && distinct;
        let values = count(self.non_null);
        let mut text = match expected.sum {
            Some(_) => format!("{name:15} {values:>8} values, sum {:.1}", self.sum),
            None => format!("{name:15} {values:>8} values, {} different ones", self.distinct.len()),
        };
        if !holds {
            text.push_str(&format!(" (expected {expected:?})"));
        }
        Check { holds, text }
    }
}

/// The rows that are compared value by value.
struct Samples<'e> {
    expected: BTreeMap<i64, &'e Map<String, Json>>,
    rows: usize,
    values: usize,
    wrong: Vec<String>,
}

impl<'e> Samples<'e> {
    fn new(expected: &'e Expected) -> Self {
        let by_flight = |row: &'e Map<String, Json>| Some((row.get(FLIGHT_ID)?.as_i64()?, row));
        Samples { expected: expected.sample.iter().filter_map(by_flight).collect(), rows: 0, values: 0, wrong: vec![] }
    }

    fn compare(&mut self, batch: &RecordBatch) -> Result<()> {
        for (row, flight) in flight_ids(batch)?.into_iter().enumerate() {
            let Some(sample) = self.expected.get(&flight) else { continue };
            self.rows += 1;
            for (name, expected) in *sample {
                self.values += 1;
                if !is_value(column(batch, name)?, row, expected)? {
                    self.wrong.push(format!("flight {flight}, {name}, expected {expected}"));
                }
            }
        }
        Ok(())
    }

    fn check(self) -> Check {
        let holds = self.wrong.is_empty() && self.rows == self.expected.len() && self.rows > 0;
        let mut text = format!("{} sample rows, {} values", self.rows, self.values);
        if !holds {
            text.push_str(&format!(" of {} rows; wrong: {}", self.expected.len(), self.wrong.join("; ")));
        }
        Check { holds, text }
    }
}

/// Returns whether a cell holds what was expected.
fn is_value(array: &ArrayRef, row: usize, expected: &Json) -> Result<bool> {
    Ok(match (array.data_type(), expected) {
        (_, Json::Null) => array.is_null(row),
        _ if array.is_null(row) => false,
        (DataType::Utf8, Json::String(text)) => array.as_string::<i32>().value(row) == text,
        (DataType::Timestamp(..), Json::String(text)) => {
            let micros = array.as_primitive::<TimestampMicrosecondType>().value(row);
            text.parse::<Timestamp>()? == Timestamp::from_micros(micros)
        }
        (DataType::Boolean, Json::Bool(flag)) => array.as_boolean().value(row) == *flag,
        (_, Json::Number(number)) => {
            let found = numbers(&array.slice(row, 1))?.as_primitive::<Float64Type>().value(0);
            number.as_f64().is_some_and(|number| (found - number).abs() <= SAMPLE_TOLERANCE)
        }
        _ => false,
    })
}
