//! `asof describe`: one definition in full.

use std::collections::BTreeMap;

use asofdb::{
    AsJson, Catalog, Entity, Error, FeatureService, FeatureView, JoinKey, LifeCycle, Lineage, LineageFeature, Prepared,
    ResolvedFeature, Session,
};
use asofdb_platform::LineageText;
use clap::Args;
use serde_json::{Value as Json, json};

use super::catalog::filled;
use super::context::Context;
use super::error::{Outcome, Result};
use super::lineage;
use super::output::{Output, Report};
use super::sheet::{Cell, Column, Sheet, Tone};
use super::surroundings::Surroundings;
use super::text::{counted, to_text};
use super::when::When;

/// Show a view, a feature, a service or an entity in full
///
/// It shows the definition with what is computed from what, down to rows and events; and what is known of it: how fresh
/// it is against what it promises, rows and size, statistics of the values (taken by `asof profile`), who has read it,
/// which services and views use it, its versions side by side, the changes of its definition, and commands and code
/// that read it. Where an entity has the name of a view or a service, the view or the service is shown.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Describe {
    /// The name of a view, a service or an entity, or a feature as view:feature
    name: String,
    /// As it was defined at this time, without what is known now
    #[arg(long, value_name = "TIME")]
    as_of: Option<When>,
    #[command(flatten)]
    output: Output,
}

const EXAMPLES: &str = "\
Examples:
  asof describe airport_weather_v1
  asof describe airport_weather_v1:temp
  asof describe flight_delay_v1 --format json
  asof describe airport_weather_v1 --as-of 2026-11-01";

impl Describe {
    pub(crate) fn run(&self, context: &Context) -> Result<Outcome> {
        let store = context.open()?;
        let report = match self.as_of {
            None => described(&store, &*store.catalog()?, &self.name)?,
            Some(when) => describe(&store.catalog_at(when.resolve(store.now()?))?, &self.name)?,
        };
        self.output.print(&report)?;
        Ok(Outcome::Done)
    }
}

/// The definition of a thing, with what is known of it.
fn described(session: &dyn Session, catalog: &Catalog, name: &str) -> Result<Report> {
    let mut report = describe(catalog, name)?;
    let known = if let Some((view, feature)) = name.split_once(':') {
        let view = catalog.view(view).and_then(|view| Some((view, view.feature(feature)?)));
        view.map(|(view, feature)| Surroundings::of_feature(session, catalog, view, feature))
    } else if let Some(view) = catalog.view(name) {
        Some(Surroundings::of_view(session, catalog, view))
    } else if let Some(service) = catalog.service(name) {
        Some(Surroundings::of_service(session, catalog, service))
    } else {
        catalog.entity(name).map(|entity| Surroundings::of_entity(session, catalog, entity))
    };
    let Some(Surroundings { facts, json, below }) = known.transpose()? else { return Ok(report) };
    let mut lines = Facts(std::mem::take(&mut report.above));
    facts.iter().for_each(|(what, value)| lines.add(what, value));
    report.above = lines.0;
    report.json["known"] = Json::Object(json);
    report.below.extend(below);
    Ok(report)
}

fn describe(catalog: &Catalog, name: &str) -> Result<Report> {
    let prepare = || Prepared::new(catalog, vec![name.to_owned()]);
    if name.contains(':') {
        return of_feature(catalog, name);
    }
    if let Some(view) = catalog.view(name) {
        return if view.is_stored() { of_view(view) } else { of_computed(catalog, view) };
    }
    if let Some(service) = catalog.service(name) {
        let features = prepare()?.features();
        return of_service(service, &features);
    }
    match catalog.entity(name) {
        Some(entity) => of_entity(catalog, entity),
        // The library's error names what is near.
        None => Err(prepare().err().unwrap_or_else(|| Error::internal("a name came up meanwhile")).into()),
    }
}

fn of_view(view: &FeatureView) -> Result<Report> {
    let mut facts = Facts::new(if view.holds_events() { "event view" } else { "feature view" }, &view.name);
    facts.add("description", &view.description);
    facts.add("entities", &view.entities.join(", "));
    facts.add("join keys", &keys(&view.join_keys));
    match view.event_id_names() {
        _ if !view.holds_events() => {
            facts.add("ttl", &view.ttl.map_or("none: never expires".to_owned(), |ttl| ttl.to_string()));
            facts.add("hot", view.hot.as_str());
        }
        names if names.is_empty() => facts.add("event id", "all columns together"),
        names => facts.add("event id", &names.join(", ")),
    }
    for index in &view.also_by {
        facts.add("also by", &format!("{} ({})", index.entities.join(", "), keys(&index.join_keys)));
    }
    facts.add("retention", &view.retention.map_or("none: kept for ever".to_owned(), |span| span.to_string()));
    facts.add("event timestamp", &format!("column {:?}", view.event_column));
    facts.add(
        "created timestamp",
        &view.created_column.as_ref().map(|name| format!("column {name:?}")).unwrap_or_default(),
    );
    facts.add("max future skew", &view.max_future_skew.to_string());
    facts.add("check", view.check.as_deref().unwrap_or_default());
    facts.add("freshness", &view.freshness.map(|freshness| freshness.to_string()).unwrap_or_default());
    facts.add("status", &stage(&view.life));
    facts.add("owner", &view.owner);
    facts.add("team", &view.team);
    facts.add("tags", &tags(&view.tags));
    Ok(facts.report(AsJson(view).to_tree()?, parts(view)))
}

/// A view whose features are computed.
fn of_computed(catalog: &Catalog, view: &FeatureView) -> Result<Report> {
    let shown = LineageText::new(Lineage::of(catalog, &[&view.name])?)?;
    let mut facts = Facts::new(&view.kind().replace('_', " "), &view.name);
    facts.add("description", &view.description);
    facts.add("entities", &view.entities.join(", "));
    facts.add("join keys", &keys(&Prepared::new(catalog, vec![view.name.clone()])?.join_keys()));
    facts.add("computed from", &shown.leaves());
    if let Some(windows) = view.windows() {
        facts.add("events", &events_of(catalog, view, &windows.from));
        facts.add("where", windows.condition.as_deref().unwrap_or_default());
        facts.add("every", &windows.every.map_or("any time".to_owned(), |every| every.to_string()));
        facts.add("offset", &windows.offset.to_string());
    }
    for value in view.expressions().iter().flat_map(|expressions| &expressions.request) {
        let optional = if value.required { "" } else { ", may be left out" };
        facts.add("request value", &format!("{} {}{optional}", value.name, value.ty));
    }
    facts.add("status", &stage(&view.life));
    facts.add("owner", &view.owner);
    facts.add("team", &view.team);
    facts.add("tags", &tags(&view.tags));
    let mut sheet = Sheet::new(["feature", "type", "computed", "default", "description"].map(Column::new));
    for one in shown.lineage.features.iter().filter(|one| one.view.id == view.id) {
        sheet.push(vec![
            Cell::new(&one.feature.name).tone(Tone::Strong),
            Cell::new(one.feature.ty),
            Cell::new(shown.how(one)),
            Cell::optional(one.feature.default.as_ref().map(to_text)),
            filled(&one.feature.description),
        ]);
    }
    let mut json = AsJson(view).to_tree()?;
    json["lineage"] = shown.json;
    Ok(facts.report(json, sheet))
}

/// The event view of a window view, and by which entities its events are found where that is by an index.
fn events_of(catalog: &Catalog, view: &FeatureView, from: &str) -> String {
    let is_index = catalog.view(from).is_some_and(|events| events.entities != view.entities);
    if is_index { format!("{from}, by {}", view.entities.join(", ")) } else { from.to_owned() }
}

/// One feature, with what it is computed from.
fn of_feature(catalog: &Catalog, name: &str) -> Result<Report> {
    let shown = LineageText::new(Lineage::of(catalog, &[name])?)?;
    let Some(root) = shown.lineage.features.first() else {
        return Err(Error::internal(format!("{name:?} stands for no feature")).into());
    };
    let LineageFeature { view, feature, .. } = root;
    let default = feature.default.as_ref().map(to_text);
    let mut facts = Facts::new("feature", &root.reference());
    facts.add("description", &feature.description);
    facts.add("type", &feature.ty.to_string());
    facts.add("default", default.as_deref().unwrap_or_default());
    facts.add("view", &format!("{} ({})", view.name, view.kind().replace('_', " ")));
    facts.add("computed from", &if view.is_stored() { String::new() } else { shown.leaves() });
    facts.add("tags", &tags(&feature.tags));
    facts.0.extend(shown.tree(root).into_iter().skip(1));
    let json = json!({
        "kind": "feature",
        "name": feature.name,
        "view": view.name,
        "type": feature.ty.to_string(),
        "default": AsJson(&feature.default).to_tree()?,
        "description": feature.description,
        "tags": feature.tags,
        "lineage": shown.json,
    });
    let sheet = lineage::sheet(&shown);
    Ok(facts.report(json, sheet))
}

/// The features of a view, or the columns of its events.
fn parts(view: &FeatureView) -> Sheet {
    let heads: &[&str] = match view.holds_events() {
        true => &["column", "type", "description"],
        false => &["feature", "type", "default", "description"],
    };
    let mut sheet = Sheet::new(heads.iter().copied().map(Column::new));
    for feature in &view.features {
        let mut cells = vec![Cell::new(&feature.name).tone(Tone::Strong), Cell::new(feature.ty)];
        if !view.holds_events() {
            cells.push(Cell::optional(feature.default.as_ref().map(to_text)));
        }
        cells.push(filled(&feature.description));
        sheet.push(cells);
    }
    sheet
}

fn of_service(service: &FeatureService, features: &[ResolvedFeature]) -> Result<Report> {
    let mut facts = Facts::new("feature service", &service.name);
    facts.add("description", &service.description);
    facts.add("status", &stage(&service.life));
    facts.add("owner", &service.owner);
    facts.add("tags", &tags(&service.tags));
    facts.add("features", &counted(features.len() as u64, "feature", "features"));
    let mut sheet = Sheet::new(["feature", "type", "ttl", "default", "description"].map(Column::new));
    for one in features {
        sheet.push(vec![
            Cell::new(one.reference()).tone(Tone::Strong),
            Cell::new(one.feature.ty),
            Cell::optional(one.view.ttl),
            Cell::optional(one.feature.default.as_ref().map(to_text)),
            filled(&one.feature.description),
        ]);
    }
    Ok(facts.report(AsJson(service).to_tree()?, sheet))
}

fn of_entity(catalog: &Catalog, entity: &Entity) -> Result<Report> {
    let mut facts = Facts::new("entity", &entity.name);
    facts.add("description", &entity.description);
    facts.add("join keys", &keys(&entity.join_keys));
    facts.add("tags", &tags(&entity.tags));
    let mut sheet = Sheet::new(["view", "join_keys", "description"].map(Column::new));
    for view in catalog.views().filter(|view| view.is_by(&entity.name)) {
        sheet.push(vec![
            Cell::new(&view.name).tone(Tone::Strong),
            Cell::new(keys(&view.join_keys)),
            filled(&view.description),
        ]);
    }
    Ok(facts.report(AsJson(entity).to_tree()?, sheet))
}

fn keys(keys: &[JoinKey]) -> String {
    keys.iter().map(|key| format!("{} {}", key.name, key.ty)).collect::<Vec<_>>().join(", ")
}

fn tags(tags: &BTreeMap<String, String>) -> String {
    tags.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(", ")
}

/// Lines above the table: what it is, then its properties that are set.
struct Facts(Vec<String>);

impl Facts {
    fn new(kind: &str, name: &str) -> Self {
        Facts(vec![format!("{kind} {name}")])
    }

    fn add(&mut self, what: &str, value: &str) {
        if !value.is_empty() {
            self.0.push(format!("  {what:18} {value}"));
        }
    }

    fn report(self, json: Json, sheet: Sheet) -> Report {
        Report { json, sheet, above: self.0, ..Report::default() }
    }
}

/// The stage of a view or a service, and what follows it; empty where nobody has said.
fn stage(life: &LifeCycle) -> String {
    life.status.map(|_| life.to_string()).unwrap_or_default()
}
