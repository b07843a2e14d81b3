//! Arrow IPC: files, whose first bytes say so, and streams.

use std::collections::BTreeMap;
use std::io::BufReader;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::ipc::reader::{FileReader as IpcFileReader, StreamReader};
use asofdb_storage::{Error, Result};

use super::file::{FileReader, SourceFile};
use super::format::InputFormat;
use super::ipc_check::{check_file, check_stream};
use super::piece::{Piece, Pieces};
use super::slices::Slices;
use crate::ipc::guarded;
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
        match content {
            IpcContent::File => check_file(file)?,
            IpcContent::Stream => check_stream(file)?,
        }
        let schema = match content.reader(file, None)? {
            Reader::File(reader) => reader.schema(),
            Reader::Stream(reader) => reader.schema(),
        };
        Ok((content, schema))
    }

    fn reader(self, file: &Arc<SourceFile>, columns: Option<Vec<usize>>) -> Result<Reader> {
        let bytes = file.reader();
        let open = || match self {
            IpcContent::File => IpcFileReader::try_new(bytes, columns).map(|reader| Reader::File(Box::new(reader))),
            IpcContent::Stream => StreamReader::try_new(bytes, columns).map(|reader| Reader::Stream(Box::new(reader))),
        };
        guarded(|| broken(file), || open().map_err(|error| file.unreadable(InputFormat::Ipc, error)))
    }

    pub(super) fn pieces(self, file: &Arc<SourceFile>, columns: Vec<usize>, skip: u64) -> Result<IpcPieces> {
        let reader = self.reader(file, Some(columns))?;
        let file = file.clone();
        Ok(IpcPieces { file, reader, slices: Slices::default(), row: 0, skip, batches: 0, broken: false })
    }
}

fn broken(file: &SourceFile) -> Error {
    file.unreadable(InputFormat::Ipc, "it contradicts itself")
}

/// Batches are as large as whoever wrote them made them; they are passed on in slices.
pub(super) struct IpcPieces {
    file: Arc<SourceFile>,
    reader: Reader,
    /// The rest of the last batch.
    slices: Slices,
    row: u64,
    /// Rows still to be left out.
    skip: u64,
    batches: u64,
    /// True if the reader panicked: it is not asked again.
    broken: bool,
}

impl IpcPieces {
    fn read(&mut self) -> Option<Result<RecordBatch>> {
        if self.broken {
            return None;
        }
        self.batches += 1;
        let (file, reader) = (&self.file, &mut self.reader);
        let mut read = || match reader {
            Reader::File(reader) => reader.next(),
            Reader::Stream(reader) => reader.next(),
        };
        let read =
            guarded(|| broken(file), || read().transpose().map_err(|error| file.unreadable(InputFormat::Ipc, error)));
        self.broken = read.is_err();
        read.transpose()
    }

    /// The next rows that are not left out.
    fn slice(&mut self) -> Option<Result<RecordBatch>> {
        while self.slices.is_empty() {
            let batch = match self.read()? {
                Ok(batch) => batch,
                error => return Some(error),
            };
            let skipped = self.skip.min(batch.num_rows() as u64);
            self.skip -= skipped;
            self.row += skipped;
            self.slices.refill(batch.slice(skipped as usize, batch.num_rows() - skipped as usize));
        }
        Some(self.slices.next(&self.file, self.row))
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
        let batch = match self.slice()? {
            Ok(batch) => batch,
            Err(error) => return Some(Err(error)),
        };
        let first_row = self.row;
        self.row += batch.num_rows() as u64;
        let (lines, texts, bytes_done) = (Vec::new(), BTreeMap::new(), self.bytes_done());
        Some(Ok(Piece { batch, first_row, lines, problems: Problems::all(), texts, bytes_done }))
    }
}
