//! Least and greatest values of fixed width.

use asofdb_expression::Values;
use asofdb_storage::{Result, ScalarType};

use crate::accumulate::Accumulate;
use crate::cells;
use crate::order::{read_key, store_key, write_key};
use crate::rows::Rows;
use crate::wire::read_truth;

/// The least or the greatest of values of fixed width.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extreme {
    ty: ScalarType,
    has_value: bool,
    /// 0 for the least value, -1 for the greatest: flipped by it, the best key is the least one.
    flip: i64,
    best: i64,
}

impl Extreme {
    /// Has no value yet.
    pub(crate) fn new(ty: ScalarType, greatest: bool) -> Self {
        Extreme { ty, has_value: false, flip: if greatest { -1 } else { 0 }, best: i64::MAX }
    }

    /// Appends the value as a row stores it; returns whether there is one.
    pub(crate) fn finish(&self, out: &mut Vec<u8>) -> bool {
        if self.has_value {
            store_key(self.ty, self.best ^ self.flip, out);
        }
        self.has_value
    }
}

impl Accumulate for Extreme {
    fn fold(&mut self, values: &Values<'_>, rows: &Rows<'_>) {
        let (flip, mut best, mut has_value) = (self.flip, self.best, self.has_value);
        cells::each_key(values, rows, |key| {
            best = best.min(key ^ flip);
            has_value = true;
        });
        (self.best, self.has_value) = (best, has_value);
    }

    fn merge(&mut self, older: &Self) {
        self.best = self.best.min(older.best);
    }

    fn clear(&mut self) {
        (self.best, self.has_value) = (i64::MAX, false);
    }

    fn is_empty(&self) -> bool {
        !self.has_value
    }

    fn copy_from(&mut self, other: &Self) {
        *self = *other;
    }

    /// Appends whether there is a value, and the value.
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.has_value));
        if self.has_value {
            write_key(self.ty, self.best ^ self.flip, out);
        }
    }

    fn decode(&mut self, bytes: &mut &[u8]) -> Result<()> {
        self.clear();
        if read_truth(bytes)? {
            self.best = read_key(self.ty, bytes)? ^ self.flip;
            self.has_value = true;
        }
        Ok(())
    }
}
