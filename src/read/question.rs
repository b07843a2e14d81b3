//! The question of a read: the present, or a time in the past.

use asofdb_storage::Timestamp;

/// The question that a read asks of each row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Question {
    /// The newest version up to now.
    Latest,
    /// The newest version up to a time.
    AsOf {
        /// The time asked about, inclusive.
        at: Timestamp,
        /// Only what was known by then, inclusive; `None`: whatever is known now.
        known_at: Option<Timestamp>,
    },
}
