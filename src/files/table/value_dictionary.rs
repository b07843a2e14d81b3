//! A dictionary of values of fixed width.

use super::numbers::Number;
use super::slots::{ENTRIES_MAX, Slots, are_diverse, mix};

/// The different values of a column chunk, in the order in which they came.
pub(super) struct ValueDictionary<T> {
    slots: Slots,
    entries: Vec<T>,
    positions: Vec<u32>,
}

impl<T: Number> ValueDictionary<T> {
    pub(super) fn new() -> Self {
        ValueDictionary { slots: Slots::new(), entries: Vec::new(), positions: Vec::new() }
    }

    pub(super) fn clear(&mut self) {
        self.slots.clear();
        self.entries.clear();
    }

    /// The different values so far.
    pub(super) fn entries(&self) -> &[T] {
        &self.entries
    }

    /// The positions of the values looked up last.
    pub(super) fn positions(&self) -> &[u32] {
        &self.positions
    }

    /// Looks up the values of a page; false when there are too many different ones. In a trial, also when there are too
    /// many for a dictionary to be worth its while.
    pub(super) fn look_up(&mut self, values: &[T], is_trial: bool) -> bool {
        self.positions.clear();
        self.positions.reserve(values.len());
        for block in values.chunks(1024) {
            for value in block {
                let bits = value.bits();
                let hash = mix(bits, self.slots.seed());
                let (position, is_new) = self.slots.find(hash, |entry| self.entries[entry].bits() == bits);
                if is_new {
                    self.entries.push(*value);
                }
                self.positions.push(position);
            }
            let too_many = is_trial && are_diverse(self.positions.len(), self.entries.len());
            if too_many || self.entries.len() > ENTRIES_MAX {
                return false;
            }
        }
        true
    }
}
