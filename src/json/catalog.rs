//! Definitions, and how fresh a view is.

use std::collections::BTreeMap;

use asofdb_storage::{
    Aggregate, Catalog, Computed, Entity, Expressions, Feature, FeatureService, FeatureView, FeedSource,
    FreshnessObjective, JoinKey, LifeCycle, RequestValue, Span, Stage, Value, Window, WindowAggregate, WindowFeature,
    Windows,
};
use serde::{Serialize, Serializer};
use serde_json::{Value as Json, json};

use super::AsJson;
use crate::freshness::Freshness;

fn span(span: Option<Span>) -> Json {
    span.map_or(Json::Null, |span| Json::from(span.to_string()))
}

pub(super) fn seconds(span: Option<Span>) -> Option<f64> {
    span.map(|span| span.as_micros() as f64 / 1e6)
}

/// The freshness that a view promises, as its definition has it.
pub(super) fn objective(objective: Option<FreshnessObjective>) -> Json {
    objective.map_or(Json::Null, |FreshnessObjective { warn, stale, stale_share_max }| {
        json!({"warn": warn.to_string(), "stale": stale.to_string(), "stale_share_max": stale_share_max})
    })
}

fn keys(keys: &[JoinKey]) -> Json {
    keys.iter().map(|key| json!({"name": key.name, "type": key.ty.name()})).collect()
}

fn tags(tags: &BTreeMap<String, String>) -> Json {
    tags.iter().map(|(name, value)| (name.clone(), Json::from(value.as_str()))).collect()
}

/// A definition, with its stage and what follows it.
fn with_life(mut json: Json, life: &LifeCycle) -> Json {
    json["status"] = json!(life.status.map(Stage::as_str));
    json["replaced_by"] = json!(life.replaced_by);
    json["drop_after"] = json!(life.drop_after.map(|date| date.to_string()));
    json
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
        "also_by": view.also_by.iter().map(|index| &index.entities).collect::<Vec<_>>(),
        "retention": span(view.retention),
        "max_future_skew": view.max_future_skew.to_string(),
        "event_timestamp": view.event_column,
        "created_timestamp": view.created_column,
        "owner": view.owner,
        "team": view.team,
        "description": view.description,
        "tags": tags(&view.tags),
        "check": view.check,
        "freshness": objective(view.freshness),
        "columns": view.features.iter().map(column).collect::<Json>(),
    }))
}

/// The fields of all views that are computed.
fn computed_view<E: serde::ser::Error>(view: &FeatureView) -> Result<Json, E> {
    Ok(json!({
        "kind": view.kind(),
        "name": view.name,
        "entities": view.entities,
        "join_keys": keys(&view.join_keys),
        "owner": view.owner,
        "team": view.team,
        "description": view.description,
        "tags": tags(&view.tags),
        "features": view.features.iter().map(feature).collect::<Result<Json, E>>()?,
    }))
}

/// A window view: its features, and the aggregates that give them.
fn window_view<E: serde::ser::Error>(view: &FeatureView, windows: &Windows) -> Result<Json, E> {
    let mut json = computed_view::<E>(view)?;
    json["from"] = Json::from(windows.from.as_str());
    json["where"] = json!(windows.condition);
    json["every"] = span(windows.every);
    json["offset"] = Json::from(windows.offset.to_string());
    json["aggregates"] = windows.features.iter().map(aggregate).collect::<Result<Json, E>>()?;
    Ok(json)
}

/// An aggregate, with the settings that it has.
fn aggregate<E: serde::ser::Error>(feature: &WindowFeature) -> Result<Json, E> {
    let value = |value: &Value| AsJson(value).to_tree().map_err(E::custom);
    let (name, settings) = match &feature.aggregate {
        WindowAggregate::CountBy(values) => {
            ("count_by", json!({"values": values.iter().map(value).collect::<Result<Json, E>>()?}))
        }
        WindowAggregate::Top { k } => ("count_by", json!({"top": k})),
        WindowAggregate::One(aggregate) => (aggregate.name(), settings(aggregate).map_err(E::custom)?),
    };
    let windows: Vec<_> = feature.windows.iter().map(Window::as_str).collect();
    Ok(json!({
        "name": feature.name,
        "aggregate": name,
        "settings": settings,
        "of": feature.of,
        "where": feature.condition,
        "windows": windows,
        "default": AsJson(&feature.default).to_tree().map_err(E::custom)?,
        "description": feature.description,
        "tags": tags(&feature.tags),
    }))
}

/// The settings of an aggregate that gives one value.
///
/// # Errors
/// `Internal` only.
pub(super) fn settings(aggregate: &Aggregate) -> asofdb_storage::Result<Json> {
    Ok(match aggregate {
        Aggregate::Variance { population } | Aggregate::Stddev { population } => json!({"population": population}),
        Aggregate::FirstK { k, distinct } | Aggregate::LastK { k, distinct } => json!({"k": k, "distinct": distinct}),
        Aggregate::Distinct { cap } => json!({"cap": cap}),
        Aggregate::ApproxDistinct { precision } => json!({"precision": precision}),
        Aggregate::Quantile { q, error } => json!({"q": q, "error": error}),
        Aggregate::CountOf { value } => json!({"value": AsJson(value).to_tree()?}),
        Aggregate::Top { k, counts } => json!({"top": k, "counts": counts}),
        _ => json!({}),
    })
}

/// A derived view: the values of the request that it takes, and the expression of each feature.
fn derived_view<E: serde::ser::Error>(view: &FeatureView, expressions: &Expressions) -> Result<Json, E> {
    let mut json = computed_view::<E>(view)?;
    let request = |value: &RequestValue| {
        json!({
            "name": value.name,
            "type": value.ty.to_string(),
            "required": value.required,
            "description": value.description,
        })
    };
    json["request"] = expressions.request.iter().map(request).collect();
    for feature in json["features"].as_array_mut().into_iter().flatten() {
        let text = feature["name"].as_str().and_then(|name| expressions.of.get(name));
        feature["expression"] = json!(text);
    }
    Ok(json)
}

impl Serialize for AsJson<'_, FeatureView> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let view = self.0;
        let json = match &view.computed {
            Some(Computed::Windows(windows)) => window_view::<S::Error>(view, windows),
            Some(Computed::Expressions(expressions)) => derived_view(view, expressions),
            None if view.holds_events() => event_view(view),
            None => stored_view(view),
        };
        with_verdicts(with_life(json?, &view.life), view).serialize(serializer)
    }
}

/// A view, with what people have said of its features that look like others, and where it is fed from.
fn with_verdicts(mut json: Json, view: &FeatureView) -> Json {
    json["same_as"] = json!(view.verdicts.same_as);
    json["not_same_as"] = json!(view.verdicts.not_same_as);
    if view.is_stored() {
        let schedule = |source: &FeedSource| source.schedule.map(|schedule| schedule.to_string());
        let source = view.source.as_ref();
        json["source"] = json!(source.map(|source| json!({"path": source.path, "schedule": schedule(source)})));
    }
    json
}

fn stored_view<E: serde::ser::Error>(view: &FeatureView) -> Result<Json, E> {
    Ok(json!({
            "kind": view.kind(),
            "name": view.name,
            "entities": view.entities,
            "join_keys": keys(&view.join_keys),
            "ttl": span(view.ttl),
            "retention": span(view.retention),
            "keep_newest": view.keep_newest,
            "hot": view.hot.as_str(),
            "max_future_skew": view.max_future_skew.to_string(),
            "event_timestamp": view.event_column,
            "created_timestamp": view.created_column,
            "owner": view.owner,
            "team": view.team,
            "description": view.description,
            "tags": tags(&view.tags),
            "check": view.check,
            "freshness": objective(view.freshness),
            "features": view.features.iter().map(feature).collect::<Result<Json, E>>()?,
    }))
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
        let json = json!({
            "kind": "feature_service",
            "name": service.name,
            "owner": service.owner,
            "description": service.description,
            "tags": tags(&service.tags),
            "features": service.features,
        });
        with_life(json, &service.life).serialize(serializer)
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
            window_views: Vec<AsJson<'a, FeatureView>>,
            derived_views: Vec<AsJson<'a, FeatureView>>,
            feature_services: Vec<AsJson<'a, FeatureService>>,
        }
        let views = |kind: &str| {
            let views = self.0.views().filter(|view| view.kind() == kind);
            views.map(|view| AsJson(&**view)).collect()
        };
        All {
            revision: self.0.revision(),
            entities: self.0.entities().map(|entity| AsJson(&**entity)).collect(),
            feature_views: views("feature_view"),
            event_views: views("event_view"),
            window_views: views("window_view"),
            derived_views: views("derived_view"),
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
