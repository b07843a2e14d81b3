//! The counts of ages, view by view.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::changes::AgeChanges;
use crate::ages::{Ages, Histogram, MINUTE, floor};
use crate::catalog::{Catalog, FeatureView};
use crate::rocks::present::Present;
use crate::time::Timestamp;

/// The ages of the entities of a store's views.
#[derive(Default)]
pub(in crate::rocks) struct AgeCounts {
    pub(super) views: Mutex<HashMap<u32, OfView>>,
    /// True while the record of a clean closing holds: nothing was written since.
    pub(super) is_on_record: AtomicBool,
    signal: Mutex<Signal>,
    signalled: Condvar,
}

/// The signal that the thread that counts anew waits for.
#[derive(Default)]
struct Signal {
    is_wanted: bool,
    is_closed: bool,
}

/// The ages of the entities of one view.
pub(super) struct OfView {
    /// Events before this minute are not counted: compaction may take their rows without telling. It never moves back.
    pub(super) floor: i64,
    pub(super) counts: Counts,
}

pub(super) enum Counts {
    Known(Histogram),
    /// Being counted anew: the changes since the snapshot.
    Counting(Histogram),
    Unknown,
}

/// The minute before which compaction may take newest versions of a view without telling.
fn floor_of(view: &FeatureView, now: Timestamp) -> i64 {
    if view.keep_newest { i64::MIN } else { floor(view.cutoff(now).as_micros(), MINUTE) }
}

impl AgeCounts {
    /// Counts changes that were written.
    pub(in crate::rocks) fn apply(&self, changes: &AgeChanges) {
        let mut is_wrong = false;
        let mut views = self.views.lock();
        for change in changes.each() {
            let Some(of) = views.get_mut(&change.view) else { continue };
            let at = change.minute.saturating_mul(MINUTE);
            if at < of.floor {
                continue;
            }
            match &mut of.counts {
                Counts::Known(histogram) => {
                    // Never so, unless there is a bug: then it is counted anew.
                    if histogram.add(at, change.by) < 0 {
                        of.counts = Counts::Unknown;
                        is_wrong = true;
                    }
                }
                Counts::Counting(changes) => {
                    changes.add(at, change.by);
                }
                Counts::Unknown => {}
            }
        }
        drop(views);
        if is_wrong {
            self.want();
        }
    }

    /// Says that rows of some views were changed in a way that is not followed.
    pub(in crate::rocks) fn distrust(&self, ids: impl IntoIterator<Item = u32>) {
        let mut views = self.views.lock();
        for id in ids {
            if let Some(of) = views.get_mut(&id) {
                of.counts = Counts::Unknown;
            }
        }
        drop(views);
        self.want();
    }

    /// Follows a change of the catalog. A new view has no entities.
    pub(in crate::rocks) fn follow(&self, catalog: &Catalog, now: Timestamp) {
        let mut views = self.views.lock();
        views.retain(|id, _| catalog.view_by_id(*id).is_some());
        for view in catalog.views().filter(|view| view.is_stored()) {
            let new = || OfView { floor: floor_of(view, now), counts: Counts::Known(Histogram::new(now)) };
            views.entry(view.id).or_insert_with(new);
        }
    }

    /// The ages of a view's entities; `None` while they are not known.
    pub(in crate::rocks) fn ages(&self, view: &FeatureView, now: Timestamp, reclaimed: Timestamp) -> Option<Ages> {
        let cutoff = Timestamp::from_micros(floor_of(view, reclaimed));
        match &self.views.lock().get(&view.id)?.counts {
            Counts::Known(histogram) => Some(histogram.ages(now, cutoff)),
            Counts::Counting(_) | Counts::Unknown => None,
        }
    }

    /// Lets buckets grow coarser as they age, and forgets what compaction may have taken.
    pub(in crate::rocks) fn grow_coarser(&self, present: &Present) {
        let (now, known) = (present.now(), present.known());
        for view in known.catalog.views().filter(|view| view.is_stored()) {
            // One view at a time, so that the committer waits for one alone.
            if let Some(of) = self.views.lock().get_mut(&view.id) {
                of.floor = of.floor.max(floor_of(view, present.no_earlier(now)));
                if let Counts::Known(histogram) | Counts::Counting(histogram) = &mut of.counts {
                    histogram.coarsen(now);
                    histogram.forget_before(of.floor);
                }
                if let Counts::Known(histogram) = &mut of.counts {
                    histogram.forget_empty();
                }
            }
        }
    }

    /// Begins to count anew what is not known; returns these views with their floors. Between commits.
    pub(in crate::rocks) fn begin(&self, present: &Present) -> HashMap<u32, i64> {
        let (now, known) = (present.now(), present.known());
        let mut views = self.views.lock();
        let unknown = views.iter_mut().filter(|(_, of)| matches!(of.counts, Counts::Unknown));
        let begun = unknown.filter_map(|(id, of)| {
            // The clock, and with it the floor, may have been set back.
            of.floor = floor_of(known.catalog.view_by_id(*id)?, present.no_earlier(now));
            of.counts = Counts::Counting(Histogram::new(now));
            Some((*id, of.floor))
        });
        begun.collect()
    }

    /// Ends counting anew with what was found in the snapshot; with nothing where it was not read to its end.
    pub(in crate::rocks) fn finish(&self, begun: &HashMap<u32, i64>, mut found: HashMap<u32, Histogram>) {
        let mut views = self.views.lock();
        for id in begun.keys() {
            let Some(of) = views.get_mut(id) else { continue };
            // It may have come to be distrusted once more.
            let Counts::Counting(changes) = &of.counts else { continue };
            of.counts = match found.remove(id) {
                None => Counts::Unknown,
                Some(mut histogram) => {
                    histogram.join(changes);
                    if histogram.is_sound() { Counts::Known(histogram) } else { Counts::Unknown }
                }
            };
        }
    }

    pub(in crate::rocks) fn is_unknown(&self) -> bool {
        self.views.lock().values().any(|of| matches!(of.counts, Counts::Unknown))
    }

    /// The counts that are known, by view, with the floor of each.
    pub(in crate::rocks) fn known(&self) -> HashMap<u32, (i64, Histogram)> {
        let views = self.views.lock();
        let known = views.iter().filter_map(|(view, of)| match &of.counts {
            Counts::Known(histogram) => Some((*view, (of.floor, histogram.clone()))),
            Counts::Counting(_) | Counts::Unknown => None,
        });
        known.collect()
    }

    fn want(&self) {
        self.signal.lock().is_wanted = true;
        self.signalled.notify_all();
    }

    pub(in crate::rocks) fn close(&self) {
        self.signal.lock().is_closed = true;
        self.signalled.notify_all();
    }

    /// Waits until something is to be counted anew, or so long; says whether the store is still open.
    pub(in crate::rocks) fn wait(&self, patience: Duration) -> bool {
        let mut signal = self.signal.lock();
        if !signal.is_wanted && !signal.is_closed {
            self.signalled.wait_for(&mut signal, patience);
        }
        signal.is_wanted = false;
        !signal.is_closed
    }

    /// Returns whether a record of these counts holds, which the next write is to take back.
    pub(in crate::rocks) fn is_on_record(&self) -> bool {
        self.is_on_record.load(Ordering::Relaxed)
    }

    /// Says that the record was taken back.
    pub(in crate::rocks) fn is_taken_back(&self) {
        self.is_on_record.store(false, Ordering::Relaxed);
    }
}
