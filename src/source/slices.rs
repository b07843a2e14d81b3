//! A batch, passed on in slices that stay small once they are plain.

use arrow::array::RecordBatch;
use asofdb_storage::{Error, Result};

use super::file::SourceFile;
use super::lines::ROW_TEXT_BYTES_MAX;
use super::piece::{PIECE_BYTES, PIECE_ROWS_MAX};
use crate::rows::plain::rows_within;

/// The rest of a batch that is passed on.
#[derive(Debug, Default)]
pub(super) struct Slices {
    rest: Option<RecordBatch>,
}

impl Slices {
    pub(super) fn is_empty(&self) -> bool {
        self.rest.as_ref().is_none_or(|rest| rest.num_rows() == 0)
    }

    pub(super) fn refill(&mut self, batch: RecordBatch) {
        self.rest = Some(batch);
    }

    /// The next rows, of which `before` are before them in the file; there are some.
    ///
    /// # Errors
    /// `Invalid` for a row that is larger than rows of text may be.
    pub(super) fn next(&mut self, file: &SourceFile, before: u64) -> Result<RecordBatch> {
        let rest = self.rest.take().ok_or_else(|| Error::internal("a batch has no more slices"))?;
        let most = rest.num_rows().min(PIECE_ROWS_MAX);
        let rows = match rows_within(rest.columns(), 0, most, PIECE_BYTES as u64) {
            0 => rows_within(rest.columns(), 0, 1, ROW_TEXT_BYTES_MAX as u64),
            rows => rows,
        };
        if rows == 0 {
            let (name, row) = (file.name(), before + 1);
            return Err(Error::invalid(format!(
                "file {name}, row {row}: a row has at most {ROW_TEXT_BYTES_MAX} bytes once dictionaries and lists are \
                 written out"
            )));
        }
        if rest.num_rows() > rows {
            self.rest = Some(rest.slice(rows, rest.num_rows() - rows));
        }
        Ok(rest.slice(0, rows))
    }
}
