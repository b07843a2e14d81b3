//! The state that the threads of one export share, and the work of one of them.

use std::sync::Arc;

use asofdb_storage::{KeyRange, Result, Scanned, Snapshot};

use super::destination::Destination;
use super::options::PartitionBy;
use super::part::{Part, Written, part_name};
use super::row_partitions::RowPartitions;
use crate::scan::{Counts, Selection};

/// State that the threads of an export share.
pub(super) struct Task<'s> {
    pub(super) snapshot: &'s dyn Snapshot,
    pub(super) selection: Selection<'s>,
    pub(super) destination: Arc<Destination>,
    pub(super) partition_by: Option<PartitionBy>,
    pub(super) counts: Counts,
}

impl Task<'_> {
    /// Exports the rows of one range of keys, the `number`-th; stops early, with what there is, when another thread
    /// has failed.
    pub(super) fn run(&self, number: usize, range: &KeyRange) -> Result<Vec<Written>> {
        let mut files = RangeFiles::new(self, number);
        let finished = self.selection.each_row(self.snapshot, range, &self.counts, |scanned| {
            files.push(scanned)?;
            Ok(true)
        })?;
        if finished { files.finish() } else { Ok(Vec::new()) }
    }
}

/// The files of one range.
enum RangeFiles<'t> {
    /// One file, which is created with its first row.
    One { task: &'t Task<'t>, number: usize, part: Option<Box<Part<'t>>> },
    /// One file a partition.
    Partitioned(RowPartitions<'t>),
}

impl<'t> RangeFiles<'t> {
    fn new(task: &'t Task<'t>, number: usize) -> Self {
        match task.partition_by {
            None => RangeFiles::One { task, number, part: None },
            Some(by) => RangeFiles::Partitioned(RowPartitions::new(
                &task.destination,
                &task.selection,
                &task.counts,
                by,
                number,
            )),
        }
    }

    #[inline]
    fn push(&mut self, scanned: Scanned<'_>) -> Result<()> {
        match self {
            RangeFiles::One { part: Some(part), .. } => part.push(scanned),
            RangeFiles::One { task, number, part } => part
                .insert(Box::new(Part::create(&task.destination, &task.selection, part_name(*number))?))
                .push(scanned),
            RangeFiles::Partitioned(partitions) => partitions.push(scanned),
        }
    }

    fn finish(self) -> Result<Vec<Written>> {
        match self {
            RangeFiles::One { part, .. } => part.into_iter().map(|part| part.finish()).collect(),
            RangeFiles::Partitioned(partitions) => partitions.finish(),
        }
    }
}
