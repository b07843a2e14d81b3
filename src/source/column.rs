//! Columns that grow by text, value after value.

use std::sync::Arc;

use arrow::array::{ArrayRef, ListArray, NullBufferBuilder};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, TimeUnit};
use asofdb_storage::{ScalarType, ValueType};

use super::cell::{self, TextForm};
use crate::rows::builders::ScalarBuilder;
use crate::rows::types::{arrow_type, list_item};

/// A column of a text format, of any type that a feature can have.
pub(super) struct ColumnBuilder {
    name: String,
    ty: ValueType,
    /// The values, or the items of the lists.
    items: ScalarBuilder,
    /// For a list: the end of each row in `items`.
    ends: Vec<i32>,
    valid: NullBufferBuilder,
    form: TextForm,
    /// True for a column of text that holds any JSON as it is written.
    verbatim: bool,
}

impl ColumnBuilder {
    pub(super) fn new(field: &Field) -> Self {
        let ty = value_type(field.data_type()).unwrap_or(ValueType::Scalar(ScalarType::String));
        let (ValueType::Scalar(scalar) | ValueType::List(scalar)) = ty;
        let (items, valid) = (ScalarBuilder::new(scalar), NullBufferBuilder::new(0));
        let name = field.name().clone();
        ColumnBuilder { name, ty, items, ends: Vec::new(), valid, form: TextForm::File, verbatim: false }
    }

    pub(super) fn with_form(self, form: TextForm) -> Self {
        ColumnBuilder { form, ..self }
    }

    /// Takes values of any kind as they are written, where `verbatim` says so and the column is text.
    pub(super) fn with_verbatim(self, verbatim: bool) -> Self {
        ColumnBuilder { verbatim: verbatim && self.ty == ValueType::Scalar(ScalarType::String), ..self }
    }

    pub(super) fn is_verbatim(&self) -> bool {
        self.verbatim
    }

    /// Returns whether an empty text is a value of its type.
    pub(super) fn has_empty(&self) -> bool {
        matches!(self.ty, ValueType::Scalar(ScalarType::String | ScalarType::Bytes))
    }

    pub(super) fn form(&self) -> TextForm {
        self.form
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn ty(&self) -> ValueType {
        self.ty
    }

    /// Returns the number of rows.
    pub(super) fn len(&self) -> usize {
        match self.ty {
            ValueType::Scalar(_) => self.items.len(),
            ValueType::List(_) => self.ends.len(),
        }
    }

    /// Adds a value by its text.
    pub(super) fn push(&mut self, text: &str) -> Result<(), String> {
        match self.ty {
            ValueType::Scalar(_) if push_text(&mut self.items, text, self.form) => Ok(()),
            _ => Err(cell::problem(&self.name, self.ty, text, self.form)),
        }
    }

    /// Adds a list by the texts of its items.
    pub(super) fn push_list<'t>(&mut self, items: impl Iterator<Item = &'t str>) -> Result<(), String> {
        let ValueType::List(item) = self.ty else {
            return Err(format!("column {:?} is {}, not a list", self.name, self.ty));
        };
        for text in items {
            if !push_text(&mut self.items, text, self.form) {
                // What stays of the list belongs to the row that is null instead.
                return Err(cell::problem(&self.name, item, text, self.form));
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
            ValueType::Scalar(_) => self.items.append_null(),
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

/// Adds the value that a text stands for; says whether it was one of the type.
fn push_text(items: &mut ScalarBuilder, text: &str, form: TextForm) -> bool {
    match items {
        ScalarBuilder::Bool(items) => cell::bool(text).map(|value| items.append_value(value)).is_some(),
        ScalarBuilder::Int32(items) => cell::int32(text).map(|value| items.append_value(value)).is_some(),
        ScalarBuilder::Int64(items) => cell::int64(text).map(|value| items.append_value(value)).is_some(),
        ScalarBuilder::Float32(items) => cell::float32(text).map(|value| items.append_value(value)).is_some(),
        ScalarBuilder::Float64(items) => cell::float64(text).map(|value| items.append_value(value)).is_some(),
        ScalarBuilder::Timestamp(items) => cell::timestamp(text, form).map(|value| items.append_value(value)).is_some(),
        ScalarBuilder::Date(items) => cell::date(text, form).map(|value| items.append_value(value)).is_some(),
        ScalarBuilder::Bytes(items) => cell::bytes(text, form).map(|value| items.append_value(value)).is_some(),
        ScalarBuilder::String(items) => {
            items.append_value(text);
            true
        }
    }
}

/// Returns the type of ours that an Arrow type stands for.
pub(super) fn value_type(ty: &DataType) -> Option<ValueType> {
    match ty {
        DataType::Timestamp(TimeUnit::Microsecond, _) => Some(ValueType::Scalar(ScalarType::Timestamp)),
        DataType::List(item) => match value_type(item.data_type())? {
            ValueType::Scalar(item) => Some(ValueType::List(item)),
            ValueType::List(_) => None,
        },
        ty => ScalarType::ALL.map(ValueType::Scalar).into_iter().find(|known| arrow_type(*known) == *ty),
    }
}
