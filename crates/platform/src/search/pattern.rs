//! Patterns: what a filter compares with.

/// A value, whatever the case, or with a star at its end the beginning of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    text: String,
    is_beginning: bool,
}

impl Pattern {
    pub(super) fn new(text: &str) -> Self {
        let (text, is_beginning) = text.strip_suffix('*').map_or((text, false), |text| (text, true));
        Pattern { text: text.to_lowercase(), is_beginning }
    }

    pub(super) fn admits(&self, value: &str) -> bool {
        let value = value.to_lowercase();
        if self.is_beginning { value.starts_with(&self.text) } else { value == self.text }
    }
}
