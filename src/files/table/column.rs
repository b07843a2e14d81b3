//! One column of a file being written, of whatever type.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Field, Float32Type, Float64Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType,
};
use parquet::arrow::arrow_writer::{ArrowColumnWriter, compute_leaves};
use parquet::errors::Result;
use parquet::schema::types::ColumnDescPtr;

use super::booleans::BooleanColumn;
use super::codec::Codec;
use super::fixed::FixedColumn;
use super::pages::FinishedChunk;
use super::text::TextColumn;

/// Rows after which a page ends.
const PAGE_ROWS: usize = 1 << 14;

/// A column of a type that is encoded here.
pub(super) enum NativeColumn {
    Boolean(BooleanColumn),
    Int32(FixedColumn<i32>),
    Int64(FixedColumn<i64>),
    Float32(FixedColumn<f32>),
    Float64(FixedColumn<f64>),
    Text(TextColumn),
}

/// Calls the same of whatever column it is.
macro_rules! each {
    ($column:expr, $inner:ident => $call:expr) => {
        match $column {
            NativeColumn::Boolean($inner) => $call,
            NativeColumn::Int32($inner) => $call,
            NativeColumn::Int64($inner) => $call,
            NativeColumn::Float32($inner) => $call,
            NativeColumn::Float64($inner) => $call,
            NativeColumn::Text($inner) => $call,
        }
    };
}

impl NativeColumn {
    /// The column of a field; `None` where its type is not encoded here.
    pub(super) fn new(field: &Field, column: &ColumnDescPtr) -> Option<Self> {
        let column = column.clone();
        Some(match field.data_type() {
            DataType::Boolean => NativeColumn::Boolean(BooleanColumn::new(column)),
            DataType::Int32 | DataType::Date32 => NativeColumn::Int32(FixedColumn::new(column)),
            DataType::Int64 | DataType::Timestamp(TimeUnit::Microsecond, _) => {
                NativeColumn::Int64(FixedColumn::new(column))
            }
            DataType::Float32 => NativeColumn::Float32(FixedColumn::new(column)),
            DataType::Float64 => NativeColumn::Float64(FixedColumn::new(column)),
            DataType::Utf8 => NativeColumn::Text(TextColumn::new(column, true)),
            DataType::Binary => NativeColumn::Text(TextColumn::new(column, false)),
            _ => return None,
        })
    }

    /// Bytes of the chunk so far.
    pub(super) fn bytes(&self) -> usize {
        each!(self, column => column.bytes())
    }

    /// Adds rows.
    ///
    /// # Errors
    /// `General` where a page is longer than the format allows.
    pub(super) fn append(&mut self, array: &ArrayRef, codec: &mut Codec) -> Result<()> {
        let nulls = array.nulls();
        match self {
            NativeColumn::Boolean(column) => column.append(array.as_boolean()),
            NativeColumn::Int32(column) => match array.as_primitive_opt::<Int32Type>() {
                Some(values) => column.append(values.values(), nulls),
                None => column.append(array.as_primitive::<Date32Type>().values(), nulls),
            },
            NativeColumn::Int64(column) => match array.as_primitive_opt::<Int64Type>() {
                Some(values) => column.append(values.values(), nulls),
                None => column.append(array.as_primitive::<TimestampMicrosecondType>().values(), nulls),
            },
            NativeColumn::Float32(column) => column.append(array.as_primitive::<Float32Type>().values(), nulls),
            NativeColumn::Float64(column) => column.append(array.as_primitive::<Float64Type>().values(), nulls),
            NativeColumn::Text(column) => match array.as_string_opt::<i32>() {
                Some(texts) => column.append(texts, codec)?,
                None => column.append(array.as_binary::<i32>(), codec)?,
            },
        }
        if each!(self, column => column.page_rows()) >= PAGE_ROWS {
            each!(self, column => column.end_page(codec))?;
        }
        Ok(())
    }

    /// Ends the chunk and begins the next one.
    ///
    /// # Errors
    /// As [`NativeColumn::append`].
    pub(super) fn finish(&mut self, codec: &mut Codec) -> Result<FinishedChunk> {
        each!(self, column => column.finish(codec))
    }

    /// Takes memory for the pages of a chunk that has just begun.
    pub(super) fn reuse(&mut self, memory: Vec<u8>) {
        each!(self, column => column.reuse(memory));
    }
}

/// A column of any other type: lists, and what a spine may have.
#[derive(Default)]
pub(super) struct ForeignColumn {
    /// The writers of its leaves, for one row group.
    pub(super) writers: Vec<ArrowColumnWriter>,
}

impl ForeignColumn {
    /// Bytes of the chunks so far.
    pub(super) fn bytes(&self) -> usize {
        self.writers.iter().map(ArrowColumnWriter::get_estimated_total_bytes).sum()
    }

    /// Adds rows.
    ///
    /// # Errors
    /// Those of the writer of the `parquet` crate.
    pub(super) fn append(&mut self, field: &Field, array: &ArrayRef) -> Result<()> {
        let leaves = compute_leaves(field, array)?;
        self.writers.iter_mut().zip(&leaves).try_for_each(|(writer, leaf)| writer.write(leaf))
    }
}
