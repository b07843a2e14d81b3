//! Least and greatest texts.

use std::cmp::Ordering;

use asofdb_expression::Values;
use asofdb_storage::{Result, ScalarType, ValueType};

use crate::accumulate::Accumulate;
use crate::cells;
use crate::rows::Rows;
use crate::wire::{read_stored, read_truth, write_stored};

/// The least or the greatest of texts or bytes, by their bytes.
#[derive(Debug, Clone)]
pub(crate) struct TextExtreme {
    ty: ScalarType,
    /// The order of a better text to the best one so far.
    better: Ordering,
    has_value: bool,
    best: Vec<u8>,
}

impl TextExtreme {
    /// Has no text yet.
    pub(crate) fn new(ty: ScalarType, greatest: bool) -> Self {
        let better = if greatest { Ordering::Greater } else { Ordering::Less };
        TextExtreme { ty, better, has_value: false, best: Vec::new() }
    }

    /// Appends the text; returns whether there is one.
    pub(crate) fn finish(&self, out: &mut Vec<u8>) -> bool {
        out.extend_from_slice(&self.best);
        self.has_value
    }

    fn offer(&mut self, text: &[u8]) {
        if !self.has_value || text.cmp(&self.best) == self.better {
            self.has_value = true;
            self.best.clear();
            self.best.extend_from_slice(text);
        }
    }
}

impl Accumulate for TextExtreme {
    fn fold(&mut self, values: &Values<'_>, rows: &Rows<'_>) {
        cells::each_text(values, rows, |text| self.offer(text));
    }

    fn merge(&mut self, older: &Self) {
        self.offer(&older.best);
    }

    fn clear(&mut self) {
        self.has_value = false;
        self.best.clear();
    }

    fn is_empty(&self) -> bool {
        !self.has_value
    }

    fn copy_from(&mut self, other: &Self) {
        self.has_value = other.has_value;
        self.best.clone_from(&other.best);
    }

    /// Appends whether there is a text, and the text.
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.has_value));
        if self.has_value {
            write_stored(ValueType::Scalar(self.ty), &self.best, out);
        }
    }

    fn decode(&mut self, bytes: &mut &[u8]) -> Result<()> {
        self.clear();
        if read_truth(bytes)? {
            self.offer(read_stored(ValueType::Scalar(self.ty), bytes)?);
        }
        Ok(())
    }

    fn heap_bytes(&self) -> usize {
        self.best.capacity()
    }
}
