//! The rows of a history.

use asofdb_storage::{Value, Version};

/// One version of a row, as [`Session::history`](crate::Session::history) gives it.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryRow {
    /// Event and created timestamps.
    pub version: Version,
    /// True if this version is a deletion.
    pub deleted: bool,
    /// The values of the view's features, in their order; empty for a deletion.
    pub values: Vec<Option<Value>>,
}
