//! Options of a join.

use super::known::KnownAt;
use crate::read::fields::AnswerColumns;

/// Memory a join may hold for a chunk of the spine and its answers, unless told otherwise. A million rows
/// of sixty floats are one chunk, and so one pass over each view.
pub const JOIN_MEMORY_BYTES_DEFAULT: usize = 384 << 20;

/// The least memory that makes sense: smaller chunks would visit every view many times over.
pub const JOIN_MEMORY_BYTES_MIN: usize = 8 << 20;

/// Options of a point-in-time join.
#[derive(Debug, Clone)]
pub struct JoinOptions {
    /// The spine's column of times to ask about.
    pub event_timestamp: String,
    /// Use only what was known by then.
    pub known_at: KnownAt,
    /// The columns that the result has beside the spine's and the features.
    pub columns: AnswerColumns,
    /// Memory for a chunk of the spine and its answers, above the store's own budget; and as much again for the events
    /// of entities, where windows are joined. Events that do not fit are read for each row.
    pub memory_bytes: usize,
}

impl Default for JoinOptions {
    fn default() -> Self {
        JoinOptions {
            event_timestamp: "event_timestamp".to_owned(),
            known_at: KnownAt::Ever,
            columns: AnswerColumns::default(),
            memory_bytes: JOIN_MEMORY_BYTES_DEFAULT,
        }
    }
}
