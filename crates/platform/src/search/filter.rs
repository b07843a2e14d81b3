//! Filters: conditions of a query on a field.
//!
//! Most are decided by an entry of the index. Those that need more than the catalog has, how fresh a view is or who reads
//! it, are decided by a [`Standing`], for which the store is asked once a query.

use asofdb::parts::did_you_mean;
use asofdb::{Error, FreshnessStatus, Result, Stage, USAGE_DAYS_MAX, ValueType};

use super::entry::Entry;
use super::pattern::Pattern;
use super::standing::Standing;

/// The names of filters.
pub(super) const FILTERS: [&str; 9] = ["team", "owner", "tag", "entity", "type", "view", "kind", "status", "unused"];

/// The values of `kind:`, and the kinds of entries that each stands for.
const KINDS: [(&str, &[&str]); 10] = [
    ("entity", &["entity"]),
    ("view", &["feature_view", "event_view", "window_view", "derived_view"]),
    ("feature_view", &["feature_view"]),
    ("event_view", &["event_view"]),
    ("window_view", &["window_view"]),
    ("derived_view", &["derived_view"]),
    ("feature", &["feature"]),
    ("column", &["column"]),
    ("service", &["feature_service"]),
    ("feature_service", &["feature_service"]),
];

/// A condition on an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Filter {
    Team(Pattern),
    Owner(Pattern),
    /// The name of a tag, and its value if that is asked for.
    Tag(Pattern, Option<Pattern>),
    Entity(Pattern),
    Type(String),
    /// Features in a view, and the view.
    View(Pattern),
    Kind(&'static [&'static str]),
    /// The stage of a view or a service, and of the features of a view.
    Stage(Stage),
    /// The freshness of the views that something comes from.
    Freshness(FreshnessStatus),
    /// What nobody has read in so many days.
    Unused(u32),
}

impl Filter {
    /// A filter by its name, which is one of [`FILTERS`].
    ///
    /// # Errors
    /// `Invalid` for another name, an empty value, or one that is no type, kind, status or number of days.
    pub(super) fn new(name: &str, value: &str) -> Result<Self> {
        if value.is_empty() && FILTERS.contains(&name) {
            return Err(Error::invalid(format!("the filter {name:?} has a value behind the colon")));
        }
        let pattern = Pattern::new(value);
        Ok(match name {
            "team" => Filter::Team(pattern),
            "owner" => Filter::Owner(pattern),
            "tag" => match value.split_once('=') {
                Some((tag, value)) => Filter::Tag(Pattern::new(tag), Some(Pattern::new(value))),
                None => Filter::Tag(pattern, None),
            },
            "entity" => Filter::Entity(pattern),
            "type" => Filter::Type(value.to_lowercase().parse::<ValueType>()?.to_string()),
            "view" => Filter::View(pattern),
            "kind" => kind(value)?,
            "status" => status(value)?,
            "unused" => Filter::Unused(days(value)?),
            _ => return Err(unknown(name)),
        })
    }

    pub(super) fn admits(&self, entry: &Entry, standing: &Standing) -> bool {
        match self {
            Filter::Team(pattern) => pattern.admits(&entry.team),
            Filter::Owner(pattern) => pattern.admits(&entry.owner),
            Filter::Tag(name, value) => entry
                .tags
                .iter()
                .any(|(tag, tagged)| name.admits(tag) && value.as_ref().is_none_or(|value| value.admits(tagged))),
            Filter::Entity(pattern) => entry.entities.iter().any(|entity| pattern.admits(entity)),
            Filter::Type(ty) => entry.ty == *ty,
            Filter::View(pattern) => !entry.view.is_empty() && pattern.admits(&entry.view),
            Filter::Kind(kinds) => kinds.contains(&entry.kind),
            Filter::Stage(stage) => entry.stage == Some(*stage),
            Filter::Freshness(status) => standing.freshness(entry) == Some(*status),
            // Of several periods the longest decides, for which the standing is.
            Filter::Unused(_) => standing.is_unused(entry),
        }
    }
}

fn kind(value: &str) -> Result<Filter> {
    // As people write it: "window view" and "Window-View" too.
    let wanted = value.to_lowercase().replace([' ', '-'], "_");
    let known = KINDS.iter().find(|(name, _)| *name == wanted.as_str());
    known.map(|(_, kinds)| Filter::Kind(kinds)).ok_or_else(|| {
        let names = KINDS.map(|(name, _)| name);
        Error::invalid(format!("a kind is {}: {value:?}{}", names.join(", "), did_you_mean(&wanted, names)))
    })
}

fn status(value: &str) -> Result<Filter> {
    let wanted = value.to_lowercase().replace([' ', '-'], "_");
    let stage = Stage::ALL.into_iter().find(|stage| stage.as_str() == wanted).map(Filter::Stage);
    let freshness = || FreshnessStatus::ALL.into_iter().find(|status| status.as_str() == wanted);
    stage.or_else(|| freshness().map(Filter::Freshness)).ok_or_else(|| {
        let (stages, statuses) = (Stage::ALL.map(Stage::as_str), FreshnessStatus::ALL.map(FreshnessStatus::as_str));
        let (stage, hint) = (stages.join(", "), did_you_mean(&wanted, stages.into_iter().chain(statuses)));
        Error::invalid(format!("a status is {stage}, or of freshness {}: {value:?}{hint}", statuses.join(", ")))
    })
}

/// The days of `30d`.
fn days(value: &str) -> Result<u32> {
    let days = value.strip_suffix('d').and_then(|days| days.parse().ok());
    days.filter(|days| (1..=USAGE_DAYS_MAX).contains(days)).ok_or_else(|| {
        Error::invalid(format!("unused: takes days, from 1d to {USAGE_DAYS_MAX}d, such as unused:30d: {value:?}"))
    })
}

/// The error of a name that is no filter's.
fn unknown(name: &str) -> Error {
    let hint = did_you_mean(name, FILTERS);
    Error::invalid(format!(
        "there is no filter {name:?}; filters are {} (a word with a colon stands in double quotes){hint}",
        FILTERS.join(", ")
    ))
}
