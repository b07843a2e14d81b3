//! The lines of a text file.

use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;

use asofdb_storage::{Error, Result};

use super::file::{FileReader, SourceFile};
use super::format::InputFormat;

/// Longest row of a text format: a few times the longest row that can be stored.
const ROW_TEXT_BYTES_MAX: usize = 16 << 20;

pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads a text file line by line.
pub(super) struct Lines {
    file: Arc<SourceFile>,
    format: InputFormat,
    reader: BufReader<FileReader>,
    line: Vec<u8>,
    number: u64,
    bytes_done: u64,
}

impl Lines {
    pub(super) fn new(file: &Arc<SourceFile>, format: InputFormat) -> Self {
        let reader = file.reader();
        Lines { file: file.clone(), format, reader, line: Vec::new(), number: 0, bytes_done: 0 }
    }

    /// The next line with its end, if it has one.
    pub(super) fn next(&mut self) -> Result<Option<&[u8]>> {
        self.line.clear();
        let mut limited = (&mut self.reader).take(ROW_TEXT_BYTES_MAX as u64 + 1);
        let read = limited.read_until(b'\n', &mut self.line);
        let read = read.map_err(|error| self.file.unreadable(self.format, error))?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        self.bytes_done += read as u64;
        self.check_length(read)?;
        if self.number == 1 && self.line.starts_with(BYTE_ORDER_MARK) {
            self.line.drain(..BYTE_ORDER_MARK.len());
        }
        Ok(Some(&self.line))
    }

    /// The line last read, again.
    pub(super) fn last(&self) -> &[u8] {
        &self.line
    }

    /// Refuses rows that would not fit into memory: they come from a missing line end or an open quote.
    pub(super) fn check_length(&self, row_bytes: usize) -> Result<()> {
        check_row_length(&self.file, self.number, self.format, row_bytes)
    }

    /// The number of the line last read, counted from 1.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Returns the bytes of the file that have been read.
    pub(super) fn bytes_done(&self) -> u64 {
        self.bytes_done
    }

    pub(super) fn name(&self) -> &str {
        self.file.name()
    }
}

/// Refuses a row that would not fit into memory: it comes from a missing line end or an open quote.
pub(super) fn check_row_length(file: &SourceFile, line: u64, format: InputFormat, row_bytes: usize) -> Result<()> {
    if row_bytes <= ROW_TEXT_BYTES_MAX {
        return Ok(());
    }
    let (name, format) = (file.name(), format.title());
    Err(Error::invalid(format!(
        "file {name}, line {line}: a row of {format} has at most {ROW_TEXT_BYTES_MAX} bytes; is a quote left open?"
    )))
}
