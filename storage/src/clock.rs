//! The store's own time: the injected clock, made monotonic.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::time::{Clock, Timestamp};

/// The injected clock as the store uses it: it never goes back, and no two commits share a stamp.
///
/// Retention needs the first (a cut-off that moved back would show what compaction has taken), repeatable
/// reads at a `known_at` need the second.
pub(crate) struct StoreClock {
    clock: Arc<dyn Clock>,
    newest: AtomicI64,
    stamped: AtomicI64,
}

impl StoreClock {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        StoreClock { clock, newest: AtomicI64::new(i64::MIN), stamped: AtomicI64::new(i64::MIN) }
    }

    /// The present; never before an earlier answer.
    pub(crate) fn now(&self) -> Timestamp {
        let now = self.clock.now().as_micros();
        Timestamp::from_micros(self.newest.fetch_max(now, Ordering::AcqRel).max(now))
    }

    /// The created timestamp of a commit: the present, but later than every earlier stamp.
    pub(crate) fn stamp(&self) -> Timestamp {
        let now = self.now().as_micros();
        let next = |last: i64| Some(now.max(last.saturating_add(1)));
        let last = self.stamped.fetch_update(Ordering::AcqRel, Ordering::Acquire, next).unwrap_or(now);
        Timestamp::from_micros(now.max(last.saturating_add(1)))
    }
}
