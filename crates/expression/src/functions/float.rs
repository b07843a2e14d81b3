//! Floats, with the same bits on every platform.
//!
//! All that IEEE 754 defines to the last bit (the four operations, square roots, rounding) is the machine's. All else
//! goes through the crate `libm`, because the standard library takes the platform's. A NaN that comes out of an
//! operation is always the same one, [`Nan`].

use crate::functions::nan::Nan;
use crate::kernel::{Faults, try_map, try_zip, zip};
use crate::lane::{Out, View};
use crate::nulls::Fault;

/// An operation on one float.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Float1 {
    Negate,
    Abs,
    /// To the nearest whole number, halves away from zero.
    Round,
    Floor,
    Ceil,
    Ln,
    Exp,
    Sqrt,
    Sin,
    Cos,
    /// The part of it that a `float32` holds.
    Float32,
}

impl Float1 {
    pub(crate) const FUNCTIONS: [(&'static str, Float1); 5] =
        [("ln", Float1::Ln), ("exp", Float1::Exp), ("sqrt", Float1::Sqrt), ("sin", Float1::Sin), ("cos", Float1::Cos)];

    pub(crate) fn run(self, out: Out<'_, f64>, a: View<'_, f64>, faults: &mut Faults<'_>) {
        let nan = Nan::new();
        match self {
            Float1::Negate => try_map(out, a, faults, |a| nan.one(-a, a)),
            Float1::Abs => try_map(out, a, faults, |a| nan.one(a.abs(), a)),
            Float1::Round => try_map(out, a, faults, |a| nan.one(a.round(), a)),
            Float1::Floor => try_map(out, a, faults, |a| nan.one(a.floor(), a)),
            Float1::Ceil => try_map(out, a, faults, |a| nan.one(a.ceil(), a)),
            Float1::Ln => try_map(out, a, faults, |a| match a <= 0.0 {
                true => (0.0, Fault::Domain),
                false => nan.one(libm::log(a), a),
            }),
            Float1::Exp => try_map(out, a, faults, |a| nan.one(libm::exp(a), a)),
            Float1::Sqrt => try_map(out, a, faults, |a| nan.one(a.sqrt(), a)),
            Float1::Sin => try_map(out, a, faults, |a| nan.one(libm::sin(a), a)),
            Float1::Cos => try_map(out, a, faults, |a| nan.one(libm::cos(a), a)),
            Float1::Float32 => try_map(out, a, faults, |a| {
                let narrow = a as f32;
                let overflows = narrow.is_infinite() && a.is_finite();
                if overflows { (0.0, Fault::Overflow) } else { nan.one(f64::from(narrow), a) }
            }),
        }
    }
}

/// An operation on two floats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Float2 {
    Add,
    Subtract,
    Multiply,
    Divide,
    FloorDivide,
    Modulo,
    Pow,
    /// The lesser one; NaN if one of them is.
    Min,
    /// The greater one; NaN if one of them is.
    Max,
}

impl Float2 {
    pub(crate) fn run(self, out: Out<'_, f64>, a: View<'_, f64>, b: View<'_, f64>, faults: &mut Faults<'_>) {
        let nan = Nan::new();
        match self {
            Float2::Add => try_zip(out, a, b, faults, |a, b| nan.two(a + b, a, b)),
            Float2::Subtract => try_zip(out, a, b, faults, |a, b| nan.two(a - b, a, b)),
            Float2::Multiply => try_zip(out, a, b, faults, |a, b| nan.two(a * b, a, b)),
            Float2::Divide => try_zip(out, a, b, faults, |a, b| nan.divided(a / b, a, b)),
            Float2::FloorDivide => try_zip(out, a, b, faults, |a, b| nan.divided(floor_divide(a, b).0, a, b)),
            Float2::Modulo => try_zip(out, a, b, faults, |a, b| nan.divided(floor_divide(a, b).1, a, b)),
            Float2::Pow => try_zip(out, a, b, faults, |a, b| nan.two(libm::pow(a, b), a, b)),
            Float2::Min => zip(out, a, b, |a, b| min(nan, a, b)),
            Float2::Max => zip(out, a, b, |a, b| max(nan, a, b)),
        }
    }
}

/// Quotient and remainder as Python's `//` and `%` have them: the remainder has the sign of the divisor.
#[inline]
fn floor_divide(a: f64, b: f64) -> (f64, f64) {
    let mut rest = a % b;
    let mut quotient = (a - rest) / b;
    if rest == 0.0 {
        rest = 0.0f64.copysign(b);
    } else if (rest < 0.0) != (b < 0.0) {
        rest += b;
        quotient -= 1.0;
    }
    if quotient == 0.0 {
        return (0.0f64.copysign(a / b), rest);
    }
    let floor = quotient.floor();
    (if quotient - floor > 0.5 { floor + 1.0 } else { floor }, rest)
}

/// The lesser of two floats. −0 is less than 0, so that the order of operands does not count.
#[inline(always)]
fn min(nan: Nan, a: f64, b: f64) -> f64 {
    match (a.is_nan() | b.is_nan(), a == b) {
        (true, _) => nan.value(),
        // Equal floats have equal bits, or are zeros, of which one bit is the sign.
        (_, true) => f64::from_bits(a.to_bits() | b.to_bits()),
        (_, false) if a < b => a,
        (_, false) => b,
    }
}

/// The greater of two floats, as [`min`].
#[inline(always)]
fn max(nan: Nan, a: f64, b: f64) -> f64 {
    match (a.is_nan() | b.is_nan(), a == b) {
        (true, _) => nan.value(),
        (_, true) => f64::from_bits(a.to_bits() & b.to_bits()),
        (_, false) if a > b => a,
        (_, false) => b,
    }
}

/// Mean radius of the earth in kilometres.
pub(crate) const EARTH_KM: f64 = 6_371.008_8;

/// The distance of two places in kilometres, along the surface of a sphere. Latitudes and longitudes are degrees.
pub(crate) fn haversine(nan: Nan, [lat1, lon1, lat2, lon2]: [f64; 4]) -> (f64, Fault) {
    let from_nan = lat1.is_nan() | lon1.is_nan() | lat2.is_nan() | lon2.is_nan();
    let half_sine = |degrees: f64| libm::sin(degrees.to_radians() / 2.0);
    let (lat, lon) = (half_sine(lat2 - lat1), half_sine(lon2 - lon1));
    let chord = lat * lat + libm::cos(lat1.to_radians()) * libm::cos(lat2.to_radians()) * lon * lon;
    // Rounding may lead past 1 for places at opposite ends.
    let chord = if chord > 1.0 { 1.0 } else { chord };
    nan.result(2.0 * EARTH_KM * libm::asin(chord.sqrt()), from_nan)
}
