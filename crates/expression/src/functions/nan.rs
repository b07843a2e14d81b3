//! The one NaN that operations give.

use std::hint::black_box;

use crate::nulls::Fault;

/// The bits of the NaN that operations give: which bits a machine makes, and which of two operands' bits survive,
/// differs from one to another.
const BITS: u64 = 0x7ff8_0000_0000_0000;

/// The NaN that operations give, made once for all rows.
///
/// The compiler does not know its value. It takes one NaN to be as good as any other: knowing that a value was replaced
/// by NaN where it was NaN, it would leave the value as it was.
#[derive(Clone, Copy)]
pub(crate) struct Nan(f64);

impl Nan {
    #[inline]
    pub(crate) fn new() -> Self {
        Nan(f64::from_bits(black_box(BITS)))
    }

    /// The NaN as a value.
    #[inline(always)]
    pub(crate) fn value(self) -> f64 {
        self.0
    }

    /// The result of an operation, given whether an operand was NaN: if none was, a NaN is a fault.
    #[inline(always)]
    pub(crate) fn result(self, value: f64, from_nan: bool) -> (f64, Fault) {
        let is_nan = value.is_nan();
        (if is_nan { self.0 } else { value }, Fault::Domain.when(is_nan & !from_nan))
    }

    /// The result of an operation on one operand.
    #[inline(always)]
    pub(crate) fn one(self, value: f64, a: f64) -> (f64, Fault) {
        self.result(value, a.is_nan())
    }

    /// The result of an operation on two operands.
    #[inline(always)]
    pub(crate) fn two(self, value: f64, a: f64, b: f64) -> (f64, Fault) {
        self.result(value, a.is_nan() | b.is_nan())
    }

    /// The result of a division, which has none by zero.
    #[inline(always)]
    pub(crate) fn divided(self, value: f64, a: f64, divisor: f64) -> (f64, Fault) {
        let (value, fault) = self.two(value, a, divisor);
        (value, if divisor == 0.0 { Fault::Division } else { fault })
    }
}
