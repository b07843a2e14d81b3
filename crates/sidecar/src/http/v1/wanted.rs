//! What a body wants to be changed: definitions, or the policy that they keep.

use asofdb::{Definitions, parse_definitions};

use super::super::failure::Failure;

/// The name of definitions in messages about places in them.
const DEFINITIONS: &str = "definitions";

/// The name of a policy in messages about places in it.
pub(super) const POLICY: &str = "policy";

/// The change that is wanted.
pub(super) enum Wanted {
    Definitions(Definitions),
    /// A policy, in TOML.
    Policy(String),
}

impl Wanted {
    /// What a body names, of which it has one.
    ///
    /// # Errors
    /// A malformed body that names none or both; `Invalid` for definitions that cannot be read.
    pub(super) fn of(definitions: Option<String>, policy: Option<String>) -> Result<Self, Failure> {
        match (definitions, policy) {
            (Some(text), None) => Ok(Wanted::Definitions(parse_definitions(&text, DEFINITIONS)?)),
            (None, Some(text)) => Ok(Wanted::Policy(text)),
            _ => Err(Failure::malformed("the body has `definitions` or a `policy`, one of the two")),
        }
    }
}
