//! Definitions, and how fresh a view is.

use std::collections::BTreeMap;

use asofdb_storage::{Catalog, Entity, Feature, FeatureService, FeatureView, JoinKey, Span};
use serde::{Serialize, Serializer};
use serde_json::{Value as Json, json};

use super::AsJson;
use crate::freshness::Freshness;

fn span(span: Option<Span>) -> Json {
    span.map_or(Json::Null, |span| Json::from(span.to_string()))
}

fn seconds(span: Option<Span>) -> Option<f64> {
    span.map(|span| span.as_micros() as f64 / 1e6)
}

fn keys(keys: &[JoinKey]) -> Json {
    keys.iter().map(|key| json!({"name": key.name, "type": key.ty.name()})).collect()
}

fn tags(tags: &BTreeMap<String, String>) -> Json {
    tags.iter().map(|(name, value)| (name.clone(), Json::from(value.as_str()))).collect()
}

fn feature<E: serde::ser::Error>(feature: &Feature) -> Result<Json, E> {
    Ok(json!({
        "name": feature.name,
        "type": feature.ty.to_string(),
        "default": AsJson(&feature.default).to_tree().map_err(E::custom)?,
        "description": feature.description,
        "tags": tags(&feature.tags),
    }))
}

/// An event view: its columns are no features, so that whoever looks for features does not find them.
fn event_view<E: serde::ser::Error>(view: &FeatureView) -> Result<Json, E> {
    let column = |column: &Feature| {
        json!({
            "name": column.name,
            "type": column.ty.to_string(),
            "description": column.description,
            "tags": tags(&column.tags),
        })
    };
    Ok(json!({
        "kind": view.kind(),
        "name": view.name,
        "entities": view.entities,
        "join_keys": keys(&view.join_keys),
        "event_id": view.event_id_names(),
        "retention": span(view.retention),
        "max_future_skew": view.max_future_skew.to_string(),
        "event_timestamp": view.event_column,
        "created_timestamp": view.created_column,
        "owner": view.owner,
        "team": view.team,
        "description": view.description,
        "tags": tags(&view.tags),
        "check": view.check,
        "columns": view.features.iter().map(column).collect::<Json>(),
    }))
}

impl Serialize for AsJson<'_, FeatureView> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let view = self.0;
        if view.holds_events() {
            return event_view::<S::Error>(view)?.serialize(serializer);
        }
        let features = view.features.iter().map(feature).collect::<Result<Json, S::Error>>()?;
        json!({
            "kind": view.kind(),
            "name": view.name,
            "entities": view.entities,
            "join_keys": keys(&view.join_keys),
            "ttl": span(view.ttl),
            "retention": span(view.retention),
            "keep_newest": view.keep_newest,
            "max_future_skew": view.max_future_skew.to_string(),
            "event_timestamp": view.event_column,
            "created_timestamp": view.created_column,
            "owner": view.owner,
            "team": view.team,
            "description": view.description,
            "tags": tags(&view.tags),
            "check": view.check,
            "features": features,
        })
        .serialize(serializer)
    }
}

impl Serialize for AsJson<'_, Entity> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let entity = self.0;
        json!({
            "kind": "entity",
            "name": entity.name,
            "join_keys": keys(&entity.join_keys),
            "description": entity.description,
            "tags": tags(&entity.tags),
        })
        .serialize(serializer)
    }
}

impl Serialize for AsJson<'_, FeatureService> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let service = self.0;
        json!({
            "kind": "feature_service",
            "name": service.name,
            "owner": service.owner,
            "description": service.description,
            "tags": tags(&service.tags),
            "features": service.features,
        })
        .serialize(serializer)
    }
}

/// All that is defined.
impl Serialize for AsJson<'_, Catalog> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct All<'a> {
            revision: u64,
            entities: Vec<AsJson<'a, Entity>>,
            feature_views: Vec<AsJson<'a, FeatureView>>,
            event_views: Vec<AsJson<'a, FeatureView>>,
            feature_services: Vec<AsJson<'a, FeatureService>>,
        }
        let views = |holds_events: bool| {
            let views = self.0.views().filter(move |view| view.holds_events() == holds_events);
            views.map(|view| AsJson(&**view)).collect()
        };
        All {
            revision: self.0.revision(),
            entities: self.0.entities().map(|entity| AsJson(&**entity)).collect(),
            feature_views: views(false),
            event_views: views(true),
            feature_services: self.0.services().map(|service| AsJson(&**service)).collect(),
        }
        .serialize(serializer)
    }
}

impl Serialize for AsJson<'_, Freshness> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let view = self.0;
        json!({
            "view": view.view,
            "stale": view.is_stale(),
            "newest_event_timestamp": view.newest.map(|time| time.to_string()),
            "age_seconds": seconds(view.age()),
            "ttl_seconds": seconds(view.ttl),
            "entities": view.entities,
            "expired_entities": view.expired,
            "now": view.now.to_string(),
        })
        .serialize(serializer)
    }
}
