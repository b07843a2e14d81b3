//! Definitions within messages.

use std::collections::BTreeMap;

use asofdb::{
    Computed, Definitions, EntityDefinition, Error, FeatureDefinition, FreshnessObjective, HotPolicy, JoinKey,
    LifeCycle, Result, ServiceDefinition, Verdicts, ViewDefinition,
};

use super::life_cycle::LifeMessage;
use super::value::{ScalarTypeMessage, SpanMessage, ValueMessage, ValueTypeMessage};
use super::view_notes::ViewNotesMessage;
use crate::codec::{Decode, DecodeError, Decoder, Encode, EncodeError, Encoder};

/// The whole wanted state. What was added to views follows the whole message that has them (`Additions`), so that
/// definitions without any of it have the bytes that they had before.
#[derive(Debug, Clone, PartialEq)]
pub struct DefinitionsMessage {
    entities: Vec<EntityMessage>,
    views: Vec<ViewMessage>,
    services: Vec<ServiceMessage>,
    pub(super) additions: Additions,
    pub(super) computed: ComputedViews,
    pub(super) indexes: Indexes,
    pub(super) objectives: Objectives,
    pub(super) lives: Lives,
    pub(super) notes: Notes,
    pub(super) hots: Hots,
}

/// The additions to each view, in the order of the views; none at all where no view has any.
pub(super) type Additions = Vec<AdditionMessage>;

/// The records of what is computed in each view, in the order of the views, empty for one that is stored; none at all
/// where no view is computed.
pub(super) type ComputedViews = Vec<Vec<u8>>;

/// The other lists of entities by which the events of each view are found, in the order of the views; none at all where
/// no view has any.
pub(super) type Indexes = Vec<Vec<Vec<String>>>;

/// The freshness that each view promises, in the order of the views; none at all where no view promises any.
pub(super) type Objectives = Vec<Option<ObjectiveMessage>>;

/// The life cycles of the views and then of the services, in their order; none at all where no one says any.
pub(super) type Lives = Vec<LifeMessage>;

/// The verdicts on features and the source of each view, in the order of the views; none at all where no view has any.
pub(super) type Notes = Vec<ViewNotesMessage>;

/// The place of the rows of each view in the hot table, by the word of definition files, in the order of the views; none at
/// all where every view has the default.
pub(super) type Hots = Vec<String>;

/// The freshness that a view promises.
#[derive(Debug, Clone, Copy, PartialEq, Encode, Decode)]
pub struct ObjectiveMessage {
    warn: SpanMessage,
    stale: SpanMessage,
    stale_share_max: Option<f64>,
}

impl From<FreshnessObjective> for ObjectiveMessage {
    fn from(objective: FreshnessObjective) -> Self {
        let FreshnessObjective { warn, stale, stale_share_max } = objective;
        ObjectiveMessage { warn: warn.into(), stale: stale.into(), stale_share_max }
    }
}

impl From<ObjectiveMessage> for FreshnessObjective {
    fn from(message: ObjectiveMessage) -> Self {
        let ObjectiveMessage { warn, stale, stale_share_max } = message;
        FreshnessObjective { warn: warn.into(), stale: stale.into(), stale_share_max }
    }
}

/// The additions to a view since the first version of its message.
#[derive(Debug, Clone, Default, PartialEq, Encode, Decode)]
pub(super) struct AdditionMessage {
    event_id: Option<Vec<String>>,
    check: Option<String>,
}

impl Encode for DefinitionsMessage {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        self.entities.encode(encoder)?;
        self.views.encode(encoder)?;
        self.services.encode(encoder)
    }
}

impl<C> Decode<C> for DefinitionsMessage {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        Ok(DefinitionsMessage {
            entities: Decode::decode(decoder)?,
            views: Decode::decode(decoder)?,
            services: Decode::decode(decoder)?,
            additions: Additions::new(),
            computed: ComputedViews::new(),
            indexes: Indexes::new(),
            objectives: Objectives::new(),
            lives: Lives::new(),
            notes: Notes::new(),
            hots: Hots::new(),
        })
    }
}

impl TryFrom<Definitions> for DefinitionsMessage {
    type Error = Error;

    fn try_from(definitions: Definitions) -> Result<Self> {
        let bytes = |view: &ViewDefinition| view.computed.as_ref().map_or(Ok(Vec::new()), Computed::to_bytes);
        let computed = definitions.views.iter().map(bytes).collect::<Result<ComputedViews>>()?;
        let is_computed = computed.iter().any(|bytes| !bytes.is_empty());
        let added =
            |view: &ViewDefinition| AdditionMessage { event_id: view.event_id.clone(), check: view.check.clone() };
        let additions: Additions = definitions.views.iter().map(added).collect();
        let indexes: Indexes = definitions.views.iter().map(|view| view.also_by.clone()).collect();
        let is_indexed = indexes.iter().any(|lists| !lists.is_empty());
        let objectives = definitions.views.iter().map(|view| view.freshness.map(ObjectiveMessage::from));
        let objectives: Objectives = objectives.collect();
        let has_objective = objectives.iter().any(Option::is_some);
        let lives = definitions.views.iter().map(|view| &view.life);
        let lives: Vec<_> = lives.chain(definitions.services.iter().map(|service| &service.life)).collect();
        let has_life = lives.iter().any(|life| **life != LifeCycle::default());
        let lives = if has_life { lives.into_iter().map(LifeMessage::from).collect() } else { Lives::new() };
        let notes: Notes = definitions.views.iter().map(ViewNotesMessage::from).collect();
        let has_notes = notes.iter().any(|notes| *notes != ViewNotesMessage::default());
        let has_hot = definitions.views.iter().any(|view| view.hot != HotPolicy::default());
        let hots = definitions.views.iter().filter(|_| has_hot).map(|view| view.hot.to_string()).collect();
        let has_any = additions.iter().any(|added| *added != AdditionMessage::default());
        Ok(DefinitionsMessage {
            additions: if has_any { additions } else { Additions::new() },
            computed: if is_computed { computed } else { ComputedViews::new() },
            indexes: if is_indexed { indexes } else { Indexes::new() },
            objectives: if has_objective { objectives } else { Objectives::new() },
            lives,
            notes: if has_notes { notes } else { Notes::new() },
            hots,
            entities: definitions.entities.into_iter().map(EntityMessage::from).collect(),
            views: definitions.views.into_iter().map(ViewMessage::from).collect(),
            services: definitions.services.into_iter().map(ServiceMessage::from).collect(),
        })
    }
}

impl TryFrom<DefinitionsMessage> for Definitions {
    type Error = Error;

    fn try_from(message: DefinitionsMessage) -> Result<Self> {
        let read = |bytes: Vec<u8>| if bytes.is_empty() { Ok(None) } else { Computed::from_bytes(&bytes).map(Some) };
        let computed = message.computed.into_iter().map(read).collect::<Result<Vec<_>>>()?;
        let computed = computed.into_iter().chain(std::iter::repeat(None));
        let additions = message.additions.into_iter().chain(std::iter::repeat(AdditionMessage::default()));
        let indexes = message.indexes.into_iter().chain(std::iter::repeat(Vec::new()));
        let objectives = message.objectives.into_iter().chain(std::iter::repeat(None));
        let lives = message.lives.into_iter().map(LifeCycle::try_from).collect::<Result<Vec<_>>>()?;
        let mut lives = lives.into_iter().chain(std::iter::repeat(LifeCycle::default()));
        let notes = message.notes.into_iter().chain(std::iter::repeat(ViewNotesMessage::default()));
        let mut notes = notes.map(ViewNotesMessage::into_parts);
        let hots = message.hots.iter().map(|word| word.parse()).collect::<Result<Vec<HotPolicy>>>()?;
        let mut hots = hots.into_iter();
        let views = message.views.into_iter().zip(additions).zip(computed).zip(indexes.zip(objectives));
        Ok(Definitions {
            entities: message.entities.into_iter().map(EntityDefinition::from).collect(),
            views: views
                .map(|(((view, added), computed), (also_by, freshness))| {
                    let (verdicts, source) = notes.next().unwrap_or_default();
                    ViewDefinition {
                        also_by,
                        freshness: freshness.map(Into::into),
                        life: lives.next().unwrap_or_default(),
                        verdicts,
                        source,
                        hot: hots.next().unwrap_or_default(),
                        ..view.into_view(added, computed)
                    }
                })
                .collect(),
            services: message
                .services
                .into_iter()
                .map(ServiceDefinition::from)
                .map(|service| ServiceDefinition { life: lives.next().unwrap_or_default(), ..service })
                .collect(),
        })
    }
}

#[derive(Debug, Clone, PartialEq, Encode, Decode)]
struct EntityMessage {
    name: String,
    join_keys: Vec<JoinKeyMessage>,
    description: String,
    tags: BTreeMap<String, String>,
}

impl From<EntityDefinition> for EntityMessage {
    fn from(entity: EntityDefinition) -> Self {
        let EntityDefinition { name, join_keys, description, tags } = entity;
        EntityMessage { name, join_keys: join_keys.into_iter().map(JoinKeyMessage::from).collect(), description, tags }
    }
}

impl From<EntityMessage> for EntityDefinition {
    fn from(message: EntityMessage) -> Self {
        let EntityMessage { name, join_keys, description, tags } = message;
        EntityDefinition { name, join_keys: join_keys.into_iter().map(JoinKey::from).collect(), description, tags }
    }
}

/// A join key.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct JoinKeyMessage {
    /// Column name.
    pub name: String,
    /// Type.
    pub ty: ScalarTypeMessage,
}

impl From<JoinKey> for JoinKeyMessage {
    fn from(key: JoinKey) -> Self {
        JoinKeyMessage { name: key.name, ty: ScalarTypeMessage(key.ty) }
    }
}

impl From<JoinKeyMessage> for JoinKey {
    fn from(message: JoinKeyMessage) -> Self {
        JoinKey { name: message.name, ty: message.ty.0 }
    }
}

#[derive(Debug, Clone, PartialEq, Encode, Decode)]
struct ViewMessage {
    name: String,
    entities: Vec<String>,
    ttl: Option<SpanMessage>,
    retention: Option<SpanMessage>,
    keep_newest: bool,
    max_future_skew: SpanMessage,
    event_column: String,
    created_column: Option<String>,
    owner: String,
    team: String,
    description: String,
    tags: BTreeMap<String, String>,
    features: Vec<FeatureMessage>,
}

impl From<ViewDefinition> for ViewMessage {
    fn from(view: ViewDefinition) -> Self {
        ViewMessage {
            name: view.name,
            entities: view.entities,
            ttl: view.ttl.map(SpanMessage::from),
            retention: view.retention.map(SpanMessage::from),
            keep_newest: view.keep_newest,
            max_future_skew: view.max_future_skew.into(),
            event_column: view.event_column,
            created_column: view.created_column,
            owner: view.owner,
            team: view.team,
            description: view.description,
            tags: view.tags,
            features: view.features.into_iter().map(FeatureMessage::from).collect(),
        }
    }
}

impl ViewMessage {
    fn into_view(self, added: AdditionMessage, computed: Option<Computed>) -> ViewDefinition {
        let message = self;
        ViewDefinition {
            event_id: added.event_id,
            also_by: Vec::new(),
            check: added.check,
            freshness: None,
            life: LifeCycle::default(),
            verdicts: Verdicts::default(),
            source: None,
            hot: HotPolicy::default(),
            computed,
            name: message.name,
            entities: message.entities,
            ttl: message.ttl.map(Into::into),
            retention: message.retention.map(Into::into),
            keep_newest: message.keep_newest,
            max_future_skew: message.max_future_skew.into(),
            event_column: message.event_column,
            created_column: message.created_column,
            owner: message.owner,
            team: message.team,
            description: message.description,
            tags: message.tags,
            features: message.features.into_iter().map(FeatureDefinition::from).collect(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Encode, Decode)]
struct FeatureMessage {
    name: String,
    ty: ValueTypeMessage,
    description: String,
    default: Option<ValueMessage>,
    tags: BTreeMap<String, String>,
}

impl From<FeatureDefinition> for FeatureMessage {
    fn from(feature: FeatureDefinition) -> Self {
        let FeatureDefinition { name, ty, description, default, tags } = feature;
        FeatureMessage { name, ty: ValueTypeMessage(ty), description, default: default.map(ValueMessage), tags }
    }
}

impl From<FeatureMessage> for FeatureDefinition {
    fn from(message: FeatureMessage) -> Self {
        let FeatureMessage { name, ty, description, default, tags } = message;
        FeatureDefinition { name, ty: ty.0, description, default: default.map(|value| value.0), tags }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
struct ServiceMessage {
    name: String,
    owner: String,
    description: String,
    tags: BTreeMap<String, String>,
    features: Vec<String>,
}

impl From<ServiceDefinition> for ServiceMessage {
    fn from(service: ServiceDefinition) -> Self {
        let ServiceDefinition { name, owner, description, tags, features, .. } = service;
        ServiceMessage { name, owner, description, tags, features }
    }
}

impl From<ServiceMessage> for ServiceDefinition {
    fn from(message: ServiceMessage) -> Self {
        let ServiceMessage { name, owner, description, tags, features } = message;
        ServiceDefinition { name, owner, description, tags, features, life: LifeCycle::default() }
    }
}
