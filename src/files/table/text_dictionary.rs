//! A dictionary of texts or bytes.

use super::slots::{ENTRIES_MAX, Slots, are_diverse, mix};
use super::text::Texts;

/// Most bytes of all entries.
const BYTES_MAX: usize = 1 << 20;

/// The different texts of a column chunk, in the order in which they came.
pub(super) struct TextDictionary {
    slots: Slots,
    entries: Texts,
    positions: Vec<u32>,
}

impl TextDictionary {
    pub(super) fn new() -> Self {
        TextDictionary { slots: Slots::new(), entries: Texts::default(), positions: Vec::new() }
    }

    pub(super) fn clear(&mut self) {
        self.slots.clear();
        self.entries.clear();
    }

    /// The different texts so far.
    pub(super) fn entries(&self) -> &Texts {
        &self.entries
    }

    /// The positions of the texts looked up last.
    pub(super) fn positions(&self) -> &[u32] {
        &self.positions
    }

    /// Looks up the texts of a page; false when there are too many different ones. In a trial, also when there are too
    /// many for a dictionary to be worth its while.
    pub(super) fn look_up(&mut self, texts: &Texts, is_trial: bool) -> bool {
        self.positions.clear();
        self.positions.reserve(texts.len());
        let (mut last, mut last_position): (Option<&[u8]>, u32) = (None, 0);
        for (number, text) in texts.iter().enumerate() {
            // Rows are sorted by entity, and what describes an entity rarely changes.
            if last != Some(text) {
                let hash = hash(text, self.slots.seed());
                let (position, is_new) = self.slots.find(hash, |entry| self.entries.get(entry) == text);
                if is_new {
                    self.entries.push(text);
                }
                (last, last_position) = (Some(text), position);
            }
            self.positions.push(last_position);
            if number % 1024 == 1023 && self.is_full(is_trial) {
                return false;
            }
        }
        !self.is_full(is_trial)
    }

    fn is_full(&self, is_trial: bool) -> bool {
        let entries = self.entries.len();
        let too_many = is_trial && are_diverse(self.positions.len(), entries);
        too_many || entries > ENTRIES_MAX || self.entries.bytes().len() > BYTES_MAX
    }
}

#[inline]
fn hash(text: &[u8], seed: u64) -> u64 {
    let mut words = text.chunks_exact(8);
    let mut hash = seed;
    for word in &mut words {
        hash = mix(hash, u64::from_le_bytes(word.try_into().expect("8 bytes")));
    }
    let mut rest = [0; 8];
    rest[..words.remainder().len()].copy_from_slice(words.remainder());
    mix(mix(hash, u64::from_le_bytes(rest)), text.len() as u64)
}
