//! Breaches of a policy.

use std::fmt;

use asofdb_storage::ObjectKind;

/// A thing that a rule of a policy forbids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// The kind of the thing.
    pub what: ObjectKind,
    /// Its name; of a feature, its reference `view:feature`.
    pub name: String,
    /// The property that is against the rule, as definitions name it.
    pub field: &'static str,
    /// The rule, as the policy names it, such as `view.description_min`.
    pub rule: String,
    /// The sentence about it.
    pub message: String,
    /// Its place in a file as `file:line:column`, where it was looked for there.
    pub place: Option<String>,
}

impl Breach {
    /// Returns whether another one is of the same thing and the same rule.
    pub(crate) fn is_same(&self, other: &Breach) -> bool {
        (self.what, &self.name, &self.rule) == (other.what, &other.name, &other.rule)
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        write!(f, "{} {}: {} ({})", self.what.as_str(), self.name, self.message, self.rule)
    }
}
