//! The policy of backups: which are kept.

use std::collections::HashSet;

use super::backup::Backup;
use crate::time::{Span, Timestamp};

/// The backups to be kept. One that either rule keeps is kept, and so is the newest; without a rule all are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeepPolicy {
    /// So many of the newest.
    pub newest: Option<usize>,
    /// Those taken within this time before the newest.
    pub within: Option<Span>,
}

impl KeepPolicy {
    /// Returns the numbers and times of the backups that have expired, of backups in the order in which they were
    /// taken.
    ///
    /// A clock that was wrong when a backup was taken expires nothing that should stay. The newest are those that were
    /// taken last, whatever they are called. Ages count from the last backup that was taken up to a time that is
    /// believed, and not from a clock; where nothing is believed, nothing is too old. The time of a backup whose name
    /// cannot be right, because it lies beyond what is believed or before an earlier backup, is that of the next one
    /// whose name can: it was taken by then.
    pub(super) fn expired(&self, backups: &[Backup], believed: Option<Timestamp>) -> HashSet<(u64, Timestamp)> {
        if self.newest.is_none() && self.within.is_none() {
            return HashSet::new();
        }
        let (count, oldest) = (backups.len(), self.oldest_in_time(backups, believed));
        let is_expired = |(index, (backup, taken)): (usize, (&Backup, Option<Timestamp>))| {
            let by_number = self.newest.is_some_and(|newest| count - index <= newest.max(1));
            let by_age = self.within.is_some() && taken.zip(oldest).is_none_or(|(taken, oldest)| taken >= oldest);
            (index + 1 < count && !by_number && !by_age).then_some((backup.number, backup.taken))
        };
        let taken = latest_times(backups, believed);
        backups.iter().zip(taken).enumerate().filter_map(is_expired).collect()
    }

    /// The time from which on backups are kept for their age.
    fn oldest_in_time(&self, backups: &[Backup], believed: Option<Timestamp>) -> Option<Timestamp> {
        let believed = believed?;
        let newest = backups.iter().map(|backup| backup.taken).filter(|taken| *taken <= believed).max()?;
        Some(newest.minus(self.within?))
    }
}

/// The times at which backups had been taken, by the names that can be right; none for those after the last such name.
fn latest_times(backups: &[Backup], believed: Option<Timestamp>) -> Vec<Option<Timestamp>> {
    let believed = believed.unwrap_or(Timestamp::MIN);
    let mut reached = Timestamp::MIN;
    let right = backups.iter().map(|backup| {
        let is_right = backup.taken <= believed && backup.taken >= reached;
        reached = if is_right { backup.taken } else { reached };
        is_right.then_some(backup.taken)
    });
    let mut times: Vec<_> = right.collect();
    let mut next = None;
    for time in times.iter_mut().rev() {
        next = time.or(next);
        *time = next;
    }
    times
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(days: i64) -> Timestamp {
        Timestamp::from_micros(days * 86_400_000_000)
    }

    /// Backups taken at these days, numbered from 1.
    fn taken(days: &[i64]) -> Vec<Backup> {
        let numbered = days.iter().zip(1..);
        numbered.map(|(day, number)| Backup { number, taken: at(*day), files: Vec::new() }).collect()
    }

    fn expired(days: &[i64], believed: Option<i64>, newest: Option<usize>, within: Option<i64>) -> Vec<u64> {
        let policy = KeepPolicy { newest, within: within.map(|days| Span::from_secs(days * 86_400)) };
        let expired = policy.expired(&taken(days), believed.map(at));
        let mut expired: Vec<_> = expired.into_iter().map(|(number, _)| number).collect();
        expired.sort_unstable();
        expired
    }

    #[test]
    fn what_either_rule_keeps_is_kept_and_the_newest_always() {
        let expired = |newest, within| expired(&[1, 2, 3, 10], Some(10), newest, within);
        assert_eq!(expired(None, None), []);
        assert_eq!(expired(Some(2), None), [1, 2]);
        assert_eq!(expired(Some(0), None), [1, 2, 3]);
        assert_eq!(expired(None, Some(8)), [1]);
        assert_eq!(expired(Some(3), Some(1)), [1]);
        assert_eq!(expired(Some(9), Some(0)), []);
        assert!(KeepPolicy { newest: Some(0), within: None }.expired(&[], None).is_empty());
    }

    #[test]
    fn a_backup_of_a_clock_that_was_ahead_expires_none_that_should_stay() {
        // Taken while the clock was ten years ahead, and not believed.
        assert_eq!(expired(&[1, 2, 3, 3_650], Some(3), None, Some(2)), []);
        assert_eq!(expired(&[1, 2, 3, 3_650], None, None, Some(1)), [], "nothing is believed in the first hour");
        // The clock is right again. What is called 3650 was taken by day 4.
        assert_eq!(expired(&[1, 2, 3_650, 4], Some(4), None, Some(1)), [1, 2]);
        assert_eq!(expired(&[1, 2, 3_650, 4, 9], Some(9), None, Some(1)), [1, 2, 3, 4]);
        // It takes no place among the newest for ever.
        assert_eq!(expired(&[3_650, 3_651, 3, 4, 5], Some(5), Some(3), None), [1, 2]);
    }

    #[test]
    fn a_backup_of_a_clock_that_was_behind_expires_none_that_should_stay() {
        // Called day 0, and taken between days 3 and 4.
        assert_eq!(expired(&[1, 2, 3, 0], Some(3), Some(1), None), [1, 2, 3]);
        assert_eq!(expired(&[1, 2, 3, 0], Some(3), None, Some(1)), [1]);
        assert_eq!(expired(&[1, 2, 3, 0, 4], Some(4), None, Some(1)), [1, 2]);
        assert_eq!(expired(&[1, 2, 3, 0, 0, 0], Some(0), None, Some(1)), [], "nothing is believed but day 0");
    }
}
