//! Values of fixed width: how they are ordered, written and described.

use arrow::datatypes::ToByteSlice;
use parquet::file::statistics::{Statistics, ValueStatistics};

use super::bounds::Bound;
use super::delta::{Integer, put_deltas};

/// A value of fixed width, as Parquet has it.
pub(super) trait Number: Copy + PartialEq + Bound + Send + 'static {
    /// Bytes of a value.
    const BYTES: usize;
    /// True for numbers with a fraction, whose column index counts those that are none.
    const IS_FLOAT: bool;

    /// The bits of the value.
    fn bits(self) -> u64;

    /// The bytes of values.
    fn bytes(values: &[Self]) -> &[u8];

    /// Returns the least and the greatest of some values that are numbers, and how many are none. Of values that are
    /// all none, the least and greatest of those.
    fn bounds(values: &[Self]) -> Option<(Self, Self, u64)>;

    /// Appends differences; false where the type has none.
    fn put_deltas(out: &mut Vec<u8>, values: &[Self]) -> bool;

    /// Describes a column chunk.
    fn statistics(bounds: Option<(Self, Self)>, nulls: u64, nans: u64) -> Statistics;
}

/// Gives the least and the greatest key of values; the loop has no branches.
#[inline]
fn least_and_greatest<T: Copy, K: Copy + Ord>(values: &[T], first: K, key: impl Fn(T) -> K) -> (K, K) {
    values.iter().fold((first, first), |(least, greatest), value| {
        let key = key(*value);
        (least.min(key), greatest.max(key))
    })
}

macro_rules! integers {
    ($($number:ident $statistics:ident)*) => {$(
        impl Bound for $number {
            fn is_before(&self, other: &Self) -> bool {
                self < other
            }

            fn to_bytes(&self) -> Vec<u8> {
                self.to_le_bytes().to_vec()
            }
        }

        impl Number for $number {
            const BYTES: usize = size_of::<$number>();
            const IS_FLOAT: bool = false;

            #[inline]
            fn bits(self) -> u64 {
                Integer::wide(self) as u64
            }

            fn bytes(values: &[Self]) -> &[u8] {
                values.to_byte_slice()
            }

            fn bounds(values: &[Self]) -> Option<(Self, Self, u64)> {
                let (least, greatest) = least_and_greatest(values, *values.first()?, |value| value);
                Some((least, greatest, 0))
            }

            fn put_deltas(out: &mut Vec<u8>, values: &[Self]) -> bool {
                put_deltas(out, values);
                true
            }

            fn statistics(bounds: Option<(Self, Self)>, nulls: u64, _nans: u64) -> Statistics {
                let (least, greatest) = bounds.unzip();
                let statistics = ValueStatistics::new(least, greatest, None, Some(nulls), false);
                Statistics::$statistics(statistics.with_backwards_compatible_min_max(true))
            }
        }
    )*};
}

integers!(i32 Int32 i64 Int64);

macro_rules! floats {
    ($($number:ident $signed:ident $unsigned:ident $statistics:ident)*) => {$(
        impl Bound for $number {
            fn is_before(&self, other: &Self) -> bool {
                self.total_cmp(other).is_lt()
            }

            fn to_bytes(&self) -> Vec<u8> {
                self.to_le_bytes().to_vec()
            }
        }

        impl Number for $number {
            const BYTES: usize = size_of::<$number>();
            const IS_FLOAT: bool = true;

            #[inline]
            fn bits(self) -> u64 {
                self.to_bits().into()
            }

            fn bytes(values: &[Self]) -> &[u8] {
                values.to_byte_slice()
            }

            fn bounds(values: &[Self]) -> Option<(Self, Self, u64)> {
                // The order of all bits, as integers have it: below zero the others are turned around.
                let key = |bits: $signed| bits ^ (((bits >> ($signed::BITS - 1)) as $unsigned) >> 1) as $signed;
                let value = |key_of: $signed| $number::from_bits(key(key_of) as $unsigned);
                let of = |value: $number| key(value.to_bits() as $signed);
                let nans = values.iter().filter(|value| value.is_nan()).count();
                let (least, greatest) = if nans == 0 || nans == values.len() {
                    least_and_greatest(values, of(*values.first()?), of)
                } else {
                    let first = of(*values.iter().find(|value| !value.is_nan())?);
                    least_and_greatest(values, first, |value| if value.is_nan() { first } else { of(value) })
                };
                Some((value(least), value(greatest), nans as u64))
            }

            fn put_deltas(_out: &mut Vec<u8>, _values: &[Self]) -> bool {
                false
            }

            fn statistics(bounds: Option<(Self, Self)>, nulls: u64, nans: u64) -> Statistics {
                let (least, greatest) = bounds.unzip();
                let statistics = ValueStatistics::new(least, greatest, None, Some(nulls), false);
                let statistics = statistics.with_nan_count(Some(nans));
                Statistics::$statistics(statistics.with_backwards_compatible_min_max(true))
            }
        }
    )*};
}

floats!(f32 i32 u32 Float f64 i64 u64 Double);
