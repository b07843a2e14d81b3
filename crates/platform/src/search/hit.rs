//! Hits: what a search has found, and why.

use serde::Serialize;

use super::field::Field;

/// Something that is defined and that a search has found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hit {
    /// `entity`, `feature_view`, `event_view`, `window_view`, `derived_view`, `feature`, `column` (of events) or
    /// `feature_service`.
    pub kind: &'static str,
    /// The name; of a feature `view:feature`.
    pub name: String,
    /// The description; empty where there is none.
    pub description: String,
    /// The score of the match, in thousandths; 0 where only filters were given. Scores of one search can be compared.
    pub score: f64,
    /// A word of the query each, and what it was found as.
    pub matched: Vec<Matched>,
    /// The names of what it is computed from; none where it is stored.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub computed_from: Vec<String>,
}

/// A word of a query that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Matched {
    /// The word of the query.
    pub word: String,
    /// The word of the definition.
    pub found: String,
    /// The part of the definition where it counts most.
    #[serde(rename = "in")]
    pub field: Field,
    /// The way in which the two are alike.
    pub how: Closeness,
}

/// The way in which a word of a query is like one of a definition, the closest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Closeness {
    /// It is the word.
    Exact,
    /// It is its beginning.
    Prefix,
    /// It means the same.
    Synonym,
    /// It is the word but for a slip or two.
    Typo,
}

impl Closeness {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Closeness::Exact => "exact",
            Closeness::Prefix => "prefix",
            Closeness::Synonym => "synonym",
            Closeness::Typo => "typo",
        }
    }
}
