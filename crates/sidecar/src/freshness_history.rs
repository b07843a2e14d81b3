//! The freshness of views over the last day, as it was looked at each minute. It is in memory, and in a file for the next
//! start where there is one.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use asofdb::{FreshnessStatus, Span, Timestamp, ViewAges};
use asofdb_platform::pages::FreshnessPoint;
use parking_lot::Mutex;

use super::freshness_record::{decode, encode};

/// The time that is kept, and the looks in it.
const KEPT: Span = Span::from_secs(86_400);
pub(super) const LOOKS_MAX: usize = 1_440;

/// Views that are kept, of eight bytes a look: 12 MB. Those that promise something come first, and then they go by name.
pub(super) const VIEWS_MAX: usize = 1_024;

/// The number that stands for nothing.
const NO_AGE: u32 = u32::MAX;
const NO_SHARE: u16 = u16::MAX;
const NO_STATUS: u8 = u8::MAX;

/// A share of this is all.
const WHOLE: f64 = 10_000.0;

/// The history of all views.
#[derive(Debug, Default)]
pub(crate) struct FreshnessHistory {
    /// Locked for copies only.
    state: Mutex<State>,
}

/// The record of all views.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) looks: VecDeque<Timestamp>,
    /// By view, as many as there are looks.
    pub(super) views: BTreeMap<String, VecDeque<Look>>,
}

/// The finding of a look at a view.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    pub(super) age_seconds: u32,
    pub(super) stale_share: u16,
    pub(super) status: u8,
}

impl FreshnessHistory {
    /// Adds a look at all views.
    pub(crate) fn add(&self, ages: &[ViewAges]) {
        let Some(now) = ages.first().map(|view| view.now) else { return };
        let mut kept: Vec<_> = ages.iter().collect();
        kept.sort_by_key(|view| (view.objective.is_none(), view.view.as_str()));
        kept.truncate(VIEWS_MAX);
        let mut state = self.state.lock();
        state.make_room(now);
        let names: BTreeSet<_> = kept.iter().map(|view| view.view.as_str()).collect();
        state.views.retain(|view, _| names.contains(view.as_str()));
        let looks = state.looks.len();
        for view in kept {
            let series = state.views.entry(view.view.clone()).or_insert_with(|| [Look::NOTHING].repeat(looks).into());
            series.push_back(Look::of(view));
        }
        state.looks.push_back(now);
    }

    /// The last day of a view, the oldest look first.
    pub(crate) fn of(&self, view: &str) -> Vec<FreshnessPoint> {
        let state = self.state.lock();
        let Some(series) = state.views.get(view) else { return Vec::new() };
        state.looks.iter().zip(series).filter_map(|(at, look)| look.at(*at)).collect()
    }

    /// The bytes by which it is kept.
    pub(crate) fn record(&self) -> Vec<u8> {
        encode(&self.state.lock())
    }

    /// Takes over what a record has of the last day, if there is nothing yet. Returns whether it is a record.
    pub(crate) fn restore(&self, record: &[u8]) -> bool {
        let Some(kept) = decode(record) else { return false };
        let mut state = self.state.lock();
        if state.looks.is_empty() {
            *state = kept;
        }
        true
    }
}

impl State {
    /// Forgets what is older than a day, and what a clock that has come back shows as still to come.
    fn make_room(&mut self, now: Timestamp) {
        while self.looks.back().is_some_and(|last| *last >= now) {
            self.looks.pop_back();
            self.views.values_mut().for_each(|series| _ = series.pop_back());
        }
        let is_old = |first: &Timestamp| *first < now.minus(KEPT);
        while self.looks.len() >= LOOKS_MAX || self.looks.front().is_some_and(is_old) {
            self.looks.pop_front();
            self.views.values_mut().for_each(|series| _ = series.pop_front());
        }
    }
}

impl Look {
    pub(super) const NOTHING: Look = Look { age_seconds: NO_AGE, stale_share: NO_SHARE, status: NO_STATUS };

    fn of(view: &ViewAges) -> Self {
        let seconds = |age: Span| u32::try_from(age.as_micros().max(0) / 1_000_000).unwrap_or(NO_AGE - 1);
        let share = view.ages.and_then(|ages| ages.over_stale);
        Look {
            age_seconds: view.age().map_or(NO_AGE, |age| seconds(age).min(NO_AGE - 1)),
            stale_share: share.map_or(NO_SHARE, |share| (share * WHOLE).round() as u16),
            status: FreshnessStatus::ALL
                .iter()
                .position(|status| *status == view.status)
                .map_or(NO_STATUS, |at| at as u8),
        }
    }

    fn at(self, at: Timestamp) -> Option<FreshnessPoint> {
        let status = *FreshnessStatus::ALL.get(usize::from(self.status))?;
        let age = (self.age_seconds != NO_AGE).then(|| Span::from_secs(self.age_seconds.into()));
        let stale_share = (self.stale_share != NO_SHARE).then(|| f64::from(self.stale_share) / WHOLE);
        Some(FreshnessPoint { at, status, age, stale_share })
    }
}

#[cfg(test)]
mod tests {
    use asofdb::{EntityAges, FreshnessObjective};

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_717_200_000_000_000);

    fn minutes(minutes: i64) -> Span {
        Span::from_secs(60 * minutes)
    }

    fn ages(view: &str, now: Timestamp, promises: bool) -> ViewAges {
        let objective = FreshnessObjective { warn: minutes(1), stale: minutes(2), stale_share_max: None };
        let entities =
            EntityAges { p50: minutes(1), p95: minutes(1), max: minutes(1), over_warn: None, over_stale: Some(0.25) };
        ViewAges {
            view: view.to_owned(),
            now,
            status: FreshnessStatus::Stale,
            objective: promises.then_some(objective),
            newest: Some(NOW.minus(minutes(3))),
            entities: Some(4),
            ahead: None,
            ages: Some(entities),
        }
    }

    #[test]
    fn a_day_of_looks_is_kept_of_each_view_that_is_there() {
        let history = FreshnessHistory::default();
        history.add(&[ages("a", NOW, true)]);
        history.add(&[ages("a", NOW.plus(minutes(1)), true), ages("b", NOW.plus(minutes(1)), true)]);
        let point = |minute: i64| FreshnessPoint {
            at: NOW.plus(minutes(minute)),
            status: FreshnessStatus::Stale,
            age: Some(minutes(3 + minute)),
            stale_share: Some(0.25),
        };
        assert_eq!(history.of("a"), [point(0), point(1)]);
        assert_eq!(history.of("b"), [point(1)], "it came later");
        assert_eq!(history.of("c"), []);
        for minute in 2..1_500 {
            history.add(&[ages("a", NOW.plus(minutes(minute)), true)]);
        }
        let kept = history.of("a");
        assert_eq!((kept.len(), kept[0], kept[1_439]), (LOOKS_MAX, point(60), point(1_499)));
        assert_eq!(history.of("b"), [], "it was dropped");
        history.add(&[ages("a", NOW.plus(minutes(9_000)), true)]);
        assert_eq!(history.of("a").len(), 1, "a day later nothing of it is left");
    }

    #[test]
    fn a_history_goes_on_from_its_record_without_what_is_older_than_a_day() {
        let before = FreshnessHistory::default();
        for minute in 0..3 {
            before.add(&[ages("a", NOW.plus(minutes(minute)), true), ages("gone", NOW.plus(minutes(minute)), true)]);
        }
        let after = FreshnessHistory::default();
        assert!(after.restore(&before.record()));
        assert_eq!(after.of("a"), before.of("a"));
        after.add(&[ages("a", NOW.plus(minutes(1_441)), true)]);
        let at: Vec<_> = after.of("a").iter().map(|point| point.at.since(NOW)).collect();
        assert_eq!(at, [1, 2, 1_441].map(minutes));
        assert_eq!(after.of("gone"), [], "it was dropped meanwhile");
        assert!(!after.restore(b"nothing of the kind") && after.restore(&before.record()));
        assert_eq!(after.of("a").len(), 3, "what it has is newer");
    }

    #[test]
    fn a_clock_that_comes_back_takes_what_it_has_shown_along() {
        let history = FreshnessHistory::default();
        for minute in [0, 1, 500] {
            history.add(&[ages("a", NOW.plus(minutes(minute)), true)]);
        }
        history.add(&[ages("a", NOW.plus(minutes(2)), true)]);
        let at: Vec<_> = history.of("a").iter().map(|point| point.at.since(NOW)).collect();
        assert_eq!(at, [0, 1, 2].map(minutes));
    }

    #[test]
    fn of_more_views_than_are_kept_those_that_promise_something_come_first() {
        let history = FreshnessHistory::default();
        let mut all: Vec<_> = (0..VIEWS_MAX).map(|number| ages(&format!("a{number:04}"), NOW, false)).collect();
        all.push(ages("z", NOW, true));
        history.add(&all);
        assert_eq!((history.of("z").len(), history.of("a0000").len(), history.of("a1023").len()), (1, 1, 0));
    }
}
