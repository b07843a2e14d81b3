//! Means and squared deviations.

use asofdb_expression::Values;
use asofdb_storage::Result;

use crate::accumulate::Accumulate;
use crate::cells;
use crate::rows::Rows;
use crate::wire::{corrupt, read_float, read_varint, write_float, write_varint};

/// The count of numbers, their mean, and the sum of the squares of their deviations from it.
///
/// Within a slot Welford's recurrence, across slots Chan's merge: no sum of squares, which would cancel.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Moments {
    count: u64,
    mean: f64,
    squares: f64,
}

impl Moments {
    /// The variance; none of nothing, none of a sample of one, and none beyond the floats.
    pub(crate) fn variance(self, population: bool) -> Option<f64> {
        let divisor = if population { self.count } else { self.count.saturating_sub(1) };
        let variance = self.squares / divisor as f64;
        (divisor > 0 && variance.is_finite()).then_some(variance)
    }

    /// The square root of the variance.
    pub(crate) fn stddev(self, population: bool) -> Option<f64> {
        self.variance(population).map(f64::sqrt)
    }
}

impl Accumulate for Moments {
    fn fold(&mut self, values: &Values<'_>, rows: &Rows<'_>) {
        let Moments { count, mut mean, mut squares } = *self;
        let mut counted = count as f64;
        let mut added = 0;
        cells::each_number(values, rows, |value| {
            added += 1;
            counted += 1.0;
            let delta = value - mean;
            // The reciprocal does not wait for the value before; a division by the count would.
            mean += delta * (1.0 / counted);
            squares += delta * (value - mean);
        });
        *self = Moments { count: count.saturating_add(added), mean, squares };
    }

    fn merge(&mut self, older: &Self) {
        let count = self.count.saturating_add(older.count);
        let delta = older.mean - self.mean;
        let part = older.count as f64 / count as f64;
        self.mean += delta * part;
        self.squares += older.squares + delta * delta * (self.count as f64 * part);
        self.count = count;
    }

    fn clear(&mut self) {
        *self = Moments::default();
    }

    fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn copy_from(&mut self, other: &Self) {
        *self = *other;
    }

    /// The count; then, unless it is 0, the mean and the squares.
    fn encode(&self, out: &mut Vec<u8>) {
        write_varint(self.count, out);
        if self.count > 0 {
            write_float(self.mean, out);
            write_float(self.squares, out);
        }
    }

    fn decode(&mut self, bytes: &mut &[u8]) -> Result<()> {
        *self = Moments::default();
        let count = read_varint(bytes)?;
        if count > 0 {
            *self = Moments { count, mean: read_float(bytes)?, squares: read_float(bytes)? };
        }
        // A deviation beyond the floats makes the sum infinite, of either sign.
        match self.squares < 0.0 && self.squares.is_finite() {
            true => Err(corrupt("has squares whose sum is negative")),
            false => Ok(()),
        }
    }
}
