//! Commits that have their stamp but are not visible yet, and who waits for them.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use crate::clock::StampRun;
use crate::sync::{AtomicI64, Condvar, Mutex};
use crate::time::Timestamp;

/// The commits that have their stamp but are not visible yet.
pub(super) struct Unsettled {
    /// No unsettled stamp is before this; `i64::MAX` when there is none. Spares readers the lock.
    oldest: AtomicI64,
    stamps: Mutex<BTreeSet<Timestamp>>,
    settled: Condvar,
}

impl Default for Unsettled {
    fn default() -> Self {
        Unsettled { oldest: AtomicI64::new(i64::MAX), stamps: Mutex::default(), settled: Condvar::new() }
    }
}

impl Unsettled {
    /// Takes a stamp and marks it as in flight until the answer is dropped. `stamp` gives none before `least`.
    pub(super) fn add(
        &self,
        least: impl FnOnce() -> Timestamp,
        stamp: impl FnOnce() -> Timestamp,
    ) -> InFlightStamp<'_> {
        let mut stamps = self.stamps.lock();
        // Readers must see that something is in flight before a stamp that they might ask for exists.
        self.oldest.fetch_min(least().as_micros(), Ordering::SeqCst);
        let stamp = stamp();
        stamps.insert(stamp);
        InFlightStamp { unsettled: self, stamp }
    }

    /// Returns the oldest stamp in flight; of those that are given from now on none is counted.
    pub(super) fn oldest(&self) -> Option<Timestamp> {
        self.stamps.lock().first().copied()
    }

    /// Waits until every commit stamped up to `known_at` is visible, or never will be.
    pub(super) fn wait(&self, known_at: Timestamp) {
        if known_at.as_micros() < self.oldest.load(Ordering::SeqCst) {
            return;
        }
        let mut stamps = self.stamps.lock();
        while stamps.first().is_some_and(|oldest| *oldest <= known_at) {
            self.settled.wait(&mut stamps);
        }
    }

    /// Waits until every commit with a stamp of these runs is visible, or never will be.
    pub(super) fn wait_runs(&self, runs: &[StampRun]) {
        let mut stamps = self.stamps.lock();
        while runs.iter().any(|run| stamps.range(run.first..=run.last).next().is_some()) {
            self.settled.wait(&mut stamps);
        }
    }
}

/// A commit that is stamped but not visible yet. Dropped when it is, or never will be.
pub(super) struct InFlightStamp<'p> {
    unsettled: &'p Unsettled,
    stamp: Timestamp,
}

impl InFlightStamp<'_> {
    pub(super) fn stamp(&self) -> Timestamp {
        self.stamp
    }
}

impl Drop for InFlightStamp<'_> {
    fn drop(&mut self) {
        let mut stamps = self.unsettled.stamps.lock();
        stamps.remove(&self.stamp);
        let oldest = stamps.first().map_or(i64::MAX, |stamp| stamp.as_micros());
        self.unsettled.oldest.store(oldest, Ordering::SeqCst);
        self.unsettled.settled.notify_all();
    }
}

#[cfg(all(test, loom))]
mod every_order {
    use loom::sync::Arc;
    use loom::sync::atomic::AtomicBool;
    use loom::thread;

    use super::*;

    /// Stamps of commits that another thread makes, and whether each is visible.
    struct Store {
        unsettled: Unsettled,
        /// The stamp that a reader may have heard of.
        told: AtomicI64,
        visible: [AtomicBool; 2],
    }

    fn store() -> Arc<Store> {
        let visible = [AtomicBool::new(false), AtomicBool::new(false)];
        Arc::new(Store { unsettled: Unsettled::default(), told: AtomicI64::new(0), visible })
    }

    fn commit(store: &Store, number: usize) {
        let at = Timestamp::from_micros(number as i64 + 1);
        let in_flight = store.unsettled.add(|| at, || at);
        store.told.store(in_flight.stamp().as_micros(), Ordering::Release);
        store.visible[number].store(true, Ordering::Release);
        drop(in_flight);
    }

    #[test]
    fn whoever_has_heard_of_a_stamp_and_waits_sees_its_commit() {
        loom::model(|| {
            let store = store();
            let committer = store.clone();
            let committer = thread::spawn(move || (0..2).for_each(|number| commit(&committer, number)));
            let told = store.told.load(Ordering::Acquire);
            store.unsettled.wait(Timestamp::from_micros(told));
            for number in 0..told as usize {
                assert!(store.visible[number].load(Ordering::Acquire), "stamp {told}, commit {number}");
            }
            committer.join().unwrap();
        });
    }

    #[test]
    fn whoever_waits_is_woken_by_the_last_of_two_committers() {
        loom::model(|| {
            let store = store();
            let committers = [0, 1].map(|number| {
                let store = store.clone();
                thread::spawn(move || commit(&store, number))
            });
            let every = StampRun { first: Timestamp::MIN, last: Timestamp::MAX, until: None };
            store.unsettled.wait_runs(&[every]);
            store.unsettled.wait(Timestamp::MAX);
            committers.into_iter().for_each(|committer| committer.join().unwrap());
            assert_eq!(store.unsettled.oldest.load(Ordering::SeqCst), i64::MAX, "nothing is left in flight");
        });
    }
}
