//! What the threads of one export share, and the work of one of them.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arrow::datatypes::SchemaRef;
use asofdb_storage::row::{self, RowKind};
use asofdb_storage::{FeatureView, KeyRange, Result, Scanned, Snapshot, Timestamp};
use parquet::file::properties::WriterProperties;

use super::options::PartitionBy;
use super::part::{Part, Written};
use super::partitions::Partitions;
use crate::record::RecordLayout;

/// Versions scanned between two looks at the shared counts.
const COUNT_EVERY: u64 = 1024;

/// What the threads of an export share.
pub(super) struct Task<'s> {
    pub(super) snapshot: &'s dyn Snapshot,
    pub(super) view: &'s FeatureView,
    /// The time asked about; `None`: every version in `events`.
    pub(super) as_of: Option<Timestamp>,
    pub(super) from: Option<Timestamp>,
    pub(super) to: Option<Timestamp>,
    pub(super) layout: RecordLayout,
    pub(super) schema: SchemaRef,
    pub(super) properties: WriterProperties,
    pub(super) partition_by: Option<PartitionBy>,
    /// Where the files are written, and what that directory will be called.
    pub(super) directory: &'s Path,
    pub(super) target: &'s Path,
    pub(super) counts: Counts,
}

/// How far all threads have come together.
#[derive(Default)]
pub(super) struct Counts {
    scanned: AtomicU64,
    written: AtomicU64,
    stopped: AtomicBool,
}

impl Counts {
    pub(super) fn scanned(&self) -> u64 {
        self.scanned.load(Ordering::Relaxed)
    }

    pub(super) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    pub(super) fn wrote(&self, rows: u64) {
        self.written.fetch_add(rows, Ordering::Relaxed);
    }

    /// Asks the other threads to stop, because one has failed.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}

impl Task<'_> {
    /// Exports the rows of one range of keys, the `number`-th; stops early, with what there is, when another thread
    /// has failed.
    pub(super) fn run(&self, number: usize, range: &KeyRange) -> Result<Vec<Written>> {
        let mut scan = self.snapshot.scan(self.view, range)?;
        let mut sink = Sink::new(self, number);
        let mut picker = Picker::default();
        let mut uncounted = 0;
        while let Some(scanned) = scan.next()? {
            uncounted += 1;
            if uncounted == COUNT_EVERY {
                self.counts.scanned.fetch_add(uncounted, Ordering::Relaxed);
                uncounted = 0;
                if self.counts.is_stopped() {
                    return Ok(Vec::new());
                }
            }
            if picker.picks(self, scanned)? {
                sink.push(scanned)?;
            }
        }
        self.counts.scanned.fetch_add(uncounted, Ordering::Relaxed);
        sink.finish()
    }
}

/// Chooses the versions that were asked for.
#[derive(Default)]
struct Picker {
    /// The entity whose version as of the time asked has been found.
    answered: Option<Vec<u8>>,
}

impl Picker {
    #[inline]
    fn picks(&mut self, task: &Task<'_>, scanned: Scanned<'_>) -> Result<bool> {
        let event = scanned.version.event;
        let Some(at) = task.as_of else {
            return Ok(task.from.is_none_or(|from| from <= event) && task.to.is_none_or(|to| event < to));
        };
        if event > at || self.answered.as_deref() == Some(scanned.key) {
            return Ok(false);
        }
        let answered = self.answered.get_or_insert_default();
        answered.clear();
        answered.extend_from_slice(scanned.key);
        Ok(row::kind(scanned.row)? != RowKind::Tombstone)
    }
}

/// Where the rows of one range go.
enum Sink<'t> {
    /// Into one file, which is created with its first row.
    One { task: &'t Task<'t>, number: usize, part: Option<Box<Part<'t>>> },
    /// Into one file a partition.
    Partitions(Partitions<'t>),
}

impl<'t> Sink<'t> {
    fn new(task: &'t Task<'t>, number: usize) -> Self {
        match task.partition_by {
            None => Sink::One { task, number, part: None },
            Some(by) => Sink::Partitions(Partitions::new(task, by, number)),
        }
    }

    #[inline]
    fn push(&mut self, scanned: Scanned<'_>) -> Result<()> {
        match self {
            Sink::One { part: Some(part), .. } => part.push(scanned),
            Sink::One { task, number, part } => {
                part.insert(Box::new(Part::create(task, part_name(*number))?)).push(scanned)
            }
            Sink::Partitions(partitions) => partitions.push(scanned),
        }
    }

    fn finish(self) -> Result<Vec<Written>> {
        match self {
            Sink::One { part, .. } => part.into_iter().map(|part| part.finish()).collect(),
            Sink::Partitions(partitions) => partitions.finish(),
        }
    }
}

/// The file of the `number`-th range: the names sort as the keys do.
pub(super) fn part_name(number: usize) -> String {
    format!("part-{number:05}.parquet")
}
