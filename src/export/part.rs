//! One Parquet file of an export.

use std::fs::{self, File};
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::{max, min};
use arrow::datatypes::TimestampMicrosecondType;
use asofdb_storage::{Result, Scanned, Timestamp, fail_point};

use super::destination::Destination;
use super::manifest::ManifestFile;
use crate::files::table::TableWriter;
use crate::scan::{Rows, Selection};

/// The file of the `number`-th range: the names sort as the keys do.
pub(super) fn part_name(number: usize) -> String {
    format!("part-{number:05}.parquet")
}

/// A file that was written.
pub(super) struct Written {
    pub(super) file: ManifestFile,
    /// The first and the last event; `None` when it has no rows.
    pub(super) span: Option<(Timestamp, Timestamp)>,
}

/// A file being written, batch by batch.
pub(super) struct PartFile {
    destination: Arc<Destination>,
    path: String,
    writer: TableWriter<File>,
    rows: u64,
    span: Option<(Timestamp, Timestamp)>,
}

impl PartFile {
    /// Starts the file at `path` within the export's directory.
    pub(super) fn create(destination: &Arc<Destination>, path: String) -> Result<Self> {
        let file = File::create_new(destination.directory.join(&path));
        let file = file.map_err(|error| destination.cannot_write(error))?;
        let properties = destination.properties.clone();
        let writer = TableWriter::new(file, destination.schema.clone(), properties, destination.compression)
            .map_err(|error| destination.cannot_write(error))?;
        Ok(PartFile { destination: destination.clone(), path, writer, rows: 0, span: None })
    }

    /// Rows so far.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Adds rows, which come in the order of keys.
    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let events = batch.column(self.destination.event).as_primitive::<TimestampMicrosecondType>();
        let (Some(first), Some(last)) = (min(events), max(events)) else { return Ok(()) };
        let (first, last) = (Timestamp::from_micros(first), Timestamp::from_micros(last));
        self.span = Some(self.span.map_or((first, last), |(a, b)| (a.min(first), b.max(last))));
        self.rows += batch.num_rows() as u64;
        self.destination.wrote(batch.num_rows() as u64);
        self.writer.write(batch).map_err(|error| self.destination.cannot_write(error))
    }

    /// Closes the file.
    pub(super) fn finish(self) -> Result<Written> {
        let PartFile { destination, path, writer, rows, span } = self;
        fail_point("export file begun");
        writer.finish().map_err(|error| destination.cannot_write(error))?;
        let metadata = fs::metadata(destination.directory.join(&path));
        let bytes = metadata.map_err(|error| destination.cannot_write(error))?.len();
        Ok(Written { file: ManifestFile { path, rows, bytes }, span })
    }
}

/// A file being written, row by row. Rows come in the order of the scan.
pub(super) struct Part<'t> {
    file: PartFile,
    rows: Rows<'t>,
}

impl<'t> Part<'t> {
    /// Starts the file at `path` within the export's directory.
    pub(super) fn create(destination: &Arc<Destination>, selection: &'t Selection<'t>, path: String) -> Result<Self> {
        Ok(Part { file: PartFile::create(destination, path)?, rows: Rows::new(selection, usize::MAX) })
    }

    #[inline]
    pub(super) fn push(&mut self, scanned: Scanned<'_>) -> Result<()> {
        self.rows.push(scanned)?;
        if self.rows.is_full() { self.write_batch() } else { Ok(()) }
    }

    fn write_batch(&mut self) -> Result<()> {
        match self.rows.take()? {
            Some(batch) => self.file.write(&batch),
            None => Ok(()),
        }
    }

    /// Closes the file.
    pub(super) fn finish(mut self) -> Result<Written> {
        self.write_batch()?;
        self.file.finish()
    }
}
