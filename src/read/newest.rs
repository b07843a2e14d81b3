//! The versions that reads as of a time find, out of a scan.

use asofdb_storage::row::{self, RowKind};
use asofdb_storage::{Result, Scanned, Timestamp};

/// Chooses the newest version of each entity as of one time from a scan, which gives entity after entity, and of each
/// the newest version first.
pub(crate) struct NewestAsOf {
    at: Timestamp,
    /// The key of the entity whose newest version came up last; later ones of it are older.
    answered: Option<Vec<u8>>,
}

impl NewestAsOf {
    /// The newest versions with an event up to `at`, inclusive.
    pub(crate) fn new(at: Timestamp) -> Self {
        NewestAsOf { at, answered: None }
    }

    /// Returns whether this version is what a read finds: the newest of its entity, and not a deletion.
    ///
    /// # Errors
    /// `Corrupt` when the version's row cannot be read.
    #[inline]
    pub(crate) fn finds(&mut self, scanned: Scanned<'_>) -> Result<bool> {
        if scanned.version.event > self.at || self.answered.as_deref() == Some(scanned.key) {
            return Ok(false);
        }
        let answered = self.answered.get_or_insert_default();
        answered.clear();
        answered.extend_from_slice(scanned.key);
        Ok(row::kind(scanned.row)? != RowKind::Tombstone)
    }
}

#[cfg(test)]
mod tests {
    use asofdb_storage::Version;
    use asofdb_storage::row::{ROW_FORMAT, TOMBSTONE_ROW};

    use super::*;

    #[test]
    fn each_entity_is_found_once_as_of_the_time_and_deleted_ones_are_not() {
        let (row, deleted) = (&[ROW_FORMAT, 0, 0, 0][..], &TOMBSTONE_ROW[..]);
        let mut newest = NewestAsOf::new(Timestamp::from_micros(10));
        let mut finds = |key: &[u8], event: i64, row: &[u8]| {
            let version = Version::new(Timestamp::from_micros(event), Timestamp::EPOCH);
            newest.finds(Scanned { key, version, row }).unwrap()
        };
        let found = [
            (finds(b"a", 11, row), "is later than the time"),
            (finds(b"a", 10, row), "is the newest"),
            (finds(b"a", 9, row), "is older"),
            (finds(b"b", 10, deleted), "is a deletion"),
            (finds(b"b", 9, row), "is older than a deletion"),
            (finds(b"c", 11, deleted), "is a deletion later than the time"),
            (finds(b"c", 1, row), "is the newest that is not later"),
        ];
        let expected = [false, true, false, false, false, false, true];
        assert_eq!(found.map(|(found, _)| found), expected, "{found:?}");
    }
}
