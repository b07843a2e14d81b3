//! Columns of the store from Feast's values.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanArray, Date32Array, Float32Array, Float64Array, Int32Array, Int64Array, ListArray,
    StringBuilder, TimestampMicrosecondArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::DataType;
use asofdb::{Error, Result, ScalarType, ValueType, arrow_type};

use super::wire::{NOT_A_TIME_MICROS, Parsed, date_days, each_item, micros, parse_value};

/// A column of one type that grows by serialized values.
pub(super) enum Column {
    Scalar(Scalars),
    List(Lists),
    /// The serialized values themselves, for types that the store has not.
    Opaque(BinaryBuilder),
}

impl Column {
    pub(super) fn new(ty: ValueType, is_opaque: bool) -> Self {
        match ty {
            _ if is_opaque => Column::Opaque(BinaryBuilder::new()),
            ValueType::Scalar(scalar) => Column::Scalar(Scalars::new(scalar)),
            ValueType::List(item) => Column::List(Lists::new(item)),
        }
    }

    pub(super) fn push_null(&mut self) {
        match self {
            Column::Scalar(scalars) => scalars.push_null(),
            Column::List(lists) => lists.push_null(),
            Column::Opaque(values) => values.append_null(),
        }
    }

    /// Appends a serialized `Value`. Numbers of another type are taken where they are exactly the same in the column's.
    ///
    /// # Errors
    /// `Invalid` when the value is of another type or out of range.
    pub(super) fn push(&mut self, message: &[u8]) -> Result<()> {
        if message.is_empty() {
            self.push_null();
            return Ok(());
        }
        match self {
            Column::Opaque(values) => values.append_value(message),
            Column::Scalar(scalars) => return scalars.push(parse_value(message)?),
            Column::List(lists) => return lists.push(parse_value(message)?),
        }
        Ok(())
    }

    pub(super) fn finish(self) -> ArrayRef {
        match self {
            Column::Scalar(scalars) => scalars.finish(),
            Column::List(lists) => lists.finish(),
            Column::Opaque(mut values) => Arc::new(values.finish()),
        }
    }
}

/// Values of one scalar type.
pub(super) enum Scalars {
    Bool(Vec<Option<bool>>),
    Int32(Vec<Option<i32>>),
    Int64(Vec<Option<i64>>),
    Float32(Vec<Option<f32>>),
    Float64(Vec<Option<f64>>),
    Timestamp(Vec<Option<i64>>),
    Date(Vec<Option<i32>>),
    String(StringBuilder),
    Bytes(BinaryBuilder),
}

impl Scalars {
    fn new(ty: ScalarType) -> Self {
        match ty {
            ScalarType::Bool => Scalars::Bool(Vec::new()),
            ScalarType::Int32 => Scalars::Int32(Vec::new()),
            ScalarType::Int64 => Scalars::Int64(Vec::new()),
            ScalarType::Float32 => Scalars::Float32(Vec::new()),
            ScalarType::Float64 => Scalars::Float64(Vec::new()),
            ScalarType::Timestamp => Scalars::Timestamp(Vec::new()),
            ScalarType::Date => Scalars::Date(Vec::new()),
            ScalarType::String => Scalars::String(StringBuilder::new()),
            ScalarType::Bytes => Scalars::Bytes(BinaryBuilder::new()),
        }
    }

    fn push_null(&mut self) {
        match self {
            Scalars::Bool(values) => values.push(None),
            Scalars::Int32(values) => values.push(None),
            Scalars::Int64(values) => values.push(None),
            Scalars::Float32(values) => values.push(None),
            Scalars::Float64(values) => values.push(None),
            Scalars::Timestamp(values) => values.push(None),
            Scalars::Date(values) => values.push(None),
            Scalars::String(values) => values.append_null(),
            Scalars::Bytes(values) => values.append_null(),
        }
    }

    fn push(&mut self, value: Parsed<'_>) -> Result<()> {
        match (self, value) {
            (scalars, Parsed::Null) => scalars.push_null(),
            (Scalars::Bool(values), Parsed::Bool(value)) => values.push(Some(value)),
            (Scalars::Int32(values), Parsed::Int32(value)) => values.push(Some(value)),
            (Scalars::Int32(values), Parsed::Int64(value)) => values.push(Some(narrow(value)?)),
            (Scalars::Int64(values), Parsed::Int64(value)) => values.push(Some(value)),
            (Scalars::Int64(values), Parsed::Int32(value)) => values.push(Some(value.into())),
            (Scalars::Float32(values), Parsed::Float32(value)) => values.push(Some(value)),
            (Scalars::Float32(values), Parsed::Float64(value)) => values.push(Some(single(value)?)),
            (Scalars::Float64(values), Parsed::Float64(value)) => values.push(Some(value)),
            (Scalars::Float64(values), Parsed::Float32(value)) => values.push(Some(value.into())),
            (Scalars::Timestamp(values), Parsed::Timestamp(value)) => values.push(micros(value)?),
            (Scalars::Date(values), Parsed::Timestamp(value)) => values.push(date_days(value)?),
            (Scalars::String(values), Parsed::String(value)) => values.append_value(value),
            (Scalars::Bytes(values), Parsed::Bytes(value)) => values.append_value(value),
            (scalars, value) => return Err(mismatch(ValueType::Scalar(scalars.ty()), value)),
        }
        Ok(())
    }

    fn ty(&self) -> ScalarType {
        match self {
            Scalars::Bool(_) => ScalarType::Bool,
            Scalars::Int32(_) => ScalarType::Int32,
            Scalars::Int64(_) => ScalarType::Int64,
            Scalars::Float32(_) => ScalarType::Float32,
            Scalars::Float64(_) => ScalarType::Float64,
            Scalars::Timestamp(_) => ScalarType::Timestamp,
            Scalars::Date(_) => ScalarType::Date,
            Scalars::String(_) => ScalarType::String,
            Scalars::Bytes(_) => ScalarType::Bytes,
        }
    }

    fn finish(self) -> ArrayRef {
        match self {
            Scalars::Bool(values) => Arc::new(BooleanArray::from(values)),
            Scalars::Int32(values) => Arc::new(Int32Array::from(values)),
            Scalars::Int64(values) => Arc::new(Int64Array::from(values)),
            Scalars::Float32(values) => Arc::new(Float32Array::from(values)),
            Scalars::Float64(values) => Arc::new(Float64Array::from(values)),
            Scalars::Timestamp(values) => Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC")),
            Scalars::Date(values) => Arc::new(Date32Array::from(values)),
            Scalars::String(mut values) => Arc::new(values.finish()),
            Scalars::Bytes(mut values) => Arc::new(values.finish()),
        }
    }
}

/// Lists of one scalar type.
pub(super) struct Lists {
    item: ScalarType,
    items: Scalars,
    lengths: Vec<usize>,
    valid: Vec<bool>,
}

impl Lists {
    fn new(item: ScalarType) -> Self {
        Lists { item, items: Scalars::new(item), lengths: Vec::new(), valid: Vec::new() }
    }

    fn push_null(&mut self) {
        self.lengths.push(0);
        self.valid.push(false);
    }

    fn push(&mut self, value: Parsed<'_>) -> Result<()> {
        let (of, message) = match value {
            Parsed::Null => {
                self.push_null();
                return Ok(());
            }
            Parsed::List(of, message) => (of, message),
            value => return Err(mismatch(ValueType::List(self.item), value)),
        };
        let mut count = 0;
        each_item(of, message, |item| {
            count += 1;
            self.push_item(item)
        })?;
        self.lengths.push(count);
        self.valid.push(true);
        Ok(())
    }

    /// Items are never null in the store: the time that is none is a time there as it is in Feast and in numpy.
    fn push_item(&mut self, item: Parsed<'_>) -> Result<()> {
        match (&mut self.items, item) {
            (Scalars::Timestamp(values), Parsed::Timestamp(value)) => {
                values.push(Some(micros(value)?.unwrap_or(NOT_A_TIME_MICROS)));
                Ok(())
            }
            (items, item) => items.push(item),
        }
    }

    fn finish(self) -> ArrayRef {
        let DataType::List(field) = arrow_type(ValueType::List(self.item)) else {
            unreachable!("lists are lists in Arrow")
        };
        let offsets = OffsetBuffer::from_lengths(self.lengths);
        Arc::new(ListArray::new(field, offsets, self.items.finish(), Some(NullBuffer::from(self.valid))))
    }
}

fn narrow(value: i64) -> Result<i32> {
    i32::try_from(value).map_err(|_| Error::invalid(format!("an int32 has 32 bits: got {value}")))
}

fn single(value: f64) -> Result<f32> {
    let narrowed = value as f32;
    match f64::from(narrowed) == value || value.is_nan() {
        true => Ok(narrowed),
        false => Err(Error::invalid(format!("a float32 cannot hold this exactly: {value}"))),
    }
}

#[cold]
fn mismatch(ty: ValueType, value: Parsed<'_>) -> Error {
    Error::invalid(format!("the store has {ty}: got {}", value.kind()))
}
