//! Answers: features of entities, and every version of one.

use std::cell::RefCell;

use asofdb_storage::{FeatureView, Timestamp};
use serde::ser::{Error as _, SerializeMap};
use serde::{Serialize, Serializer};

use super::AsJson;
use crate::read::answer::Answer;
use crate::read::history::HistoryRow;

/// An answer with the entities it is about, one each row: names of join keys with their values.
#[derive(Debug)]
pub struct AnswerRows<'a, V> {
    /// The answer itself.
    pub answer: &'a Answer,
    /// The entities that were asked about, row by row.
    pub entities: &'a [Vec<(&'a str, V)>],
}

/// `[{"entity": {..}, "features": {"view:feature": {"value", "status", "event_timestamp"}}}]`
impl<'a, V> Serialize for AsJson<'a, AnswerRows<'a, V>>
where
    AsJson<'a, [(&'a str, V)]>: Serialize,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let AnswerRows { answer, entities } = self.0;
        let references = answer.references();
        serializer.collect_seq(entities.iter().enumerate().map(|(row, entity)| AnswerRow {
            entity: AsJson(entity.as_slice()),
            features: Features { answer, references: &references, row },
        }))
    }
}

#[derive(Serialize)]
#[serde(bound = "E: Serialize")]
struct AnswerRow<'a, E> {
    entity: E,
    features: Features<'a>,
}

struct Features<'a> {
    answer: &'a Answer,
    references: &'a [String],
    row: usize,
}

impl Serialize for Features<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Features { answer, references, row } = *self;
        // Features of one view share their event timestamp, and mostly stand together.
        let times = RefCell::new(None);
        let times = &times;
        let feature = |feature| Feature { answer, row, feature, times };
        serializer.collect_map(references.iter().enumerate().map(|(index, reference)| (reference, feature(index))))
    }
}

/// One value, with why it is or is not there.
struct Feature<'a> {
    answer: &'a Answer,
    row: usize,
    feature: usize,
    /// The event timestamp that was last written, with its text.
    times: &'a RefCell<Option<(Timestamp, String)>>,
}

impl Feature<'_> {
    fn write_time<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        const NAME: &str = "event_timestamp";
        let Some(time) = self.answer.event_timestamp(self.row, self.feature) else {
            return map.serialize_entry(NAME, &());
        };
        let mut times = self.times.borrow_mut();
        let known = times.take().filter(|(known, _)| *known == time);
        let (_, text) = times.insert(known.unwrap_or_else(|| (time, time.to_string())));
        map.serialize_entry(NAME, text)
    }
}

impl Serialize for Feature<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Feature { answer, row, feature, .. } = *self;
        let value = answer.value(row, feature).map_err(|error| S::Error::custom(format!("{error:#}")))?;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("value", &AsJson(&value))?;
        map.serialize_entry("status", answer.status(row, feature).as_str())?;
        self.write_time(&mut map)?;
        if answer.is_defaulted(row, feature) {
            map.serialize_entry("defaulted", &true)?;
        }
        map.end()
    }
}

/// Versions of one entity with the view they are of.
#[derive(Debug)]
pub struct HistoryRows<'a> {
    /// The view.
    pub view: &'a FeatureView,
    /// The versions.
    pub rows: &'a [HistoryRow],
}

/// `[{"event_timestamp", "created_timestamp", "deleted", "values": {feature: value}}]`
impl Serialize for AsJson<'_, HistoryRows<'_>> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let HistoryRows { view, rows } = self.0;
        serializer.collect_seq(rows.iter().map(|row| VersionRow { view, row }))
    }
}

struct VersionRow<'a> {
    view: &'a FeatureView,
    row: &'a HistoryRow,
}

impl Serialize for VersionRow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let VersionRow { view, row } = self;
        let mut map = serializer.serialize_map(Some(4))?;
        map.serialize_entry("event_timestamp", &AsJson(&row.version.event))?;
        map.serialize_entry("created_timestamp", &AsJson(&row.version.created))?;
        map.serialize_entry("deleted", &row.deleted)?;
        map.serialize_entry("values", &Values { view, row })?;
        map.end()
    }
}

struct Values<'a> {
    view: &'a FeatureView,
    row: &'a HistoryRow,
}

impl Serialize for Values<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let names = self.view.features.iter().map(|feature| feature.name.as_str());
        serializer.collect_map(names.zip(self.row.values.iter().map(AsJson)))
    }
}
