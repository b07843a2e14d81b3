//! The answer of the dialect: one vector a join key and a feature.

use std::collections::HashMap;
use std::rc::Rc;

use arrow::array::{Array, ArrayRef};
use asofdb::{Answer, AsJson, ResolvedFeature, ScalarType, Timestamp, key_value};
use serde::ser::{Error as _, SerializeMap};
use serde::{Serialize, Serializer};

use super::value::{FeastValue, status_name};

/// The answer as a whole.
#[derive(Serialize)]
pub(super) struct Reply<'a> {
    pub(super) results: Vec<Vector<'a>>,
    pub(super) metadata: Metadata,
}

/// The names of the vectors.
#[derive(Serialize)]
pub(super) struct Metadata {
    pub(super) feature_names: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) feature_view_metadata: Option<Vec<ViewMetadata>>,
}

#[derive(Serialize)]
pub(super) struct ViewMetadata {
    pub(super) name: String,
}

/// Values, statuses and event timestamps of one column.
pub(super) enum Vector<'a> {
    /// A join key as it was asked.
    Key(ScalarType, &'a ArrayRef),
    /// A feature.
    Feature(FeatureVector<'a>),
}

pub(super) struct FeatureVector<'a> {
    answer: &'a Answer,
    feature: usize,
    event_times: Rc<[String]>,
}

/// The vectors of all features. Event timestamps become text once a view whose rows are stored, because all its features
/// share them; those that are computed have each their own.
pub(super) fn feature_vectors<'a>(
    features: &[ResolvedFeature],
    answer: &'a Answer,
) -> impl Iterator<Item = Vector<'a>> {
    let mut by_view: HashMap<(u32, Option<usize>), Rc<[String]>> = HashMap::new();
    features.iter().enumerate().map(move |(feature, one)| {
        let time = |row| answer.event_timestamp(row, feature).unwrap_or(Timestamp::EPOCH).to_string();
        let own = (!one.view.is_stored()).then_some(feature);
        let times = by_view.entry((one.view.id, own)).or_insert_with(|| (0..answer.rows()).map(time).collect());
        Vector::Feature(FeatureVector { answer, feature, event_times: times.clone() })
    })
}

impl Serialize for Vector<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        match self {
            Vector::Key(ty, column) => {
                let rows = 0..column.len();
                let status = |row| if column.is_null(row) { "NULL_VALUE" } else { "PRESENT" };
                map.serialize_entry("values", &List(rows.clone().map(|row| KeyCell(*ty, column, row))))?;
                map.serialize_entry("statuses", &List(rows.clone().map(status)))?;
                map.serialize_entry("event_timestamps", &List(rows.map(|_| AsJson(&Timestamp::EPOCH))))?;
            }
            Vector::Feature(vector) => {
                let rows = 0..vector.answer.rows();
                let status = |row| status_name(vector.answer.status(row, vector.feature));
                map.serialize_entry("values", &List(rows.clone().map(|row| FeatureCell(vector, row))))?;
                map.serialize_entry("statuses", &List(rows.map(status)))?;
                map.serialize_entry("event_timestamps", &*vector.event_times)?;
            }
        }
        map.end()
    }
}

/// A list of what an iterator gives.
struct List<I>(I);

impl<I: Iterator<Item: Serialize> + Clone> Serialize for List<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.clone())
    }
}

struct KeyCell<'a>(ScalarType, &'a ArrayRef, usize);

impl Serialize for KeyCell<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        key_value(self.0, self.1, self.2).as_ref().map(FeastValue).serialize(serializer)
    }
}

struct FeatureCell<'a>(&'a FeatureVector<'a>, usize);

impl Serialize for FeatureCell<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value = self.0.answer.value(self.1, self.0.feature);
        let value = value.map_err(|error| S::Error::custom(format!("{error:#}")))?;
        value.as_ref().map(FeastValue).serialize(serializer)
    }
}
