//! Batches whose rows are sorted into directories by event time.
//!
//! Whole batches wait in memory; when they are too many, they are cut by partition, all at once, and move to a
//! temporary file. At the end each partition is read back and becomes one file.

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
use super::options::PartitionBy;
use super::part::{PartFile, Written, part_name};
use super::spill::{Place, Spill, WAITING_BYTES_MAX};
use crate::rows::types::batch_bytes;

/// The rows of batches, by partition.
pub(super) struct BatchPartitions {
    destination: Arc<Destination>,
    by: PartitionBy,
    waiting: Vec<RecordBatch>,
    waiting_bytes: usize,
    /// The rows that moved to the temporary file, in the order of keys, by first moment of the partition.
    spilled: BTreeMap<Timestamp, Vec<Place>>,
    spill: Option<Spill>,
}

impl BatchPartitions {
    pub(super) fn new(destination: Arc<Destination>, by: PartitionBy) -> Self {
        BatchPartitions {
            destination,
            by,
            waiting: Vec::new(),
            waiting_bytes: 0,
            spilled: BTreeMap::new(),
            spill: None,
        }
    }

    pub(super) fn push(&mut self, batch: RecordBatch) -> Result<()> {
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
    pub(super) fn finish(mut self) -> Result<Vec<Written>> {
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
