//! Different values.

use asofdb_storage::ScalarType;
use twox_hash::XxHash3_64;

use crate::items::Items;

/// Different values of one type, in the order in which they came. Equal are those that a row stores as the same bytes,
/// so that -0.0 and 0.0 are two.
#[derive(Debug, Clone)]
pub(crate) struct ValueSet {
    items: Items,
    /// A hash table of open addressing: 0, or one more than the index of a value. At most half of it is in use.
    slots: Vec<u32>,
}

impl ValueSet {
    /// Has no values yet.
    pub(crate) fn new(ty: ScalarType) -> Self {
        ValueSet { items: Items::new(ty), slots: Vec::new() }
    }

    /// The values.
    pub(crate) fn items(&self) -> &Items {
        &self.items
    }

    /// Returns the number of values.
    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    /// Returns the index of a value, which is added to the end when it is new.
    pub(crate) fn insert(&mut self, stored: &[u8]) -> usize {
        match self.find(stored) {
            Ok(index) => index,
            Err(slot) => self.add(stored, slot),
        }
    }

    /// Adds a value to the end, and returns whether it is new.
    pub(crate) fn insert_new(&mut self, stored: &[u8]) -> bool {
        let len = self.len();
        self.insert(stored) == len
    }

    /// Forgets the values, and keeps memory.
    pub(crate) fn clear(&mut self) {
        if self.len() > 0 {
            self.slots.fill(0);
            self.items.clear();
        }
    }

    /// Becomes what `other` is, and keeps memory.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        self.items.copy_from(&other.items);
        self.slots.clone_from(&other.slots);
    }

    /// Returns the bytes that it holds beyond its own size.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.items.heap_bytes() + self.slots.capacity() * size_of::<u32>()
    }

    /// Returns the index of a value, or else the slot where it belongs, if there are slots.
    fn find(&self, stored: &[u8]) -> Result<usize, usize> {
        if self.slots.is_empty() {
            return Err(0);
        }
        let mut slot = self.first_slot(stored);
        loop {
            match self.slots[slot] {
                0 => return Err(slot),
                index if self.items.get(index as usize - 1) == stored => return Ok(index as usize - 1),
                _ => slot = (slot + 1) & (self.slots.len() - 1),
            }
        }
    }

    fn add(&mut self, stored: &[u8], slot: usize) -> usize {
        let index = self.len();
        self.items.push(stored);
        if 2 * self.len() > self.slots.len() {
            self.grow();
        } else {
            self.slots[slot] = index as u32 + 1;
        }
        index
    }

    fn grow(&mut self) {
        let slots = (4 * self.len()).next_power_of_two().max(16);
        self.slots.clear();
        self.slots.resize(slots, 0);
        for index in 0..self.len() {
            let mut slot = self.first_slot(self.items.get(index));
            while self.slots[slot] != 0 {
                slot = (slot + 1) & (slots - 1);
            }
            self.slots[slot] = index as u32 + 1;
        }
    }

    fn first_slot(&self, stored: &[u8]) -> usize {
        XxHash3_64::oneshot(stored) as usize & (self.slots.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_is_once_in_the_order_in_which_they_came() {
        let mut set = ValueSet::new(ScalarType::Int64);
        let numbers: Vec<i64> = (0..1_000).map(|n| n * n % 331).collect();
        let mut seen = Vec::new();
        for _ in 0..2 {
            set.clear();
            seen.clear();
            for number in &numbers {
                let at = seen.iter().position(|other| other == number);
                assert_eq!(set.insert(&number.to_le_bytes()), at.unwrap_or(seen.len()));
                if at.is_none() {
                    seen.push(*number);
                }
            }
            assert!(set.items().iter().eq(seen.iter().map(|number| number.to_le_bytes())));
        }
    }
}
