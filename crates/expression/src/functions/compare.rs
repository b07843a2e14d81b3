//! Comparisons.

use crate::kernel::zip;
use crate::lane::{Out, TextView, View};
use crate::tree::Comparison;

impl Comparison {
    /// Compares values: floats as IEEE 754 says, false before true.
    pub(crate) fn run<T: Copy + PartialOrd>(self, out: Out<'_, bool>, a: View<'_, T>, b: View<'_, T>) {
        match self {
            Comparison::Equal => zip(out, a, b, |a, b| a == b),
            Comparison::NotEqual => zip(out, a, b, |a, b| a != b),
            Comparison::Less => zip(out, a, b, |a, b| a < b),
            Comparison::LessOrEqual => zip(out, a, b, |a, b| a <= b),
            Comparison::Greater => zip(out, a, b, |a, b| a > b),
            Comparison::GreaterOrEqual => zip(out, a, b, |a, b| a >= b),
        }
    }

    /// Compares texts byte by byte, which is also the order of characters by their numbers.
    pub(crate) fn run_texts(self, out: Out<'_, bool>, a: TextView<'_>, b: TextView<'_>) {
        for (row, (value, valid)) in out.values.iter_mut().zip(out.valid.iter_mut()).enumerate() {
            *valid = a.valid[row] & b.valid[row];
            *value = *valid && self.holds(&a.get(row), &b.get(row));
        }
    }

    pub(crate) fn holds<T: PartialOrd + ?Sized>(self, a: &T, b: &T) -> bool {
        match self {
            Comparison::Equal => a == b,
            Comparison::NotEqual => a != b,
            Comparison::Less => a < b,
            Comparison::LessOrEqual => a <= b,
            Comparison::Greater => a > b,
            Comparison::GreaterOrEqual => a >= b,
        }
    }
}
