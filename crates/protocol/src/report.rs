//! Reports of what consumers did, as plain data.

use std::time::Duration;

use asofdb::{ErrorKind, Timestamp};
use serde::{Serialize, Serializer};

/// The report of what one consumer did with one view by one operation, since the sidecar began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConsumerReport {
    /// Name of the consumer.
    pub consumer: String,
    /// The operation: `latest`, `as_of`, `write` and so on.
    pub operation: String,
    /// Name of the view; empty for what is about no view.
    pub view: String,
    /// Requests, those that failed included.
    pub requests: u64,
    /// Rows asked for or written by requests that succeeded.
    pub rows: u64,
    /// Requests that failed, by kind.
    #[serde(serialize_with = "as_counts")]
    pub errors: Vec<(ErrorKind, u64)>,
    /// The latency that half of the requests stayed within, rounded up by at most a quarter.
    #[serde(rename = "p50_seconds", serialize_with = "as_seconds")]
    pub p50: Duration,
    /// The latency that 99 in 100 requests stayed within, rounded up by at most a quarter.
    #[serde(rename = "p99_seconds", serialize_with = "as_seconds")]
    pub p99: Duration,
    /// The latency that 999 in 1,000 requests stayed within, rounded up by at most a quarter.
    #[serde(rename = "p999_seconds", serialize_with = "as_seconds")]
    pub p999: Duration,
    /// Reads that took longer than the consumer's latency objective at that time.
    #[serde(rename = "over_consumer_objective")]
    pub over_consumer: u64,
    /// Reads that took longer than the view's latency objective at that time.
    #[serde(rename = "over_view_objective")]
    pub over_view: u64,
    /// Bytes of answers.
    pub answered_bytes: u64,
    /// Bytes of rows that were written.
    pub written_bytes: u64,
}

/// The limits of consumers and views that are in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LimitsReport {
    /// The limits, in TOML; empty where there are none.
    pub limits: String,
    /// The time since which they are in force, by the store's clock.
    #[serde(serialize_with = "as_text")]
    pub changed: Timestamp,
    /// The one who made them so: `start`, `SIGHUP`, or a user (`uid:1000`).
    pub by: String,
    /// The reason why the limits file was refused when it was last read, since which these went on.
    pub error: Option<String>,
}

fn as_counts<S: Serializer>(counts: &[(ErrorKind, u64)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(counts.iter().map(|(kind, count)| (kind.as_str(), count)))
}

fn as_seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64())
}

fn as_text<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}
