//! Plans: the changes from what is defined to what is wanted, and the catalog that results.
//!
//! A plan touches nothing. Ids are given here and never twice: not to entities' key spaces, views or
//! features, also not after a drop, so that what is still on disk is never taken for something new.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::catalog::{Catalog, Entity, EventIndex, Feature, FeatureService, FeatureView, JoinKey};
use crate::change::{Change, ChangeKind, ObjectKind};
use crate::computed::Computed;
use crate::date::Date;
use crate::definition::{Definitions, EntityDefinition, FeatureDefinition, ServiceDefinition, ViewDefinition};
use crate::difference;
use crate::error::{Error, Result};
use crate::hot_policy::HotPolicy;
use crate::key::EVENTS_BIT;
use crate::life_cycle::LifeCycle;
use crate::redefinition::redefined;
use crate::schema::{FeatureId, RowSchema};
use crate::time::Timestamp;
use crate::value_type::ValueType;

/// Ids of views are below this: the bit above says which are of event views, and the last two are nobody's.
const VIEW_IDS_END: u32 = EVENTS_BIT - 2;

/// The changes that lead from a catalog to what is wanted.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Entities, then views with their features, then services; of each, drops last.
    pub changes: Vec<Change>,
    promises: Vec<(String, Date)>,
    next: Catalog,
}

impl Plan {
    /// Returns whether everything is as wanted already.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The changes that lose data or definitions.
    pub fn drops(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(|change| change.kind == ChangeKind::Drop)
    }

    /// The names of views and services that go before the day that their definitions promise, with that day.
    pub fn early_drops(&self) -> impl Iterator<Item = (&str, Date)> {
        self.promises.iter().map(|(name, day)| (name.as_str(), *day))
    }

    /// The changes after which computed features mean something else.
    pub fn redefinitions(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(|change| change.kind == ChangeKind::Redefine)
    }

    /// The catalog that there will be.
    pub fn catalog(&self) -> &Catalog {
        &self.next
    }

    /// The catalog after the changes: one revision on, or the catalog as it was when there are none.
    pub fn into_catalog(self) -> Catalog {
        self.next
    }
}

impl Catalog {
    /// Compares what is defined with the whole of what is wanted.
    ///
    /// `believed` is the present as far as the store believes it, by which compaction goes: where a retention changes,
    /// what it let compaction reclaim up to then stays invisible.
    ///
    /// # Errors
    /// `Invalid` or `NotFound` when the definitions break a rule (see [`Definitions::check`]); `Conflict` when
    /// rows that are stored already cannot follow the change.
    pub fn plan(&self, wanted: &Definitions, believed: Timestamp) -> Result<Plan> {
        wanted.check().map_err(|problem| problem.error)?;
        let mut planner =
            Planner { old: self, next: self.clone(), changes: Vec::new(), promises: Vec::new(), believed };
        planner.entities(wanted)?;
        planner.views(wanted)?;
        planner.services(wanted);
        let Planner { mut next, changes, promises, .. } = planner;
        if !changes.is_empty() {
            next.meta.revision += 1;
        }
        Ok(Plan { changes, promises, next: next.with_indexes() })
    }
}

struct Planner<'a> {
    old: &'a Catalog,
    next: Catalog,
    changes: Vec<Change>,
    promises: Vec<(String, Date)>,
    believed: Timestamp,
}

impl Planner<'_> {
    /// Remembers what goes before the day that its definition promises.
    fn keep_promise(&mut self, name: &str, life: &LifeCycle) {
        let promised = life.drop_after.filter(|day| self.believed < day.start());
        self.promises.extend(promised.map(|day| (name.to_owned(), day)));
    }

    fn push(&mut self, kind: ChangeKind, what: ObjectKind, name: impl Into<String>, details: Vec<String>) {
        self.changes.push(Change { kind, what, name: name.into(), details });
    }

    fn entities(&mut self, wanted: &Definitions) -> Result<()> {
        let views: BTreeSet<&str> = wanted.views.iter().map(|view| view.name.as_str()).collect();
        for definition in &wanted.entities {
            let entity = entity_of(definition);
            match self.old.entity(&entity.name) {
                None => {
                    let details = vec![difference::key_list(&entity.join_keys)];
                    self.push(ChangeKind::Create, ObjectKind::Entity, &entity.name, details);
                }
                Some(old) if **old == entity => continue,
                Some(old) => {
                    if old.join_keys != entity.join_keys {
                        self.refuse_used(old, &views)?;
                        self.forget_key_spaces(&entity.name);
                    }
                    self.push(
                        ChangeKind::Change,
                        ObjectKind::Entity,
                        &entity.name,
                        difference::of_entities(old, &entity),
                    );
                }
            }
            self.next.entities.insert(entity.name.clone(), Arc::new(entity));
        }
        let kept = wanted.entities.iter().map(|entity| entity.name.as_str()).collect();
        for name in gone(&self.old.entities, &kept) {
            self.next.entities.remove(name);
            self.forget_key_spaces(name);
            self.push(ChangeKind::Drop, ObjectKind::Entity, name, Vec::new());
        }
        Ok(())
    }

    /// Refuses other join keys for an entity that a view uses and will go on using.
    fn refuse_used(&self, entity: &Entity, kept: &BTreeSet<&str>) -> Result<()> {
        let user = self.old.views().find(|view| view.is_by(&entity.name) && kept.contains(&*view.name));
        match user {
            None => Ok(()),
            Some(view) => Err(Error::conflict(format!(
                "the join keys of an entity cannot change while a view uses it: {:?} is used by {:?}; define {:?}",
                entity.name,
                view.name,
                next_name(&entity.name)
            ))),
        }
    }

    /// Rows of dropped views lie under the old key space with the old join keys; new rows must not mix with them.
    fn forget_key_spaces(&mut self, entity: &str) {
        self.next.meta.key_spaces.retain(|entities, _| !entities.iter().any(|name| name == entity));
    }

    fn views(&mut self, wanted: &Definitions) -> Result<()> {
        for definition in &wanted.views {
            let definition = &with_features(definition, wanted)?;
            let view = match self.old.view(&definition.name) {
                None => self.create_view(definition)?,
                Some(old) => self.change_view(old, definition)?,
            };
            self.next.views.insert(view.name.clone(), Arc::new(view));
        }
        let kept = wanted.views.iter().map(|view| view.name.as_str()).collect();
        for name in gone(&self.old.views, &kept) {
            if let Some(view) = self.next.views.remove(name) {
                let dropped = view.also_by.iter().map(|index| index.id).chain([view.id]);
                self.next.meta.dropped_views.extend(dropped);
                self.keep_promise(name, &view.life);
                self.push(ChangeKind::Drop, kind_of(&view), name, Vec::new());
            }
        }
        Ok(())
    }

    fn create_view(&mut self, definition: &ViewDefinition) -> Result<FeatureView> {
        let id = next_view_id(&mut self.next.meta.next_view, definition.event_id.is_some())?;
        // What is derived has the keys of its inputs.
        let has_keys = !definition.entities.is_empty();
        let key_space = if has_keys { self.key_space(&definition.entities)? } else { 0 };
        let mut view = view_of(definition);
        view.join_keys = self.join_keys(&definition.entities);
        (view.id, view.key_space) = (id, key_space);
        view.also_by = definition.also_by.iter().map(|entities| self.create_index(entities)).collect::<Result<_>>()?;
        for feature in &definition.features {
            view.features.push(feature_of(feature, FeatureId(next_id(&mut view.next_feature)?)));
        }
        view.schemas.push(RowSchema { version: 0, columns: columns_of(&view) });
        view.event_id = event_id_of(&view, definition);
        let count = view.features.len();
        let what = if view.holds_events() { "column" } else { "feature" };
        let mut details = vec![format!("{count} {what}{}", if count == 1 { "" } else { "s" })];
        details.extend(view.ttl.map(|ttl| format!("ttl {ttl}")));
        details.extend(view.retention.map(|retention| format!("retention {retention}")));
        details.extend(view.freshness.map(|freshness| format!("freshness: {freshness}")));
        details.extend(view.life.status.map(|_| view.life.to_string()));
        details.extend((view.hot != HotPolicy::default()).then(|| format!("hot {}", view.hot)));
        details.extend(definition.also_by.iter().map(|entities| format!("also by {}", entities.join(" and "))));
        self.push(ChangeKind::Create, kind_of(&view), &view.name, details);
        Ok(view)
    }

    /// The join keys of entities, in key order.
    fn join_keys(&self, entities: &[String]) -> Vec<JoinKey> {
        let entities = entities.iter().filter_map(|name| self.next.entities.get(name));
        entities.flat_map(|entity| entity.join_keys.iter().cloned()).collect()
    }

    fn create_index(&mut self, entities: &[String]) -> Result<EventIndex> {
        let id = next_view_id(&mut self.next.meta.next_view, true)?;
        let (key_space, join_keys) = (self.key_space(entities)?, self.join_keys(entities));
        Ok(EventIndex { id, key_space, entities: entities.to_vec(), join_keys })
    }

    fn key_space(&mut self, entities: &[String]) -> Result<u32> {
        let meta = &mut self.next.meta;
        match meta.key_spaces.get(entities) {
            Some(&id) => Ok(id),
            None => {
                let id = next_id(&mut meta.next_key_space)?;
                meta.key_spaces.insert(entities.to_vec(), id);
                Ok(id)
            }
        }
    }

    fn change_view(&mut self, old: &FeatureView, definition: &ViewDefinition) -> Result<FeatureView> {
        refuse_another(old, definition)?;
        let mut view = FeatureView {
            id: old.id,
            key_space: old.key_space,
            join_keys: old.join_keys.clone(),
            also_by: old.also_by.clone(),
            next_feature: old.next_feature,
            schemas: old.schemas.clone(),
            ..view_of(definition)
        };
        self.carry_retention(old, &mut view)?;
        let place = self.changes.len();
        self.change_features(old, &mut view, &definition.features)?;
        for feature in redefined(old, &view) {
            let reference = format!("{}:{feature}", view.name);
            self.push(ChangeKind::Redefine, ObjectKind::Feature, reference, vec!["computed in another way".to_owned()]);
        }
        view.event_id = event_id_of(&view, definition);
        if old.event_id != view.event_id {
            let (name, next) = (&old.name, next_name(&old.name));
            return Err(Error::conflict(format!(
                "the event id of an event view cannot change: {name:?}; define {next:?}"
            )));
        }
        let details = difference::of_views(old, &view);
        if !details.is_empty() {
            let change = Change { kind: ChangeKind::Change, what: kind_of(&view), name: view.name.clone(), details };
            self.changes.insert(place, change);
        }
        Ok(view)
    }

    /// Keeps invisible what compaction may have reclaimed under the old settings: otherwise it would depend on
    /// when compaction ran.
    fn carry_retention(&self, old: &FeatureView, view: &mut FeatureView) -> Result<()> {
        view.retention_floor = old.retention_floor;
        if old.retention.is_some() && old.retention != view.retention {
            view.retention_floor = Some(old.cutoff(self.believed));
        }
        if !old.keep_newest && view.keep_newest && (old.retention.is_some() || old.retention_floor.is_some()) {
            let rule = "keep_newest cannot be turned on under a retention, which may have reclaimed newest versions";
            return Err(Error::conflict(format!("{rule}: {:?}; define {:?}", old.name, next_name(&old.name))));
        }
        Ok(())
    }

    fn change_features(
        &mut self,
        old: &FeatureView,
        view: &mut FeatureView,
        wanted: &[FeatureDefinition],
    ) -> Result<()> {
        let before: BTreeMap<&str, &Feature> = old.features.iter().map(|f| (f.name.as_str(), f)).collect();
        for definition in wanted {
            let reference = format!("{}:{}", view.name, definition.name);
            let feature = match before.get(definition.name.as_str()) {
                None => {
                    let details = vec![definition.ty.to_string()];
                    self.push(ChangeKind::Create, ObjectKind::Feature, reference, details);
                    feature_of(definition, FeatureId(next_id(&mut view.next_feature)?))
                }
                Some(before) if before.ty != definition.ty => {
                    let message = "the type of a feature cannot change";
                    let advice = format!("define it in {:?}", next_name(&view.name));
                    let types = format!("{} -> {}", before.ty, definition.ty);
                    return Err(Error::conflict(format!("{message}: {reference}; {advice}: {types}")));
                }
                Some(before) => {
                    let feature = feature_of(definition, before.id);
                    let details = difference::of_features(before, &feature);
                    if !details.is_empty() {
                        self.push(ChangeKind::Change, ObjectKind::Feature, reference, details);
                    }
                    feature
                }
            };
            view.features.push(feature);
        }
        let kept: BTreeSet<&str> = wanted.iter().map(|feature| feature.name.as_str()).collect();
        for feature in old.features.iter().filter(|feature| !kept.contains(feature.name.as_str())) {
            let reference = format!("{}:{}", view.name, feature.name);
            self.push(ChangeKind::Drop, ObjectKind::Feature, reference, Vec::new());
        }
        append_schema(view)
    }

    fn services(&mut self, wanted: &Definitions) {
        for definition in &wanted.services {
            let service = service_of(definition);
            match self.old.service(&service.name) {
                None => {
                    let details = vec![service.features.join(" ")];
                    self.push(ChangeKind::Create, ObjectKind::FeatureService, &service.name, details);
                }
                Some(old) if **old == service => continue,
                Some(old) => {
                    let details = difference::of_services(old, &service);
                    self.push(ChangeKind::Change, ObjectKind::FeatureService, &service.name, details);
                }
            }
            self.next.services.insert(service.name.clone(), Arc::new(service));
        }
        let kept = wanted.services.iter().map(|service| service.name.as_str()).collect();
        for name in gone(&self.old.services, &kept) {
            if let Some(service) = self.next.services.remove(name) {
                self.keep_promise(name, &service.life);
            }
            self.push(ChangeKind::Drop, ObjectKind::FeatureService, name, Vec::new());
        }
    }
}

/// Refuses another kind of view, other entities, and other indexes than a view has had from the beginning.
fn refuse_another(old: &FeatureView, definition: &ViewDefinition) -> Result<()> {
    if old.kind() != definition.kind() {
        let (name, next) = (&old.name, next_name(&old.name));
        let (from, to) = (old.kind(), definition.kind());
        return Err(Error::conflict(format!("{name:?} is {from} and cannot become {to}; define {next:?}")));
    }
    if old.entities != definition.entities {
        let (name, next) = (&old.name, next_name(&old.name));
        let message = format!("the entities of a feature view cannot change: {name:?}; define {next:?}");
        return Err(Error::conflict(format!("{message}: {:?} -> {:?}", old.entities, definition.entities)));
    }
    refuse_other_indexes(old, definition)
}

/// Refuses to index events by others than from the beginning: those that are there would have no copies, or too many.
fn refuse_other_indexes(old: &FeatureView, definition: &ViewDefinition) -> Result<()> {
    let (mut before, mut wanted): (Vec<_>, Vec<_>) =
        (old.also_by.iter().map(|index| &index.entities).collect(), definition.also_by.iter().collect());
    before.sort_unstable();
    wanted.sort_unstable();
    if before == wanted {
        return Ok(());
    }
    let (name, next) = (&old.name, next_name(&old.name));
    let message = format!("the entities in also_by of an event view cannot change: {name:?}; define {next:?}");
    Err(Error::conflict(format!("{message}: {before:?} -> {wanted:?}")))
}

/// Gives out the next id of a counter. Ids start at 1: a zero in a key is then always a mistake.
fn next_id(counter: &mut u32) -> Result<u32> {
    let id = (*counter).max(1);
    *counter = id.checked_add(1).ok_or_else(|| Error::conflict("the catalog has no ids left: start a new store"))?;
    Ok(id)
}

/// Gives out the next id of a view. That of an event view says so.
fn next_view_id(counter: &mut u32, holds_events: bool) -> Result<u32> {
    match next_id(counter)? {
        id if id >= VIEW_IDS_END => Err(Error::conflict("the catalog has no ids left: start a new store")),
        id => Ok(if holds_events { id | EVENTS_BIT } else { id }),
    }
}

/// The kind of a view.
pub(crate) fn kind_of(view: &FeatureView) -> ObjectKind {
    match &view.computed {
        Some(Computed::Windows(_)) => ObjectKind::WindowView,
        Some(Computed::Expressions(_)) => ObjectKind::DerivedView,
        None if view.holds_events() => ObjectKind::EventView,
        None => ObjectKind::FeatureView,
    }
}

/// The definition of a view with all of its features, also those that windows give.
fn with_features(definition: &ViewDefinition, wanted: &Definitions) -> Result<ViewDefinition> {
    let from = match &definition.computed {
        Some(Computed::Windows(windows)) => wanted.views.iter().find(|view| view.name == windows.from),
        _ => None,
    };
    Ok(ViewDefinition { features: definition.features_over(from)?, ..definition.clone() })
}

/// The columns of a view's event id, by their numbers. The definitions were checked.
fn event_id_of(view: &FeatureView, definition: &ViewDefinition) -> Option<Vec<FeatureId>> {
    let names = definition.event_id.as_ref()?;
    Some(names.iter().filter_map(|name| view.feature(name)).map(|feature| feature.id).collect())
}

fn gone<'a, T>(old: &'a BTreeMap<String, T>, kept: &BTreeSet<&str>) -> Vec<&'a str> {
    old.keys().map(String::as_str).filter(|name| !kept.contains(name)).collect()
}

/// The features of a view as rows hold them, by id.
fn columns_of(view: &FeatureView) -> Vec<(FeatureId, ValueType)> {
    let mut columns: Vec<_> = view.features.iter().map(|feature| (feature.id, feature.ty)).collect();
    columns.sort_unstable_by_key(|(id, _)| *id);
    columns
}

/// Appends a schema version when rows are to hold other features than those of the last one.
fn append_schema(view: &mut FeatureView) -> Result<()> {
    let columns = columns_of(view);
    if !view.is_stored() {
        // No row was ever written with an older schema.
        view.schemas = vec![RowSchema { version: 0, columns }];
        return Ok(());
    }
    if view.schemas.last().is_some_and(|last| last.columns == columns) {
        return Ok(());
    }
    let version = u16::try_from(view.schemas.len()).map_err(|_| {
        let next = next_name(&view.name);
        Error::conflict(format!("a feature view has at most 65536 schema versions: {:?}; define {next:?}", view.name))
    })?;
    view.schemas.push(RowSchema { version, columns });
    Ok(())
}

/// The name to advise for a successor: `x_v1` becomes `x_v2`, `x` becomes `x_v2`.
fn next_name(name: &str) -> String {
    let numbered = name.rsplit_once("_v").and_then(|(stem, number)| Some((stem, number.parse::<u32>().ok()?)));
    match numbered {
        Some((stem, number)) => format!("{stem}_v{}", number.saturating_add(1)),
        None => format!("{name}_v2"),
    }
}

fn entity_of(definition: &EntityDefinition) -> Entity {
    let EntityDefinition { name, join_keys, description, tags } = definition.clone();
    Entity { name, join_keys, description, tags }
}

/// A view as defined, without ids, join keys, features and schemas.
fn view_of(definition: &ViewDefinition) -> FeatureView {
    FeatureView {
        id: 0,
        key_space: 0,
        name: definition.name.clone(),
        entities: definition.entities.clone(),
        join_keys: Vec::new(),
        ttl: definition.ttl,
        retention: definition.retention,
        keep_newest: definition.keep_newest,
        retention_floor: None,
        max_future_skew: definition.max_future_skew,
        event_column: definition.event_column.clone(),
        created_column: definition.created_column.clone(),
        owner: definition.owner.clone(),
        team: definition.team.clone(),
        description: definition.description.clone(),
        tags: definition.tags.clone(),
        event_id: None,
        also_by: Vec::new(),
        check: definition.check.clone(),
        freshness: definition.freshness,
        life: definition.life.clone(),
        verdicts: definition.verdicts.clone(),
        source: definition.source.clone(),
        hot: definition.hot,
        computed: definition.computed.clone(),
        features: Vec::new(),
        next_feature: 0,
        schemas: Vec::new(),
    }
}

fn feature_of(definition: &FeatureDefinition, id: FeatureId) -> Feature {
    let FeatureDefinition { name, ty, description, default, tags } = definition.clone();
    Feature { id, name, ty, description, default, tags }
}

fn service_of(definition: &ServiceDefinition) -> FeatureService {
    let ServiceDefinition { name, owner, description, tags, features, life } = definition.clone();
    FeatureService { name, owner, description, tags, features, life }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::value_type::ScalarType;

    #[test]
    fn schema_versions_are_limited_to_what_a_row_can_name() {
        let mut view = view_of(&ViewDefinition { name: "weather_v1".into(), ..Default::default() });
        view.schemas = (0..u16::MAX).map(|version| RowSchema { version, columns: Vec::new() }).collect();
        let feature = FeatureDefinition::new("temp", ValueType::Scalar(ScalarType::Float32));
        view.features.push(feature_of(&feature, FeatureId(1)));
        append_schema(&mut view).unwrap();
        assert_eq!(view.schemas.last().map(|schema| schema.version), Some(u16::MAX));
        view.features.clear();
        let error = append_schema(&mut view).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert!(error.to_string().contains("weather_v1") && error.to_string().contains("65536"), "{error}");
    }

    #[test]
    fn ids_that_run_out_are_a_conflict_not_a_second_use() {
        let mut counter = u32::MAX - 1;
        assert_eq!(next_id(&mut counter).unwrap(), u32::MAX - 1);
        assert_eq!(next_id(&mut counter).unwrap_err().kind(), ErrorKind::Conflict);
    }

    #[test]
    fn the_advised_name_counts_on() {
        assert_eq!(next_name("weather_v1"), "weather_v2");
        assert_eq!(next_name("weather_v09"), "weather_v10");
        assert_eq!(next_name("weather"), "weather_v2");
        assert_eq!(next_name("weather_vx"), "weather_vx_v2");
    }
}
