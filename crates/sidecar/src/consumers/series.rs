//! A series: the counts of one consumer, view and operation.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use asofdb::ErrorKind;

use super::latency::{Latencies, LatencySnapshot};
use crate::operation::Operation;

/// Counters of one operation of one consumer on one view.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) operation: Operation,
    /// Empty for what is about no view.
    pub(crate) view: String,
    /// The number of series that there were before it, of all consumers.
    pub(crate) number: usize,
    rows: AtomicU64,
    /// The numbers of errors, in the order of the kinds.
    errors: [AtomicU64; ErrorKind::ALL.len()],
    latencies: Latencies,
}

impl Series {
    pub(crate) fn new(operation: Operation, view: String, number: usize) -> Self {
        let (rows, errors) = (AtomicU64::new(0), Default::default());
        Series { operation, view, number, rows, errors, latencies: Latencies::default() }
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
        if let Some(position) = ErrorKind::ALL.iter().position(|known| *known == kind) {
            self.errors[position].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Rows of requests that succeeded.
    pub(crate) fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    /// The errors so far, of kinds that occurred.
    pub(crate) fn errors(&self) -> Vec<(ErrorKind, u64)> {
        let counts =
            ErrorKind::ALL.iter().zip(&self.errors).map(|(kind, count)| (*kind, count.load(Ordering::Relaxed)));
        counts.filter(|(_, count)| *count > 0).collect()
    }

    pub(crate) fn latencies(&self) -> LatencySnapshot {
        self.latencies.snapshot()
    }
}
