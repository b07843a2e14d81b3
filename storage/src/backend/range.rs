//! Ranges of row keys.

use crate::key::prefix_end;

/// A range of row keys, which begin with an entity key: from `start`, inclusive, to `end`, exclusive; `None` is
/// unbounded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyRange {
    /// First key of the range.
    pub start: Option<Vec<u8>>,
    /// First key after it.
    pub end: Option<Vec<u8>>,
}

impl KeyRange {
    /// Exactly one entity: its row, or all of its events. No entity key is a prefix of another.
    pub fn only(entity_key: &[u8]) -> Self {
        KeyRange { start: Some(entity_key.to_vec()), end: prefix_end(entity_key) }
    }

    /// Returns whether the range holds a key.
    pub fn contains(&self, key: &[u8]) -> bool {
        self.start.as_deref().is_none_or(|start| start <= key) && self.end.as_deref().is_none_or(|end| key < end)
    }
}
