//! A column of any scalar type that grows value by value.

use std::sync::Arc;

use arrow::array::{
    ArrayBuilder, ArrayRef, BinaryBuilder, BooleanBuilder, Float32Builder, Float64Builder, Int32Builder, Int64Builder,
    StringBuilder, TimestampMicrosecondBuilder,
};
use asofdb_storage::{Error, Result, ScalarType, Value};

use crate::rows::types::timestamp_type;

/// The builder of a column of one scalar type.
pub(crate) enum ScalarBuilder {
    Bool(BooleanBuilder),
    Int32(Int32Builder),
    Int64(Int64Builder),
    Float32(Float32Builder),
    Float64(Float64Builder),
    String(StringBuilder),
    Bytes(BinaryBuilder),
    Timestamp(TimestampMicrosecondBuilder),
}

/// Runs one expression over the builder, whatever its type.
macro_rules! with_builder {
    ($self:expr, $builder:ident => $expression:expr) => {
        match $self {
            ScalarBuilder::Bool($builder) => $expression,
            ScalarBuilder::Int32($builder) => $expression,
            ScalarBuilder::Int64($builder) => $expression,
            ScalarBuilder::Float32($builder) => $expression,
            ScalarBuilder::Float64($builder) => $expression,
            ScalarBuilder::String($builder) => $expression,
            ScalarBuilder::Bytes($builder) => $expression,
            ScalarBuilder::Timestamp($builder) => $expression,
        }
    };
}

impl ScalarBuilder {
    pub(crate) fn new(ty: ScalarType) -> Self {
        match ty {
            ScalarType::Bool => ScalarBuilder::Bool(BooleanBuilder::new()),
            ScalarType::Int32 => ScalarBuilder::Int32(Int32Builder::new()),
            ScalarType::Int64 => ScalarBuilder::Int64(Int64Builder::new()),
            ScalarType::Float32 => ScalarBuilder::Float32(Float32Builder::new()),
            ScalarType::Float64 => ScalarBuilder::Float64(Float64Builder::new()),
            ScalarType::String => ScalarBuilder::String(StringBuilder::new()),
            ScalarType::Bytes => ScalarBuilder::Bytes(BinaryBuilder::new()),
            ScalarType::Timestamp => {
                ScalarBuilder::Timestamp(TimestampMicrosecondBuilder::new().with_data_type(timestamp_type()))
            }
        }
    }

    /// Adds a value of the builder's type.
    #[inline]
    pub(crate) fn append(&mut self, value: Value) -> Result<()> {
        match (self, value) {
            (ScalarBuilder::Bool(column), Value::Bool(value)) => column.append_value(value),
            (ScalarBuilder::Int32(column), Value::Int32(value)) => column.append_value(value),
            (ScalarBuilder::Int64(column), Value::Int64(value)) => column.append_value(value),
            (ScalarBuilder::Float32(column), Value::Float32(value)) => column.append_value(value),
            (ScalarBuilder::Float64(column), Value::Float64(value)) => column.append_value(value),
            (ScalarBuilder::String(column), Value::String(value)) => column.append_value(value),
            (ScalarBuilder::Bytes(column), Value::Bytes(value)) => column.append_value(value),
            (ScalarBuilder::Timestamp(column), Value::Timestamp(value)) => column.append_value(value.as_micros()),
            (_, value) => {
                let ty = value.value_type();
                return Err(Error::internal(format!("a column of another type was given a {ty}")));
            }
        }
        Ok(())
    }

    pub(crate) fn append_null(&mut self) {
        with_builder!(self, column => column.append_null());
    }

    pub(crate) fn len(&self) -> usize {
        with_builder!(self, column => column.len())
    }

    /// The column so far; it then begins anew.
    pub(crate) fn finish(&mut self) -> ArrayRef {
        with_builder!(self, column => Arc::new(column.finish()))
    }
}
