//! Columns that grow by text, value after value.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Float32Builder, Float64Builder, Int32Builder, Int64Builder, ListArray,
    NullBufferBuilder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, TimeUnit};
use asofdb_storage::{ScalarType, ValueType};

use super::cell;
use crate::arrow_types::{UTC, list_item};

/// A column of a text format, of any type that a feature can have.
pub(super) struct ColumnBuilder {
    name: String,
    ty: ValueType,
    items: Items,
    /// For a list: the end of each row in `items`.
    ends: Vec<i32>,
    valid: NullBufferBuilder,
}

/// The values of a scalar column or the items of a list column.
enum Items {
    Bool(BooleanBuilder),
    Int32(Int32Builder),
    Int64(Int64Builder),
    Float32(Float32Builder),
    Float64(Float64Builder),
    String(StringBuilder),
    Bytes(BinaryBuilder),
    Timestamp(TimestampMicrosecondBuilder),
}

impl ColumnBuilder {
    pub(super) fn new(field: &Field) -> Self {
        let ty = value_type(field.data_type()).unwrap_or(ValueType::Scalar(ScalarType::String));
        let (ValueType::Scalar(scalar) | ValueType::List(scalar)) = ty;
        let (items, valid) = (Items::new(scalar), NullBufferBuilder::new(0));
        ColumnBuilder { name: field.name().clone(), ty, items, ends: Vec::new(), valid }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn ty(&self) -> ValueType {
        self.ty
    }

    /// How many rows it has.
    pub(super) fn len(&self) -> usize {
        match self.ty {
            ValueType::Scalar(_) => self.items.len(),
            ValueType::List(_) => self.ends.len(),
        }
    }

    /// Adds a value by its text.
    pub(super) fn push(&mut self, text: &str) -> Result<(), String> {
        match self.ty {
            ValueType::Scalar(_) if self.items.push(text) => Ok(()),
            _ => Err(cell::problem(&self.name, self.ty, text)),
        }
    }

    /// Adds a list by the texts of its items.
    pub(super) fn push_list<'t>(&mut self, items: impl Iterator<Item = &'t str>) -> Result<(), String> {
        let ValueType::List(item) = self.ty else {
            return Err(format!("column {:?} is {}, not a list", self.name, self.ty));
        };
        for text in items {
            if !self.items.push(text) {
                // What stays of the list belongs to the row that is null instead.
                return Err(cell::problem(&self.name, item, text));
            }
        }
        self.end_list(true);
        Ok(())
    }

    fn end_list(&mut self, valid: bool) {
        // A piece is far smaller than 2^31 items: see `PIECE_BYTES` and the longest line.
        self.ends.push(self.items.len() as i32);
        self.valid.append(valid);
    }

    pub(super) fn push_null(&mut self) {
        match self.ty {
            ValueType::Scalar(_) => self.items.push_null(),
            ValueType::List(_) => self.end_list(false),
        }
    }

    /// Adds nulls until there are `rows` rows.
    pub(super) fn pad(&mut self, rows: usize) {
        while self.len() < rows {
            self.push_null();
        }
    }

    /// The column so far; it then begins anew.
    pub(super) fn finish(&mut self) -> ArrayRef {
        let items = self.items.finish();
        match self.ty {
            ValueType::Scalar(_) => items,
            ValueType::List(item) => {
                let ends = std::mem::take(&mut self.ends);
                let offsets = OffsetBuffer::new(std::iter::once(0).chain(ends).collect());
                Arc::new(ListArray::new(list_item(item), offsets, items, self.valid.finish()))
            }
        }
    }
}

impl Items {
    fn new(ty: ScalarType) -> Self {
        match ty {
            ScalarType::Bool => Items::Bool(BooleanBuilder::new()),
            ScalarType::Int32 => Items::Int32(Int32Builder::new()),
            ScalarType::Int64 => Items::Int64(Int64Builder::new()),
            ScalarType::Float32 => Items::Float32(Float32Builder::new()),
            ScalarType::Float64 => Items::Float64(Float64Builder::new()),
            ScalarType::String => Items::String(StringBuilder::new()),
            ScalarType::Bytes => Items::Bytes(BinaryBuilder::new()),
            ScalarType::Timestamp => Items::Timestamp(TimestampMicrosecondBuilder::new().with_timezone(UTC)),
        }
    }

    fn len(&self) -> usize {
        use arrow::array::ArrayBuilder;
        match self {
            Items::Bool(items) => items.len(),
            Items::Int32(items) => items.len(),
            Items::Int64(items) => items.len(),
            Items::Float32(items) => items.len(),
            Items::Float64(items) => items.len(),
            Items::String(items) => items.len(),
            Items::Bytes(items) => items.len(),
            Items::Timestamp(items) => items.len(),
        }
    }

    /// Whether the text was a value of the type.
    fn push(&mut self, text: &str) -> bool {
        match self {
            Items::Bool(items) => cell::bool(text).map(|value| items.append_value(value)).is_some(),
            Items::Int32(items) => cell::int32(text).map(|value| items.append_value(value)).is_some(),
            Items::Int64(items) => cell::int64(text).map(|value| items.append_value(value)).is_some(),
            Items::Float32(items) => cell::float32(text).map(|value| items.append_value(value)).is_some(),
            Items::Float64(items) => cell::float64(text).map(|value| items.append_value(value)).is_some(),
            Items::Timestamp(items) => cell::timestamp(text).map(|value| items.append_value(value)).is_some(),
            Items::Bytes(items) => cell::bytes(text).map(|value| items.append_value(value)).is_some(),
            Items::String(items) => {
                items.append_value(text);
                true
            }
        }
    }

    fn push_null(&mut self) {
        match self {
            Items::Bool(items) => items.append_null(),
            Items::Int32(items) => items.append_null(),
            Items::Int64(items) => items.append_null(),
            Items::Float32(items) => items.append_null(),
            Items::Float64(items) => items.append_null(),
            Items::String(items) => items.append_null(),
            Items::Bytes(items) => items.append_null(),
            Items::Timestamp(items) => items.append_null(),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Items::Bool(items) => Arc::new(items.finish()),
            Items::Int32(items) => Arc::new(items.finish()),
            Items::Int64(items) => Arc::new(items.finish()),
            Items::Float32(items) => Arc::new(items.finish()),
            Items::Float64(items) => Arc::new(items.finish()),
            Items::String(items) => Arc::new(items.finish()),
            Items::Bytes(items) => Arc::new(items.finish()),
            Items::Timestamp(items) => Arc::new(items.finish()),
        }
    }
}

/// Which of our types an Arrow type stands for.
pub(super) fn value_type(ty: &DataType) -> Option<ValueType> {
    let scalar = match ty {
        DataType::Boolean => ScalarType::Bool,
        DataType::Int32 => ScalarType::Int32,
        DataType::Int64 => ScalarType::Int64,
        DataType::Float32 => ScalarType::Float32,
        DataType::Float64 => ScalarType::Float64,
        DataType::Utf8 => ScalarType::String,
        DataType::Binary => ScalarType::Bytes,
        DataType::Timestamp(TimeUnit::Microsecond, _) => ScalarType::Timestamp,
        DataType::List(item) => match value_type(item.data_type())? {
            ValueType::Scalar(item) => return Some(ValueType::List(item)),
            ValueType::List(_) => return None,
        },
        _ => return None,
    };
    Some(ValueType::Scalar(scalar))
}
