//! The gate of a table of newest versions: it says whether the table may answer.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Closed while a table is behind `history`, as when a bulk load is in the one and not yet in the other.
#[derive(Default)]
pub(super) struct Gate {
    suspensions: AtomicU64,
    suspended: AtomicU32,
}

impl Gate {
    pub(super) fn suspend(&self) {
        self.suspended.fetch_add(1, Ordering::SeqCst);
        self.suspensions.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn resume(&self) {
        // One too many would open the gate for ever, or close it.
        let _ = self.suspended.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |count| count.checked_sub(1));
    }

    /// A mark to hand to [`Gate::held`] after reading the table; `None` while it may not answer.
    pub(super) fn mark(&self) -> Option<u64> {
        let mark = self.suspensions.load(Ordering::SeqCst);
        (self.suspended.load(Ordering::SeqCst) == 0).then_some(mark)
    }

    /// Returns whether the table was complete all the time since `mark`.
    pub(super) fn held(&self, mark: u64) -> bool {
        self.suspensions.load(Ordering::SeqCst) == mark
    }
}
