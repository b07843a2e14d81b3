//! Whole numbers, and times and durations, which are whole numbers of microseconds or days.

use crate::functions::calendar::{Part, day_of, in_range, midnight};
use crate::kernel::{Faults, map, try_map, try_zip, zip};
use crate::lane::{Out, View};
use crate::nulls::Fault;

/// An operation on one whole number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Int1 {
    Negate,
    Abs,
    /// The value, if it fits into an `int32`.
    Int32,
    Part(Part),
    /// A day as its midnight.
    Midnight,
    /// The day of a point in time.
    Day,
}

impl Int1 {
    pub(crate) fn run(self, out: Out<'_, i64>, a: View<'_, i64>, faults: &mut Faults<'_>) {
        let overflow = |(value, overflows)| (value, Fault::Overflow.when(overflows));
        match self {
            Int1::Negate => try_map(out, a, faults, |a| overflow(a.overflowing_neg())),
            Int1::Abs => try_map(out, a, faults, |a| overflow(a.overflowing_abs())),
            Int1::Int32 => try_map(out, a, faults, |a| overflow((a, i32::try_from(a).is_err()))),
            Int1::Part(Part::Year) => map(out, a, |a| Part::Year.of(a)),
            Int1::Part(part) => map(out, a, |a| part.of(a)),
            Int1::Midnight => map(out, a, midnight),
            Int1::Day => try_map(out, a, faults, day_of),
        }
    }
}

/// An operation on two whole numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Int2 {
    Add,
    Subtract,
    Multiply,
    FloorDivide,
    Modulo,
    Min,
    Max,
    /// A point in time and a duration: what comes out is in the years 1 to 9999.
    Later,
    /// A time with the duration taken off.
    Earlier,
    /// The number of units between two points in time, rounded towards the past.
    Between {
        /// Microseconds a unit.
        unit: i64,
    },
}

impl Int2 {
    pub(crate) fn run(self, out: Out<'_, i64>, a: View<'_, i64>, b: View<'_, i64>, faults: &mut Faults<'_>) {
        let overflow = |(value, overflows)| (value, Fault::Overflow.when(overflows));
        match self {
            Int2::Add => try_zip(out, a, b, faults, |a, b| overflow(a.overflowing_add(b))),
            Int2::Subtract => try_zip(out, a, b, faults, |a, b| overflow(a.overflowing_sub(b))),
            Int2::Multiply => try_zip(out, a, b, faults, |a, b| overflow(a.overflowing_mul(b))),
            Int2::FloorDivide => try_zip(out, a, b, faults, floor_divide),
            Int2::Modulo => try_zip(out, a, b, faults, modulo),
            Int2::Min => zip(out, a, b, i64::min),
            Int2::Max => zip(out, a, b, i64::max),
            Int2::Later => try_zip(out, a, b, faults, |a, b| in_range(a.overflowing_add(b))),
            Int2::Earlier => try_zip(out, a, b, faults, |a, b| in_range(a.overflowing_sub(b))),
            Int2::Between { unit } => try_zip(out, a, b, faults, |a, b| {
                let (micros, overflows) = b.overflowing_sub(a);
                (micros.div_euclid(unit), Fault::Overflow.when(overflows))
            }),
        }
    }
}

/// The quotient rounded towards the negative, as Python's `//`.
#[inline(always)]
pub(crate) fn floor_divide(a: i64, b: i64) -> (i64, Fault) {
    if b == 0 {
        return (0, Fault::Division);
    }
    let (quotient, overflows) = a.overflowing_div(b);
    let rounds = (a.wrapping_rem(b) != 0) & ((a < 0) != (b < 0));
    (quotient.wrapping_sub(i64::from(rounds)), Fault::Overflow.when(overflows))
}

/// The remainder that has the sign of the divisor, as Python's `%`.
#[inline(always)]
pub(crate) fn modulo(a: i64, b: i64) -> (i64, Fault) {
    if b == 0 {
        return (0, Fault::Division);
    }
    let rest = a.wrapping_rem(b);
    let other_sign = (rest != 0) & ((rest < 0) != (b < 0));
    (if other_sign { rest + b } else { rest }, Fault::None)
}
