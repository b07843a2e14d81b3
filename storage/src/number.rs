//! Stored numbers as floats: the one place where numbers are widened or rounded.

use crate::value::Value;
use crate::value_type::{ScalarType, ValueType};

/// A float that every stored number can be read as: `f32`, or `f64` where whole numbers beyond 2^24 or float64 values
/// must keep their digits. Bools are 0 and 1; a number that is wider is rounded to the nearest.
pub trait MatrixNumber: Copy + sealed::Sealed {
    /// The number that `value` is; `None` where its type is none.
    fn of(value: &Value) -> Option<Self>;

    /// Does `work` with the function that reads a stored `ty` as this number; `None`, and nothing is done, where the
    /// type is no number. The work is compiled for each type: within a loop of its own the type is known.
    fn work_on<W: NumberWork<Self>>(ty: ScalarType, work: W) -> Option<W::Output>;
}

/// Work on stored numbers of one type. See [`MatrixNumber::work_on`].
pub trait NumberWork<N> {
    /// The result of the work.
    type Output;

    /// Does the work. `read` makes a number of the `W` bytes that a row or a record has of it.
    fn run<const W: usize>(self, read: impl Fn([u8; W]) -> N) -> Self::Output;
}

mod sealed {
    pub trait Sealed {}
}

/// Calls a macro with every stored type that is a number, each beside the primitive whose little-endian bytes it is.
macro_rules! with_stored_numbers {
    ($macro:ident $($arguments:tt)*) => {
        $macro! { $($arguments)* Bool u8, Int32 i32, Int64 i64, Float32 f32, Float64 f64 }
    };
}

macro_rules! matrix_number {
    ($number:ident: $($variant:ident $stored:ty),*) => {
        impl sealed::Sealed for $number {}

        impl MatrixNumber for $number {
            #[inline]
            fn of(value: &Value) -> Option<Self> {
                match value {
                    $(Value::$variant(value) => Some(<$stored>::from(*value) as $number),)*
                    _ => None,
                }
            }

            #[inline]
            fn work_on<W: NumberWork<Self>>(ty: ScalarType, work: W) -> Option<W::Output> {
                match ty {
                    $(ScalarType::$variant => Some(work.run(|bytes| <$stored>::from_le_bytes(bytes) as $number)),)*
                    _ => None,
                }
            }
        }
    };
}

with_stored_numbers!(matrix_number f32:);
with_stored_numbers!(matrix_number f64:);

/// Returns whether values of this type can go into a matrix of floats.
pub fn is_numeric(ty: ValueType) -> bool {
    matches!(ty, ValueType::Scalar(scalar) if scalar.is_numeric())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    /// Reads one stored number.
    struct One<'a>(&'a [u8]);

    impl<N> NumberWork<N> for One<'_> {
        type Output = N;

        fn run<const W: usize>(self, read: impl Fn([u8; W]) -> N) -> N {
            read(self.0.try_into().unwrap())
        }
    }

    fn stored<N: MatrixNumber>(value: &Value) -> Option<N> {
        let mut bytes = Vec::new();
        value.encode(&mut bytes);
        match value.value_type() {
            ValueType::Scalar(ty) => N::work_on(ty, One(&bytes)),
            ValueType::List(_) => None,
        }
    }

    #[test]
    fn values_and_stored_bytes_are_the_same_number() {
        let cases = [
            (Value::Bool(true), 1.0, 1.0),
            (Value::Bool(false), 0.0, 0.0),
            (Value::Int32(i32::MAX), 2_147_483_648.0, 2_147_483_647.0),
            (Value::Int64(16_777_217), 16_777_216.0, 16_777_217.0),
            (Value::Float32(0.1), 0.1, f64::from(0.1f32)),
            (Value::Float64(0.1), 0.1, 0.1),
            (Value::Float64(1e300), f32::INFINITY, 1e300),
        ];
        for (value, narrow, wide) in cases {
            assert_eq!((f32::of(&value), stored(&value)), (Some(narrow), Some(narrow)), "{value}");
            assert_eq!((f64::of(&value), stored(&value)), (Some(wide), Some(wide)), "{value}");
            assert!(is_numeric(value.value_type()));
        }
    }

    /// Reads a number of zeros.
    struct Zero;

    impl<N> NumberWork<N> for Zero {
        type Output = N;

        fn run<const W: usize>(self, read: impl Fn([u8; W]) -> N) -> N {
            read([0; W])
        }
    }

    #[test]
    fn exactly_the_numeric_types_are_read_as_numbers() {
        for ty in ScalarType::ALL {
            let expected = is_numeric(ValueType::Scalar(ty)).then_some(0.0);
            assert_eq!(f32::work_on(ty, Zero), expected, "{ty}");
            assert!(!is_numeric(ValueType::List(ty)), "{ty}");
        }
        let others =
            [Value::String("1".into()), Value::Timestamp(Timestamp::EPOCH), Value::List(ScalarType::Float32, vec![])];
        assert!(others.iter().all(|value| f32::of(value).is_none() && f64::of(value).is_none()));
    }
}
