//! The known answers of windows and derived features: `expected_windows.json`.

use std::path::Path;

use asofdb::{Error, Result};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::parquet::unreadable;

/// The answers that the computed features of the training set must give.
#[derive(Debug, Deserialize)]
pub(super) struct ExpectedWindows {
    /// Number of rows.
    pub(super) rows: u64,
    /// The expected columns, by feature.
    features: Map<String, Json>,
    /// Rows of interest.
    pub(super) sample: Sample,
}

/// Rows that are compared value by value.
#[derive(Debug, Deserialize)]
pub(super) struct Sample {
    /// The name of each value of a row: `flight_id`, `why`, and the features.
    pub(super) columns: Vec<String>,
    /// The rows: a number, null, or "missing" for each feature.
    pub(super) rows: Vec<Vec<Json>>,
}

/// The contents that the column of a feature must have.
#[derive(Debug, Deserialize)]
pub(super) struct ExpectedWindow {
    /// Rows with a value.
    pub(super) present: u64,
    /// Rows without one, of known entities.
    pub(super) null: u64,
    /// Rows of entities without events.
    pub(super) missing: u64,
    /// The sum of the values; true counts as one.
    pub(super) sum: f64,
    /// The least value.
    pub(super) min: f64,
    /// The greatest value.
    pub(super) max: f64,
    /// The most that a value may differ, relative to it.
    pub(super) tolerance: f64,
    /// The most that the sum may differ.
    pub(super) sum_tolerance: f64,
    /// The digest of all values and statuses, where values are exact.
    pub(super) digest: Option<String>,
}

impl ExpectedWindows {
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read(path).map_err(|error| unreadable(path, error))?;
        serde_json::from_slice(&text).map_err(|error| unreadable(path, error))
    }

    /// The features, in the order of the file.
    pub(super) fn features(&self) -> Result<Vec<(String, ExpectedWindow)>> {
        let wrong = |error| Error::corrupt("a feature of expected_windows.json cannot be read").with_source(error);
        let feature =
            |(name, json): (&String, &Json)| Ok((name.clone(), serde_json::from_value(json.clone()).map_err(wrong)?));
        self.features.iter().map(feature).collect()
    }
}
