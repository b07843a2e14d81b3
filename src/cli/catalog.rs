//! `asof views`: what is defined, and how definitions look in JSON.

use std::collections::BTreeMap;

use asofdb::{Catalog, Entity, Feature, FeatureService, FeatureView, JoinKey, Span};
use clap::Args;
use serde_json::{Value as Json, json};

use super::context::Context;
use super::error::{Outcome, Result};
use super::output::{Output, Report};
use super::sheet::{Cell, Column, Sheet, Tone};
use super::text::option_json;

/// List the feature views and services
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Views {
    #[command(flatten)]
    output: Output,
}

const EXAMPLES: &str = "\
Examples:
  asof views
  asof views --format json";

impl Views {
    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        let store = context.open()?;
        self.output.print(&report(&store.catalog()))?;
        Ok(Outcome::Done)
    }
}

fn report(catalog: &Catalog) -> Report {
    let mut sheet = Sheet::new([
        Column::new("view"),
        Column::new("join_keys"),
        Column::right("features"),
        Column::right("ttl"),
        Column::new("owner"),
        Column::new("description"),
    ]);
    for view in catalog.views() {
        sheet.push(vec![
            Cell::new(&view.name).tone(Tone::Strong),
            Cell::new(key_names(&view.join_keys)),
            Cell::new(view.features.len()),
            Cell::optional(view.ttl),
            filled(&view.owner),
            filled(&view.description),
        ]);
    }
    let services = catalog.services().map(|service| service.name.as_str()).collect::<Vec<_>>().join(", ");
    let below = match (sheet.rows.is_empty(), services.is_empty()) {
        (true, _) => vec!["nothing is defined; `asof apply FILE.toml` defines views".to_owned()],
        (_, true) => Vec::new(),
        _ => vec![format!("services: {services}")],
    };
    Report { json: catalog.views().map(|view| view_json(view)).collect(), sheet, below, ..Report::default() }
}

pub(crate) fn key_names(keys: &[JoinKey]) -> String {
    keys.iter().map(|key| key.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// Texts that definitions may leave out.
pub(crate) fn filled(text: &str) -> Cell {
    Cell::optional((!text.is_empty()).then_some(text))
}

fn span_json(span: Option<Span>) -> Json {
    span.map_or(Json::Null, |span| Json::from(span.to_string()))
}

fn keys_json(keys: &[JoinKey]) -> Json {
    keys.iter().map(|key| json!({"name": key.name, "type": key.ty.name()})).collect()
}

fn tags_json(tags: &BTreeMap<String, String>) -> Json {
    tags.iter().map(|(name, value)| (name.clone(), Json::from(value.as_str()))).collect()
}

fn feature_json(feature: &Feature) -> Json {
    json!({
        "name": feature.name,
        "type": feature.ty.to_string(),
        "default": option_json(feature.default.as_ref()),
        "description": feature.description,
        "tags": tags_json(&feature.tags),
    })
}

pub(crate) fn view_json(view: &FeatureView) -> Json {
    json!({
        "kind": "feature_view",
        "name": view.name,
        "entities": view.entities,
        "join_keys": keys_json(&view.join_keys),
        "ttl": span_json(view.ttl),
        "retention": span_json(view.retention),
        "keep_newest": view.keep_newest,
        "max_future_skew": view.max_future_skew.to_string(),
        "event_timestamp": view.event_column,
        "created_timestamp": view.created_column,
        "owner": view.owner,
        "team": view.team,
        "description": view.description,
        "tags": tags_json(&view.tags),
        "features": view.features.iter().map(feature_json).collect::<Json>(),
    })
}

pub(crate) fn entity_json(entity: &Entity) -> Json {
    json!({
        "kind": "entity",
        "name": entity.name,
        "join_keys": keys_json(&entity.join_keys),
        "description": entity.description,
        "tags": tags_json(&entity.tags),
    })
}

pub(crate) fn service_json(service: &FeatureService) -> Json {
    json!({
        "kind": "feature_service",
        "name": service.name,
        "owner": service.owner,
        "description": service.description,
        "tags": tags_json(&service.tags),
        "features": service.features,
    })
}
