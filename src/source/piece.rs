//! Pieces of a source, one at a time.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use asofdb_storage::{Error, Result};

use crate::rows::problems::Problems;

/// Rows of one piece at most: its columns stay in the cache while they are encoded.
pub(crate) const PIECE_ROWS_MAX: usize = 8_192;

/// Bytes of one piece, roughly: rows that are large make smaller pieces.
pub(super) const PIECE_BYTES: usize = 8 << 20;

/// Some rows of a source, with what could not be read of them.
#[derive(Debug)]
pub(crate) struct Piece {
    /// The rows. A cell that could not be read is null.
    pub(crate) batch: RecordBatch,
    /// The number of rows of the file before these.
    pub(crate) first_row: u64,
    /// The line each row begins in, counted from 1; empty where rows have no lines.
    pub(crate) lines: Vec<u64>,
    /// The problems of reading, by row of `batch`.
    pub(crate) problems: Problems,
    /// The text of rows with problems.
    pub(crate) texts: BTreeMap<usize, serde_json::Value>,
    /// The bytes of the file that have been read.
    pub(crate) bytes_done: u64,
}

impl Piece {
    pub(crate) fn len(&self) -> usize {
        self.batch.num_rows()
    }

    /// Names the place of a row of `batch` in the file, counted from 1.
    pub(crate) fn place(&self, row: usize) -> String {
        let number = self.first_row + row as u64 + 1;
        match self.lines.get(row) {
            Some(line) => format!("line {line} (row {number})"),
            None => format!("row {number}"),
        }
    }

    /// Refuses the piece if anything of it could not be read.
    pub(super) fn into_batch(self, name: &str) -> Result<RecordBatch> {
        match self.problems.rows().next() {
            Some((row, message)) => Err(Error::invalid(format!("file {name}, {}: {message}", self.place(row)))),
            None => Ok(self.batch),
        }
    }
}

/// The pieces of a source, in order.
pub(super) trait Pieces: Send {
    fn next(&mut self) -> Option<Result<Piece>>;
}
