//! Changes of the ages of entities, noted while a write is prepared, and counted once it is written.

use crate::ages::MINUTE;
use crate::rocks::stored::Head;
use crate::time::Timestamp;

/// The number of changes among the last in which one is looked for that is about the same minute. Rows that are written
/// together mostly are.
const LOOK_BACK: usize = 4;

/// From so many changes on it is worth to bring together what is about the same minute.
const GATHER_MIN: usize = 4_096;

/// The changes of a write.
#[derive(Debug, Default)]
pub(in crate::rocks) struct AgeChanges {
    changes: Vec<Change>,
    /// The number of changes from which on they are gathered again.
    gather_at: usize,
}

/// The change of the number of entities of a view that have their newest event in a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) view: u32,
    /// Minutes since 1970.
    pub(super) minute: i64,
    pub(super) by: i64,
}

/// The first moment of the minute of an event, by which it is counted.
pub(in crate::rocks) fn minute_start(event: Timestamp) -> i64 {
    minute(event).saturating_mul(MINUTE)
}

fn minute(at: Timestamp) -> i64 {
    at.as_micros().div_euclid(MINUTE)
}

impl AgeChanges {
    /// Notes that the newest version of a row is another one; none where there is no row, or it is a deletion.
    pub(in crate::rocks) fn replace(&mut self, view: u32, old: Option<Head>, new: Option<Head>) {
        let counted = |head: Option<Head>| head.filter(|head| !head.is_deletion).map(|head| minute(head.version.event));
        let (old, new) = (counted(old), counted(new));
        if old != new {
            old.into_iter().for_each(|minute| self.note(view, minute, -1));
            new.into_iter().for_each(|minute| self.note(view, minute, 1));
        }
    }

    /// Notes that an event of an event view has come.
    pub(in crate::rocks) fn come(&mut self, view: u32, event: Timestamp) {
        self.note(view, minute(event), 1);
    }

    /// Notes what another write has noted.
    pub(in crate::rocks) fn extend(&mut self, others: &AgeChanges) {
        others.changes.iter().for_each(|change| self.note(change.view, change.minute, change.by));
    }

    /// Forgets everything.
    pub(in crate::rocks) fn clear(&mut self) {
        self.changes.clear();
        self.gather_at = 0;
    }

    fn note(&mut self, view: u32, minute: i64, by: i64) {
        let recent = self.changes.len().saturating_sub(LOOK_BACK);
        match self.changes[recent..].iter_mut().find(|change| (change.view, change.minute) == (view, minute)) {
            Some(change) => change.by += by,
            None => self.changes.push(Change { view, minute, by }),
        }
        if self.changes.len() > self.gather_at.max(GATHER_MIN) {
            self.gather();
        }
    }

    /// Brings together the changes of each minute. What is left may be about as many minutes.
    fn gather(&mut self) {
        self.changes.sort_unstable_by_key(|change| (change.view, change.minute));
        self.changes.dedup_by(|later, kept| {
            let is_same = (later.view, later.minute) == (kept.view, kept.minute);
            kept.by += if is_same { later.by } else { 0 };
            is_same
        });
        self.gather_at = 2 * self.changes.len();
    }

    pub(super) fn each(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(|change| change.by != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::version::Version;

    fn head(minute: i64, is_deletion: bool) -> Option<Head> {
        let event = Timestamp::from_micros(minute * MINUTE + 7);
        Some(Head { version: Version::new(event, Timestamp::EPOCH), is_deletion })
    }

    fn noted(changes: &AgeChanges) -> Vec<(u32, i64, i64)> {
        let mut noted: Vec<_> = changes.each().map(|change| (change.view, change.minute, change.by)).collect();
        noted.sort_unstable();
        noted
    }

    #[test]
    fn an_event_leaves_its_minute_and_comes_to_another_and_deletions_are_in_none() {
        let mut changes = AgeChanges::default();
        changes.replace(1, None, head(5, false));
        changes.replace(1, head(3, false), head(5, false));
        changes.replace(1, head(5, false), head(5, false));
        changes.replace(1, head(4, false), head(6, true));
        changes.replace(1, head(6, true), head(7, false));
        changes.replace(2, head(6, true), None);
        assert_eq!(noted(&changes), [(1, 3, -1), (1, 4, -1), (1, 5, 2), (1, 7, 1)]);
    }

    #[test]
    fn many_changes_are_brought_together_by_minute() {
        let mut changes = AgeChanges::default();
        for row in 0..100_000 {
            changes.replace(7, head(row % 1_000, false), head(5_000, false));
        }
        assert!(changes.changes.len() <= 2 * GATHER_MIN, "{}", changes.changes.len());
        let mut wanted: Vec<_> = (0..1_000).map(|minute| (7, minute, -100)).collect();
        wanted.push((7, 5_000, 100_000));
        changes.gather();
        assert_eq!(noted(&changes), wanted);
        changes.clear();
        assert_eq!(noted(&changes), []);
    }
}
