//! Sources of rows: Parquet, Arrow IPC, CSV and NDJSON, all read the same way: as batches, in bounded
//! memory.
//!
//! Parquet and Arrow say what their columns are. CSV and NDJSON are text: a column named in the *hint* is read
//! as what the hint says; the others are carried along as they are written.

mod cell;
mod column;
mod csv;
mod decimal;
mod delimiter;
mod file;
mod format;
mod infer;
mod ipc;
mod ipc_check;
mod json;
mod json_records;
mod lines;
mod ndjson;
mod objects;
mod parquet;
mod parquet_chunks;
mod parquet_page;
mod parquet_rows;
mod piece;
mod record;
mod request;
mod slices;
mod text_options;

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use asofdb_storage::{Error, Result};

pub use self::cell::NO_TIME_MICROS;
pub use self::delimiter::Delimiter;
pub(crate) use self::file::SourceFile;
pub use self::format::InputFormat;
pub use self::objects::ObjectRows;
use self::piece::Pieces;
pub(crate) use self::piece::{PIECE_ROWS_MAX, Piece};
pub use self::request::{RequestRows, request_batch, request_column, value_column};
pub use self::text_options::TextOptions;
use crate::definitions::suggest::did_you_mean;
use crate::rows::named::find_column;

/// A file of rows that has been looked at: its columns are known. It can be read any number of times.
#[derive(Debug, Clone)]
pub struct Source {
    file: Arc<SourceFile>,
    content: Content,
    schema: SchemaRef,
    /// Positions of the columns to read, ascending; `None`: all.
    columns: Option<Vec<usize>>,
    skip: u64,
}

#[derive(Debug, Clone)]
enum Content {
    Parquet(parquet::ParquetContent),
    Ipc(ipc::IpcContent),
    Csv(csv::CsvContent),
    Ndjson(ndjson::NdjsonContent),
}

impl Source {
    /// Opens a file. Its format is what its name ends in, unless `format` says.
    ///
    /// # Errors
    /// `NotFound` when there is no such file; `Invalid` when it is empty, a directory, its format is not known or the
    /// options do not suit it; `Corrupt` when it is cut short or not of its format.
    pub fn open(path: impl AsRef<Path>, format: Option<InputFormat>, options: TextOptions<'_>) -> Result<Self> {
        let path = path.as_ref();
        let format = format.map_or_else(|| InputFormat::of(path), Ok)?;
        let file = SourceFile::open(path)?;
        let of_name = (format == InputFormat::Csv).then(|| Delimiter::of(path));
        Source::of_file(file, format, TextOptions { delimiter: options.delimiter.or(of_name), ..options })
    }

    /// Takes everything from `reader`, such as the standard input, which is called `name` in messages.
    ///
    /// It is first copied into a temporary file, because input is read more than once and Parquet from its
    /// end: the directory for temporary files (`TMPDIR`) must have room for it.
    ///
    /// # Errors
    /// As [`Source::open`]; `Unavailable` when it cannot be copied.
    pub fn read(reader: impl Read, name: &str, format: InputFormat, options: TextOptions<'_>) -> Result<Self> {
        Source::of_file(SourceFile::spool(name, reader)?, format, options)
    }

    /// Opens a file that is open already, which is called `name` in messages.
    ///
    /// # Errors
    /// As [`Source::open`].
    pub fn of_open_file(name: &str, file: File, format: InputFormat, options: TextOptions<'_>) -> Result<Self> {
        Source::of_file(SourceFile::new(name.to_owned(), file)?, format, options)
    }

    fn of_file(file: SourceFile, format: InputFormat, options: TextOptions<'_>) -> Result<Self> {
        let file = Arc::new(file);
        if options.delimiter.is_some() && format != InputFormat::Csv {
            let (name, format) = (file.name(), format.title());
            return Err(Error::invalid(format!("a delimiter is for CSV, and file {name} is {format}")));
        }
        let (content, schema) = match format {
            InputFormat::Parquet => {
                let content = parquet::ParquetContent::open(&file)?;
                let schema = content.schema();
                (Content::Parquet(content), schema)
            }
            InputFormat::Ipc => {
                let (content, schema) = ipc::IpcContent::open(&file)?;
                (Content::Ipc(content), schema)
            }
            InputFormat::Csv => {
                let (content, schema) = csv::CsvContent::open(&file, options)?;
                (Content::Csv(content), schema)
            }
            InputFormat::Ndjson => {
                let (content, schema) = ndjson::NdjsonContent::open(&file, options)?;
                (Content::Ndjson(content), schema)
            }
        };
        Ok(Source { file, content, schema, columns: None, skip: 0 })
    }

    /// The columns that are read.
    pub fn schema(&self) -> SchemaRef {
        match &self.columns {
            Some(columns) => {
                let fields: Vec<_> = columns.iter().map(|column| self.schema.fields()[*column].clone()).collect();
                Arc::new(Schema::new_with_metadata(fields, self.schema.metadata().clone()))
            }
            None => self.schema.clone(),
        }
    }

    /// Returns the number of rows of the file, where it says so (Parquet).
    pub fn rows_total(&self) -> Option<u64> {
        match &self.content {
            Content::Parquet(content) => Some(content.rows()),
            _ => None,
        }
    }

    /// Bytes of the file.
    pub fn bytes_total(&self) -> u64 {
        self.file.len()
    }

    /// The name for messages: the path in quotes, or what the reader was called.
    pub fn name(&self) -> &str {
        self.file.name()
    }

    /// The file itself.
    pub(crate) fn file(&self) -> &Arc<SourceFile> {
        &self.file
    }

    /// Reads only these columns, in the order of the file. Parquet decodes no others.
    ///
    /// # Errors
    /// `Invalid` when the file has no such column.
    pub fn project(&mut self, names: &[&str]) -> Result<()> {
        let mut columns = names.iter().map(|name| self.position(name)).collect::<Result<Vec<_>>>()?;
        columns.sort_unstable();
        columns.dedup();
        self.columns = Some(columns);
        Ok(())
    }

    fn position(&self, name: &str) -> Result<usize> {
        let found = find_column(&self.schema, name);
        let found = found.map_err(|error| Error::invalid(format!("file {}: {}", self.name(), error.message())))?;
        found.ok_or_else(|| {
            let hint = did_you_mean(name, self.schema.fields().iter().map(|field| field.name().as_str()));
            Error::invalid(format!("file {} has no column {name:?}{hint}", self.name()))
        })
    }

    /// Begins after the first `rows` rows. Parquet does not read them.
    pub fn skip_rows(&mut self, rows: u64) {
        self.skip = rows;
    }

    /// The rows, batch by batch. A cell that cannot be read ends them with an error that names it.
    ///
    /// # Errors
    /// `Corrupt` when the file cannot be read as what it was when it was opened.
    pub fn batches(&self) -> Result<Batches> {
        Ok(Batches { pieces: self.pieces()?, bytes_done: 0 })
    }

    /// The rows with what could not be read of them.
    pub(crate) fn pieces(&self) -> Result<CheckedPieces> {
        let all = || (0..self.schema.fields().len()).collect();
        let columns = self.columns.clone().unwrap_or_else(all);
        let pieces: Box<dyn Pieces> = match &self.content {
            Content::Parquet(content) => Box::new(content.pieces(&self.file, columns, self.skip)?),
            Content::Ipc(content) => Box::new(content.pieces(&self.file, columns, self.skip)?),
            Content::Csv(content) => Box::new(content.pieces(&self.file, &columns, self.skip)?),
            Content::Ndjson(content) => Box::new(content.pieces(&self.file, &columns, self.skip)?),
        };
        Ok(CheckedPieces { file: self.file.clone(), pieces, ended: false })
    }
}

/// Pieces up to the first error, or to the end of a file that nobody changed meanwhile.
pub(crate) struct CheckedPieces {
    file: Arc<SourceFile>,
    pieces: Box<dyn Pieces>,
    ended: bool,
}

impl Iterator for CheckedPieces {
    type Item = Result<Piece>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.pieces.next().or_else(|| self.file.check_unchanged().err().map(Err));
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}

/// The rows of a [`Source`].
pub struct Batches {
    pieces: CheckedPieces,
    bytes_done: u64,
}

impl Batches {
    /// Returns the bytes of the file that have been read, for progress; an estimate where the format does not tell.
    pub fn bytes_done(&self) -> u64 {
        self.bytes_done
    }
}

impl Iterator for Batches {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let piece = match self.pieces.next()? {
            Ok(piece) => piece,
            Err(error) => return Some(Err(error)),
        };
        self.bytes_done = piece.bytes_done;
        let batch = piece.into_batch(self.pieces.file.name());
        self.pieces.ended |= batch.is_err();
        Some(batch)
    }
}

impl std::fmt::Debug for Batches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batches").field("file", &self.pieces.file.name()).finish_non_exhaustive()
    }
}
