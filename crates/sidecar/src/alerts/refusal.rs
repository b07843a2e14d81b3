//! Refusals: why a delivery failed.

use std::time::Duration;

/// A delivery that failed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The reason, without anything that is secret.
    pub(super) reason: String,
    /// The time that the target wants to have before the next.
    pub(super) retry_after: Option<Duration>,
}

impl Refusal {
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Refusal { reason: reason.into(), retry_after: None }
    }
}
