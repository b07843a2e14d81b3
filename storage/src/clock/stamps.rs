//! Created timestamps that the store gives.
//!
//! Each is later than all earlier ones, whether the clock stands or goes back a little. Where the clock comes back from
//! a jump, this would hold all later stamps where the jump was; so those that were given there are set apart instead,
//! and stamps go on from the time that is right.

use super::trust::STEP_MAX;
use crate::time::{Span, Timestamp};

/// The longest pause between two stamps of one run.
const PAUSE_MAX: Span = Span::from_secs(60);

/// Runs that are kept; beyond it, the two oldest become one. A jump is believed or over before there are as many.
const RUNS_MAX: usize = 64;

/// Stamps that the store gave one after the other, beyond the time that is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StampRun {
    /// The first of them.
    pub first: Timestamp,
    /// The last of them.
    pub last: Timestamp,
    /// The present when the clock was found to have come back from there; `None` where it has not.
    pub until: Option<Timestamp>,
}

/// The stamps that were given.
#[derive(Debug, Clone)]
pub(super) struct Stamps {
    /// The greatest that is not beyond the believed time.
    believed: Timestamp,
    /// The others, in the order in which they were given.
    runs: Vec<StampRun>,
}

impl Stamps {
    pub(super) fn new(believed: Timestamp, runs: Vec<StampRun>) -> Self {
        Stamps { believed, runs }
    }

    /// The greatest stamp that is not beyond the believed time.
    #[cfg(any(test, feature = "rocksdb"))]
    pub(super) fn believed(&self) -> Timestamp {
        self.believed
    }

    /// The stamps beyond the believed time.
    pub(super) fn runs(&self) -> &[StampRun] {
        &self.runs
    }

    /// Gives a stamp at the present `now`, not before it; `believed` is the believed time.
    pub(super) fn next(&mut self, now: Timestamp, believed: Timestamp) -> Timestamp {
        self.settle(now, believed);
        let open = self.runs.iter().filter(|run| run.until.is_none());
        let last = open.map(|run| run.last).fold(self.believed, Timestamp::max);
        let stamp = now.max(last.plus(Span::from_micros(1)));
        if stamp <= believed {
            self.believed = stamp;
        } else {
            self.extend(stamp);
        }
        stamp
    }

    /// Takes note of the present `now` and the believed time: runs that it has reached are ordinary stamps, and runs
    /// from which the clock has come back are set apart.
    pub(super) fn settle(&mut self, now: Timestamp, believed: Timestamp) {
        for run in &mut self.runs {
            if run.last <= believed {
                self.believed = self.believed.max(run.last);
            } else if run.until.is_none() && run.last > now.plus(STEP_MAX) {
                run.until = Some(now);
            }
        }
        self.runs.retain(|run| run.last > believed);
    }

    fn extend(&mut self, stamp: Timestamp) {
        match self.runs.last_mut().filter(|run| run.until.is_none() && stamp.since(run.last) <= PAUSE_MAX) {
            Some(run) => run.last = stamp,
            None => self.runs.push(StampRun { first: stamp, last: stamp, until: None }),
        }
        if self.runs.len() > RUNS_MAX {
            let (oldest, next) = (self.runs.remove(0), self.runs[0]);
            let (first, last) = (oldest.first.min(next.first), oldest.last.max(next.last));
            self.runs[0] = StampRun { first, last, until: next.until.or(oldest.until) };
        }
    }

    /// Goes back to `now`, which is before what was believed: later stamps are a run that the clock has come back from.
    pub(super) fn set_back(&mut self, now: Timestamp) {
        if self.believed > now {
            let first = now.plus(Span::from_micros(1));
            self.runs.insert(0, StampRun { first, last: self.believed, until: Some(now) });
            self.believed = now;
        }
        self.settle(now, now);
    }

    /// Forgets the runs that the clock has come back from, whose stamps are no longer in use.
    pub(super) fn forget_apart(&mut self) {
        self.runs.retain(|run| run.until.is_none());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;
    const YEAR: i64 = 365 * 86_400 * SECOND;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    fn next(stamps: &mut Stamps, now: i64, believed: i64) -> i64 {
        stamps.next(at(now), at(believed)).as_micros()
    }

    fn apart(stamps: &Stamps) -> Vec<(i64, i64, Option<i64>)> {
        let run = |run: &StampRun| (run.first.as_micros(), run.last.as_micros(), run.until.map(Timestamp::as_micros));
        stamps.runs().iter().map(run).collect()
    }

    #[test]
    fn stamps_increase_while_the_clock_stands_and_when_it_goes_back_a_little() {
        let mut stamps = Stamps::new(Timestamp::MIN, Vec::new());
        assert_eq!([10, 10, 10].map(|now| next(&mut stamps, now, 10)), [10, 11, 12]);
        assert_eq!(next(&mut stamps, 13 - SECOND, 10), 13);
        assert_eq!(next(&mut stamps, 100, 100), 100);
        assert_eq!(apart(&stamps), []);
        assert_eq!(stamps.believed(), at(100));
    }

    #[test]
    fn stamps_of_a_jump_are_set_apart_when_the_clock_comes_back() {
        let mut stamps = Stamps::new(at(5), Vec::new());
        assert_eq!(next(&mut stamps, YEAR, 10), YEAR);
        assert_eq!(next(&mut stamps, YEAR, 10), YEAR + 1);
        assert_eq!(next(&mut stamps, 20, 20), 20, "they do not hold later ones");
        assert_eq!(apart(&stamps), [(YEAR, YEAR + 1, Some(20))]);
        assert_eq!(next(&mut stamps, YEAR, 20), YEAR, "another jump to the same time begins anew");
        assert_eq!(next(&mut stamps, 30, 30), 30);
        assert_eq!(apart(&stamps).len(), 2);
        assert_eq!(next(&mut stamps, 2 * YEAR, 2 * YEAR), 2 * YEAR);
        assert_eq!(apart(&stamps), [], "time has come to them");
    }

    #[test]
    fn stamps_before_a_jump_are_not_set_apart_with_those_after_it() {
        let mut stamps = Stamps::new(at(0), Vec::new());
        assert_eq!(next(&mut stamps, 100 * SECOND, 0), 100 * SECOND);
        assert_eq!(next(&mut stamps, YEAR, 0), YEAR);
        assert_eq!(next(&mut stamps, 100 * SECOND, 0), 100 * SECOND + 1);
        assert_eq!(apart(&stamps)[1], (YEAR, YEAR, Some(100 * SECOND)));
    }

    #[test]
    fn a_believed_jump_makes_its_stamps_ordinary() {
        let mut stamps = Stamps::new(at(0), Vec::new());
        next(&mut stamps, YEAR, 0);
        stamps.settle(at(YEAR + 5), at(YEAR + 5));
        assert_eq!((stamps.believed(), apart(&stamps)), (at(YEAR), Vec::new()));
    }

    #[test]
    fn going_back_sets_all_later_stamps_apart() {
        let mut stamps = Stamps::new(at(YEAR), Vec::new());
        stamps.set_back(at(7));
        assert_eq!(apart(&stamps), [(8, YEAR, Some(7))]);
        assert_eq!(next(&mut stamps, 7, 7), 8);
        stamps.forget_apart();
        assert_eq!(apart(&stamps), [(8, 8, None)]);
    }

    #[test]
    fn the_number_of_runs_is_limited() {
        let mut stamps = Stamps::new(at(0), Vec::new());
        (1..200).for_each(|minute| {
            next(&mut stamps, minute * 61 * SECOND, 0);
        });
        let runs = apart(&stamps);
        assert_eq!((runs.len(), runs[0].0, runs[63].1), (RUNS_MAX, 61 * SECOND, 199 * 61 * SECOND));
    }
}
