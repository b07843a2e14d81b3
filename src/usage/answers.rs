//! Answers of late: how many of the values that consumers got were present, and why the others were not.

use std::collections::{BTreeMap, HashMap, VecDeque};

use asofdb_storage::{Span, Timestamp};

use crate::usage::meter::{Meter, Taken};
use crate::usage::tally::OTHERS;

/// Features of consumers that are told apart. Each takes 5 KB at most.
const KEYS_MAX: usize = 4_096;

/// Views whose counts since the start are told apart.
const VIEWS_MAX: usize = 1_024;

const MINUTE: Span = Span::from_secs(60);
const HOUR: Span = Span::from_secs(3_600);

/// Values that were answered, by status.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AnswerCounts {
    /// All values.
    pub values: u64,
    /// Values for which a null was stored.
    pub null: u64,
    /// Values of entities of which nothing was known.
    pub missing: u64,
    /// Values that were older than the ttl of their view.
    pub expired: u64,
    /// Those of the last three in whose place the feature's default was answered.
    pub defaulted: u64,
}

impl AnswerCounts {
    /// Returns the values that were present.
    pub fn present(&self) -> u64 {
        self.values.saturating_sub(self.null).saturating_sub(self.missing).saturating_sub(self.expired)
    }

    /// Returns a part as a share of all values, from 0 to 1; `None` where nothing was answered.
    pub fn share(&self, part: u64) -> Option<f64> {
        (self.values > 0).then(|| part.min(self.values) as f64 / self.values as f64)
    }

    /// Adds other counts.
    pub fn add(&mut self, other: &AnswerCounts) {
        self.values = self.values.saturating_add(other.values);
        self.null = self.null.saturating_add(other.null);
        self.missing = self.missing.saturating_add(other.missing);
        self.expired = self.expired.saturating_add(other.expired);
        self.defaulted = self.defaulted.saturating_add(other.defaulted);
    }
}

/// The values of a feature that a consumer got of late.
///
/// They are counted by the minute, and for the day by the hour: a period is never shorter than it says, and longer by
/// less than such a piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerRow {
    /// Name of the view; `(others)`, as the feature and the consumer, for all that there was no room for.
    pub view: String,
    /// Name of the feature.
    pub feature: String,
    /// The consumer.
    pub consumer: String,
    /// The last five minutes.
    pub last_5m: AnswerCounts,
    /// The last hour.
    pub last_1h: AnswerCounts,
    /// The last day.
    pub last_1d: AnswerCounts,
}

type Key = (String, String, String);

/// The answers of late, of all consumers.
#[derive(Default)]
pub(super) struct Recent {
    rings: HashMap<Key, Ring>,
    /// By view, all since the start.
    totals: BTreeMap<String, AnswerCounts>,
}

impl Recent {
    /// Adds what a meter has counted until now.
    pub(super) fn count(&mut self, now: Timestamp, meter: &Meter, taken: &Taken) {
        for (column, holes) in meter.columns().iter().zip(&taken.holes) {
            let [null, missing, expired, defaulted] = *holes;
            let counts = AnswerCounts { values: taken.serving.rows, null, missing, expired, defaulted };
            if counts != AnswerCounts::default() {
                self.add(now, (&column.view, &column.feature, meter.consumer()), &counts);
            }
        }
    }

    fn add(&mut self, now: Timestamp, (view, feature, consumer): (&str, &str, &str), counts: &AnswerCounts) {
        let is_full = self.totals.len() >= VIEWS_MAX && !self.totals.contains_key(view);
        self.totals.entry(if is_full { OTHERS } else { view }.to_owned()).or_default().add(counts);
        let mut key = (view.to_owned(), feature.to_owned(), consumer.to_owned());
        if !self.rings.contains_key(&key) {
            if self.rings.len() >= KEYS_MAX {
                self.rings.retain(|_, ring| ring.last_day(now).values > 0);
            }
            if self.rings.len() >= KEYS_MAX {
                key = (OTHERS.to_owned(), OTHERS.to_owned(), OTHERS.to_owned());
            }
        }
        self.rings.entry(key).or_default().add(now, counts);
    }

    /// The features that were answered in the last day, by view, feature and consumer.
    pub(super) fn rows(&self, now: Timestamp) -> Vec<AnswerRow> {
        let row = |((view, feature, consumer), ring): (&Key, &Ring)| AnswerRow {
            view: view.clone(),
            feature: feature.clone(),
            consumer: consumer.clone(),
            last_5m: ring.minutes.since(number(now, MINUTE), 5),
            last_1h: ring.minutes.since(number(now, MINUTE), 60),
            last_1d: ring.last_day(now),
        };
        let mut rows: Vec<AnswerRow> = self.rings.iter().map(row).filter(|row| row.last_1d.values > 0).collect();
        rows.sort_unstable_by(|a, b| (&a.view, &a.feature, &a.consumer).cmp(&(&b.view, &b.feature, &b.consumer)));
        rows
    }

    /// All values since the start, by view.
    pub(super) fn totals(&self) -> Vec<(String, AnswerCounts)> {
        self.totals.iter().map(|(view, counts)| (view.clone(), *counts)).collect()
    }
}

/// The number of the piece of time in which a time lies.
fn number(time: Timestamp, piece: Span) -> i64 {
    time.as_micros().div_euclid(piece.as_micros())
}

/// The answers of a feature and a consumer.
#[derive(Default)]
struct Ring {
    minutes: Slots<60>,
    hours: Slots<24>,
}

impl Ring {
    fn add(&mut self, now: Timestamp, counts: &AnswerCounts) {
        self.minutes.add(number(now, MINUTE), counts);
        self.hours.add(number(now, HOUR), counts);
    }

    fn last_day(&self, now: Timestamp) -> AnswerCounts {
        self.hours.since(number(now, HOUR), 24)
    }
}

/// Counts by pieces of time, of the piece of now and the `N` before it.
#[derive(Default)]
struct Slots<const N: usize> {
    /// By the piece's number, ascending.
    slots: VecDeque<(i64, AnswerCounts)>,
}

impl<const N: usize> Slots<N> {
    fn add(&mut self, number: i64, counts: &AnswerCounts) {
        // What lies further ahead was counted by a clock that was wrong.
        self.slots.retain(|(at, _)| *at <= number.saturating_add(1) && *at >= number.saturating_sub(N as i64));
        match self.slots.back_mut() {
            Some((at, sum)) if *at >= number => sum.add(counts),
            _ => self.slots.push_back((number, *counts)),
        }
    }

    /// The sum of the piece of now and so many before it.
    fn since(&self, now: i64, pieces: i64) -> AnswerCounts {
        let period = now.saturating_sub(pieces)..=now.saturating_add(1);
        let mut sum = AnswerCounts::default();
        self.slots.iter().filter(|(at, _)| period.contains(at)).for_each(|(_, counts)| sum.add(counts));
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_717_200_000_000_000);

    fn counts(values: u64, expired: u64) -> AnswerCounts {
        AnswerCounts { values, expired, ..AnswerCounts::default() }
    }

    fn minutes(minutes: i64) -> Timestamp {
        NOW.plus(Span::from_secs(60 * minutes))
    }

    #[test]
    fn periods_end_and_a_clock_that_was_ahead_is_forgotten() {
        let mut recent = Recent::default();
        let told = |recent: &Recent, at: i64| {
            let rows = recent.rows(minutes(at));
            rows.first().map(|row| [row.last_5m.values, row.last_1h.values, row.last_1d.values])
        };
        recent.add(NOW, ("v", "f", "c"), &counts(10, 1));
        recent.add(minutes(3), ("v", "f", "c"), &counts(5, 5));
        assert_eq!(told(&recent, 3), Some([15, 15, 15]));
        assert_eq!(told(&recent, 6), Some([5, 15, 15]));
        assert_eq!(told(&recent, 61), Some([0, 5, 15]));
        assert_eq!(told(&recent, 24 * 60 + 59), Some([0, 0, 15]));
        assert_eq!(told(&recent, 25 * 60), None);
        recent.add(minutes(100_000), ("v", "f", "c"), &counts(7, 0));
        recent.add(minutes(4), ("v", "f", "c"), &counts(1, 0));
        assert_eq!(told(&recent, 4), Some([1, 1, 1]));
        assert_eq!(recent.totals(), [("v".to_owned(), counts(23, 6))]);
    }

    #[test]
    fn features_that_there_is_no_room_for_count_apart_until_others_are_a_day_old() {
        let mut recent = Recent::default();
        let count = |recent: &mut Recent, at: i64, consumer: usize| {
            recent.add(minutes(at), ("v", "f", &format!("c{consumer}")), &counts(1, 0));
        };
        (0..KEYS_MAX + 10).for_each(|consumer| count(&mut recent, 0, consumer));
        let rows = recent.rows(NOW);
        assert_eq!(rows.len(), KEYS_MAX + 1);
        assert_eq!((rows[0].view.as_str(), rows[0].last_5m.values), (OTHERS, 10));
        count(&mut recent, 26 * 60, KEYS_MAX + 10);
        let rows = recent.rows(minutes(26 * 60));
        assert_eq!(rows.iter().map(|row| row.consumer.clone()).collect::<Vec<_>>(), [format!("c{}", KEYS_MAX + 10)]);
    }
}
