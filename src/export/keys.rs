//! Columns of join keys, from encoded entity keys.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Float32Builder, Float64Builder, Int32Builder, Int64Builder, StringBuilder,
    TimestampMicrosecondBuilder,
};
use asofdb_storage::{Error, FeatureView, Result, ScalarType, Value, key};

use crate::arrow_types::timestamp_type;

/// The join-key columns of the rows pushed so far.
pub(super) struct KeyColumns {
    columns: Vec<(ScalarType, KeyColumn)>,
}

enum KeyColumn {
    Bool(BooleanBuilder),
    Int32(Int32Builder),
    Int64(Int64Builder),
    Float32(Float32Builder),
    Float64(Float64Builder),
    String(StringBuilder),
    Bytes(BinaryBuilder),
    Timestamp(TimestampMicrosecondBuilder),
}

impl KeyColumns {
    pub(super) fn new(view: &FeatureView) -> Self {
        KeyColumns { columns: view.key_types().into_iter().map(|ty| (ty, KeyColumn::new(ty))).collect() }
    }

    /// Adds a row by its encoded entity key.
    #[inline]
    pub(super) fn push(&mut self, mut key: &[u8]) -> Result<()> {
        for (ty, column) in &mut self.columns {
            column.push(key::decode_value(*ty, &mut key)?)?;
        }
        match key {
            [] => Ok(()),
            rest => Err(Error::corrupt(format!("an entity key has {} bytes too many", rest.len()))),
        }
    }

    /// The columns, in key order; the next row pushed is the first of new ones.
    pub(super) fn take(&mut self) -> impl Iterator<Item = ArrayRef> {
        self.columns.iter_mut().map(|(_, column)| column.take())
    }
}

impl KeyColumn {
    fn new(ty: ScalarType) -> Self {
        match ty {
            ScalarType::Bool => KeyColumn::Bool(BooleanBuilder::new()),
            ScalarType::Int32 => KeyColumn::Int32(Int32Builder::new()),
            ScalarType::Int64 => KeyColumn::Int64(Int64Builder::new()),
            ScalarType::Float32 => KeyColumn::Float32(Float32Builder::new()),
            ScalarType::Float64 => KeyColumn::Float64(Float64Builder::new()),
            ScalarType::String => KeyColumn::String(StringBuilder::new()),
            ScalarType::Bytes => KeyColumn::Bytes(BinaryBuilder::new()),
            ScalarType::Timestamp => {
                KeyColumn::Timestamp(TimestampMicrosecondBuilder::new().with_data_type(timestamp_type()))
            }
        }
    }

    #[inline]
    fn push(&mut self, value: Value) -> Result<()> {
        match (self, value) {
            (KeyColumn::Bool(column), Value::Bool(value)) => column.append_value(value),
            (KeyColumn::Int32(column), Value::Int32(value)) => column.append_value(value),
            (KeyColumn::Int64(column), Value::Int64(value)) => column.append_value(value),
            (KeyColumn::Float32(column), Value::Float32(value)) => column.append_value(value),
            (KeyColumn::Float64(column), Value::Float64(value)) => column.append_value(value),
            (KeyColumn::String(column), Value::String(value)) => column.append_value(value),
            (KeyColumn::Bytes(column), Value::Bytes(value)) => column.append_value(value),
            (KeyColumn::Timestamp(column), Value::Timestamp(value)) => column.append_value(value.as_micros()),
            (_, value) => return Err(Error::internal(format!("a join key was read as {}", value.value_type()))),
        }
        Ok(())
    }

    fn take(&mut self) -> ArrayRef {
        match self {
            KeyColumn::Bool(column) => Arc::new(column.finish()),
            KeyColumn::Int32(column) => Arc::new(column.finish()),
            KeyColumn::Int64(column) => Arc::new(column.finish()),
            KeyColumn::Float32(column) => Arc::new(column.finish()),
            KeyColumn::Float64(column) => Arc::new(column.finish()),
            KeyColumn::String(column) => Arc::new(column.finish()),
            KeyColumn::Bytes(column) => Arc::new(column.finish()),
            KeyColumn::Timestamp(column) => Arc::new(column.finish()),
        }
    }
}
