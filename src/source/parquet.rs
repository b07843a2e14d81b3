//! Parquet.

use std::collections::BTreeMap;
use std::io::BufReader;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use asofdb_storage::Result;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::file::reader::{ChunkReader, Length};

use super::file::{FileReader, SourceFile};
use super::format::InputFormat;
use super::piece::{PIECE_BYTES, PIECE_ROWS_MAX, Piece, Pieces};
use crate::rows::problems::Problems;

/// Rows of a piece at least, however large the file says they are.
const PIECE_ROWS_MIN: u64 = 64;

/// The footer of a Parquet file.
#[derive(Debug, Clone)]
pub(super) struct ParquetContent {
    metadata: ArrowReaderMetadata,
}

struct Chunks(Arc<SourceFile>);

impl Length for Chunks {
    fn len(&self) -> u64 {
        self.0.len()
    }
}

impl ChunkReader for Chunks {
    type T = BufReader<FileReader>;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Self::T> {
        Ok(self.0.glance(start))
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<bytes::Bytes> {
        Ok(self.0.bytes(start, length)?.into())
    }
}

impl ParquetContent {
    pub(super) fn open(file: &Arc<SourceFile>) -> Result<Self> {
        let metadata = ArrowReaderMetadata::load(&Chunks(file.clone()), ArrowReaderOptions::new())
            .map_err(|error| file.unreadable(InputFormat::Parquet, error))?;
        Ok(ParquetContent { metadata })
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
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(Chunks(file.clone()), self.metadata.clone());
        let mask = ProjectionMask::roots(builder.parquet_schema(), columns);
        let (first_group, rest) = self.seek(skip);
        let groups = (first_group..self.metadata.metadata().num_row_groups()).collect();
        let reader = builder
            .with_projection(mask)
            .with_row_groups(groups)
            .with_offset(rest)
            .with_batch_size(self.piece_rows())
            .build()
            .map_err(|error| file.unreadable(InputFormat::Parquet, error))?;
        Ok(ParquetPieces { file: file.clone(), reader, row: skip.min(self.rows()), rows: self.rows() })
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

    /// Rows that fill a piece, by the size of the largest row group's rows before compression.
    fn piece_rows(&self) -> usize {
        let groups = self.metadata.metadata().row_groups().iter();
        let size = |bytes: i64, rows: i64| u64::try_from(bytes).unwrap_or(0) / u64::try_from(rows).unwrap_or(1).max(1);
        let row_bytes = groups.map(|group| size(group.total_byte_size(), group.num_rows())).max().unwrap_or(0);
        (PIECE_BYTES as u64 / row_bytes.max(1)).clamp(PIECE_ROWS_MIN, PIECE_ROWS_MAX as u64) as usize
    }
}

pub(super) struct ParquetPieces {
    file: Arc<SourceFile>,
    reader: ParquetRecordBatchReader,
    row: u64,
    rows: u64,
}

impl Pieces for ParquetPieces {
    fn next(&mut self) -> Option<Result<Piece>> {
        match self.reader.next() {
            Some(Ok(batch)) => {
                let first_row = self.row;
                self.row += batch.num_rows() as u64;
                let bytes_done = (self.file.len() as f64 * (self.row as f64 / self.rows.max(1) as f64)) as u64;
                let (lines, texts) = (Vec::new(), BTreeMap::new());
                Some(Ok(Piece { batch, first_row, lines, problems: Problems::all(), texts, bytes_done }))
            }
            Some(Err(error)) => Some(Err(self.file.unreadable(InputFormat::Parquet, error))),
            None if self.row < self.rows => {
                let message = format!("it has {} rows where it says {}", self.row, self.rows);
                self.rows = self.row;
                Some(Err(self.file.unreadable(InputFormat::Parquet, message)))
            }
            None => None,
        }
    }
}
