//! The number of times that each value is there.

use std::cmp::Ordering;

use asofdb_expression::Values;
use asofdb_storage::{DISTINCT_MAX, Result, ScalarType};

use crate::accumulate::Accumulate;
use crate::cells;
use crate::items::Items;
use crate::order;
use crate::rows::Rows;
use crate::value_set::ValueSet;
use crate::wire::{corrupt, read_truth, read_varint, write_varint};

/// The number of events of each value.
///
/// Of more than [`DISTINCT_MAX`] values nothing is kept, and there is no answer. Whether a window has more is a
/// property of its events, not of how it is cut: a part has no more values than the whole, and parts that are merged
/// have all of theirs.
#[derive(Debug, Clone)]
pub(crate) struct Frequencies {
    values: ValueSet,
    counts: Vec<u64>,
    is_beyond: bool,
}

impl Frequencies {
    /// Has no values yet.
    pub(crate) fn new(ty: ScalarType) -> Self {
        Frequencies { values: ValueSet::new(ty), counts: Vec::new(), is_beyond: false }
    }

    /// Appends the list of the `k` most frequent values, or of their counts; returns false when there were too many
    /// values.
    pub(crate) fn finish(&self, k: u32, counts: bool, out: &mut Vec<u8>) -> bool {
        if self.is_beyond {
            return false;
        }
        let top = self.top(k as usize);
        if counts {
            // A count beyond an int64 is that of no real window.
            let count = |index: usize| i64::try_from(self.counts[index]).unwrap_or(i64::MAX);
            top.iter().for_each(|index| out.extend_from_slice(&count(*index).to_le_bytes()));
            return true;
        }
        let stored = top.iter().map(|index| self.values.items().get(*index));
        match self.values.items().ty().fixed_bytes() {
            Some(_) => stored.for_each(|stored| out.extend_from_slice(stored)),
            None => cells::store_texts(stored, out),
        }
        true
    }

    /// The indexes of the most frequent values: most frequent first, of equal ones the least first.
    fn top(&self, k: usize) -> Vec<usize> {
        let order = |left: &usize, right: &usize| self.order(*left, *right);
        let mut indexes: Vec<usize> = (0..self.values.len()).collect();
        if k < indexes.len() {
            indexes.select_nth_unstable_by(k, order);
            indexes.truncate(k);
        }
        indexes.sort_unstable_by(order);
        indexes
    }

    fn order(&self, left: usize, right: usize) -> Ordering {
        let items = self.values.items();
        let value = |index: usize| (order::stored_key(items.ty(), items.get(index)), items.get(index));
        self.counts[right].cmp(&self.counts[left]).then_with(|| value(left).cmp(&value(right)))
    }

    fn add(&mut self, stored: &[u8], events: u64) {
        if self.is_beyond {
            return;
        }
        let index = self.values.insert(stored);
        match self.counts.get_mut(index) {
            Some(count) => *count = count.saturating_add(events),
            None => self.counts.push(events),
        }
        if self.values.len() > DISTINCT_MAX as usize {
            self.clear();
            self.is_beyond = true;
        }
    }
}

impl Accumulate for Frequencies {
    fn fold(&mut self, values: &Values<'_>, rows: &Rows<'_>) {
        if !self.is_beyond {
            cells::each_stored(values, rows, |stored| self.add(stored, 1));
        }
    }

    fn merge(&mut self, older: &Self) {
        if older.is_beyond {
            self.clear();
            self.is_beyond = true;
        }
        for (stored, count) in older.values.items().iter().zip(&older.counts) {
            self.add(stored, *count);
        }
    }

    fn clear(&mut self) {
        self.values.clear();
        self.counts.clear();
        self.is_beyond = false;
    }

    fn is_empty(&self) -> bool {
        self.values.len() == 0 && !self.is_beyond
    }

    fn is_settled(&self) -> bool {
        self.is_beyond
    }

    fn copy_from(&mut self, other: &Self) {
        self.values.copy_from(&other.values);
        self.counts.clone_from(&other.counts);
        self.is_beyond = other.is_beyond;
    }

    /// Appends whether there were too many values; the values; the count of each.
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.is_beyond));
        self.values.items().encode(out);
        self.counts.iter().for_each(|count| write_varint(*count, out));
    }

    fn decode(&mut self, bytes: &mut &[u8]) -> Result<()> {
        self.clear();
        self.is_beyond = read_truth(bytes)?;
        let most = if self.is_beyond { 0 } else { DISTINCT_MAX as usize };
        let len = Items::decode_len(bytes, most)?;
        for _ in 0..len {
            let stored = self.values.items().decode_item(bytes)?;
            if !self.values.insert_new(stored) {
                return Err(corrupt("has a value twice"));
            }
        }
        for _ in 0..len {
            self.counts.push(read_varint(bytes)?);
        }
        Ok(())
    }

    fn heap_bytes(&self) -> usize {
        self.values.heap_bytes() + self.counts.capacity() * size_of::<u64>()
    }
}
