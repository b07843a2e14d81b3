//! Sums of whole numbers.

use asofdb_expression::Values;
use asofdb_storage::Result;

use crate::accumulate::Accumulate;
use crate::cells;
use crate::rows::Rows;
use crate::wire::{corrupt, read_varint, write_varint};

/// The sum of whole numbers and how many they are. It is exact: 2^63 numbers of 64 bits fit.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct IntTotal {
    count: u64,
    sum: i128,
}

impl IntTotal {
    /// The sum, 0 of nothing; none beyond an int64.
    pub(crate) fn sum(self) -> Option<i64> {
        i64::try_from(self.sum).ok()
    }

    /// The mean, none of nothing. The sum is rounded once, and the quotient.
    pub(crate) fn mean(self) -> Option<f64> {
        (self.count > 0).then(|| self.sum as f64 / self.count as f64)
    }
}

impl Accumulate for IntTotal {
    fn fold(&mut self, values: &Values<'_>, rows: &Rows<'_>) {
        let (mut count, mut sum) = (0, self.sum);
        cells::each_int(values, rows, |value| {
            count += 1;
            sum = sum.wrapping_add(i128::from(value));
        });
        self.count = self.count.saturating_add(count);
        self.sum = sum;
    }

    fn merge(&mut self, older: &Self) {
        self.count = self.count.saturating_add(older.count);
        self.sum = self.sum.wrapping_add(older.sum);
    }

    fn clear(&mut self) {
        *self = IntTotal::default();
    }

    fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn copy_from(&mut self, other: &Self) {
        *self = *other;
    }

    /// The count; then, unless it is 0, the halves of the sum, the lower one first: 0, -1, 1, -2 are 0, 1, 2, 3.
    fn encode(&self, out: &mut Vec<u8>) {
        write_varint(self.count, out);
        if self.count > 0 {
            let sum = ((self.sum << 1) ^ (self.sum >> 127)) as u128;
            write_varint(sum as u64, out);
            write_varint((sum >> 64) as u64, out);
        }
    }

    fn decode(&mut self, bytes: &mut &[u8]) -> Result<()> {
        let count = read_varint(bytes)?;
        let mut sum = 0;
        if count > 0 {
            let zigzag = u128::from(read_varint(bytes)?) | u128::from(read_varint(bytes)?) << 64;
            sum = (zigzag >> 1) as i128 ^ -((zigzag & 1) as i128);
        }
        // A count that stands for more says nothing about the sum, which may have wrapped around.
        if count < u64::MAX && sum.unsigned_abs() > u128::from(count) << 63 {
            return Err(corrupt("has a sum that so few numbers cannot have"));
        }
        *self = IntTotal { count, sum };
        Ok(())
    }
}
