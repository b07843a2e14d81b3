//! Rings: records that follow each other, the oldest of which makes room for the newest.

use std::sync::atomic::Ordering;

use crate::record::Head;
use crate::sync::AtomicU64;

/// The state of a ring, in words.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ring {
    /// The place of its first word in the table.
    start: usize,
    words: usize,
    /// The place of the next record, from `start`.
    head: usize,
    /// Words from the oldest record up to there.
    used: usize,
}

impl Ring {
    pub(crate) fn new(start: usize, words: usize) -> Self {
        Ring { start, words, head: 0, used: 0 }
    }

    /// Words that are used, by records that nobody finds any more, too.
    pub(crate) fn used(&self) -> usize {
        self.used
    }

    pub(crate) fn clear(&mut self) {
        (self.head, self.used) = (0, 0);
    }

    /// The words at the end that a record of `words` would leave unused, since no record is in two parts.
    fn pad(&self, words: usize) -> usize {
        if self.head + words > self.words { self.words - self.head } else { 0 }
    }

    /// Returns whether a record fits without taking the oldest.
    pub(crate) fn has_room(&self, words: usize) -> bool {
        self.used + self.pad(words) + words <= self.words
    }

    /// Takes room for a record, which has to fit, and returns its place.
    pub(crate) fn take(&mut self, words: usize, table: &[AtomicU64]) -> usize {
        let pad = self.pad(words);
        if pad > 0 {
            Head::write_pad(&table[self.start + self.head], pad);
            self.head = 0;
        }
        let place = self.start + self.head;
        self.head = (self.head + words) % self.words;
        self.used += pad + words;
        place
    }

    /// Gives up the oldest record, and returns its place; `None` when it was room that was not used, or there is none.
    pub(crate) fn give_up(&mut self, table: &[AtomicU64]) -> Option<usize> {
        if self.used == 0 {
            return None;
        }
        let place = self.start + (self.head + self.words - self.used) % self.words;
        let first = table[place].load(Ordering::Relaxed);
        if let Some(words) = Head::pad_words(first) {
            self.used -= words;
            return None;
        }
        self.used -= first as u32 as usize;
        Some(place)
    }
}
