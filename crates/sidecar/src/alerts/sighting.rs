//! Sightings: what a look at the store has found.

use serde::{Deserialize, Serialize};

/// The severity of what is wrong, the greater the worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Severity {
    /// It is not as it should be.
    Warning,
    /// A promise is broken.
    Critical,
}

impl Severity {
    /// The stable name.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Severity::Warning => "warning",
            Severity::Critical => "critical",
        }
    }
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sighting {
    /// The view; empty for what is about the whole store.
    pub(super) subject: String,
    /// The stable name of the state: `stale`.
    pub(super) state: &'static str,
    pub(super) severity: Severity,
    /// The sentence that says what is wrong.
    pub(super) message: String,
}

/// A finding of a look at one subject. What is well is not found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Finding {
    /// It is wrong.
    Wrong(Sighting),
    /// It is well enough that nobody need be told, and not so well that an alert is over: the view's name.
    Near(String),
    /// Nobody knows: whatever was told of this view stands.
    Unknown(String),
}
