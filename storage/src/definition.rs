//! Definitions that a user wants, as plain data: the input of [`Catalog::plan`](crate::Catalog::plan).
//!
//! A definition has no ids, schema versions or other history; those are the catalog's.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::catalog::{JoinKey, MAX_FUTURE_SKEW_DEFAULT};
use crate::computed::{Computed, WindowFeature, WindowedFeature, kind};
use crate::error::Result;
use crate::feed_source::FeedSource;
use crate::hot_policy::HotPolicy;
use crate::life_cycle::LifeCycle;
use crate::objective::FreshnessObjective;
use crate::time::Span;
use crate::value::Value;
use crate::value_type::ValueType;
use crate::verdicts::Verdicts;

/// The column of the event timestamp where a view does not name one.
pub const EVENT_COLUMN_DEFAULT: &str = "event_timestamp";

/// The whole wanted state: what the catalog has and this has not is to be dropped.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Definitions {
    /// The entities.
    pub entities: Vec<EntityDefinition>,
    /// The views of all kinds.
    pub views: Vec<ViewDefinition>,
    /// The feature services.
    pub services: Vec<ServiceDefinition>,
}

/// A thing that features describe.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EntityDefinition {
    /// Name, unique among entities.
    pub name: String,
    /// The columns that identify it, in key order; at least one.
    pub join_keys: Vec<JoinKey>,
    /// For people.
    pub description: String,
    /// Free labels.
    pub tags: BTreeMap<String, String>,
}

/// A group of features that share an entity key and a timestamp, or of events of entities; or of features that are
/// computed when they are asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct ViewDefinition {
    /// Name, unique among feature views and services.
    pub name: String,
    /// Names of the entities; their join keys concatenate in this order. A view of expressions names none: they are
    /// those of its inputs.
    pub entities: Vec<String>,
    /// The greatest age of a version that is served, above zero; `None`: any age.
    pub ttl: Option<Span>,
    /// Versions older than this may be reclaimed, at least the ttl; `None`: kept for ever.
    pub retention: Option<Span>,
    /// True if the newest version of an entity outlives the retention.
    pub keep_newest: bool,
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
    /// Of an event view, the columns that make a redelivery the same event; none of them: all of its columns together.
    /// `None`: it is no event view.
    pub event_id: Option<Vec<String>>,
    /// Of an event view, the other lists of entities by which its events are found. Their join keys are columns of the
    /// view and parts of its event id.
    pub also_by: Vec<Vec<String>>,
    /// A condition that no row may break, in the expression language; see the crate `asofdb-expression`.
    pub check: Option<String>,
    /// The freshness that it promises, if it does.
    pub freshness: Option<FreshnessObjective>,
    /// Its stage, and what follows it.
    pub life: LifeCycle,
    /// What people have said of its features that look like others.
    pub verdicts: Verdicts,
    /// The files that it is fed from, where it says so; of a stored view.
    pub source: Option<FeedSource>,
    /// The place of its newest rows in the hot table; of a feature view.
    pub hot: HotPolicy,
    /// The way in which its features are computed; `None`: they are stored.
    pub computed: Option<Computed>,
    /// The features, or the columns of events; at least one. A view of windows has those that its windows give, and
    /// names none here.
    pub features: Vec<FeatureDefinition>,
}

impl ViewDefinition {
    /// The word for it in definition files, such as `feature_view`.
    pub fn kind(&self) -> &'static str {
        kind(self.event_id.is_some(), self.computed.as_ref())
    }

    /// The names of its features: those that it lists, or those that its windows give.
    pub(crate) fn feature_names(&self) -> Vec<Cow<'_, str>> {
        match &self.computed {
            Some(Computed::Windows(windows)) => {
                windows.features.iter().flat_map(WindowFeature::names).map(|(name, _, _)| Cow::Owned(name)).collect()
            }
            _ => self.features.iter().map(|feature| Cow::Borrowed(feature.name.as_str())).collect(),
        }
    }

    /// Its features: those that it lists, or those that its windows give over the columns of `from`.
    ///
    /// # Errors
    /// As [`Windows::features`](crate::Windows::features).
    pub(crate) fn features_over(&self, from: Option<&ViewDefinition>) -> Result<Vec<FeatureDefinition>> {
        let Some(Computed::Windows(windows)) = &self.computed else { return Ok(self.features.clone()) };
        let columns = || from.iter().flat_map(|from| &from.features);
        let features = windows.features(|name| columns().find(|column| column.name == name).map(|column| column.ty))?;
        let feature = |windowed: WindowedFeature<'_>| FeatureDefinition {
            name: windowed.name,
            ty: windowed.ty,
            description: windowed.of.description.clone(),
            default: windowed.of.default.clone(),
            tags: windowed.of.tags.clone(),
        };
        Ok(features.into_iter().map(feature).collect())
    }
}

impl Default for ViewDefinition {
    fn default() -> Self {
        ViewDefinition {
            name: String::new(),
            entities: Vec::new(),
            ttl: None,
            retention: None,
            keep_newest: true,
            max_future_skew: MAX_FUTURE_SKEW_DEFAULT,
            event_column: EVENT_COLUMN_DEFAULT.to_owned(),
            created_column: None,
            owner: String::new(),
            team: String::new(),
            description: String::new(),
            tags: BTreeMap::new(),
            event_id: None,
            also_by: Vec::new(),
            check: None,
            freshness: None,
            life: LifeCycle::default(),
            verdicts: Verdicts::default(),
            source: None,
            hot: HotPolicy::default(),
            computed: None,
            features: Vec::new(),
        }
    }
}

/// One feature of a view.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureDefinition {
    /// Name, unique within the view.
    pub name: String,
    /// Type; it can never change.
    pub ty: ValueType,
    /// For people.
    pub description: String,
    /// Stands in for null, missing and expired values; of the feature's type and not NaN.
    pub default: Option<Value>,
    /// Free labels.
    pub tags: BTreeMap<String, String>,
}

impl FeatureDefinition {
    /// A feature without description, default or tags.
    pub fn new(name: impl Into<String>, ty: ValueType) -> Self {
        FeatureDefinition { name: name.into(), ty, description: String::new(), default: None, tags: BTreeMap::new() }
    }
}

/// The named list of features that one model version reads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServiceDefinition {
    /// Name, unique among feature views and services.
    pub name: String,
    /// The person or team that answers for it.
    pub owner: String,
    /// For people.
    pub description: String,
    /// Free labels.
    pub tags: BTreeMap<String, String>,
    /// References, `view:feature` or `view:*`, in the order of the model's inputs; at least one.
    pub features: Vec<String>,
    /// Its stage, and what follows it.
    pub life: LifeCycle,
}
