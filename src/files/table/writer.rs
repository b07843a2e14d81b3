//! A Parquet file being written, batch by batch.

use std::io::{BufWriter, Write};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::datatypes::{Field, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowRowGroupWriterFactory;
use parquet::errors::{ParquetError, Result};
use parquet::file::properties::WriterPropertiesBuilder;
use parquet::file::writer::SerializedFileWriter;

use super::codec::Codec;
use super::column::{ForeignColumn, NativeColumn};
use crate::files::parquet::{Compression, ROW_GROUP_BYTES_MAX, ROW_GROUP_ROWS_MAX};

/// Most rows that a column takes at once, so that they are in the cache for all of what is done with them.
const SLICE_ROWS: usize = 4096;

/// Bytes that are written at once: chunks come in small pieces.
const BUFFER_BYTES: usize = 128 << 10;

/// A column of the file.
enum Column {
    Native(Box<NativeColumn>),
    /// With the number of its leaves.
    Foreign(ForeignColumn, usize),
}

/// A file being written. What is written is only whole once it was finished.
pub(crate) struct TableWriter<W: Write + Send> {
    file: SerializedFileWriter<BufWriter<W>>,
    factory: ArrowRowGroupWriterFactory,
    schema: SchemaRef,
    codec: Codec,
    columns: Vec<Column>,
    /// Rows of the row group being filled, and of all.
    rows: usize,
}

impl<W: Write + Send> TableWriter<W> {
    /// Begins a file with columns of `schema`.
    ///
    /// # Errors
    /// `ParquetError` when it cannot be written, or a column has a type that Parquet has not.
    pub(crate) fn new(
        sink: W,
        schema: SchemaRef,
        properties: WriterPropertiesBuilder,
        compression: Compression,
    ) -> Result<Self> {
        let sink = BufWriter::with_capacity(BUFFER_BYTES, sink);
        let writer = ArrowWriter::try_new(sink, schema.clone(), Some(properties.build()))?;
        let (file, factory) = writer.into_serialized_writer()?;
        let leaves = file.schema_descr();
        let leaves_of = |root: usize| (0..leaves.num_columns()).filter(move |l| leaves.get_column_root_idx(*l) == root);
        let column = |(root, field): (usize, &Arc<Field>)| {
            let native = leaves_of(root).next().and_then(|leaf| NativeColumn::new(field, &leaves.column(leaf)));
            match native {
                Some(column) => Column::Native(Box::new(column)),
                None => Column::Foreign(ForeignColumn::default(), leaves_of(root).count()),
            }
        };
        let columns = schema.fields().iter().enumerate().map(column).collect();
        Ok(TableWriter { codec: Codec::new(compression)?, file, factory, schema, columns, rows: 0 })
    }

    /// Adds the rows of a batch, which has the columns of the file.
    ///
    /// # Errors
    /// `ParquetError` when the file cannot be written, or a column has nulls that may have none.
    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        if batch.num_columns() != self.columns.len() {
            return Err(ParquetError::General("a batch has other columns than its file".to_owned()));
        }
        let mut start = 0;
        while start < batch.num_rows() {
            if self.rows == 0 {
                self.begin_group()?;
            }
            let rows = SLICE_ROWS.min(batch.num_rows() - start).min(ROW_GROUP_ROWS_MAX - self.rows);
            for (number, array) in batch.columns().iter().enumerate() {
                self.append(number, &array.slice(start, rows))?;
            }
            self.rows += rows;
            start += rows;
            if self.rows == ROW_GROUP_ROWS_MAX || self.bytes() >= ROW_GROUP_BYTES_MAX {
                self.end_group()?;
            }
        }
        Ok(())
    }

    fn append(&mut self, number: usize, array: &ArrayRef) -> Result<()> {
        let field = self.schema.field(number);
        if array.data_type() != field.data_type() || !field.is_nullable() && array.null_count() > 0 {
            return Err(ParquetError::General(format!("column {:?} is not what the file says", field.name())));
        }
        match &mut self.columns[number] {
            Column::Native(column) => column.append(array, &mut self.codec),
            Column::Foreign(column, _) => column.append(field, array),
        }
    }

    /// Bytes of the row group being filled.
    fn bytes(&self) -> usize {
        let bytes = |column: &Column| match column {
            Column::Native(column) => column.bytes(),
            Column::Foreign(column, _) => column.bytes(),
        };
        self.columns.iter().map(bytes).sum()
    }

    /// Makes the writers of other types, which are for one row group.
    fn begin_group(&mut self) -> Result<()> {
        if self.columns.iter().all(|column| matches!(column, Column::Native(_))) {
            return Ok(());
        }
        let mut writers = self.factory.create_column_writers(self.file.flushed_row_groups().len())?.into_iter();
        for column in &mut self.columns {
            match column {
                Column::Native(_) => drop(writers.next()),
                Column::Foreign(column, leaves) => column.writers = writers.by_ref().take(*leaves).collect(),
            }
        }
        Ok(())
    }

    /// Writes the row group, if it has rows.
    fn end_group(&mut self) -> Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        let mut group = self.file.next_row_group()?;
        for column in &mut self.columns {
            match column {
                Column::Native(column) => {
                    let (bytes, close) = column.finish(&mut self.codec)?.into_parts();
                    group.append_column(&bytes, close)?;
                    column.reuse(bytes.into_memory());
                }
                Column::Foreign(column, _) => {
                    for writer in column.writers.drain(..) {
                        writer.close()?.append_to_row_group(&mut group)?;
                    }
                }
            }
        }
        group.close()?;
        self.rows = 0;
        Ok(())
    }

    /// Writes what is left, and the end of the file; gives back what it was written to.
    ///
    /// # Errors
    /// `ParquetError` when the file cannot be written.
    pub(crate) fn finish(mut self) -> Result<W> {
        self.end_group()?;
        self.file.into_inner()?.into_inner().map_err(|error| error.into_error().into())
    }
}
