//! One difference, in full.

use asofdb::{AsJson, Result, ServedFeature, ServedRow, Status, Timestamp, Value};
use serde_json::{Map, Value as Json, json};

use super::reason::Reason;

/// A value that is not what was served.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The id of the answer.
    pub id: String,
    /// The row within it.
    pub row: u32,
    /// The consumer, where it has a name.
    pub consumer: Option<String>,
    /// The join keys.
    pub entity: Vec<(String, Option<Value>)>,
    /// The time asked about.
    pub at: Timestamp,
    /// The time when it was served.
    pub served_at: Timestamp,
    /// `view:feature`.
    pub feature: String,
    /// The answer that was served.
    pub served: Side,
    /// The answer to the same question now; `None` where it cannot be asked any more.
    pub again: Option<Side>,
    /// The reason.
    pub reason: Reason,
    /// The reason in words.
    pub detail: String,
}

/// A value with its status and its event timestamp.
#[derive(Debug, Clone, PartialEq)]
pub struct Side {
    /// The value, or the default that stands in.
    pub value: Option<Value>,
    /// The status.
    pub status: Status,
    /// The event timestamp of the version that answers.
    pub event: Option<Timestamp>,
}

impl Side {
    fn of(feature: &ServedFeature) -> Side {
        // What could not be read was refused with its row.
        Side { value: feature.value().unwrap_or_default(), status: feature.status, event: feature.event }
    }

    fn to_json(&self) -> Result<Json> {
        Ok(json!({
            "value": AsJson(&self.value).to_tree()?,
            "status": self.status.as_str(),
            "event_timestamp": AsJson(&self.event).to_tree()?,
        }))
    }
}

impl Difference {
    pub(super) fn new(
        row: &ServedRow,
        place: usize,
        again: Option<&ServedFeature>,
        reason: Reason,
        detail: String,
    ) -> Self {
        Difference {
            id: row.id.clone(),
            row: row.row,
            consumer: row.consumer.clone(),
            entity: row.entity.iter().map(|key| (key.name.clone(), key.value.clone())).collect(),
            at: row.at,
            served_at: row.served_at,
            feature: row.features[place].reference.clone(),
            served: Side::of(&row.features[place]),
            again: again.map(Side::of),
            reason,
            detail,
        }
    }

    /// Makes JSON of it.
    ///
    /// # Errors
    /// `Internal` where a value cannot be written.
    pub fn to_json(&self) -> Result<Json> {
        let mut entity = Map::new();
        for (name, value) in &self.entity {
            entity.insert(name.clone(), AsJson(value).to_tree()?);
        }
        Ok(json!({
            "id": self.id,
            "row": self.row,
            "consumer": self.consumer,
            "entity": entity,
            "at": AsJson(&self.at).to_tree()?,
            "served_at": AsJson(&self.served_at).to_tree()?,
            "feature": self.feature,
            "served": self.served.to_json()?,
            "again": self.again.as_ref().map(Side::to_json).transpose()?,
            "reason": self.reason.as_str(),
            "detail": self.detail,
        }))
    }
}
