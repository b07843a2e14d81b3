//! The exact number of different values.

use asofdb_expression::Values;
use asofdb_storage::{Result, ScalarType};

use crate::accumulate::Accumulate;
use crate::cells;
use crate::items::Items;
use crate::rows::Rows;
use crate::value_set::ValueSet;
use crate::wire::corrupt;

/// Different values, at most so many: of more than that, the number is the same whichever they are.
#[derive(Debug, Clone)]
pub(crate) struct Distinct {
    values: ValueSet,
    cap: usize,
}

impl Distinct {
    /// Has no values yet.
    pub(crate) fn new(ty: ScalarType, cap: u32) -> Self {
        Distinct { values: ValueSet::new(ty), cap: cap as usize }
    }

    /// The number of different values, at most the cap.
    pub(crate) fn value(&self) -> i64 {
        self.values.len() as i64
    }

    fn offer(&mut self, stored: &[u8]) {
        if self.values.len() < self.cap {
            self.values.insert(stored);
        }
    }
}

impl Accumulate for Distinct {
    fn fold(&mut self, values: &Values<'_>, rows: &Rows<'_>) {
        if self.values.len() < self.cap {
            cells::each_stored(values, rows, |stored| self.offer(stored));
        }
    }

    fn merge(&mut self, older: &Self) {
        older.values.items().iter().for_each(|stored| self.offer(stored));
    }

    fn clear(&mut self) {
        self.values.clear();
    }

    fn is_empty(&self) -> bool {
        self.values.len() == 0
    }

    fn is_settled(&self) -> bool {
        self.values.len() == self.cap
    }

    fn copy_from(&mut self, other: &Self) {
        self.values.copy_from(&other.values);
    }

    fn encode(&self, out: &mut Vec<u8>) {
        self.values.items().encode(out);
    }

    fn decode(&mut self, bytes: &mut &[u8]) -> Result<()> {
        self.clear();
        for _ in 0..Items::decode_len(bytes, self.cap)? {
            let stored = self.values.items().decode_item(bytes)?;
            if !self.values.insert_new(stored) {
                return Err(corrupt("has a value twice"));
            }
        }
        Ok(())
    }

    fn heap_bytes(&self) -> usize {
        self.values.heap_bytes()
    }
}
