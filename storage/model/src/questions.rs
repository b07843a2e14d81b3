//! The questions that are asked after each operation.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::Arc;

use asofdb_storage::{Catalog, FeatureView, KeyRange, Timestamp, Version};

use crate::catalog::encoded_key;
use crate::scale::KEYS;

/// Most times asked about: a few of many, spread over all, keep a step short.
const TIMES_MAX: usize = 12;
/// Most points of knowledge asked about.
const KNOWN_MAX: usize = 4;

/// One row asked about at a time.
#[derive(Debug, Clone)]
pub struct Point {
    /// The view.
    pub view: Arc<FeatureView>,
    /// Encoded entity key.
    pub key: Vec<u8>,
    /// The time, inclusive.
    pub at: Timestamp,
    /// The time of what was known, if asked.
    pub known_at: Option<Timestamp>,
}

/// The versions of one row asked about within a window of time.
#[derive(Debug, Clone)]
pub struct Window {
    /// The view.
    pub view: Arc<FeatureView>,
    /// Encoded entity key.
    pub key: Vec<u8>,
    /// The events, both ends included; a window that ends before it starts has none.
    pub events: RangeInclusive<Timestamp>,
    /// The time of what was known, if asked.
    pub known_at: Option<Timestamp>,
}

/// Everything that is asked of each backend.
#[derive(Debug)]
pub struct Questions {
    lookups: Vec<(Arc<FeatureView>, Vec<u8>)>,
    points: Vec<Point>,
    windows: Vec<Window>,
    scans: Vec<(Arc<FeatureView>, KeyRange)>,
}

impl Questions {
    /// Asks about every view and key, at the times where answers change: around each version, around what was
    /// known, and now. `seed` chooses which of many.
    pub fn new(catalog: &Catalog, versions: &BTreeSet<Version>, now: Timestamp, seed: usize) -> Self {
        let times = times(versions.iter().map(|version| version.event), now);
        let known = times_known(versions, now, seed);
        let mut questions =
            Questions { lookups: Vec::new(), points: Vec::new(), windows: Vec::new(), scans: Vec::new() };
        for view in catalog.views().chain(catalog.indexes()) {
            questions.ask_view(view, &some_of(times.clone(), TIMES_MAX, seed), &known, seed);
        }
        questions
    }

    fn ask_view(&mut self, view: &Arc<FeatureView>, times: &[Timestamp], known: &[Option<Timestamp>], seed: usize) {
        let keys: Vec<Vec<u8>> = (0..KEYS as u8).map(|key| encoded_key(view, key)).collect();
        for key in &keys {
            // Events are not looked up: a window tells those of an entity.
            if !view.holds_events() {
                self.lookups.push((view.clone(), key.clone()));
            }
            for &known_at in known.iter().filter(|_| !view.holds_events()) {
                let point = |&at: &Timestamp| Point { view: view.clone(), key: key.clone(), at, known_at };
                self.points.extend(times.iter().map(point));
            }
            self.ask_windows(view, key, times, known, seed + self.windows.len());
        }
        let bound = |n: usize| Some(keys[n % KEYS].clone());
        let ranges = [
            KeyRange::default(),
            KeyRange::only(&keys[seed % KEYS]),
            KeyRange { start: bound(seed), end: None },
            KeyRange { start: None, end: bound(seed / 3) },
            KeyRange { start: bound(seed), end: bound(seed / 7) },
        ];
        self.scans.extend(ranges.map(|range| (view.clone(), range)));
    }

    /// All that is known of a row, what was known once, and a window that may end before it starts.
    fn ask_windows(
        &mut self,
        view: &Arc<FeatureView>,
        key: &[u8],
        times: &[Timestamp],
        known: &[Option<Timestamp>],
        seed: usize,
    ) {
        let (one, other) = (times[seed % times.len()], times[(seed / 2 + 5) % times.len()]);
        let everything = Timestamp::MIN..=Timestamp::MAX;
        let once = known[seed % known.len()];
        let asked = [
            (everything.clone(), None),
            (everything, once),
            (one.min(other)..=one.max(other), once),
            (one..=other, None),
        ];
        self.windows.extend(asked.map(|(events, known_at)| Window {
            view: view.clone(),
            key: key.to_vec(),
            events,
            known_at,
        }));
    }

    /// The rows asked about.
    pub fn lookups(&self) -> &[(Arc<FeatureView>, Vec<u8>)] {
        &self.lookups
    }

    /// The rows with the times asked about.
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// The rows with the windows of time asked about.
    pub fn windows(&self) -> &[Window] {
        &self.windows
    }

    /// The ranges to scan; one that ends before it starts is empty.
    pub fn scans(&self) -> &[(Arc<FeatureView>, KeyRange)] {
        &self.scans
    }
}

/// Each time, the microseconds around it, and the present.
fn times(of: impl Iterator<Item = Timestamp>, now: Timestamp) -> BTreeSet<Timestamp> {
    let around = |time: Timestamp| [-1, 0, 1].map(|nudge| Timestamp::from_micros(time.as_micros() + nudge));
    of.chain([now]).flat_map(around).collect()
}

fn times_known(versions: &BTreeSet<Version>, now: Timestamp, seed: usize) -> Vec<Option<Timestamp>> {
    let known = some_of(times(versions.iter().map(|version| version.created), now), KNOWN_MAX, seed);
    known.into_iter().map(Some).chain([None]).collect()
}

/// At most `limit` of the times, evenly spread.
fn some_of(times: BTreeSet<Timestamp>, limit: usize, seed: usize) -> Vec<Timestamp> {
    let every = times.len().div_ceil(limit).max(1);
    times.into_iter().skip(seed % every).step_by(every).collect()
}
