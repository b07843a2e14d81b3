//! JSON of how fresh views are.

use asofdb_storage::Span;
use serde::{Serialize, Serializer};
use serde_json::json;

use super::AsJson;
use super::catalog::{objective, seconds};
use crate::ages::ViewAges;

impl Serialize for AsJson<'_, ViewAges> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let view = self.0;
        let ages = |of: fn(&crate::ages::EntityAges) -> Span| seconds(view.ages.as_ref().map(of));
        json!({
            "view": view.view,
            "status": view.status.as_str(),
            "stale": view.is_broken(),
            "objective": objective(view.objective),
            "newest_event_timestamp": view.newest.map(|time| time.to_string()),
            "age_seconds": seconds(view.age()),
            "entities": view.entities,
            "entities_ahead": view.ahead,
            "age_p50_seconds": ages(|ages| ages.p50),
            "age_p95_seconds": ages(|ages| ages.p95),
            "age_max_seconds": ages(|ages| ages.max),
            "share_over_warn": view.ages.and_then(|ages| ages.over_warn),
            "share_over_stale": view.ages.and_then(|ages| ages.over_stale),
            "now": view.now.to_string(),
        })
        .serialize(serializer)
    }
}

impl Serialize for AsJson<'_, [ViewAges]> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(AsJson))
    }
}
