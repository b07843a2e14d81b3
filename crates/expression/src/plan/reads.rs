//! The inputs that were read for a value.

use std::collections::BTreeSet;

/// The reads of a value: where it came from decides the status and the event time of a value.
#[derive(Debug, Clone)]
pub(super) enum Reads {
    /// Inputs that are the same in every row.
    Same(BTreeSet<u32>),
    /// A lane that says them, row by row, because branches differ.
    Lane(u32),
}

impl Reads {
    pub(super) fn nothing() -> Self {
        Reads::Same(BTreeSet::new())
    }

    pub(super) fn of(input: u32) -> Self {
        Reads::Same(BTreeSet::from([input]))
    }

    pub(super) fn is_nothing(&self) -> bool {
        matches!(self, Reads::Same(inputs) if inputs.is_empty())
    }

    /// The inputs that are not among `read` already. What a lane says stays.
    pub(super) fn without(self, read: &Reads) -> Self {
        match (self, read) {
            (Reads::Same(inputs), Reads::Same(read)) => Reads::Same(inputs.difference(read).copied().collect()),
            (other, _) => other,
        }
    }
}
