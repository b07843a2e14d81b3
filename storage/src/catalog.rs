//! The catalog: the store's entities, feature views and services.
//!
//! A [`Catalog`] is immutable. A change builds the next one, the backend makes it durable in one step, and
//! readers that hold the old one finish with it. Ids are never reused, so rows of a dropped view can be
//! reclaimed at leisure without ever being taken for rows of a new one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::computed::{Computed, Expressions, Windows, kind};
use crate::feed_source::FeedSource;
use crate::hot_policy::HotPolicy;
use crate::life_cycle::LifeCycle;
use crate::objective::FreshnessObjective;
use crate::schema::{FeatureId, RowLayout, RowSchema};
use crate::time::{Span, Timestamp};
use crate::value::Value;
use crate::value_type::{ScalarType, ValueType};
use crate::verdicts::Verdicts;

/// The farthest that an event may lie in the future where a view does not say: an hour covers clocks that are off.
pub const MAX_FUTURE_SKEW_DEFAULT: Span = Span::from_secs(3_600);

/// One column that identifies an entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinKey {
    /// Column name in sources and requests.
    pub name: String,
    /// Type.
    pub ty: ScalarType,
}

/// A thing that features describe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entity {
    /// Name.
    pub name: String,
    /// The columns that identify it, in key order.
    pub join_keys: Vec<JoinKey>,
    /// For people.
    pub description: String,
    /// Free labels.
    pub tags: BTreeMap<String, String>,
}

/// One feature of a view.
#[derive(Debug, Clone, PartialEq)]
pub struct Feature {
    /// Permanent number within the view.
    pub id: FeatureId,
    /// Name.
    pub name: String,
    /// Type; never changes.
    pub ty: ValueType,
    /// For people.
    pub description: String,
    /// Stands in for null, missing and expired values.
    pub default: Option<Value>,
    /// Free labels.
    pub tags: BTreeMap<String, String>,
}

/// One more list of entities by which the events of an event view are found. Each event has a copy under the key of
/// each index, written with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventIndex {
    /// Permanent number, part of the keys of the copies. It is that of an event view, and never that of a view.
    pub id: u32,
    /// Number of the list of entities.
    pub key_space: u32,
    /// Names of the entities, in key order.
    pub entities: Vec<String>,
    /// The join keys of all entities, in key order. Each is a column of the view.
    pub join_keys: Vec<JoinKey>,
}

/// A group of features that are computed together and share an entity key and a timestamp, or of events of entities:
/// facts that are counted, and not superseded by the next one.
#[derive(Debug, Clone)]
pub struct FeatureView {
    /// Permanent number, part of every key.
    pub id: u32,
    /// Number of the list of entities; views over the same list lie together in `latest`.
    pub key_space: u32,
    /// Name.
    pub name: String,
    /// Names of the entities, in key order.
    pub entities: Vec<String>,
    /// The join keys of all entities, in key order.
    pub join_keys: Vec<JoinKey>,
    /// The greatest age of a version that is served; `None`: any age.
    pub ttl: Option<Span>,
    /// Versions older than this may be reclaimed; `None`: kept for ever.
    pub retention: Option<Span>,
    /// True if the newest version of an entity outlives the retention.
    pub keep_newest: bool,
    /// The floor of earlier, shorter retentions, which may have reclaimed already: versions before this stay invisible
    /// although a later, longer retention would admit them.
    pub retention_floor: Option<Timestamp>,
    /// The farthest that an event may lie in the future.
    pub max_future_skew: Span,
    /// Column of the event timestamp in sources.
    pub event_column: String,
    /// Column of the created timestamp in sources, if they have one.
    pub created_column: Option<String>,
    /// The person or team that answers for it.
    pub owner: String,
    /// Whose it is.
    pub team: String,
    /// For people.
    pub description: String,
    /// Free labels.
    pub tags: BTreeMap<String, String>,
    /// Of an event view, the columns that make a redelivery the same event, in the order of the definition; none of
    /// them: all of its columns together. `None`: it is no event view. [`crate::key::holds_events`] tells the same by
    /// the id.
    pub event_id: Option<Vec<FeatureId>>,
    /// Of an event view, the other entities by which its events are found.
    pub also_by: Vec<EventIndex>,
    /// A condition that no row may break when it is written, in the expression language.
    pub check: Option<String>,
    /// The freshness that it promises, if it does.
    pub freshness: Option<FreshnessObjective>,
    /// Its stage, and what follows it.
    pub life: LifeCycle,
    /// What people have said of its features that look like others.
    pub verdicts: Verdicts,
    /// The files that it is fed from, where it says so; of a stored view.
    pub source: Option<FeedSource>,
    /// The place of its newest rows in the hot table.
    pub hot: HotPolicy,
    /// The way in which its features are computed; `None`: they are stored.
    pub computed: Option<Computed>,
    /// The features, or the columns of events, in the order of the definition.
    pub features: Vec<Feature>,
    /// The next feature id; ids of dropped features are not given again.
    pub next_feature: u32,
    /// Every schema that rows were written with, by version; the last one is current.
    pub schemas: Vec<RowSchema>,
}

impl FeatureView {
    /// The event view as one of its indexes has it: the same events by other entities. It has no indexes itself.
    fn indexed(&self, index: &EventIndex) -> FeatureView {
        let EventIndex { id, key_space, entities, join_keys } = index.clone();
        FeatureView { id, key_space, entities, join_keys, also_by: Vec::new(), ..self.clone() }
    }

    /// Returns whether an entity is among those by which its rows, or its events, are found.
    pub fn is_by(&self, entity: &str) -> bool {
        let indexed = self.also_by.iter().flat_map(|index| &index.entities);
        self.entities.iter().chain(indexed).any(|name| name == entity)
    }

    /// Looks a feature up by name.
    pub fn feature(&self, name: &str) -> Option<&Feature> {
        self.features.iter().find(|feature| feature.name == name)
    }

    /// Returns whether it has events, which are counted, rather than rows, of which the newest counts.
    #[inline]
    pub fn holds_events(&self) -> bool {
        self.event_id.is_some()
    }

    /// The names of the columns that make a redelivery the same event; none where all of them do, and of other views.
    pub fn event_id_names(&self) -> Vec<&str> {
        let column = |id: &FeatureId| self.features.iter().find(|feature| feature.id == *id);
        self.event_id.iter().flatten().filter_map(column).map(|feature| feature.name.as_str()).collect()
    }

    /// The word for it in definition files, such as `feature_view`.
    pub fn kind(&self) -> &'static str {
        kind(self.holds_events(), self.computed.as_ref())
    }

    /// Returns whether it has rows, or events, that are written to it.
    #[inline]
    pub fn is_stored(&self) -> bool {
        self.computed.is_none()
    }

    /// The windows that its features are, if they are.
    pub fn windows(&self) -> Option<&Windows> {
        match &self.computed {
            Some(Computed::Windows(windows)) => Some(windows),
            _ => None,
        }
    }

    /// The expressions that its features are, if they are.
    pub fn expressions(&self) -> Option<&Expressions> {
        match &self.computed {
            Some(Computed::Expressions(expressions)) => Some(expressions),
            _ => None,
        }
    }

    /// The layouts of every schema version, by version.
    pub fn layouts(&self) -> Vec<RowLayout> {
        self.schemas.iter().map(RowLayout::new).collect()
    }

    /// The layout that rows are written with now.
    pub fn current_layout(&self) -> RowLayout {
        RowLayout::new(self.schemas.last().expect("a view has at least one schema"))
    }

    /// The types of the join keys, in key order.
    pub fn key_types(&self) -> Vec<ScalarType> {
        self.join_keys.iter().map(|key| key.ty).collect()
    }

    /// Versions with an event before this are subject to retention at `now`.
    pub fn cutoff(&self, now: Timestamp) -> Timestamp {
        let by_age = self.retention.map_or(Timestamp::MIN, |retention| now.minus(retention));
        by_age.max(self.retention_floor.unwrap_or(Timestamp::MIN))
    }

    /// Returns whether a version of event time `event` is too old to be served at `at`. Exactly ttl old is valid.
    #[inline]
    pub fn is_expired(&self, event: Timestamp, at: Timestamp) -> bool {
        self.ttl.is_some_and(|ttl| at.since(event) > ttl)
    }
}

/// The named list of features that one model version reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeatureService {
    /// Name.
    pub name: String,
    /// The person or team that answers for it.
    pub owner: String,
    /// For people.
    pub description: String,
    /// Free labels.
    pub tags: BTreeMap<String, String>,
    /// References, `view:feature` or `view:*`, in the order of the model's inputs.
    pub features: Vec<String>,
    /// Its stage, and what follows it.
    pub life: LifeCycle,
}

/// Counters and the list of what was dropped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Meta {
    /// Grows by one with each change.
    pub revision: u64,
    pub next_view: u32,
    pub next_key_space: u32,
    pub key_spaces: BTreeMap<Vec<String>, u32>,
    /// Ids of dropped views, whose rows compaction may reclaim.
    pub dropped_views: BTreeSet<u32>,
}

/// Everything that is defined, as of one revision.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    pub(crate) meta: Meta,
    pub(crate) entities: BTreeMap<String, Arc<Entity>>,
    pub(crate) views: BTreeMap<String, Arc<FeatureView>>,
    pub(crate) services: BTreeMap<String, Arc<FeatureService>>,
    /// The text of the policy that definitions keep.
    pub(crate) policy: Option<Arc<str>>,
    /// By id, made from the views.
    indexes: BTreeMap<u32, Arc<FeatureView>>,
}

impl Catalog {
    /// Grows by one with each change.
    pub fn revision(&self) -> u64 {
        self.meta.revision
    }

    /// Every entity, by name.
    pub fn entities(&self) -> impl Iterator<Item = &Arc<Entity>> {
        self.entities.values()
    }

    /// Every view, by name.
    pub fn views(&self) -> impl Iterator<Item = &Arc<FeatureView>> {
        self.views.values()
    }

    /// Every service, by name.
    pub fn services(&self) -> impl Iterator<Item = &Arc<FeatureService>> {
        self.services.values()
    }

    /// An entity by name.
    pub fn entity(&self, name: &str) -> Option<&Arc<Entity>> {
        self.entities.get(name)
    }

    /// A view by name.
    pub fn view(&self, name: &str) -> Option<&Arc<FeatureView>> {
        self.views.get(name)
    }

    /// A service by name.
    pub fn service(&self, name: &str) -> Option<&Arc<FeatureService>> {
        self.services.get(name)
    }

    /// The text of the policy that definitions keep, as it was given; `None`: there is none.
    pub fn policy(&self) -> Option<&Arc<str>> {
        self.policy.as_ref()
    }

    /// The next catalog, with another policy.
    pub fn with_policy(&self, policy: &str) -> Catalog {
        let mut next = self.clone();
        next.policy = Some(policy.into());
        next.meta.revision += 1;
        next
    }

    /// A view by id, or an index of one.
    pub fn view_by_id(&self, id: u32) -> Option<&Arc<FeatureView>> {
        self.views.values().find(|view| view.id == id).or_else(|| self.indexes.get(&id))
    }

    /// Every index of an event view, as a view of the same events by other entities, by id.
    pub fn indexes(&self) -> impl Iterator<Item = &Arc<FeatureView>> {
        self.indexes.values()
    }

    /// The events of a view by a list of entities: the event view itself, or its index by them.
    pub fn events_by(&self, view: &str, entities: &[String]) -> Option<&Arc<FeatureView>> {
        let view = self.view(view).filter(|view| view.holds_events())?;
        if view.entities == entities {
            return Some(view);
        }
        let index = view.also_by.iter().find(|index| index.entities == entities)?;
        self.indexes.get(&index.id)
    }

    /// The catalog with the indexes of its views, which have been changed.
    pub(crate) fn with_indexes(mut self) -> Self {
        self.indexes = indexes(self.views.values());
        self
    }

    /// The names of the views with a retention, whose versions compaction reclaims.
    pub(crate) fn with_retention(&self) -> Vec<String> {
        let views = self.views.values().filter(|view| view.retention.is_some());
        views.map(|view| view.name.clone()).collect()
    }

    /// The next catalog, without the floors of retention that lie after `now`, which only a wrong time has left; `None`
    /// where there are none.
    pub(crate) fn without_floors_after(&self, now: Timestamp) -> Option<Catalog> {
        let mut next = self.clone();
        let wrong = next.views.values_mut().filter(|view| view.retention_floor.is_some_and(|floor| floor > now));
        let count = wrong.map(|view| Arc::make_mut(view).retention_floor = None).count();
        next.meta.revision += 1;
        (count > 0).then(|| next.with_indexes())
    }

    /// Ids of dropped views, whose rows may still be on disk.
    pub fn dropped_views(&self) -> &BTreeSet<u32> {
        &self.meta.dropped_views
    }
}

/// Makes the indexes of some views, by their ids.
fn indexes<'v>(views: impl Iterator<Item = &'v Arc<FeatureView>>) -> BTreeMap<u32, Arc<FeatureView>> {
    let of_view =
        |view: &'v Arc<FeatureView>| view.also_by.iter().map(move |index| (index.id, Arc::new(view.indexed(index))));
    views.flat_map(of_view).collect()
}
