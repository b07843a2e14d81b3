//! The versions that a join may use, by when they became known.

use asofdb_storage::Timestamp;

/// The time by which a version must have been created to be used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum KnownAt {
    /// Whenever: the join sees late and corrected data.
    #[default]
    Ever,
    /// One time for all rows: the same join can be made again after late data has arrived.
    At(Timestamp),
    /// Each row's own time: a row sees what a reader at that time would have seen, and no correction made since.
    OwnTime,
}

impl KnownAt {
    /// Returns the time for a row that asks about `at`.
    pub(crate) fn of(self, at: Timestamp) -> Option<Timestamp> {
        match self {
            KnownAt::Ever => None,
            KnownAt::At(known_at) => Some(known_at),
            KnownAt::OwnTime => Some(at),
        }
    }
}

impl From<Option<Timestamp>> for KnownAt {
    /// At the time that is given, if one is.
    fn from(known_at: Option<Timestamp>) -> Self {
        known_at.map_or(KnownAt::Ever, KnownAt::At)
    }
}
