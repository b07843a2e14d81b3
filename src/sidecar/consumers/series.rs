//! What one consumer did with one view by one operation.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use asofdb_storage::ErrorKind;

use super::latency::{Latencies, LatencySnapshot};
use super::operation::Operation;

/// Every kind of error, in the order of their counters.
const KINDS: [ErrorKind; 7] = [
    ErrorKind::NotFound,
    ErrorKind::Invalid,
    ErrorKind::Conflict,
    ErrorKind::Unavailable,
    ErrorKind::Corrupt,
    ErrorKind::Closed,
    ErrorKind::Internal,
];

/// Counters of one operation of one consumer on one view.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) operation: Operation,
    /// Empty for what is about no view.
    pub(crate) view: String,
    rows: AtomicU64,
    errors: [AtomicU64; KINDS.len()],
    latencies: Latencies,
}

impl Series {
    pub(crate) fn new(operation: Operation, view: String) -> Self {
        Series { operation, view, rows: AtomicU64::new(0), errors: Default::default(), latencies: Latencies::default() }
    }

    #[inline]
    pub(crate) fn record(&self, rows: usize, outcome: Result<(), ErrorKind>, elapsed: Duration) {
        self.latencies.record(elapsed);
        match outcome {
            Ok(()) => {
                self.rows.fetch_add(rows as u64, Ordering::Relaxed);
            }
            Err(kind) => self.count_error(kind),
        }
    }

    #[cold]
    fn count_error(&self, kind: ErrorKind) {
        // A kind that is not listed can only come from a newer storage crate: it counts as a bug.
        let position = KINDS.iter().position(|known| *known == kind).unwrap_or(KINDS.len() - 1);
        self.errors[position].fetch_add(1, Ordering::Relaxed);
    }

    /// Rows of requests that succeeded.
    pub(crate) fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    /// The errors so far, of kinds that occurred.
    pub(crate) fn errors(&self) -> Vec<(ErrorKind, u64)> {
        let counts = KINDS.iter().zip(&self.errors).map(|(kind, count)| (*kind, count.load(Ordering::Relaxed)));
        counts.filter(|(_, count)| *count > 0).collect()
    }

    pub(crate) fn latencies(&self) -> LatencySnapshot {
        self.latencies.snapshot()
    }
}
