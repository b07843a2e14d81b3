//! The policy of backups: which are kept.

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
    /// Returns the times of the backups that have expired. Ages count from the newest backup and not from a clock, so
    /// that a clock that is wrong when nothing is backed up expires nothing.
    pub(super) fn expired(&self, backups: &[Backup]) -> Vec<Timestamp> {
        let mut taken: Vec<_> = backups.iter().map(|backup| backup.taken).collect();
        taken.sort_unstable_by(|a, b| b.cmp(a));
        let Some(newest) = taken.first().copied() else { return Vec::new() };
        let is_kept = |index: usize, time: Timestamp| {
            let by_number = self.newest.map(|newest| index < newest);
            let by_age = self.within.map(|within| time >= newest.minus(within));
            index == 0 || by_number.or(by_age).is_none() || by_number == Some(true) || by_age == Some(true)
        };
        let expired = taken.into_iter().enumerate().filter(|(index, time)| !is_kept(*index, *time));
        expired.map(|(_, time)| time).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_either_rule_keeps_is_kept_and_the_newest_always() {
        let at = |days: i64| Timestamp::from_micros(days * 86_400_000_000);
        let backups: Vec<_> = [3, 1, 2, 10].map(|day| Backup { taken: at(day), files: Vec::new() }).into();
        let expired = |newest, days: Option<i64>| {
            let within = days.map(|days| Span::from_secs(days * 86_400));
            KeepPolicy { newest, within }.expired(&backups)
        };
        assert_eq!(expired(None, None), []);
        assert_eq!(expired(Some(2), None), [at(2), at(1)]);
        assert_eq!(expired(Some(0), None), [at(3), at(2), at(1)]);
        assert_eq!(expired(None, Some(8)), [at(1)]);
        assert_eq!(expired(Some(3), Some(1)), [at(1)]);
        assert_eq!(expired(Some(9), Some(0)), []);
        assert_eq!(KeepPolicy { newest: Some(0), within: None }.expired(&[]), []);
    }
}
