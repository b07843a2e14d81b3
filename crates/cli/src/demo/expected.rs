//! The known answers: `expected.json`.

use std::path::Path;

use asofdb::{Error, Result};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::parquet::unreadable;

/// The contents that the training set must have.
#[derive(Debug, Deserialize)]
pub(super) struct Expected {
    /// Number of rows.
    pub(super) rows: u64,
    /// The expected columns, by feature.
    features: Map<String, Json>,
    /// Some rows, by `flight_id`.
    pub(super) sample: Vec<Map<String, Json>>,
}

/// The contents that the column of a feature must have.
#[derive(Debug, Deserialize)]
pub(super) struct ExpectedFeature {
    /// Values that are not null.
    pub(super) non_null: u64,
    /// The sum of numbers; true counts as one.
    pub(super) sum: Option<f64>,
    /// The number of different texts.
    pub(super) distinct: Option<u64>,
}

impl Expected {
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read(path).map_err(|error| unreadable(path, error))?;
        serde_json::from_slice(&text).map_err(|error| unreadable(path, error))
    }

    /// The features, in the order of the file.
    pub(super) fn features(&self) -> Result<Vec<(String, ExpectedFeature)>> {
        let wrong = |error| Error::corrupt("a feature of expected.json cannot be read").with_source(error);
        let feature =
            |(name, json): (&String, &Json)| Ok((name.clone(), serde_json::from_value(json.clone()).map_err(wrong)?));
        self.features.iter().map(feature).collect()
    }
}
