//! Surroundings: what is known of a definition besides itself. Who reads it, what it is fed with, what its values are,
//! what it was before, and how one reads it.

use std::collections::{BTreeMap, BTreeSet};

use asofdb::{
    AsJson, Catalog, CatalogChange, Entity, Feature, FeatureService, FeatureView, Session, Span, UsagePeriod, UsageRow,
    ViewAges, ViewStatistics,
};
use asofdb_platform::{
    Snippet, feature_snippets, service_snippets, services_with, versions_of, view_snippets, views_computed_from,
};
use serde_json::{Map, Value as Json, json};

use super::error::Result;
use super::sheet::{Cell, Column, Sheet, Tone};
use super::statistics::{lines as statistics_lines, notices, of_feature as feature_lines, sheet, size, taken};
use super::table::render;
use super::text::{count, counted, short_span, to_text};

/// Days over which readers are told.
const USAGE_DAYS: u32 = 30;

/// Changes that are told.
const CHANGES: usize = 10;

/// The surroundings of a definition.
#[derive(Debug, Default)]
pub(crate) struct Surroundings {
    /// Properties, each a line.
    pub(crate) facts: Vec<(&'static str, String)>,
    pub(crate) json: Map<String, Json>,
    /// Lines below the table of the definition.
    pub(crate) below: Vec<String>,
}

impl Surroundings {
    /// Those of a view.
    pub(crate) fn of_view(session: &dyn Session, catalog: &Catalog, view: &FeatureView) -> Result<Self> {
        let mut known = Surroundings::default();
        known.add_freshness(session, view)?;
        let statistics = session.statistics(&view.name)?;
        known.facts.extend(statistics.profile.as_ref().and_then(size).map(|size| ("size", size)));
        known.add_usage(session, |row| row.key.name == view.name && row.key.of.as_str() == "view")?;
        known.add_relatives(catalog, view, None);
        let features = statistics.profile.as_ref().map_or(&[][..], |profile| &profile.features);
        known.below.extend(["".to_owned(), "values".to_owned()]);
        known.below.extend(lines_of(&sheet(&statistics, features)));
        known.below.extend(statistics_lines(&statistics).into_iter().map(|line| format!("  {line}")));
        known.json.insert("statistics".to_owned(), AsJson(&statistics).to_tree()?);
        known.add_versions(catalog, view)?;
        known.add_changes(session, &view.name, &[])?;
        known.add_snippets(view_snippets(catalog, view));
        Ok(known)
    }

    /// Those of a feature.
    pub(crate) fn of_feature(
        session: &dyn Session,
        catalog: &Catalog,
        view: &FeatureView,
        feature: &Feature,
    ) -> Result<Self> {
        let mut known = Surroundings::default();
        known.add_freshness(session, view)?;
        let reference = format!("{}:{}", view.name, feature.name);
        known.add_usage(session, |row| {
            row.values.contains_key(&feature.name) && row.key.name == view.name || row.values.contains_key(&reference)
        })?;
        known.add_relatives(catalog, view, Some(&feature.name));
        let statistics = session.statistics(&view.name)?;
        known.add_values(&statistics, &feature.name)?;
        known.add_changes(session, &view.name, &[&view.name, &reference])?;
        known.add_snippets(feature_snippets(catalog, view, &feature.name));
        Ok(known)
    }

    /// Those of a service.
    pub(crate) fn of_service(session: &dyn Session, catalog: &Catalog, service: &FeatureService) -> Result<Self> {
        let mut known = Surroundings::default();
        known.add_usage(session, |row| row.key.name == service.name && row.key.of.as_str() == "service")?;
        let views: BTreeSet<&str> =
            service.features.iter().map(|name| name.split_once(':').map_or(name.as_str(), |(view, _)| view)).collect();
        let views: Vec<_> = views.into_iter().filter_map(|name| catalog.view(name)).map(|view| &**view).collect();
        known.add_views(session, &views)?;
        known.add_changes(session, &service.name, &[])?;
        known.add_snippets(service_snippets(catalog, service));
        Ok(known)
    }

    /// Those of an entity.
    pub(crate) fn of_entity(session: &dyn Session, catalog: &Catalog, entity: &Entity) -> Result<Self> {
        let mut known = Surroundings::default();
        let views: Vec<_> = catalog.views().filter(|view| view.is_by(&entity.name)).map(|view| &**view).collect();
        let services: BTreeSet<_> = views
            .iter()
            .flat_map(|view| services_with(catalog, &view.name, None))
            .map(|one| one.name.clone())
            .collect();
        let services: Vec<_> = services.into_iter().collect();
        known.names("services", "services", &services);
        known.add_views(session, &views)?;
        known.add_changes(session, &entity.name, &[])?;
        Ok(known)
    }

    /// Adds the freshness of a view with events, against what it promises.
    fn add_freshness(&mut self, session: &dyn Session, view: &FeatureView) -> Result<()> {
        if !view.is_stored() && view.windows().is_none() {
            return Ok(());
        }
        let ages = session.ages(&[&view.name])?;
        let Some(ages) = ages.first() else { return Ok(()) };
        self.facts.push(("fed", freshness(ages)));
        self.facts.extend(ages.entities.map(|of| ("rows", counted(of, "entity", "entities"))));
        self.json.insert("ages".to_owned(), AsJson(ages).to_tree()?);
        Ok(())
    }

    /// The consumers that have read it, with the number of their reads.
    fn add_usage(&mut self, session: &dyn Session, is_of: impl Fn(&UsageRow) -> bool) -> Result<()> {
        let mut rows = session.usage(UsagePeriod::total(USAGE_DAYS))?;
        rows.retain(is_of);
        let mut consumers: BTreeMap<&str, u64> = BTreeMap::new();
        for row in &rows {
            let calls = row.serving.calls + row.training.calls + row.exports.calls;
            *consumers.entry(&row.key.consumer).or_default() += calls;
        }
        let told: Vec<_> =
            consumers.iter().map(|(name, calls)| format!("{name} ({})", counted(*calls, "read", "reads"))).collect();
        let days = format!("in {USAGE_DAYS} days");
        let text = if told.is_empty() { format!("nobody {days}") } else { format!("{}, {days}", told.join(", ")) };
        self.facts.push(("read by", text));
        self.json.insert("usage".to_owned(), AsJson(rows.as_slice()).to_tree()?);
        Ok(())
    }

    /// The services that have it, and the views that are computed from it.
    fn add_relatives(&mut self, catalog: &Catalog, view: &FeatureView, feature: Option<&str>) {
        let services: Vec<_> =
            services_with(catalog, &view.name, feature).into_iter().map(|one| one.name.clone()).collect();
        self.names("services", "services", &services);
        let readers: Vec<_> = views_computed_from(catalog, view).into_iter().map(|one| one.name.clone()).collect();
        self.names("used by views", "used_by_views", &readers);
    }

    fn names(&mut self, what: &'static str, key: &str, names: &[String]) {
        if !names.is_empty() {
            self.facts.push((what, names.join(", ")));
        }
        self.json.insert(key.to_owned(), json!(names));
    }

    /// The statistics of one feature.
    fn add_values(&mut self, statistics: &ViewStatistics, name: &str) -> Result<()> {
        let profile = statistics.profile.as_ref();
        let feature = profile.and_then(|profile| profile.feature(name));
        let json = feature.map(|feature| AsJson(feature).to_tree()).transpose()?;
        self.json.insert("statistics".to_owned(), json.unwrap_or_default());
        self.json.insert("statistics_taken".to_owned(), json!(profile.map(|profile| profile.taken.to_string())));
        match profile.zip(feature) {
            Some((profile, feature)) => {
                self.facts.extend(feature_lines(feature));
                self.facts.push(("statistics of", taken(profile)));
                if statistics.outdated.iter().any(|outdated| outdated == name) {
                    self.facts.push(("", "of an older definition: take them again".to_owned()));
                }
            }
            None if statistics.withheld.iter().any(|withheld| withheld == name) => {
                self.facts.extend(notices(statistics).pop().map(|notice| ("statistics", notice)));
            }
            None => self.facts.push(("statistics", format!("none: asof profile {}", statistics.view))),
        }
        Ok(())
    }

    /// The versions of a view side by side, where there are several.
    fn add_versions(&mut self, catalog: &Catalog, view: &FeatureView) -> Result<()> {
        let versions = versions_of(catalog, view);
        let json = versions.iter().map(|one| Ok(AsJson(&***one).to_tree()?)).collect::<Result<Vec<_>>>()?;
        self.json.insert("versions".to_owned(), Json::Array(json));
        if versions.len() < 2 {
            return Ok(());
        }
        let mut table = Sheet::new(
            [Column::new("versions")].into_iter().chain(versions.iter().map(|one| Column::new(one.name.as_str()))),
        );
        let mut row = |name: &str, cells: Vec<String>| {
            let is_same = cells.windows(2).all(|pair| pair[0] == pair[1]);
            let tone = if is_same { Tone::Faint } else { Tone::Plain };
            let cell = |cell: String| Cell::optional((!cell.is_empty()).then_some(cell)).tone(tone);
            table.push([Cell::new(name).tone(Tone::Strong)].into_iter().chain(cells.into_iter().map(cell)).collect());
        };
        row(
            "status",
            versions.iter().map(|one| one.life.status.map_or_else(String::new, |at| at.to_string())).collect(),
        );
        row("ttl", versions.iter().map(|one| one.ttl.map_or_else(String::new, |ttl| ttl.to_string())).collect());
        row("owner", versions.iter().map(|one| one.owner.clone()).collect());
        let mut names: Vec<&str> = Vec::new();
        for feature in versions.iter().flat_map(|one| &one.features) {
            if !names.contains(&feature.name.as_str()) {
                names.push(&feature.name);
            }
        }
        for name in names {
            let of = |one: &&std::sync::Arc<FeatureView>| one.feature(name).map_or_else(String::new, typed);
            row(name, versions.iter().map(of).collect());
        }
        self.below.push(String::new());
        self.below.extend(lines_of(&table));
        Ok(())
    }

    /// The last changes of a definition: of `names` alone where there are any, else of all that belongs to it.
    fn add_changes(&mut self, session: &dyn Session, name: &str, names: &[&str]) -> Result<()> {
        let is_it = |of: &str| match names {
            [] => of.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(':')),
            names => names.contains(&of),
        };
        let mut changes = session.catalog_log(Some(name), CHANGES)?;
        changes.iter_mut().for_each(|change| change.cause.changes.retain(|line| is_it(&line.name)));
        changes.retain(|change| !change.cause.changes.is_empty());
        self.json.insert("changes".to_owned(), AsJson(changes.as_slice()).to_tree()?);
        if !changes.is_empty() {
            self.below.extend(["".to_owned(), "changes of its definition, newest first".to_owned()]);
            self.below.extend(changes.iter().map(change_line));
        }
        Ok(())
    }

    /// A line a view: how fresh it is, how many rows it has, and when statistics were taken.
    fn add_views(&mut self, session: &dyn Session, views: &[&FeatureView]) -> Result<()> {
        let fed: Vec<&str> = views
            .iter()
            .filter(|view| view.is_stored() || view.windows().is_some())
            .map(|view| view.name.as_str())
            .collect();
        let ages = if fed.is_empty() { Vec::new() } else { session.ages(&fed)? };
        let mut table =
            Sheet::new([Column::new("view"), Column::new("fed"), Column::right("entities"), Column::new("statistics")]);
        for view in views {
            let ages = ages.iter().find(|ages| ages.view == view.name);
            let statistics = session.statistics(&view.name)?.profile;
            table.push(vec![
                Cell::new(&view.name).tone(Tone::Strong),
                Cell::optional(ages.map(freshness)),
                Cell::optional(ages.and_then(|ages| ages.entities).map(count)),
                Cell::optional(statistics.as_ref().map(taken)),
            ]);
        }
        self.json.insert("ages".to_owned(), AsJson(ages.as_slice()).to_tree()?);
        if !views.is_empty() {
            self.below.push(String::new());
            self.below.extend(lines_of(&table));
        }
        Ok(())
    }

    fn add_snippets(&mut self, snippets: Vec<Snippet>) {
        let json = snippets.iter().map(|(language, text)| json!({"language": language, "text": text})).collect();
        self.json.insert("snippets".to_owned(), json);
        if !snippets.is_empty() {
            self.below.extend(["".to_owned(), "to read it".to_owned()]);
        }
        for (language, text) in snippets {
            self.below.push(format!("  {language}"));
            self.below.extend(text.lines().map(|line| format!("    {line}")));
        }
    }
}

/// `fresh: newest event 5m ago, all within 3d; promises 2h, warns at 1h`.
fn freshness(ages: &ViewAges) -> String {
    let mut text = ages.status.as_str().replace('_', " ");
    if let Some(age) = ages.age() {
        text += &format!(": newest event {} ago", short_span(age));
    }
    if let Some(all) = ages.ages {
        text += &format!(", half of the entities within {}, all within {}", short_span(all.p50), short_span(all.max));
    }
    if let Some(promise) = ages.objective {
        let warns = |warn: Span| if warn < promise.stale { format!(", warns at {warn}") } else { String::new() };
        text += &format!("; stale after {}{}", promise.stale, warns(promise.warn));
    }
    text
}

/// A feature's type and default, in short.
fn typed(feature: &Feature) -> String {
    match &feature.default {
        Some(default) => format!("{}, else {}", feature.ty, to_text(default)),
        None => feature.ty.to_string(),
    }
}

/// A change in one line.
fn change_line(change: &CatalogChange) -> String {
    let lines: Vec<_> = change.cause.changes.iter().map(ToString::to_string).collect();
    let who = if change.cause.who.is_empty() { String::new() } else { format!(" by {}", change.cause.who) };
    let why = if change.cause.message.is_empty() { String::new() } else { format!(" ({})", change.cause.message) };
    format!("  {}{who}: {}{why}", change.at, lines.join("; "))
}

fn lines_of(sheet: &Sheet) -> Vec<String> {
    render(sheet).lines().map(str::to_owned).collect()
}
