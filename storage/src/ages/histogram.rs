//! Counts by time, in buckets that grow coarser as newer events come.

use super::scheme::{Scheme, floor};
use super::told::{AgeBucket, Ages};
use crate::time::Timestamp;

/// A bucket as it is kept: its first moment, the first moment after it, and its count.
pub(crate) type Part = (i64, i64, i64);

/// Counts of events by their time.
///
/// Buckets do not overlap, and each moment lies in one of them at most: so an event that is counted is found again in
/// whatever bucket has come of its own, also after that was merged with others. Counts may be below zero where what is
/// counted are changes.
#[derive(Debug, Clone)]
pub(crate) struct Histogram {
    now: i64,
    /// The newest event up to `now`, once there is one. Buckets are fine around it too, so that those of a view that is
    /// fed no more stay as they were.
    newest: Option<i64>,
    around_now: Scheme,
    around_newest: Scheme,
    /// In order. A bucket that nothing is in any more stays until buckets are merged.
    buckets: Vec<Bucket>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    from: i64,
    end: i64,
    count: i64,
}

/// More buckets than this are made coarser at once. Around two times there are fewer.
const BUCKETS_MAX: usize = 16_000;

/// Times outside the years 1 to 9999, which no write has, count at the end of these.
fn within(at: i64) -> i64 {
    at.clamp(Timestamp::FIRST.as_micros(), Timestamp::LAST.as_micros())
}

impl Histogram {
    /// Counts nothing yet, in buckets as they are around `now`.
    pub(crate) fn new(now: Timestamp) -> Self {
        let now = within(now.as_micros());
        let scheme = Scheme::around(now);
        Histogram { now, newest: None, around_newest: scheme.clone(), around_now: scheme, buckets: Vec::new() }
    }

    /// A histogram of parts that were kept; `None` where they are not those of one.
    pub(crate) fn of(now: Timestamp, parts: &[Part]) -> Option<Self> {
        let mut last = i64::MIN;
        for (from, end, count) in parts {
            if *from < last || end <= from || *count <= 0 {
                return None;
            }
            last = *end;
        }
        let mut histogram = Histogram::new(now);
        histogram.buckets =
            parts.iter().map(|(from, end, count)| Bucket { from: *from, end: *end, count: *count }).collect();
        parts.iter().for_each(|(from, _, _)| histogram.meet(*from));
        Some(histogram)
    }

    /// Its parts, oldest first, but for those in which nothing is.
    pub(crate) fn parts(&self) -> impl Iterator<Item = Part> {
        self.buckets.iter().filter(|bucket| bucket.count != 0).map(|bucket| (bucket.from, bucket.end, bucket.count))
    }

    /// Its parts, oldest first, also those that come to nothing: of changes one may have taken up what came and what went
    /// elsewhere within it, so that finer buckets there are not right any more.
    fn all_parts(&self) -> impl Iterator<Item = Part> {
        self.buckets.iter().map(|bucket| (bucket.from, bucket.end, bucket.count))
    }

    /// Counts `by` at a time; returns what its bucket has then.
    pub(crate) fn add(&mut self, at: i64, by: i64) -> i64 {
        let at = within(at);
        if by > 0 {
            self.meet(at);
        }
        if let Some(index) = self.find(at) {
            let bucket = &mut self.buckets[index];
            bucket.count += by;
            return bucket.count;
        }
        let width = self.width(at);
        let from = floor(at, width);
        let count = self.put(from, from + width, by);
        if self.buckets.len() > BUCKETS_MAX {
            self.merge();
        }
        count
    }

    /// The position of the bucket that a time lies in.
    fn find(&self, at: i64) -> Option<usize> {
        let after = self.buckets.partition_point(|bucket| bucket.from <= at);
        after.checked_sub(1).filter(|index| at < self.buckets[*index].end)
    }

    /// Knows of an event that may be the newest one.
    fn meet(&mut self, at: i64) {
        if at <= self.now && self.newest.is_none_or(|newest| newest < at) {
            self.newest = Some(at);
            self.around_newest = Scheme::around(at);
        }
    }

    /// The width of the bucket of a time, where there is none yet.
    fn width(&self, at: i64) -> i64 {
        self.around_now.width(at).min(self.around_newest.width(at))
    }

    /// Counts `by` in a bucket that none contains, which takes up those within it; returns what it has then.
    fn put(&mut self, from: i64, end: i64, by: i64) -> i64 {
        let first = self.buckets.partition_point(|bucket| bucket.from < from);
        let last = self.buckets.partition_point(|bucket| bucket.from < end);
        let count = by + self.buckets[first..last].iter().map(|bucket| bucket.count).sum::<i64>();
        self.buckets.splice(first..last, [Bucket { from, end, count }]);
        count
    }

    /// Adds what another one has counted.
    pub(crate) fn join(&mut self, other: &Histogram) {
        self.join_parts(other.all_parts());
    }

    /// Takes away what another one has counted.
    pub(crate) fn subtract(&mut self, other: &Histogram) {
        self.join_parts(other.all_parts().map(|(from, end, count)| (from, end, -count)));
    }

    fn join_parts(&mut self, parts: impl Iterator<Item = Part>) {
        for (from, end, count) in parts {
            self.meet(from);
            match self.find(from) {
                Some(index) if end <= self.buckets[index].end => self.buckets[index].count += count,
                _ => drop(self.put(from, end, count)),
            }
        }
    }

    /// Makes buckets as wide as they are around `now` and the newest event. What is coarser stays so.
    pub(crate) fn coarsen(&mut self, now: Timestamp) {
        self.now = within(now.as_micros());
        self.around_now = Scheme::around(self.now);
        let newest = self.parts().map(|(from, _, _)| from).take_while(|from| *from <= self.now).last();
        newest.into_iter().for_each(|newest| self.meet(newest));
        self.merge();
    }

    /// Merges buckets that are finer than those of their time.
    fn merge(&mut self) {
        let mut coarse: Vec<Bucket> = Vec::with_capacity(self.buckets.len());
        for (from, end, count) in self.all_parts() {
            match coarse.last_mut().filter(|last| from < last.end) {
                Some(last) => last.count += count,
                None => {
                    let width = self.width(from).max(end - from);
                    let from = floor(from, width);
                    coarse.push(Bucket { from, end: from + width, count });
                }
            }
        }
        self.buckets = coarse;
    }

    /// Forgets the buckets in which nothing is. Of what is counted as it stands, not of changes: see `all_parts`.
    pub(crate) fn forget_empty(&mut self) {
        self.buckets.retain(|bucket| bucket.count != 0);
    }

    /// Forgets the buckets that lie wholly before a time.
    pub(crate) fn forget_before(&mut self, at: i64) {
        let gone = self.buckets.partition_point(|bucket| bucket.end <= at);
        self.buckets.drain(..gone);
    }

    /// Returns whether it counts things: no count is below zero.
    pub(crate) fn is_sound(&self) -> bool {
        self.buckets.iter().all(|bucket| bucket.count >= 0)
    }

    /// Says what it has counted, but for buckets that lie wholly before `cutoff`.
    pub(crate) fn ages(&self, now: Timestamp, cutoff: Timestamp) -> Ages {
        let seen = self.parts().filter(|(_, end, count)| *end > cutoff.as_micros() && *count > 0);
        let bucket = |(from, end, count): Part| AgeBucket {
            from: Timestamp::from_micros(from),
            until: Timestamp::from_micros(end),
            count: count as u64,
        };
        Ages { now, buckets: seen.map(bucket).collect() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::scheme::MINUTE;
    use super::*;

    const NOW: i64 = 1_717_200_000_000_000;
    const DAY: i64 = 1_440 * MINUTE;

    /// A step of a history: an event comes or one of those that are there goes, the clock moves, or what has changed
    /// since the last of its kind is counted apart and joined.
    #[derive(Debug, Clone)]
    enum Step {
        Add(i64),
        Remove(prop::sample::Index),
        Advance(i64),
        Join(Vec<i64>),
    }

    fn at() -> impl Strategy<Value = i64> {
        prop_oneof![
            (0..3 * DAY).prop_map(|age| NOW - age),
            (0..60 * DAY).prop_map(|age| NOW - age),
            (-600 * DAY..20_000 * DAY).prop_map(|age| NOW - age),
            Just(i64::MIN),
            Just(i64::MAX),
        ]
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            6 => at().prop_map(Step::Add),
            3 => any::<prop::sample::Index>().prop_map(Step::Remove),
            1 => (0..50 * DAY).prop_map(Step::Advance),
            1 => prop::collection::vec(at(), 1..5).prop_map(Step::Join),
        ]
    }

    proptest! {
        #[test]
        fn whatever_comes_and_goes_each_bucket_has_what_lies_in_it(steps in prop::collection::vec(step(), 1..120)) {
            let (mut now, mut histogram, mut there) = (NOW, Histogram::new(Timestamp::from_micros(NOW)), Vec::new());
            for step in steps {
                match step {
                    Step::Add(at) => {
                        there.push(at);
                        prop_assert!(histogram.add(at, 1) > 0);
                    }
                    Step::Remove(index) if !there.is_empty() => {
                        let at = there.swap_remove(index.index(there.len()));
                        prop_assert!(histogram.add(at, -1) >= 0);
                    }
                    Step::Remove(_) => {}
                    Step::Advance(by) => {
                        now += by;
                        histogram.coarsen(Timestamp::from_micros(now));
                    }
                    Step::Join(events) => {
                        // Changes of which one takes back what another has brought, and what is there already.
                        let mut changes = Histogram::new(Timestamp::from_micros(now));
                        for at in &events {
                            changes.add(*at, 1);
                        }
                        if let Some(gone) = there.pop() {
                            changes.add(gone, -1);
                        }
                        there.extend(events);
                        histogram.join(&changes);
                    }
                }
                let parts: Vec<_> = histogram.parts().collect();
                for (from, end, count) in &parts {
                    let inside = there.iter().filter(|at| (*from..*end).contains(&within(**at))).count();
                    prop_assert_eq!(inside as i64, *count);
                }
                prop_assert_eq!(parts.iter().map(|(_, _, count)| count).sum::<i64>(), there.len() as i64);
                prop_assert!(parts.windows(2).all(|pair| pair[0].1 <= pair[1].0));
                prop_assert!(histogram.is_sound());
                let kept = Histogram::of(Timestamp::from_micros(now), &parts).unwrap();
                prop_assert_eq!(kept.parts().collect::<Vec<_>>(), parts);
            }
        }
    }

    #[test]
    fn changes_that_come_to_nothing_in_a_coarse_bucket_leave_no_finer_one_wrong() {
        let (gone, come) = (NOW - 16_803 * DAY, NOW - 16_803 * DAY - MINUTE);
        let mut histogram = Histogram::new(Timestamp::from_micros(NOW));
        histogram.add(gone, 1);
        let mut changes = Histogram::new(Timestamp::from_micros(NOW));
        changes.add(come, 1);
        changes.add(NOW, 1);
        changes.add(gone, -1);
        histogram.join(&changes);
        let lies_in = |(from, end, count): Part| ((from..end).contains(&come), (from..end).contains(&NOW), count);
        assert_eq!(histogram.parts().map(lies_in).collect::<Vec<_>>(), [(true, false, 1), (false, true, 1)]);
    }

    #[test]
    fn a_bucket_that_ages_is_merged_and_its_events_are_found_again() {
        let mut histogram = Histogram::new(Timestamp::from_micros(NOW));
        for minute in 0..3 {
            histogram.add(NOW + minute * MINUTE, 1);
        }
        assert_eq!(histogram.parts().count(), 3);
        histogram.coarsen(Timestamp::from_micros(NOW + 900 * DAY));
        assert_eq!(histogram.parts().count(), 3, "nothing newer has come");
        histogram.add(NOW + 3 * DAY, 1);
        histogram.coarsen(Timestamp::from_micros(NOW + 900 * DAY));
        let newer = NOW + 3 * DAY;
        assert_eq!(histogram.parts().collect::<Vec<_>>(), [(NOW, NOW + 60 * MINUTE, 3), (newer, newer + MINUTE, 1)]);
        assert_eq!(histogram.add(NOW + MINUTE, -1), 2);
        assert_eq!(histogram.add(NOW + MINUTE, -3), -1);
        assert!(!histogram.is_sound());
    }

    #[test]
    fn events_of_all_minutes_of_many_years_stay_few_buckets() {
        let mut histogram = Histogram::new(Timestamp::from_micros(NOW));
        let minutes = 365 * 1_440;
        for minute in 0..minutes {
            histogram.add(NOW - minute * MINUTE, 1);
            histogram.add(NOW - 4_000 * DAY + minute * MINUTE, 1);
            assert!(histogram.buckets.len() <= BUCKETS_MAX);
        }
        assert_eq!(histogram.parts().map(|(_, _, count)| count).sum::<i64>(), 2 * minutes);
        histogram.coarsen(Timestamp::from_micros(NOW));
        assert!(histogram.parts().count() < 4_500, "{}", histogram.parts().count());
    }

    #[test]
    fn what_lies_before_the_cut_off_is_neither_told_nor_kept() {
        let mut histogram = Histogram::new(Timestamp::from_micros(NOW));
        for at in [NOW, NOW + MINUTE, NOW + 2 * MINUTE] {
            histogram.add(at, 1);
        }
        let now = Timestamp::from_micros(NOW + 3 * MINUTE);
        let told = |cutoff| histogram.ages(now, Timestamp::from_micros(cutoff)).buckets.len();
        assert_eq!([told(NOW), told(NOW + MINUTE), told(NOW + MINUTE + 1), told(NOW + 9 * MINUTE)], [3, 2, 2, 0]);
        histogram.forget_before(NOW + MINUTE);
        assert_eq!(histogram.parts().count(), 2);
    }

    #[test]
    fn parts_that_are_none_of_a_histogram_are_refused() {
        let now = Timestamp::from_micros(NOW);
        assert!(Histogram::of(now, &[(0, 60, 1), (60, 120, 2)]).is_some());
        for parts in [&[(0, 60, 0)][..], &[(0, 0, 1)], &[(0, 60, 1), (59, 120, 1)], &[(0, 60, -1)]] {
            assert!(Histogram::of(now, parts).is_none(), "{parts:?}");
        }
    }
}
