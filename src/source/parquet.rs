//! Parquet.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{
    DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType, TimestampNanosecondType,
};
use arrow::error::ArrowError;
use asofdb_storage::{Error, Result, Timestamp};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::Type as PhysicalType;

use super::file::SourceFile;
use super::format::InputFormat;
use super::parquet_chunks::Chunks;
use super::parquet_rows::rows_at_a_time;
use super::piece::{Piece, Pieces};
use super::slices::Slices;
use crate::ipc::{COLUMNS_MAX, guarded};
use crate::rows::problems::Problems;

/// The footer of a Parquet file.
#[derive(Debug, Clone)]
pub(super) struct ParquetContent {
    metadata: ArrowReaderMetadata,
    /// The footer with INT96 as nanoseconds, where there is any.
    nanos: Option<ArrowReaderMetadata>,
}

impl ParquetContent {
    pub(super) fn open(file: &Arc<SourceFile>) -> Result<Self> {
        let unreadable = |error| file.unreadable(InputFormat::Parquet, error);
        let load = || ArrowReaderMetadata::load(&Chunks(file.clone()), ArrowReaderOptions::new()).map_err(unreadable);
        let metadata = guarded(|| broken(file), load)?;
        let leaves = metadata.parquet_schema().num_columns();
        if leaves > COLUMNS_MAX {
            let name = file.name();
            let message =
                format!("file {name} has at most {COLUMNS_MAX} columns, those within others included: {leaves}");
            return Err(Error::invalid(message));
        }
        if !are_int96(&metadata).any(|is_int96| is_int96) {
            return Ok(ParquetContent { metadata, nanos: None });
        }
        let with = |unit| {
            let options = ArrowReaderOptions::new().with_schema(schema_with(&metadata, unit));
            ArrowReaderMetadata::try_new(metadata.metadata().clone(), options).map_err(unreadable)
        };
        let (micros, nanos) = (with(TimeUnit::Microsecond)?, with(TimeUnit::Nanosecond)?);
        Ok(ParquetContent { metadata: micros, nanos: Some(nanos) })
    }

    pub(super) fn schema(&self) -> SchemaRef {
        self.metadata.schema().clone()
    }

    pub(super) fn rows(&self) -> u64 {
        self.groups().sum()
    }

    /// The rows of each row group.
    fn groups(&self) -> impl Iterator<Item = u64> {
        self.metadata.metadata().row_groups().iter().map(|group| u64::try_from(group.num_rows()).unwrap_or(0))
    }

    pub(super) fn pieces(&self, file: &Arc<SourceFile>, columns: Vec<usize>, skip: u64) -> Result<ParquetPieces> {
        let at_a_time = guarded(|| broken(file), || self.piece_rows(file, &columns))?;
        let nanos = self.nanos.as_ref();
        let nanos = nanos.map(|nanos| Nanos::new(self, nanos, file, &columns, skip, at_a_time)).transpose()?;
        let reader = self.reader(&self.metadata, file, columns, skip, at_a_time)?;
        let (row, rows) = (skip.min(self.rows()), self.rows());
        Ok(ParquetPieces { file: file.clone(), reader, nanos, waiting: Waiting::default(), row, rows, ended: false })
    }

    fn reader(
        &self,
        metadata: &ArrowReaderMetadata,
        file: &Arc<SourceFile>,
        columns: Vec<usize>,
        skip: u64,
        at_a_time: usize,
    ) -> Result<ParquetRecordBatchReader> {
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(Chunks(file.clone()), metadata.clone());
        let mask = ProjectionMask::roots(builder.parquet_schema(), columns);
        let (first_group, rest) = self.seek(skip);
        let groups = (first_group..self.metadata.metadata().num_row_groups()).collect();
        builder
            .with_projection(mask)
            .with_row_groups(groups)
            .with_offset(rest)
            .with_batch_size(at_a_time)
            .build()
            .map_err(|error| file.unreadable(InputFormat::Parquet, error))
    }

    /// The row group in which row `skip` lies, and how many of its rows are before it.
    fn seek(&self, skip: u64) -> (usize, usize) {
        let mut left = skip;
        for (index, rows) in self.groups().enumerate() {
            if left < rows {
                return (index, left as usize);
            }
            left -= rows;
        }
        (self.metadata.metadata().num_row_groups(), 0)
    }

    /// Rows that fill a piece.
    fn piece_rows(&self, file: &Arc<SourceFile>, columns: &[usize]) -> Result<usize> {
        let schema = self.metadata.parquet_schema();
        let mask = ProjectionMask::roots(schema, columns.iter().copied());
        rows_at_a_time(file, self.metadata.metadata().row_groups(), |leaf| mask.leaf_included(leaf))
    }
}

fn broken(file: &SourceFile) -> Error {
    file.unreadable(InputFormat::Parquet, "it contradicts itself")
}

/// Returns leaf by leaf whether it is INT96.
fn are_int96(metadata: &ArrowReaderMetadata) -> impl Iterator<Item = bool> {
    metadata.parquet_schema().columns().iter().map(|leaf| leaf.physical_type() == PhysicalType::INT96)
}

/// The schema with INT96 in this unit. Nanoseconds, as which it would be read, end in 2262, but Spark and SQL Server
/// write any date in it.
fn schema_with(metadata: &ArrowReaderMetadata, unit: TimeUnit) -> SchemaRef {
    let mut are_int96 = are_int96(metadata);
    let schema = metadata.schema();
    let field = |field: &FieldRef| with_type(field, type_with(field.data_type(), unit, &mut are_int96));
    let fields = schema.fields().iter().map(field).collect::<Vec<_>>();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

/// The type with the leaves that are INT96 in this unit. Arrow has the leaves of Parquet, in their order.
fn type_with(ty: &DataType, unit: TimeUnit, are_int96: &mut impl Iterator<Item = bool>) -> DataType {
    let mut inner = |field: &FieldRef| with_type(field, type_with(field.data_type(), unit, are_int96));
    match ty {
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(inner).collect()),
        DataType::List(item) => DataType::List(inner(item)),
        DataType::LargeList(item) => DataType::LargeList(inner(item)),
        DataType::FixedSizeList(item, length) => DataType::FixedSizeList(inner(item), *length),
        DataType::Map(entries, sorted) => DataType::Map(inner(entries), *sorted),
        leaf => match (are_int96.next(), leaf) {
            (Some(true), DataType::Timestamp(_, zone)) => DataType::Timestamp(unit, zone.clone()),
            _ => leaf.clone(),
        },
    }
}

fn with_type(field: &FieldRef, ty: DataType) -> FieldRef {
    Arc::new(Field::clone(field).with_data_type(ty))
}

/// The columns of INT96 once more, as nanoseconds: what is below a microsecond would be cut off in silence.
struct Nanos {
    reader: ParquetRecordBatchReader,
    /// The positions of the columns among those that are read.
    positions: Vec<usize>,
}

impl Nanos {
    fn new(
        content: &ParquetContent,
        metadata: &ArrowReaderMetadata,
        file: &Arc<SourceFile>,
        columns: &[usize],
        skip: u64,
        at_a_time: usize,
    ) -> Result<Self> {
        let roots = metadata.parquet_schema().root_schema().get_fields();
        let is_int96 =
            |root: usize| roots[root].is_primitive() && roots[root].get_physical_type() == PhysicalType::INT96;
        let positions: Vec<usize> = (0..columns.len()).filter(|position| is_int96(columns[*position])).collect();
        let columns = positions.iter().map(|position| columns[*position]).collect();
        Ok(Nanos { reader: content.reader(metadata, file, columns, skip, at_a_time)?, positions })
    }

    /// Reports the times of the next batch that are no whole microsecond.
    fn check(&mut self, batch: &RecordBatch, problems: &mut Problems) -> std::result::Result<(), ArrowError> {
        let Some(nanos) = self.reader.next().transpose()? else { return Ok(()) };
        for (position, nanos) in self.positions.iter().zip(nanos.columns()) {
            let nanos = nanos.as_primitive::<TimestampNanosecondType>();
            let micros = batch.column(*position).as_primitive::<TimestampMicrosecondType>();
            // Nanoseconds wrap around where they do not fit, and so does the product.
            let is_cut =
                |row: &usize| nanos.is_valid(*row) && micros.value(*row).wrapping_mul(1_000) != nanos.value(*row);
            for row in (0..nanos.len().min(micros.len())).filter(is_cut) {
                let schema = batch.schema_ref();
                let name = schema.field(*position).name();
                let after = Timestamp::from_micros(micros.value(row));
                problems.report(row, format!("column {name:?} has a time that is no whole microsecond: after {after}"));
            }
        }
        Ok(())
    }
}

pub(super) struct ParquetPieces {
    file: Arc<SourceFile>,
    reader: ParquetRecordBatchReader,
    nanos: Option<Nanos>,
    waiting: Waiting,
    row: u64,
    rows: u64,
    /// True if the reader failed or panicked: it is not asked again.
    ended: bool,
}

/// A batch that is passed on in slices, with the problems of its rows that are still to come.
#[derive(Default)]
struct Waiting {
    slices: Slices,
    problems: Vec<(usize, String)>,
    /// Rows of the batch that were passed on.
    passed: usize,
}

impl Waiting {
    fn refill(&mut self, batch: RecordBatch, problems: Problems) {
        self.slices.refill(batch);
        self.problems = problems.into_rows().collect();
        self.passed = 0;
    }

    /// The next slice, and the problems of its rows.
    fn next(&mut self, file: &SourceFile, before: u64) -> Result<(RecordBatch, Problems)> {
        let (batch, mut problems) = (self.slices.next(file, before)?, Problems::all());
        let rows = self.passed..self.passed + batch.num_rows();
        for (row, message) in self.problems.iter().filter(|(row, _)| rows.contains(row)) {
            problems.report(row - rows.start, message.clone());
        }
        self.passed = rows.end;
        Ok((batch, problems))
    }
}

impl ParquetPieces {
    /// Decodes the next batch; none at the end.
    fn decode(&mut self) -> Result<Option<(RecordBatch, Problems)>> {
        let (file, reader, nanos) = (&self.file, &mut self.reader, &mut self.nanos);
        let decode = || {
            let unreadable = |error| file.unreadable(InputFormat::Parquet, error);
            let Some(batch) = reader.next().transpose().map_err(unreadable)? else { return Ok(None) };
            let mut problems = Problems::all();
            if let Some(nanos) = nanos {
                nanos.check(&batch, &mut problems).map_err(unreadable)?;
            }
            Ok(Some((batch, problems)))
        };
        guarded(|| broken(file), decode)
    }

    fn piece(&mut self) -> Result<Option<Piece>> {
        while self.waiting.slices.is_empty() {
            match self.decode()? {
                Some((batch, problems)) => self.waiting.refill(batch, problems),
                None if self.row < self.rows => {
                    let message = format!("it has {} rows where it says {}", self.row, self.rows);
                    return Err(self.file.unreadable(InputFormat::Parquet, message));
                }
                None => return Ok(None),
            }
        }
        let (batch, problems) = self.waiting.next(&self.file, self.row)?;
        let first_row = self.row;
        self.row += batch.num_rows() as u64;
        let bytes_done = (self.file.len() as f64 * (self.row as f64 / self.rows.max(1) as f64)) as u64;
        Ok(Some(Piece { batch, first_row, lines: Vec::new(), problems, texts: BTreeMap::new(), bytes_done }))
    }
}

impl Pieces for ParquetPieces {
    fn next(&mut self) -> Option<Result<Piece>> {
        if self.ended {
            return None;
        }
        let piece = self.piece();
        self.ended = !matches!(piece, Ok(Some(_)));
        piece.transpose()
    }
}
