//! The store's own time: the injected clock, made monotonic.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crossbeam::utils::CachePadded;

use crate::time::{Clock, Timestamp};

/// The injected clock as the store uses it: it never goes back, and no two commits share a stamp.
///
/// Retention needs the first (a cut-off that moved back would show what compaction has taken), repeatable
/// reads at a `known_at` need the second.
pub(crate) struct StoreClock {
    clock: Arc<dyn Clock>,
    /// The newest time given, in a cache line of its own, since every read of the present may write it.
    newest: CachePadded<AtomicI64>,
    stamped: AtomicI64,
}

impl StoreClock {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        StoreClock { clock, newest: CachePadded::new(AtomicI64::new(i64::MIN)), stamped: AtomicI64::new(i64::MIN) }
    }

    /// Goes on from where [`StoreClock::reached`] was when the store was last open.
    #[cfg(feature = "rocksdb")]
    pub(crate) fn resume(&self, reached: Reached) {
        self.newest.fetch_max(reached.newest.as_micros(), Ordering::AcqRel);
        self.stamped.fetch_max(reached.stamped.as_micros(), Ordering::AcqRel);
    }

    /// The greatest answers so far.
    #[cfg(feature = "rocksdb")]
    pub(crate) fn reached(&self) -> Reached {
        let time = |time: &AtomicI64| Timestamp::from_micros(time.load(Ordering::Acquire));
        Reached { newest: time(&self.newest), stamped: time(&self.stamped) }
    }

    /// The present; never before an earlier answer.
    pub(crate) fn now(&self) -> Timestamp {
        let now = self.clock.now().as_micros();
        let newest = self.newest.load(Ordering::Acquire);
        // All readers share this line of the cache: it is written only to say something new.
        let newest = if now > newest { self.newest.fetch_max(now, Ordering::AcqRel).max(now) } else { newest };
        Timestamp::from_micros(newest)
    }

    /// The created timestamp of a commit: the present, but later than every earlier stamp.
    pub(crate) fn stamp(&self) -> Timestamp {
        let now = self.now().as_micros();
        let next = |last: i64| Some(now.max(last.saturating_add(1)));
        let last = self.stamped.fetch_update(Ordering::AcqRel, Ordering::Acquire, next).unwrap_or(now);
        Timestamp::from_micros(now.max(last.saturating_add(1)))
    }
}

/// The time that a store has come to.
#[cfg(feature = "rocksdb")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reached {
    /// The greatest present.
    pub(crate) newest: Timestamp,
    /// The greatest created timestamp given.
    pub(crate) stamped: Timestamp,
}
