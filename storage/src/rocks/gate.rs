//! The gate of a table of newest versions: it says whether the table may answer.

use std::sync::atomic::Ordering;

use crate::sync::{AtomicU32, AtomicU64};

/// Closed while a table is behind `history`, as when a bulk load is in the one and not yet in the other.
///
/// A suspension counts as lasting before it counts as begun: whoever marks between the two is told of the one, and
/// whoever marked before them finds the other.
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

#[cfg(all(test, loom))]
mod every_order {
    use loom::sync::Arc;
    use loom::thread;

    use super::*;

    /// A history and the table of its newest versions, as numbers that rise.
    #[derive(Default)]
    struct Store {
        gate: Gate,
        history: AtomicU64,
        table: AtomicU64,
    }

    impl Store {
        fn load(&self) {
            self.gate.suspend();
            self.history.fetch_add(1, Ordering::AcqRel);
            self.table.fetch_add(1, Ordering::AcqRel);
            self.gate.resume();
        }

        /// The answer of the table, where it answers.
        fn look_up(&self) -> Option<u64> {
            let mark = self.gate.mark()?;
            let found = self.table.load(Ordering::Acquire);
            self.gate.held(mark).then_some(found)
        }
    }

    #[test]
    fn a_table_that_is_behind_does_not_answer() {
        loom::model(|| {
            let store = Arc::new(Store::default());
            let loader = store.clone();
            let loader = thread::spawn(move || (0..2).for_each(|_| loader.load()));
            let history = store.history.load(Ordering::Acquire);
            if let Some(found) = store.look_up() {
                assert!(found >= history, "the table says {found}, and the history had come to {history}");
            }
            loader.join().unwrap();
            assert_eq!(store.look_up(), Some(2), "the gate is open when all is loaded");
        });
    }

    #[test]
    fn a_table_stays_closed_while_one_of_two_loads_goes_on() {
        loom::model(|| {
            let store = Arc::new(Store::default());
            let loader = store.clone();
            let loader = thread::spawn(move || loader.load());
            store.gate.suspend();
            assert_eq!(store.look_up(), None);
            store.gate.resume();
            loader.join().unwrap();
            assert_eq!(store.look_up(), Some(1));
        });
    }
}
