//! Ranges of entity keys.

/// A range of encoded entity keys: from `start`, inclusive, to `end`, exclusive; `None` is unbounded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyRange {
    /// First key of the range.
    pub start: Option<Vec<u8>>,
    /// First key after it.
    pub end: Option<Vec<u8>>,
}

impl KeyRange {
    /// Exactly one entity. No key is a prefix of another, so a zero byte ends the range.
    pub fn only(key: &[u8]) -> Self {
        let mut end = key.to_vec();
        end.push(0);
        KeyRange { start: Some(key.to_vec()), end: Some(end) }
    }

    /// Returns whether the range holds a key.
    pub fn contains(&self, key: &[u8]) -> bool {
        self.start.as_deref().is_none_or(|start| start <= key) && self.end.as_deref().is_none_or(|end| key < end)
    }
}
