//! An export whose rows come as batches of columns: from another process, in the order of keys.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch, UInt32Array};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::TimestampMicrosecondType;
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use asofdb_storage::{Error, Result, Timestamp};

use super::destination::Destination;
use super::manifest::Manifest;
use super::options::{ExportOptions, PartitionBy};
use super::part::{PartFile, Written, part_name};
use super::spill::{Place, Spill, WAITING_BYTES_MAX};
use super::{RANGE_VERSIONS_MAX, new_manifest};
use crate::files::output::OutputDirectory;
use crate::rows::types::batch_bytes;
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
    Partitioned(Partitions),
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
            Some(by) => Files::Partitioned(Partitions::new(destination, by)),
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

/// Batches that are sorted into directories by event time. Whole batches wait in memory; when they are too many, they
/// are cut by partition, all at once, and move to a temporary file.
struct Partitions {
    destination: Arc<Destination>,
    by: PartitionBy,
    waiting: Vec<RecordBatch>,
    waiting_bytes: usize,
    /// The rows that moved to the temporary file, in the order of keys, by first moment of the partition.
    spilled: BTreeMap<Timestamp, Vec<Place>>,
    spill: Option<Spill>,
}

impl Partitions {
    fn new(destination: Arc<Destination>, by: PartitionBy) -> Self {
        Partitions { destination, by, waiting: Vec::new(), waiting_bytes: 0, spilled: BTreeMap::new(), spill: None }
    }

    fn push(&mut self, batch: RecordBatch) -> Result<()> {
        self.waiting_bytes += batch_bytes(&batch);
        self.waiting.push(batch);
        if self.waiting_bytes >= WAITING_BYTES_MAX { self.spill() } else { Ok(()) }
    }

    fn spill(&mut self) -> Result<()> {
        for (start, rows) in self.cut()? {
            let spill = match &mut self.spill {
                Some(spill) => spill,
                None => self.spill.insert(Spill::new(&self.destination)?),
            };
            self.spilled.entry(start).or_default().push(spill.append(&encode(&rows)?)?);
        }
        Ok(())
    }

    /// The rows that wait, by partition; none wait any more.
    fn cut(&mut self) -> Result<BTreeMap<Timestamp, RecordBatch>> {
        let waiting = std::mem::take(&mut self.waiting);
        self.waiting_bytes = 0;
        let rows = concat_batches(&self.destination.schema, &waiting).map_err(internal)?;
        drop(waiting);
        let mut indices: BTreeMap<Timestamp, Vec<u32>> = BTreeMap::new();
        let events = rows.column(self.destination.event).as_primitive::<TimestampMicrosecondType>();
        for (row, event) in (0..).zip(events.values()) {
            indices.entry(self.by.start(Timestamp::from_micros(*event))?).or_default().push(row);
        }
        let take = |(start, indices)| {
            let rows = take_record_batch(&rows, &UInt32Array::from(indices)).map_err(internal)?;
            Ok((start, rows))
        };
        indices.into_iter().map(take).collect()
    }

    /// Writes the file of each partition.
    fn finish(mut self) -> Result<Vec<Written>> {
        let mut last = self.cut()?;
        let starts: BTreeSet<Timestamp> = self.spilled.keys().chain(last.keys()).copied().collect();
        let mut written = Vec::new();
        let mut run = Vec::new();
        for start in starts {
            let directory = self.by.directory(start)?;
            self.destination.create_directory(&directory)?;
            let mut part = PartFile::create(&self.destination, format!("{directory}/{}", part_name(0)))?;
            for place in self.spilled.remove(&start).unwrap_or_default() {
                if let Some(spill) = &self.spill {
                    spill.read(place, &mut run)?;
                }
                decode(&run, |batch| part.write(&batch))?;
            }
            last.remove(&start).map_or(Ok(()), |rows| part.write(&rows))?;
            written.push(part.finish()?);
        }
        Ok(written)
    }
}

fn encode(batch: &RecordBatch) -> Result<Vec<u8>> {
    let mut writer = StreamWriter::try_new(Vec::new(), batch.schema_ref()).map_err(internal)?;
    writer.write(batch).map_err(internal)?;
    writer.into_inner().map_err(internal)
}

fn decode(run: &[u8], mut take: impl FnMut(RecordBatch) -> Result<()>) -> Result<()> {
    StreamReader::try_new(run, None).map_err(internal)?.try_for_each(|batch| take(batch.map_err(internal)?))
}

fn internal(error: ArrowError) -> Error {
    Error::internal("cannot sort the rows of an export into partitions").with_source(error)
}
