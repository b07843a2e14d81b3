//! Reports of what consumers did, as plain data.

use std::time::Duration;

use asofdb::ErrorKind;

/// The report of what one consumer did with one view by one operation, since the sidecar began.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    pub errors: Vec<(ErrorKind, u64)>,
    /// The latency that half of the requests stayed within, rounded up by at most a quarter.
    pub p50: Duration,
    /// The latency that 99 in 100 requests stayed within, rounded up by at most a quarter.
    pub p99: Duration,
}
