//! The present of a store: the time, the catalog, and the earlier times that long reads still need.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, RwLock, RwLockWriteGuard};

use super::unsettled::{InFlightStamp, Unsettled};
use crate::catalog::Catalog;
use crate::clock::{ClockStatus, Reached, StampRun, StoreClock};
use crate::error::Result;
use crate::time::{Clock, Span, Timestamp};

/// The longest time that a read waits for a commit to be over. A disk that is slow or full can hold one up for long.
const COMMIT_PATIENCE: Duration = Duration::from_millis(10);

/// Shared by readers, the committer and the compaction filters. It knows nothing of RocksDB, so that the
/// filters, which RocksDB owns, do not keep the store open.
pub(super) struct Present {
    clock: StoreClock,
    catalog: RwLock<Arc<Known>>,
    /// That of the catalog, for readers that need no more of it.
    revision: AtomicU64,
    pins: Mutex<Pins>,
    erasing: AtomicBool,
    /// The greatest believed present that is on record. So it does not go back when the store is opened again.
    recorded: AtomicI64,
    unsettled: Unsettled,
    /// Held by a commit from its stamp on until it is visible.
    committing: RwLock<()>,
}

/// A catalog and what is asked of it most.
#[derive(Default)]
pub(super) struct Known {
    pub(super) catalog: Arc<Catalog>,
    /// The views that rows are written to, and the indexes of events.
    view_ids: HashSet<u32>,
    /// By event view, or index: the window views over it.
    windows: HashMap<u32, Vec<u32>>,
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

/// The times that snapshots need, by the order in which they were taken.
#[derive(Default)]
struct Pins {
    next: u64,
    pins: BTreeMap<u64, Pin>,
}

/// A time that a snapshot needs, with the catalog as it was then.
struct Pin {
    /// The believed present, which is not after that of the snapshot.
    believed: Timestamp,
    known: Arc<Known>,
}

impl Known {
    pub(super) fn has_view(&self, id: u32) -> bool {
        self.view_ids.contains(&id)
    }

    /// The window views over an event view.
    pub(super) fn windows_over(&self, events: u32) -> &[u32] {
        self.windows.get(&events).map_or(&[], Vec::as_slice)
    }
}

impl Present {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Present {
            clock: StoreClock::new(clock),
            catalog: RwLock::default(),
            revision: AtomicU64::new(0),
            pins: Mutex::default(),
            erasing: AtomicBool::new(false),
            recorded: AtomicI64::new(i64::MIN),
            unsettled: Unsettled::default(),
            committing: RwLock::default(),
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The window of the system's clock in which others can tell the present; see [`StoreClock::window`].
    pub(super) fn window(&self) -> Option<[Timestamp; 3]> {
        self.clock.window()
    }

    /// The created timestamp of one more commit.
    pub(super) fn stamp(&self) -> Timestamp {
        self.clock.stamp()
    }

    /// Marks that a commit is being stamped and written, until the answer is dropped.
    pub(super) fn committing(&self) -> RwLockWriteGuard<'_, ()> {
        self.committing.write()
    }

    /// Does short work between two commits; `None` where one takes too long to wait for it.
    pub(super) fn between_commits<T>(&self, work: impl FnOnce() -> T) -> Option<T> {
        let _no_commit = self.committing.try_read_for(COMMIT_PATIENCE)?;
        Some(work())
    }

    /// Returns how far time has come, to be recorded.
    pub(super) fn reached(&self) -> Reached {
        self.clock.reached()
    }

    /// The believed present.
    pub(super) fn believed(&self) -> Timestamp {
        self.clock.believed()
    }

    /// Looks at the clock although nobody asks for the time.
    pub(super) fn observe(&self) {
        self.clock.observe();
    }

    /// The reading of the clock, and what is believed of it.
    pub(super) fn clock(&self) -> ClockStatus {
        self.clock.status()
    }

    /// Believes what the system's clock shows.
    pub(super) fn believe(&self) {
        self.clock.believe();
    }

    /// Goes back to the system's clock; says whether that was before what is believed. On the committer only.
    ///
    /// # Errors
    /// As [`StoreClock::set_back`].
    pub(super) fn set_back(&self) -> Result<bool> {
        let is_back = self.clock.set_back()?;
        if is_back {
            self.recorded.store(self.clock.believed().as_micros(), Ordering::SeqCst);
        }
        Ok(is_back)
    }

    /// Forgets the stamps that the clock has come back from.
    pub(super) fn forget_apart(&self) {
        self.clock.forget_apart();
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
    pub(super) fn recorded(&self, reached: &Reached) {
        let believed = reached.believed.unwrap_or(Timestamp::MIN);
        self.recorded.fetch_max(believed.as_micros(), Ordering::SeqCst);
    }

    /// Goes on from what was recorded when the store was last open.
    pub(super) fn resume(&self, reached: Reached) {
        self.recorded(&reached);
        self.clock.resume(reached);
    }

    pub(super) fn known(&self) -> Arc<Known> {
        self.catalog.read().clone()
    }

    /// The revision of the catalog; an older one only while that changes.
    #[inline]
    pub(super) fn revision(&self) -> u64 {
        self.revision.load(Ordering::Acquire)
    }

    pub(super) fn set_catalog(&self, catalog: Catalog) {
        let written = catalog.views().filter(|view| view.is_stored()).chain(catalog.indexes());
        let view_ids = written.map(|view| view.id).collect();
        let mut windows: HashMap<u32, Vec<u32>> = HashMap::new();
        for view in catalog.views() {
            if let Some(from) = view.windows().and_then(|of| catalog.events_by(&of.from, &view.entities)) {
                windows.entry(from.id).or_default().push(view.id);
            }
        }
        let revision = catalog.revision();
        *self.catalog.write() = Arc::new(Known { catalog: Arc::new(catalog), view_ids, windows });
        self.revision.store(revision, Ordering::Release);
    }

    /// Pins the present for a snapshot: retention stays as of it until it is unpinned. Returns the number of the pin
    /// and the present.
    pub(super) fn pin(&self) -> (u64, Timestamp) {
        let mut pins = self.pins.lock();
        let believed = self.clock.believed();
        // Not before what is believed, so that nothing is reclaimed that it shows.
        let now = self.clock.now().max(believed);
        let number = pins.next;
        pins.next += 1;
        pins.pins.insert(number, Pin { believed, known: self.known() });
        (number, now)
    }

    pub(super) fn unpin(&self, number: u64) {
        self.pins.lock().pins.remove(&number);
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
        let at = pins.pins.values().map(|pin| pin.believed).fold(recorded, Timestamp::min);
        Some(match pins.pins.first_key_value() {
            Some((_, oldest)) => Reclaim { at, known: oldest.known.clone(), is_pinned: true },
            None => Reclaim { at, known: self.known(), is_pinned: false },
        })
    }

    /// Holds or releases compaction's reclaiming, while rows are being erased; see `erase`.
    pub(super) fn set_erasing(&self, erasing: bool) {
        self.erasing.store(erasing, Ordering::SeqCst);
    }

    /// Stamps a commit and marks it as in flight until the answer is dropped.
    pub(super) fn stamp_unsettled(&self) -> InFlightStamp<'_> {
        // No stamp is before what is believed; one may be before the present, if the clock comes back in between.
        self.unsettled.add(|| self.clock.believed(), || self.clock.stamp())
    }

    /// A time such that every commit stamped up to it is visible already, and later ones get later stamps: the present,
    /// or what is believed where the clock is far ahead of that and may come back, or before the oldest bulk load that
    /// is under way. On the committer only.
    pub(super) fn settled(&self) -> Timestamp {
        let status = self.clock.status();
        let is_doubtful = status.quarantined().is_some();
        let reached = self.clock.stamp();
        let reached = if is_doubtful { status.believed.unwrap_or(Timestamp::MIN) } else { reached };
        let before = |oldest: Timestamp| oldest.minus(Span::from_micros(1));
        self.unsettled.oldest().map_or(reached, |oldest| reached.min(before(oldest)))
    }

    /// Waits until every commit with a stamp of these runs is visible, or never will be.
    pub(super) fn wait_settled_runs(&self, runs: &[StampRun]) {
        self.unsettled.wait_runs(runs);
    }

    /// Waits until every commit stamped up to `known_at` is visible, so that the answer stays the answer.
    pub(super) fn wait_settled(&self, known_at: Timestamp) {
        self.unsettled.wait(known_at);
    }
}
