//! Filters: conditions of a query on a field.
//!
//! All of these are decided by an entry of the index. One that needs more than the catalog has (how fresh a view is,
//! who reads it) becomes a variant of [`Filter`] whose answers the caller of a search gives, by view.

use asofdb::parts::did_you_mean;
use asofdb::{Error, Result, Stage, ValueType};

use super::entry::Entry;
use super::pattern::Pattern;

/// The names of filters.
pub(super) const FILTERS: [&str; 8] = ["team", "owner", "tag", "entity", "type", "view", "kind", "status"];

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
    Status(Stage),
}

impl Filter {
    /// A filter by its name, which is one of [`FILTERS`].
    ///
    /// # Errors
    /// `Invalid` for another name, an empty value, or one that is no type or kind.
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
            "status" => Filter::Status(value.to_lowercase().parse()?),
            _ => return Err(unknown(name)),
        })
    }

    pub(super) fn admits(&self, entry: &Entry) -> bool {
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
            Filter::Status(stage) => entry.stage == Some(*stage),
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

/// The error of a name that is no filter's.
fn unknown(name: &str) -> Error {
    let hint = did_you_mean(name, FILTERS);
    Error::invalid(format!(
        "there is no filter {name:?}; filters are {} (a word with a colon stands in double quotes){hint}",
        FILTERS.join(", ")
    ))
}
