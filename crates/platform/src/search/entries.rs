//! Entries of a catalog: every entity, view, feature, column of events and service.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use asofdb::{Catalog, Feature, FeatureView, Lineage, LineageFeature, LineageInput, Origin};

use super::entry::Entry;
use super::sources::{self, Sources};

/// All that a catalog has.
pub(super) fn entries_of(catalog: &Catalog) -> Vec<Entry> {
    let mut all = Entries { catalog, list: Vec::new(), entities: HashMap::new(), sources: HashMap::new() };
    all.add_entities();
    catalog.views().for_each(|view| all.add_view(view));
    all.add_services();
    all.list
}

/// Entries in the making.
struct Entries<'c> {
    catalog: &'c Catalog,
    list: Vec<Entry>,
    /// The entities of each view that came before, by its name.
    entities: HashMap<&'c str, Vec<String>>,
    /// The stored views that each view comes from, and each feature of expressions, by its name.
    sources: HashMap<String, Sources>,
}

impl<'c> Entries<'c> {
    fn add_entities(&mut self) {
        self.list.extend(self.catalog.entities().map(|entity| Entry {
            kind: "entity",
            name: entity.name.clone(),
            description: entity.description.clone(),
            tags: entity.tags.clone(),
            entities: vec![entity.name.clone()],
            computation: entity.join_keys.iter().map(|key| key.name.as_str()).collect::<Vec<_>>().join(" "),
            ..Entry::default()
        }));
    }

    fn add_view(&mut self, view: &'c FeatureView) {
        // A view whose expressions this version does not understand is found by what else it says.
        let computed = || Lineage::of(self.catalog, &[&view.name]).ok();
        let lineage = if view.is_stored() { None } else { computed() };
        let common = of_view(view, entities_of(view, lineage.as_ref()), sources::of_view(view, lineage.as_ref()));
        self.sources.insert(view.name.clone(), common.sources.clone());
        self.list.push(Entry {
            kind: view.kind(),
            name: view.name.clone(),
            description: view.description.clone(),
            computed_from: view.windows().map(|windows| windows.from.clone()).into_iter().collect(),
            ..common.clone()
        });
        let by_name: HashMap<&str, &LineageFeature> = lineage
            .iter()
            .flat_map(|lineage| &lineage.features)
            .filter(|one| one.view.id == view.id)
            .map(|one| (one.feature.name.as_str(), one))
            .collect();
        for feature in &view.features {
            let computed = by_name.get(feature.name.as_str()).copied();
            let mut entry = of_feature(view, feature, common.clone(), computed);
            if let (Some(lineage), Some(computed), true) = (&lineage, computed, view.expressions().is_some()) {
                entry.sources = sources::of_feature(lineage, computed);
                self.sources.insert(entry.name.clone(), entry.sources.clone());
            }
            self.list.push(entry);
        }
        self.entities.insert(&view.name, common.entities);
    }

    fn add_services(&mut self) {
        for service in self.catalog.services() {
            let views =
                service.features.iter().map(|name| name.split_once(':').map_or(name.as_str(), |(view, _)| view));
            let entities: BTreeSet<_> = views.filter_map(|view| self.entities.get(view)).flatten().cloned().collect();
            self.list.push(Entry {
                kind: "feature_service",
                name: service.name.clone(),
                description: service.description.clone(),
                owner: service.owner.clone(),
                tags: service.tags.clone(),
                entities: entities.into_iter().collect(),
                computation: service.features.join(" "),
                stage: service.life.status,
                sources: sources::together(service.features.iter().filter_map(|name| self.sources_of(name))),
                ..Entry::default()
            });
        }
    }
}

impl Entries<'_> {
    /// The stored views that a reference of a service comes from.
    fn sources_of(&self, reference: &str) -> Option<Sources> {
        let view = || reference.split_once(':').map_or(reference, |(view, _)| view);
        self.sources.get(reference).or_else(|| self.sources.get(view())).cloned()
    }
}

/// The entities that a view is about: those of its inputs where it has expressions.
fn entities_of(view: &FeatureView, lineage: Option<&Lineage>) -> Vec<String> {
    let indexed = view.also_by.iter().flat_map(|index| &index.entities);
    let inputs = lineage.iter().flat_map(|lineage| &lineage.features).flat_map(|one| &one.view.entities);
    let all: BTreeSet<_> = view.entities.iter().chain(indexed).chain(inputs).collect();
    all.into_iter().cloned().collect()
}

/// The words that a view and its features have in common.
fn of_view(view: &FeatureView, entities: Vec<String>, sources: Sources) -> Entry {
    Entry {
        view: view.name.clone(),
        owner: view.owner.clone(),
        team: view.team.clone(),
        tags: view.tags.clone(),
        entities,
        stage: view.life.status,
        sources,
        ..Entry::default()
    }
}

/// A feature, or a column of events, which is none.
fn of_feature(view: &FeatureView, feature: &Feature, common: Entry, computed: Option<&LineageFeature>) -> Entry {
    let mut tags: BTreeMap<_, _> = view.tags.clone();
    tags.extend(feature.tags.clone());
    Entry {
        kind: if view.holds_events() { "column" } else { "feature" },
        name: format!("{}:{}", view.name, feature.name),
        description: feature.description.clone(),
        tags,
        ty: feature.ty.to_string(),
        computed_from: computed.map(inputs).unwrap_or_default(),
        computation: computed.map(computation).unwrap_or_default(),
        ..common
    }
}

fn inputs(one: &LineageFeature) -> Vec<String> {
    let name = |input: LineageInput<'_>| match input {
        LineageInput::Events(view) => view.name.clone(),
        LineageInput::Request(value) => value.name.clone(),
        LineageInput::Feature(input) => input.name.reference(),
    };
    one.inputs().into_iter().map(name).collect()
}

fn computation(one: &LineageFeature) -> String {
    match &one.origin {
        Origin::Stored => String::new(),
        Origin::Expression { program, .. } => program.text().to_owned(),
        Origin::Window(window) => {
            let of = window.of.as_deref().unwrap_or_default();
            format!("{} {of} {} {}", window.aggregate.name(), window.window, window.conditions.join(" "))
        }
    }
}
