//! The spread of numbers (DDSketch).

use asofdb_expression::Values;
use asofdb_storage::Result;

use crate::accumulate::Accumulate;
use crate::bins::Bins;
use crate::cells;
use crate::rows::Rows;
use crate::scale::Scale;
use crate::wire::{read_varint, write_varint};

/// Counts of numbers by their magnitude, in bins so narrow that the middle of one is near enough to all in it.
///
/// It keeps all bins: which there are depends on the numbers alone, not on their order or on how they were cut. There
/// are at most some 1,400 / `error`; numbers from 1 to 1,000,000 take 700 with an error of 0.01.
#[derive(Debug, Clone)]
pub(crate) struct Quantiles {
    scale: Scale,
    /// Infinities have no bin.
    below: u64,
    negative: Bins,
    zeros: u64,
    positive: Bins,
    above: u64,
}

impl Quantiles {
    /// Has no numbers yet.
    pub(crate) fn new(error: f64) -> Self {
        let (negative, positive) = (Bins::default(), Bins::default());
        Quantiles { scale: Scale::new(error), below: 0, negative, zeros: 0, positive, above: 0 }
    }

    /// About the number of rank `floor(q * (n - 1))`, counted from 0 in ascending order; none of nothing.
    pub(crate) fn quantile(&self, q: f64) -> Option<f64> {
        let last = self.parts().fold(0u64, |sum, (_, count)| sum.saturating_add(count)).checked_sub(1)?;
        let rank = (q * last as f64) as u64;
        let mut passed = 0u64;
        let at_rank = self.parts().find(|(_, count)| {
            passed = passed.saturating_add(*count);
            passed > rank
        });
        // A count that no real window has may round up to a rank beyond the last one.
        at_rank.or_else(|| self.parts().last()).map(|(number, _)| number)
    }

    /// The numbers that stand for the bins, ascending, and the count of each.
    fn parts(&self) -> impl Iterator<Item = (f64, u64)> + '_ {
        let negative = self.negative.iter().rev().map(|(bin, count)| (-self.scale.middle(bin), count));
        let positive = self.positive.iter().map(|(bin, count)| (self.scale.middle(bin), count));
        let parts = std::iter::once((f64::NEG_INFINITY, self.below)).chain(negative);
        let parts = parts.chain([(0.0, self.zeros)]).chain(positive).chain([(f64::INFINITY, self.above)]);
        parts.filter(|(_, count)| *count > 0)
    }

    fn add(&mut self, number: f64) {
        let magnitude = number.abs();
        if magnitude.is_infinite() {
            let side = if number < 0.0 { &mut self.below } else { &mut self.above };
            *side = side.saturating_add(1);
        } else if magnitude < f64::MIN_POSITIVE {
            self.zeros = self.zeros.saturating_add(1);
        } else {
            let bin = self.scale.bin(magnitude);
            let bins = if number < 0.0 { &mut self.negative } else { &mut self.positive };
            bins.add(bin);
        }
    }
}

impl Accumulate for Quantiles {
    fn fold(&mut self, values: &Values<'_>, rows: &Rows<'_>) {
        cells::each_number(values, rows, |number| self.add(number));
    }

    fn merge(&mut self, older: &Self) {
        self.below = self.below.saturating_add(older.below);
        self.negative.merge(&older.negative);
        self.zeros = self.zeros.saturating_add(older.zeros);
        self.positive.merge(&older.positive);
        self.above = self.above.saturating_add(older.above);
    }

    fn clear(&mut self) {
        (self.below, self.zeros, self.above) = (0, 0, 0);
        self.negative.clear();
        self.positive.clear();
    }

    fn is_empty(&self) -> bool {
        self.below == 0 && self.zeros == 0 && self.above == 0 && self.negative.is_empty() && self.positive.is_empty()
    }

    fn copy_from(&mut self, other: &Self) {
        (self.below, self.zeros, self.above) = (other.below, other.zeros, other.above);
        self.negative.copy_from(&other.negative);
        self.positive.copy_from(&other.positive);
    }

    /// The positive and the negative bins, the zeros, and the infinities below and above.
    fn encode(&self, out: &mut Vec<u8>) {
        self.positive.encode(out);
        self.negative.encode(out);
        [self.zeros, self.below, self.above].into_iter().for_each(|count| write_varint(count, out));
    }

    fn decode(&mut self, bytes: &mut &[u8]) -> Result<()> {
        self.positive.decode(self.scale.bins(), bytes)?;
        self.negative.decode(self.scale.bins(), bytes)?;
        self.zeros = read_varint(bytes)?;
        self.below = read_varint(bytes)?;
        self.above = read_varint(bytes)?;
        Ok(())
    }

    fn heap_bytes(&self) -> usize {
        self.negative.heap_bytes() + self.positive.heap_bytes()
    }
}
