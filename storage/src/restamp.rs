//! New created timestamps for versions that were stamped while the clock was ahead.

use crate::clock::StampRun;
use crate::time::{Span, Timestamp};

/// Stamps that are collected before doubled ones among them are removed.
const COLLECTED_MAX: usize = 1 << 20;

/// Maps the stamps of runs that the clock has come back from to new ones.
///
/// The new ones lie just before the clock was found to have come back, a microsecond apart, in the order in which the
/// old ones were given. So nothing looks as if it had been known earlier than it was, and what was written after the
/// clock had come back is later. It takes eight bytes of memory a commit.
pub(crate) struct Restamp {
    runs: Vec<Restamped>,
}

struct Restamped {
    run: StampRun,
    /// The stamps in use; sorted and each once when [`Restamp::seal`] has been called.
    stamps: Vec<Timestamp>,
    /// The new stamp of the first of them.
    start: Timestamp,
}

impl Restamp {
    /// A map for runs, in the order in which they were given.
    pub(crate) fn new(runs: &[StampRun]) -> Self {
        let of = |run: &StampRun| Restamped { run: *run, stamps: Vec::new(), start: Timestamp::MAX };
        Restamp { runs: runs.iter().map(of).collect() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Takes note of a created timestamp that is in use.
    pub(crate) fn note(&mut self, created: Timestamp) {
        let Some(index) = self.run_of(created) else { return };
        let stamps = &mut self.runs[index].stamps;
        if stamps.last() != Some(&created) {
            stamps.push(created);
        }
        if stamps.len().is_multiple_of(COLLECTED_MAX) {
            sort(stamps);
        }
    }

    /// Gives the noted timestamps their new ones.
    pub(crate) fn seal(&mut self) {
        let mut next = Timestamp::MAX;
        for restamped in self.runs.iter_mut().rev() {
            sort(&mut restamped.stamps);
            let end = restamped.run.until.map_or(next, |until| until.min(next));
            restamped.start = end.minus(Span::from_micros(restamped.stamps.len() as i64));
            next = restamped.start;
        }
    }

    /// The new one for a created timestamp; `None` where it stays.
    pub(crate) fn get(&self, created: Timestamp) -> Option<Timestamp> {
        let Restamped { stamps, start, .. } = &self.runs[self.run_of(created)?];
        let rank = stamps.binary_search(&created).ok()?;
        Some(start.plus(Span::from_micros(rank as i64)))
    }

    /// The last run that has a timestamp: where two jumps came to the same time, nothing tells them apart.
    fn run_of(&self, created: Timestamp) -> Option<usize> {
        self.runs.iter().rposition(|of| of.run.first <= created && created <= of.run.last)
    }
}

fn sort(stamps: &mut Vec<Timestamp>) {
    stamps.sort_unstable();
    stamps.dedup();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(first: i64, last: i64, until: i64) -> StampRun {
        let at = Timestamp::from_micros;
        StampRun { first: at(first), last: at(last), until: Some(at(until)) }
    }

    #[test]
    fn stamps_come_to_lie_before_the_clock_came_back_and_keep_their_order() {
        let mut restamp = Restamp::new(&[run(1_000, 2_000, 50), run(500, 600, 50), run(5_000, 5_000, 90)]);
        for created in [1_500, 1_000, 1_500, 2_000, 600, 500, 5_000, 7, 2_001] {
            restamp.note(Timestamp::from_micros(created));
        }
        restamp.seal();
        let get = |created| restamp.get(Timestamp::from_micros(created)).map(Timestamp::as_micros);
        assert_eq!([1_000, 1_500, 2_000].map(get), [Some(45), Some(46), Some(47)]);
        assert_eq!([500, 600, 5_000].map(get), [Some(48), Some(49), Some(89)]);
        assert_eq!([7, 2_001, 1_001].map(get), [None, None, None]);
    }
}
