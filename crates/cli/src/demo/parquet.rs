//! Reading the demo's files.

use std::fs::File;
use std::path::Path;

use asofdb::{Error, Result};
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;

/// Rows of a batch.
const BATCH_ROWS: usize = 65_536;

/// Opens a Parquet file to read batches from it.
///
/// # Errors
/// `Corrupt` when it cannot be read.
pub(super) fn open(path: &Path) -> Result<ParquetRecordBatchReader> {
    let damaged = |error: ParquetError| unreadable(path, error);
    let file = File::open(path).map_err(|error| unreadable(path, error))?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).map_err(damaged)?;
    reader.with_batch_size(BATCH_ROWS).build().map_err(damaged)
}

/// The error of a file that cannot be read.
pub(super) fn unreadable(path: &Path, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::corrupt(format!("cannot read {}", path.display())).with_source(error)
}
