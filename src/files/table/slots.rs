//! The hash table of a dictionary: positions of entries, found by the hash of a value.

use std::hash::{BuildHasher, RandomState};

/// Most entries of a dictionary: more make positions as wide as many values.
pub(super) const ENTRIES_MAX: usize = 1 << 15;

/// Slots at the beginning.
const SLOTS_MIN: usize = 1 << 10;

/// An empty slot.
const EMPTY: u32 = u32::MAX;

/// Positions of entries, by their hashes.
pub(super) struct Slots {
    slots: Vec<u32>,
    /// The hash of each entry.
    hashes: Vec<u64>,
    seed: u64,
}

impl Slots {
    pub(super) fn new() -> Self {
        Slots { slots: Vec::new(), hashes: Vec::new(), seed: RandomState::new().hash_one(0u64) }
    }

    /// Returns a number that nobody outside knows, for hashing.
    #[inline]
    pub(super) fn seed(&self) -> u64 {
        self.seed
    }

    /// Forgets all entries.
    pub(super) fn clear(&mut self) {
        self.slots.fill(EMPTY);
        self.hashes.clear();
    }

    /// Returns the position of the entry with this hash that is `same`, or the one that it gets; and whether it is new.
    #[inline]
    pub(super) fn find(&mut self, hash: u64, same: impl Fn(usize) -> bool) -> (u32, bool) {
        if self.hashes.len() * 2 >= self.slots.len() {
            self.grow();
        }
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let entry = self.slots[at];
            if entry == EMPTY {
                let position = self.hashes.len() as u32;
                self.slots[at] = position;
                self.hashes.push(hash);
                return (position, true);
            }
            if self.hashes[entry as usize] == hash && same(entry as usize) {
                return (entry, false);
            }
            at = (at + 1) & mask;
        }
    }

    #[cold]
    fn grow(&mut self) {
        let len = (self.slots.len() * 4).max(SLOTS_MIN);
        self.slots.clear();
        self.slots.resize(len, EMPTY);
        for (position, hash) in self.hashes.iter().enumerate() {
            let mut at = *hash as usize & (len - 1);
            while self.slots[at] != EMPTY {
                at = (at + 1) & (len - 1);
            }
            self.slots[at] = position as u32;
        }
    }
}

/// Mixes two numbers into one whose every bit depends on all of theirs.
#[inline]
pub(super) fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a ^ 0xa076_1d64_78bd_642f) * u128::from(b ^ 0xe703_7ed1_a0b4_28db);
    product as u64 ^ (product >> 64) as u64
}

/// Returns whether so many entries among the first values say that a dictionary is not worth its while.
#[inline]
pub(super) fn are_diverse(values: usize, entries: usize) -> bool {
    match values {
        0..1024 => false,
        1024..4096 => entries * 64 > values * 63,
        4096..8192 => entries * 4 > values * 3,
        _ => entries * 2 > values,
    }
}
