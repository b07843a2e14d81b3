//! Sums of floats.

use asofdb_expression::Values;
use asofdb_storage::Result;

use crate::accumulate::Accumulate;
use crate::cells;
use crate::rows::Rows;
use crate::wire::{read_float, read_varint, write_float, write_varint};

/// The sum of floats, in the order in which they come, and how many they are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FloatTotal {
    count: u64,
    /// Of nothing -0.0, to which every number can be added without a change: that of -0.0 stays -0.0.
    sum: f64,
}

impl Default for FloatTotal {
    fn default() -> Self {
        FloatTotal { count: 0, sum: -0.0 }
    }
}

impl FloatTotal {
    /// The sum, 0.0 of nothing; none when infinities of both signs are in it.
    pub(crate) fn sum(self) -> Option<f64> {
        let sum = if self.count == 0 { 0.0 } else { self.sum };
        (!sum.is_nan()).then_some(sum)
    }

    /// The mean, none of nothing.
    pub(crate) fn mean(self) -> Option<f64> {
        let sum = self.sum().filter(|_| self.count > 0)?;
        Some(sum / self.count as f64)
    }
}

impl Accumulate for FloatTotal {
    fn fold(&mut self, values: &Values<'_>, rows: &Rows<'_>) {
        let (mut count, mut sum) = (0, self.sum);
        cells::each_float(values, rows, |value| {
            count += 1;
            sum += value;
        });
        self.count = self.count.saturating_add(count);
        self.sum = sum;
    }

    fn merge(&mut self, older: &Self) {
        self.count = self.count.saturating_add(older.count);
        self.sum += older.sum;
    }

    fn clear(&mut self) {
        *self = FloatTotal::default();
    }

    fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn copy_from(&mut self, other: &Self) {
        *self = *other;
    }

    /// The count; then, unless it is 0, the sum.
    fn encode(&self, out: &mut Vec<u8>) {
        write_varint(self.count, out);
        if self.count > 0 {
            write_float(self.sum, out);
        }
    }

    fn decode(&mut self, bytes: &mut &[u8]) -> Result<()> {
        *self = FloatTotal::default();
        let count = read_varint(bytes)?;
        if count > 0 {
            *self = FloatTotal { count, sum: read_float(bytes)? };
        }
        Ok(())
    }
}
