//! Counts of one day, within bounds.

use std::collections::BTreeMap;

use asofdb_storage::{Date, Timestamp, UsageDay, UsageKey, UsageRow};

use crate::usage::meter::{Part, Taken};

/// Bytes that the rows of a day may take, about: as often as once a minute they are written anew.
const DAY_BYTES_MAX: usize = 4 << 20;

/// Bytes that sums over several days may take, about.
const TOTAL_BYTES_MAX: usize = 16 << 20;

/// The name that stands for all that there is no room for. No consumer can have it, as its characters are not allowed,
/// nor can a view.
pub(super) const OTHERS: &str = "(others)";

/// Bytes of a row without its features.
const ROW_BYTES: usize = 128;

/// Bytes of a feature beside its name.
const FEATURE_BYTES: usize = 16;

/// Rows by thing and consumer, in so many bytes. What comes after them counts under the consumer [`OTHERS`], in a quarter
/// more; and then without features.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tally {
    rows: BTreeMap<UsageKey, UsageRow>,
    bytes: usize,
    bytes_max: usize,
}

impl Tally {
    /// No rows of a day.
    pub(super) fn of_day() -> Self {
        Tally { rows: BTreeMap::new(), bytes: 0, bytes_max: DAY_BYTES_MAX }
    }

    /// No rows of several days.
    pub(super) fn of_days() -> Self {
        Tally { bytes_max: TOTAL_BYTES_MAX, ..Tally::of_day() }
    }

    /// The rows of a day as they are stored.
    pub(super) fn stored(day: UsageDay) -> Self {
        let mut tally = Tally::of_day();
        day.rows.into_iter().for_each(|row| tally.add(row));
        tally
    }

    /// Adds what a meter has counted of a thing.
    pub(super) fn count(&mut self, day: Date, now: Timestamp, part: &Part, taken: &Taken) {
        let mut row = UsageRow::new(day, part.key.clone());
        (row.serving, row.training, row.exports, row.last) = (taken.serving, taken.training, taken.exports, now);
        let values = [taken.serving, taken.training, taken.exports].iter().map(|counts| counts.rows).sum();
        row.values = part.features.iter().map(|feature| (feature.clone(), values)).collect();
        self.add(row);
    }

    /// Adds a row. Where there is no room for it, it counts under others.
    pub(super) fn add(&mut self, mut row: UsageRow) {
        let is_others = |key: &UsageKey| key.consumer == OTHERS && key.name == OTHERS;
        while self.added_bytes(&row) + self.bytes > self.room(&row.key) && !is_others(&row.key) {
            match row.key.consumer == OTHERS {
                false => OTHERS.clone_into(&mut row.key.consumer),
                true if !row.values.is_empty() => row.values.clear(),
                true => OTHERS.clone_into(&mut row.key.name),
            }
        }
        self.bytes += self.added_bytes(&row);
        match self.rows.get_mut(&row.key) {
            Some(sum) => sum.add(&row),
            None => drop(self.rows.insert(row.key.clone(), row)),
        }
    }

    /// Bytes that there may be with a row. What counts under others has some of its own.
    fn room(&self, key: &UsageKey) -> usize {
        let of_others = if key.consumer == OTHERS { self.bytes_max / 4 } else { 0 };
        self.bytes_max + of_others
    }

    /// Bytes that a row adds.
    fn added_bytes(&self, row: &UsageRow) -> usize {
        let known = self.rows.get(&row.key);
        let is_new = |feature: &&String| known.is_none_or(|known| !known.values.contains_key(*feature));
        let features = row.values.keys().filter(is_new).map(|feature| feature.len() + FEATURE_BYTES).sum::<usize>();
        let itself = if known.is_some() { 0 } else { ROW_BYTES + row.key.name.len() + row.key.consumer.len() };
        itself + features
    }

    /// The bytes of the rows, about.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn into_rows(self) -> Vec<UsageRow> {
        self.rows.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use asofdb_storage::{UsageCounts, UsageOf};

    use super::*;

    #[test]
    fn a_day_takes_no_more_than_its_bytes_and_counts_the_rest_under_others() {
        let (mut tally, day) = (Tally::of_day(), Date::from_days(20_000).unwrap());
        let counts = UsageCounts { calls: 1, rows: 2 };
        for consumer in 0..40_000 {
            let key = UsageKey { of: UsageOf::View, name: "v".to_owned(), consumer: format!("c{consumer}") };
            let mut row = UsageRow::new(day, key);
            row.serving = counts;
            row.values = [("f".to_owned(), 2)].into();
            tally.add(row);
        }
        let rows = tally.into_rows();
        assert!(UsageDay { rows: rows.clone() }.encode().unwrap().len() < DAY_BYTES_MAX + 4_096);
        assert_eq!(rows.iter().map(|row| row.serving.calls).sum::<u64>(), 40_000);
        assert_eq!(rows.iter().map(|row| row.values["f"]).sum::<u64>(), 80_000);
        let others = rows.iter().find(|row| row.key.consumer == OTHERS).unwrap();
        assert_eq!(others.key.name, "v");
        assert_eq!(others.serving.calls, 40_000 - (rows.len() as u64 - 1));
        assert!(rows.len() > 20_000, "{}", rows.len());
    }
}
