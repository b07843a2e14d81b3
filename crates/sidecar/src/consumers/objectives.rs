//! Latency objectives over the last minutes: how many reads there were, and how many missed.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use parking_lot::Mutex;

use super::Consumers;
use super::series::ObjectiveOf;
use super::stopwatch::Moment;

/// The time over which reads are counted.
pub(crate) const OVER: Duration = Duration::from_secs(300);

/// The time between two counts that are kept.
const KEPT_EVERY: Duration = Duration::from_secs(15);

/// The one whose objective it is: what, and its name.
pub(crate) type Subject = (ObjectiveOf, String);

/// Reads that are held to an objective.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Kept {
    /// The latency that 99 in 100 shall stay within.
    pub(crate) latency: Duration,
    pub(crate) reads: u64,
    pub(crate) missed: u64,
}

type Counts = BTreeMap<Subject, Kept>;

/// Counts at several times of the last minutes, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Objectives(Mutex<VecDeque<(Moment, Counts)>>);

impl Objectives {
    /// Takes the counts of now; returns the reads since the oldest counts that are kept.
    pub(crate) fn look(&self, now: Moment, counts: Counts) -> Counts {
        let mut kept = self.0.lock();
        let age = |at: Moment| Duration::from_nanos(now.0.saturating_sub(at.0));
        // One that is older than the time is the beginning of it.
        while kept.get(1).is_some_and(|(at, _)| age(*at) >= OVER) {
            kept.pop_front();
        }
        if kept.back().is_none_or(|(at, _)| age(*at) >= KEPT_EVERY) {
            kept.push_back((now, counts.clone()));
        }
        let nothing = Counts::new();
        let before = kept.front().map_or(&nothing, |(_, counts)| counts);
        let since = |(subject, count): (Subject, Kept)| {
            let old = before.get(&subject).copied().unwrap_or_default();
            let (reads, missed) =
                (count.reads - old.reads.min(count.reads), count.missed - old.missed.min(count.missed));
            (subject, Kept { reads, missed, ..count })
        };
        counts.into_iter().map(since).collect()
    }
}

impl Consumers {
    /// The reads of everybody who has a latency objective, since the start.
    pub(crate) fn kept(&self) -> Counts {
        let mut counts = Counts::new();
        for (consumer, series) in self.series() {
            for (of, latency) in series.objectives() {
                let name = match of {
                    ObjectiveOf::Consumer => consumer.name(),
                    ObjectiveOf::View => &series.view,
                };
                let count = counts.entry((of, name.to_owned())).or_default();
                count.latency = latency;
                count.reads += series.requests();
                count.missed += series.missed(of);
            }
        }
        counts
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::super::Limits;
    use super::*;
    use crate::operation::Operation;

    fn counts(reads: u64, missed: u64) -> Counts {
        let latency = Duration::from_millis(2);
        BTreeMap::from([((ObjectiveOf::View, "v".to_owned()), Kept { latency, reads, missed })])
    }

    fn at(seconds: u64) -> Moment {
        Moment(seconds * 1_000_000_000)
    }

    #[test]
    fn reads_are_counted_over_the_last_minutes() {
        let objectives = Objectives::default();
        assert_eq!(objectives.look(at(0), counts(10, 5)), counts(0, 0));
        assert_eq!(objectives.look(at(1), counts(30, 6)), counts(20, 1));
        assert_eq!(objectives.look(at(200), counts(100, 6)), counts(90, 1));
        assert_eq!(objectives.look(at(300), counts(200, 7)), counts(190, 2));
        assert_eq!(objectives.look(at(500), counts(300, 7)), counts(200, 1));
        assert_eq!(objectives.look(at(900), counts(300, 7)), counts(0, 0));
    }

    #[test]
    fn each_read_is_held_to_the_objective_of_its_consumer_and_of_its_view() {
        let text = "[[consumer]]\nname = \"a\"\nlatency_p99 = \"1ms\"\n[[view]]\nname = \"v\"\nlatency_p99 = \"3ms\"\n";
        let consumers = Consumers::new(Limits::parse(text, "l").unwrap());
        let record = |consumer: &str, operation, millis| {
            let consumer = consumers.get(Some(consumer), None).unwrap();
            consumer.meter(operation, &["v"]).record(1, Ok(()), Duration::from_millis(millis));
        };
        for millis in [0, 2, 4] {
            record("a", Operation::Latest, millis);
            record("b", Operation::AsOf, millis);
            record("a", Operation::Write, millis);
        }
        let kept = consumers.kept();
        let found: Vec<_> =
            kept.iter().map(|((of, name), kept)| (of.as_str(), &**name, kept.reads, kept.missed)).collect();
        assert_eq!(found, [("consumer", "a", 3, 2), ("view", "v", 6, 2)]);
        let report = consumers.report();
        let over: Vec<_> = report.iter().map(|one| (&*one.operation, one.over_consumer, one.over_view)).collect();
        assert_eq!(over, [("latest", 2, 1), ("write", 0, 0), ("as_of", 0, 1)]);
    }
}
