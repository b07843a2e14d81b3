//! The present of a store: the time, the catalog, and the earlier times that long reads still need.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use parking_lot::{Condvar, Mutex, RwLock};

use crate::catalog::Catalog;
use crate::clock::{Reached, StoreClock};
use crate::time::{Clock, Timestamp};

/// Shared by readers, the committer and the compaction filters. It knows nothing of RocksDB, so that the
/// filters, which RocksDB owns, do not keep the store open.
pub(super) struct Present {
    clock: StoreClock,
    catalog: RwLock<Arc<Known>>,
    pins: Mutex<BTreeMap<Timestamp, Pin>>,
    erasing: AtomicBool,
    /// The greatest present that is on record, and so never goes back, not even when the store is opened again.
    recorded: AtomicI64,
    unsettled: Unsettled,
}

/// A catalog and what is asked of it most.
#[derive(Default)]
pub(super) struct Known {
    pub(super) catalog: Arc<Catalog>,
    view_ids: HashSet<u32>,
}

/// The time and the catalog that a compaction may reclaim by: those of the oldest snapshot, since cut-offs never move
/// back, or else those that hold now.
pub(super) struct Reclaim {
    /// A time on record: should the clock stand before it when the store is opened again, cut-offs still do not.
    pub(super) at: Timestamp,
    pub(super) known: Arc<Known>,
    /// True while snapshots are open.
    pub(super) is_pinned: bool,
}

/// A time that snapshots need, with the catalog as it was then.
struct Pin {
    snapshots: usize,
    known: Arc<Known>,
}

impl Known {
    pub(super) fn has_view(&self, id: u32) -> bool {
        self.view_ids.contains(&id)
    }
}

impl Present {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Present {
            clock: StoreClock::new(clock),
            catalog: RwLock::default(),
            pins: Mutex::default(),
            erasing: AtomicBool::new(false),
            recorded: AtomicI64::new(i64::MIN),
            unsettled: Unsettled::default(),
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The created timestamp of one more commit.
    pub(super) fn stamp(&self) -> Timestamp {
        self.clock.stamp()
    }

    /// Returns how far time has come, to be recorded.
    pub(super) fn reached(&self) -> Reached {
        self.clock.now();
        self.clock.reached()
    }

    /// The time `at`, or a later one that is on record. Whoever read a state and then asks this for its cut-offs sees
    /// nothing that compaction had reclaimed in it, since compaction goes by what was on record before.
    ///
    /// It reads a value that only commits write, where asking the clock again would write one that all readers share.
    #[inline]
    pub(super) fn no_earlier(&self, at: Timestamp) -> Timestamp {
        at.max(Timestamp::from_micros(self.recorded.load(Ordering::SeqCst)))
    }

    /// Says that `reached` is on record.
    pub(super) fn recorded(&self, reached: Reached) {
        self.recorded.fetch_max(reached.newest.as_micros(), Ordering::SeqCst);
    }

    /// Goes on from what was recorded when the store was last open.
    pub(super) fn resume(&self, reached: Reached) {
        self.clock.resume(reached);
        self.recorded(reached);
    }

    pub(super) fn known(&self) -> Arc<Known> {
        self.catalog.read().clone()
    }

    pub(super) fn set_catalog(&self, catalog: Catalog) {
        let view_ids = catalog.views().map(|view| view.id).collect();
        *self.catalog.write() = Arc::new(Known { catalog: Arc::new(catalog), view_ids });
    }

    /// Pins the present for a snapshot: retention stays as of it until it is unpinned.
    pub(super) fn pin(&self) -> Timestamp {
        let mut pins = self.pins.lock();
        let now = self.clock.now();
        pins.entry(now).or_insert_with(|| Pin { snapshots: 0, known: self.known() }).snapshots += 1;
        now
    }

    pub(super) fn unpin(&self, pinned: Timestamp) {
        let mut pins = self.pins.lock();
        if let Some(pin) = pins.get_mut(&pinned) {
            pin.snapshots -= 1;
            if pin.snapshots == 0 {
                pins.remove(&pinned);
            }
        }
    }

    /// Returns what a compaction that starts now may reclaim by; `None` while nothing may be reclaimed.
    ///
    /// Taken under the lock of the pins: a snapshot has either pinned a time that is respected here, or will
    /// pin one that is not before the answer.
    pub(super) fn reclaim(&self) -> Option<Reclaim> {
        let pins = self.pins.lock();
        if self.erasing.load(Ordering::SeqCst) {
            return None;
        }
        let recorded = Timestamp::from_micros(self.recorded.load(Ordering::SeqCst));
        Some(match pins.first_key_value() {
            Some((pinned, pin)) => Reclaim { at: recorded.min(*pinned), known: pin.known.clone(), is_pinned: true },
            None => Reclaim { at: recorded, known: self.known(), is_pinned: false },
        })
    }

    /// Holds or releases compaction's reclaiming, while rows are being erased; see `erase`.
    pub(super) fn set_erasing(&self, erasing: bool) {
        self.erasing.store(erasing, Ordering::SeqCst);
    }

    /// Stamps a commit and marks it as in flight until the answer is dropped.
    pub(super) fn stamp_unsettled(&self) -> InFlightStamp<'_> {
        let mut stamps = self.unsettled.stamps.lock();
        // Readers must see that something is in flight before a stamp that they might ask for exists.
        self.unsettled.oldest.fetch_min(self.clock.now().as_micros(), Ordering::SeqCst);
        let stamp = self.clock.stamp();
        stamps.insert(stamp);
        InFlightStamp { unsettled: &self.unsettled, stamp }
    }

    /// Waits until every commit stamped up to `known_at` is visible, so that the answer stays the answer.
    pub(super) fn wait_settled(&self, known_at: Timestamp) {
        if known_at.as_micros() < self.unsettled.oldest.load(Ordering::SeqCst) {
            return;
        }
        let mut stamps = self.unsettled.stamps.lock();
        while stamps.first().is_some_and(|oldest| *oldest <= known_at) {
            self.unsettled.settled.wait(&mut stamps);
        }
    }
}

/// Commits that have their stamp but are not visible yet.
struct Unsettled {
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
