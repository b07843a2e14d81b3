//! An export whose rows come as batches of columns: from another process, in the order of keys.

use std::sync::Arc;

use arrow::array::RecordBatch;
use asofdb_storage::{Error, Result, Timestamp};

use super::batch_partitions::BatchPartitions;
use super::destination::Destination;
use super::manifest::Manifest;
use super::options::ExportOptions;
use super::part::{PartFile, Written, part_name};
use super::{RANGE_VERSIONS_MAX, new_manifest};
use crate::files::output::OutputDirectory;
use crate::scan::ExportSchema;

/// An export whose rows come as batches, one after the other.
pub(crate) struct BatchExport<'o> {
    output: OutputDirectory,
    options: &'o ExportOptions,
    begun: Option<Begun>,
}

/// An export whose columns are known.
struct Begun {
    schema: ExportSchema,
    snapshot: Timestamp,
    files: Files,
}

/// The files being written.
enum Files {
    /// One after the other.
    Whole(Box<WholeFiles>),
    /// One a partition.
    Partitioned(BatchPartitions),
}

impl<'o> BatchExport<'o> {
    /// Prepares an export into a new directory.
    pub(crate) fn new(output: OutputDirectory, options: &'o ExportOptions) -> Self {
        BatchExport { output, options, begun: None }
    }

    /// Takes the columns, and the time of the state that is exported.
    ///
    /// # Errors
    /// `Unavailable` when the disk is full.
    pub(crate) fn begin(&mut self, schema: ExportSchema, snapshot: Timestamp) -> Result<()> {
        let destination = Arc::new(Destination::new(&self.output, &schema, self.options));
        let files = match self.options.partition_by {
            None => Files::Whole(Box::new(WholeFiles::create(destination)?)),
            Some(by) => Files::Partitioned(BatchPartitions::new(destination, by)),
        };
        self.begun = Some(Begun { schema, snapshot, files });
        Ok(())
    }

    /// Takes rows, which are of the columns and come in the order of keys.
    ///
    /// # Errors
    /// `Unavailable` when the disk is full; `Internal` before the columns.
    pub(crate) fn take(&mut self, batch: RecordBatch) -> Result<()> {
        match &mut self.begun.as_mut().ok_or_else(not_begun)?.files {
            Files::Whole(files) => files.write(&batch),
            Files::Partitioned(partitions) => partitions.push(batch),
        }
    }

    /// Writes the manifest of an export of `view`; the directory then appears.
    ///
    /// # Errors
    /// As [`BatchExport::take`]; nothing is left then.
    pub(crate) fn finish(self, view: &str) -> Result<Manifest> {
        let Begun { schema, snapshot, files } = self.begun.ok_or_else(not_begun)?;
        let files = match files {
            Files::Whole(files) => files.finish()?,
            Files::Partitioned(partitions) => partitions.finish()?,
        };
        let manifest = new_manifest(view, schema, snapshot, files, self.options);
        manifest.write(self.output.path(), self.output.target())?;
        self.output.finish()?;
        Ok(manifest)
    }
}

#[cold]
fn not_begun() -> Error {
    Error::internal("the rows of an export came without their columns")
}

/// One file after the other; one without rows when there are none.
struct WholeFiles {
    destination: Arc<Destination>,
    part: PartFile,
    written: Vec<Written>,
}

impl WholeFiles {
    fn create(destination: Arc<Destination>) -> Result<Self> {
        let part = PartFile::create(&destination, part_name(0))?;
        Ok(WholeFiles { destination, part, written: Vec::new() })
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        if self.part.rows() >= RANGE_VERSIONS_MAX {
            let next = PartFile::create(&self.destination, part_name(self.written.len() + 1))?;
            self.written.push(std::mem::replace(&mut self.part, next).finish()?);
        }
        self.part.write(batch)
    }

    fn finish(mut self) -> Result<Vec<Written>> {
        self.written.push(self.part.finish()?);
        Ok(self.written)
    }
}
