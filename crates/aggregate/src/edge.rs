//! First and last values.

use asofdb_expression::Values;
use asofdb_storage::{Result, ValueType};

use crate::accumulate::Accumulate;
use crate::cells;
use crate::rows::Rows;
use crate::wire::{read_stored, read_truth, write_stored};

/// The value of the newest or of the oldest event that has one.
#[derive(Debug, Clone)]
pub(crate) struct Edge {
    ty: ValueType,
    oldest: bool,
    has_value: bool,
    /// The value as a row stores it.
    stored: Vec<u8>,
}

impl Edge {
    /// Has no value yet.
    pub(crate) fn new(ty: ValueType, oldest: bool) -> Self {
        Edge { ty, oldest, has_value: false, stored: Vec::new() }
    }

    /// Appends the value as a row stores it; returns whether there is one.
    pub(crate) fn finish(&self, out: &mut Vec<u8>) -> bool {
        out.extend_from_slice(&self.stored);
        self.has_value
    }
}

impl Accumulate for Edge {
    fn fold(&mut self, values: &Values<'_>, rows: &Rows<'_>) {
        let stored = &mut self.stored;
        self.has_value |= match (self.oldest, self.has_value) {
            (true, _) => rows.live().rev().any(|row| cells::store(values, row, stored)),
            (false, false) => rows.live().any(|row| cells::store(values, row, stored)),
            (false, true) => true,
        };
    }

    fn merge(&mut self, older: &Self) {
        if self.oldest {
            self.copy_from(older);
        }
    }

    fn clear(&mut self) {
        self.has_value = false;
        self.stored.clear();
    }

    fn is_empty(&self) -> bool {
        !self.has_value
    }

    fn is_settled(&self) -> bool {
        self.has_value && !self.oldest
    }

    fn copy_from(&mut self, other: &Self) {
        self.has_value = other.has_value;
        self.stored.clone_from(&other.stored);
    }

    /// Appends whether there is a value, and the value.
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.has_value));
        if self.has_value {
            write_stored(self.ty, &self.stored, out);
        }
    }

    fn decode(&mut self, bytes: &mut &[u8]) -> Result<()> {
        self.clear();
        if read_truth(bytes)? {
            self.stored.extend_from_slice(read_stored(self.ty, bytes)?);
            self.has_value = true;
        }
        Ok(())
    }

    fn heap_bytes(&self) -> usize {
        self.stored.capacity()
    }
}
