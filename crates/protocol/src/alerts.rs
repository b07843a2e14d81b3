//! Alerts of a sidecar, as plain data: what is wrong, and who was told.

use asofdb::Timestamp;
use serde::{Serialize, Serializer};

/// The kinds of alerts that a sidecar of this version has.
pub const ALERT_KINDS: [&str; 7] = ["freshness", "answers", "clock", "read_only", "feed", "latency", "stream"];

/// The report of a sidecar's alerts. Without targets it was started without alerts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct AlertsReport {
    /// The open alerts, by kind and subject.
    pub alerts: Vec<AlertReport>,
    /// Those who are told, as they are configured.
    pub targets: Vec<AlertTargetReport>,
}

/// An alert that is open: something is wrong, and its targets were told so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AlertReport {
    /// The kind, one of [`ALERT_KINDS`]; a later version may have more.
    pub kind: String,
    /// The view, `consumer NAME` and `view NAME` of a latency, or `STREAM > VIEW` of a stream; empty for what is about the
    /// whole store.
    pub subject: String,
    /// The state that was told last: `stale`, `warn` and so on.
    pub state: String,
    /// `critical` or `warning`.
    pub severity: String,
    /// The sentence that says what is wrong, as it was when it was looked at last.
    pub message: String,
    /// The time when it began, by the clock of the store's host.
    #[serde(serialize_with = "as_text")]
    pub since: Timestamp,
    /// The time of the last notice about it.
    #[serde(serialize_with = "as_text")]
    pub told: Timestamp,
    /// The notices about it so far.
    pub notices: u64,
    /// True if it was well at the last look, and not yet for as long as it has to be.
    pub is_recovering: bool,
}

/// A target of notices, and how delivery to it goes since the sidecar began.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct AlertTargetReport {
    /// Name of the target.
    pub target: String,
    /// `json` and `slack` are webhooks, `command` is a command.
    pub kind: String,
    /// The notices that wait for delivery.
    pub waiting: u64,
    /// The notices that were delivered.
    pub delivered: u64,
    /// The deliveries that failed, and were or will be tried again.
    pub failures: u64,
    /// The notices that were given up, because too many waited.
    pub dropped: u64,
    /// The time of the last delivery that succeeded.
    #[serde(serialize_with = "as_optional_text")]
    pub last_delivered: Option<Timestamp>,
    /// The time of the last one that failed.
    #[serde(serialize_with = "as_optional_text")]
    pub last_failed: Option<Timestamp>,
    /// The reason why it failed.
    pub last_error: Option<String>,
}

/// Serde wants the time by reference.
fn as_text<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}

fn as_optional_text<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => serializer.collect_str(at),
        None => serializer.serialize_none(),
    }
}
