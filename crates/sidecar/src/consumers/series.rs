//! A series: the counts of one consumer, view and operation.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use asofdb::ErrorKind;

use super::allowance::Allowance;
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
    answered_bytes: AtomicU64,
    written_bytes: AtomicU64,
    /// The numbers of errors, in the order of the kinds.
    errors: [AtomicU64; ErrorKind::ALL.len()],
    latencies: Latencies,
    /// Who is promised a latency: the consumer, and those who read the view. Of reads alone.
    promises: Vec<Promise>,
}

/// A latency objective, and the requests that have missed it.
#[derive(Debug)]
struct Promise {
    of: ObjectiveOf,
    allowance: Arc<Allowance>,
    missed: AtomicU64,
}

/// The one whose latency objective it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ObjectiveOf {
    Consumer,
    View,
}

impl ObjectiveOf {
    /// The stable name.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            ObjectiveOf::Consumer => "consumer",
            ObjectiveOf::View => "view",
        }
    }
}

impl Promise {
    fn new(of: ObjectiveOf, allowance: Arc<Allowance>) -> Self {
        Promise { of, allowance, missed: AtomicU64::new(0) }
    }
}

impl Series {
    /// The series of an operation on a view; reads are held to the objectives of the consumer and of the view.
    pub(crate) fn new(
        operation: Operation,
        view: String,
        number: usize,
        consumer: &Arc<Allowance>,
        of_view: Option<&Arc<Allowance>>,
    ) -> Self {
        let mut promises = Vec::new();
        if operation.is_read() {
            promises.push(Promise::new(ObjectiveOf::Consumer, consumer.clone()));
            promises.extend(of_view.map(|allowance| Promise::new(ObjectiveOf::View, allowance.clone())));
        }
        Series {
            operation,
            view,
            number,
            rows: AtomicU64::new(0),
            answered_bytes: AtomicU64::new(0),
            written_bytes: AtomicU64::new(0),
            errors: Default::default(),
            latencies: Latencies::default(),
            promises,
        }
    }

    #[inline]
    pub(crate) fn record(&self, rows: usize, outcome: Result<(), ErrorKind>, elapsed: Duration) {
        self.latencies.record(elapsed);
        for promise in &self.promises {
            if promise.allowance.latency().is_some_and(|most| elapsed > most) {
                promise.missed.fetch_add(1, Ordering::Relaxed);
            }
        }
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

    #[inline]
    pub(crate) fn count_answered(&self, bytes: u64) {
        self.answered_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn count_written(&self, bytes: u64) {
        self.written_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Rows of requests that succeeded.
    pub(crate) fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    /// Bytes of answers.
    pub(crate) fn answered_bytes(&self) -> u64 {
        self.answered_bytes.load(Ordering::Relaxed)
    }

    /// Bytes of rows that were written.
    pub(crate) fn written_bytes(&self) -> u64 {
        self.written_bytes.load(Ordering::Relaxed)
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

    /// The number of requests.
    pub(crate) fn requests(&self) -> u64 {
        self.latencies.count()
    }

    /// The requests that took longer than an objective that was in force then.
    pub(crate) fn missed(&self, of: ObjectiveOf) -> u64 {
        let promises = self.promises.iter().filter(|promise| promise.of == of);
        promises.map(|promise| promise.missed.load(Ordering::Relaxed)).sum()
    }

    /// The latency objectives in force.
    pub(crate) fn objectives(&self) -> impl Iterator<Item = (ObjectiveOf, Duration)> {
        self.promises.iter().filter_map(|promise| Some((promise.of, promise.allowance.latency()?)))
    }
}
