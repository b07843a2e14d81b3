//! Arrow IPC: files, whose first bytes say so, and streams.

use std::collections::BTreeMap;
use std::io::BufReader;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::reader::{FileReader as IpcFileReader, StreamReader};
use asofdb_storage::{Error, Result};

use super::file::{FileReader, SourceFile};
use super::format::InputFormat;
use super::piece::{PIECE_ROWS_MAX, Piece, Pieces};
use crate::rows::problems::Problems;

const FILE_MAGIC: &[u8] = b"ARROW1";
const FEATHER_1_MAGIC: &[u8] = b"FEA1";

/// The contents of an IPC file, in one of its two formats.
#[derive(Debug, Clone, Copy)]
pub(super) enum IpcContent {
    File,
    Stream,
}

enum Reader {
    File(Box<IpcFileReader<BufReader<FileReader>>>),
    Stream(Box<StreamReader<BufReader<FileReader>>>),
}

impl IpcContent {
    pub(super) fn open(file: &Arc<SourceFile>) -> Result<(Self, SchemaRef)> {
        let start = file.bytes(0, file.len().min(FILE_MAGIC.len() as u64) as usize);
        let start = start.map_err(|error| file.unreadable(InputFormat::Ipc, error))?;
        if start.starts_with(FEATHER_1_MAGIC) {
            let name = file.name();
            return Err(Error::invalid(format!("file {name} is Feather version 1; write it as version 2 (Arrow IPC)")));
        }
        let content = if start == FILE_MAGIC { IpcContent::File } else { IpcContent::Stream };
        let schema = match content.reader(file, None)? {
            Reader::File(reader) => reader.schema(),
            Reader::Stream(reader) => reader.schema(),
        };
        Ok((content, schema))
    }

    fn reader(self, file: &Arc<SourceFile>, columns: Option<Vec<usize>>) -> Result<Reader> {
        let bytes = file.reader();
        let reader = match self {
            IpcContent::File => IpcFileReader::try_new(bytes, columns).map(|reader| Reader::File(Box::new(reader))),
            IpcContent::Stream => StreamReader::try_new(bytes, columns).map(|reader| Reader::Stream(Box::new(reader))),
        };
        reader.map_err(|error| file.unreadable(InputFormat::Ipc, error))
    }

    pub(super) fn pieces(self, file: &Arc<SourceFile>, columns: Vec<usize>, skip: u64) -> Result<IpcPieces> {
        let reader = self.reader(file, Some(columns))?;
        Ok(IpcPieces { file: file.clone(), reader, rest: None, row: 0, skip, batches: 0 })
    }
}

/// Batches are as large as whoever wrote them made them; they are passed on in slices.
pub(super) struct IpcPieces {
    file: Arc<SourceFile>,
    reader: Reader,
    /// The rest of the last batch.
    rest: Option<RecordBatch>,
    row: u64,
    /// Rows still to be left out.
    skip: u64,
    batches: u64,
}

impl IpcPieces {
    fn read(&mut self) -> Option<Result<RecordBatch, ArrowError>> {
        self.batches += 1;
        match &mut self.reader {
            Reader::File(reader) => reader.next(),
            Reader::Stream(reader) => reader.next(),
        }
    }

    /// The rows not yet passed on, up to the end of a batch.
    fn rest(&mut self) -> Option<Result<RecordBatch, ArrowError>> {
        let batch = match self.rest.take() {
            Some(batch) => batch,
            None => match self.read()? {
                Ok(batch) => batch,
                error => return Some(error),
            },
        };
        let skipped = self.skip.min(batch.num_rows() as u64);
        self.skip -= skipped;
        self.row += skipped;
        let skipped = skipped as usize;
        Some(Ok(batch.slice(skipped, batch.num_rows() - skipped)))
    }

    fn bytes_done(&self) -> u64 {
        match &self.reader {
            Reader::File(reader) => {
                (self.file.len() as f64 * (self.batches as f64 / reader.num_batches().max(1) as f64)) as u64
            }
            Reader::Stream(reader) => reader.get_ref().get_ref().position(),
        }
    }
}

impl Pieces for IpcPieces {
    fn next(&mut self) -> Option<Result<Piece>> {
        loop {
            let rest = match self.rest()? {
                Ok(rest) => rest,
                Err(error) => return Some(Err(self.file.unreadable(InputFormat::Ipc, error))),
            };
            let rows = rest.num_rows().min(PIECE_ROWS_MAX);
            if rows == 0 {
                continue;
            }
            if rest.num_rows() > rows {
                self.rest = Some(rest.slice(rows, rest.num_rows() - rows));
            }
            let (batch, first_row) = (rest.slice(0, rows), self.row);
            self.row += rows as u64;
            let (lines, texts, bytes_done) = (Vec::new(), BTreeMap::new(), self.bytes_done());
            return Some(Ok(Piece { batch, first_row, lines, problems: Problems::all(), texts, bytes_done }));
        }
    }
}
