//! Each scalar type in Arrow.

use arrow::array::{
    Array, ArrayBuilder, AsArray, BinaryArray, BinaryBuilder, BooleanArray, BooleanBuilder, PrimitiveArray,
    PrimitiveBuilder, StringArray, StringBuilder,
};
use arrow::datatypes::{
    DataType, Date32Type, Float32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType,
};
use asofdb_storage::scalar::{self, Scalar};
use asofdb_storage::{Date, Timestamp};

use crate::rows::zone::timestamp_type;

/// A scalar type with its Arrow column. Implemented by the markers of [`scalar`], like [`Scalar`].
pub trait ArrowScalar: Scalar {
    /// The column.
    type Array: Array + 'static;

    /// Its builder.
    type Builder: ArrayBuilder;

    /// Returns the Arrow type of columns.
    fn data_type() -> DataType;

    /// Returns a column as what it is.
    ///
    /// # Panics
    /// When the column is of another type.
    fn array(column: &dyn Array) -> &Self::Array;

    /// Returns the value of a row; whatever lies beneath where it is null.
    ///
    /// # Panics
    /// When there is no such row.
    fn get(array: &Self::Array, row: usize) -> Self::Ref<'_>;

    /// Returns the builder of an empty column.
    fn builder() -> Self::Builder;

    /// Adds a value.
    fn append(builder: &mut Self::Builder, value: Self::Ref<'_>);

    /// Adds a null.
    fn append_null(builder: &mut Self::Builder);
}

/// A type that is a primitive in Arrow: how a value becomes Arrow's and back.
macro_rules! primitive_scalar {
    ($marker:ident($arrow:ty) $data_type:expr, to: $to:expr, from: $from:expr) => {
        impl ArrowScalar for scalar::$marker {
            type Array = PrimitiveArray<$arrow>;
            type Builder = PrimitiveBuilder<$arrow>;

            fn data_type() -> DataType {
                $data_type
            }

            #[inline]
            fn array(column: &dyn Array) -> &Self::Array {
                column.as_primitive()
            }

            #[inline]
            fn get(array: &Self::Array, row: usize) -> Self::Ref<'_> {
                $from(array.value(row))
            }

            fn builder() -> Self::Builder {
                Self::Builder::new().with_data_type($data_type)
            }

            #[inline]
            fn append(builder: &mut Self::Builder, value: Self::Ref<'_>) {
                builder.append_value($to(value));
            }

            fn append_null(builder: &mut Self::Builder) {
                builder.append_null();
            }
        }
    };
}

primitive_scalar!(Int32(Int32Type) DataType::Int32, to: std::convert::identity, from: std::convert::identity);
primitive_scalar!(Int64(Int64Type) DataType::Int64, to: std::convert::identity, from: std::convert::identity);
primitive_scalar!(Float32(Float32Type) DataType::Float32, to: std::convert::identity, from: std::convert::identity);
primitive_scalar!(Float64(Float64Type) DataType::Float64, to: std::convert::identity, from: std::convert::identity);
primitive_scalar!(
    Timestamp(TimestampMicrosecondType) timestamp_type(), to: Timestamp::as_micros, from: Timestamp::from_micros
);
// Columns are cast before they are read, which refuses what is no date: what is left lies beneath a null.
primitive_scalar!(
    Date(Date32Type) DataType::Date32, to: Date::as_days, from: |days| Date::from_days(days).unwrap_or_default()
);

/// A type that has an array and a builder of its own in Arrow.
macro_rules! other_scalar {
    ($marker:ident($array:ty, $builder:ty) $data_type:expr, $cast:expr) => {
        impl ArrowScalar for scalar::$marker {
            type Array = $array;
            type Builder = $builder;

            fn data_type() -> DataType {
                $data_type
            }

            #[inline]
            fn array(column: &dyn Array) -> &Self::Array {
                $cast(column)
            }

            #[inline]
            fn get(array: &Self::Array, row: usize) -> Self::Ref<'_> {
                array.value(row)
            }

            fn builder() -> Self::Builder {
                Self::Builder::new()
            }

            #[inline]
            fn append(builder: &mut Self::Builder, value: Self::Ref<'_>) {
                builder.append_value(value);
            }

            fn append_null(builder: &mut Self::Builder) {
                builder.append_null();
            }
        }
    };
}

other_scalar!(Bool(BooleanArray, BooleanBuilder) DataType::Boolean, AsArray::as_boolean);
other_scalar!(String(StringArray, StringBuilder) DataType::Utf8, AsArray::as_string::<i32>);
other_scalar!(Bytes(BinaryArray, BinaryBuilder) DataType::Binary, AsArray::as_binary::<i32>);
