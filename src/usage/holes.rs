//! The holes of an answer: its values that are not present, counted by column.

use std::cell::Cell;

use asofdb_storage::{PlannedRow, Result, RowPlan, Sink, Status, Timestamp};

use crate::read::plan::ReadPlan;
use crate::read::record::Records;

/// Values that are not present, by status: null, missing, expired.
pub(crate) type HoleCounts = [u64; 3];

thread_local! {
    /// The memory of the last holes of this thread: counting allocates nothing.
    static SPARE: Cell<Vec<HoleCounts>> = const { Cell::new(Vec::new()) };
}

/// The values of one answer that are not present. An answer without any costs a look at the header of its records.
#[derive(Debug)]
pub(crate) struct Holes {
    /// By column, as far as there are holes.
    counts: Vec<HoleCounts>,
}

impl Holes {
    pub(crate) fn new() -> Self {
        Holes { counts: SPARE.take() }
    }

    /// Counts values of a column; those that are present are no holes.
    #[inline]
    pub(crate) fn add(&mut self, column: usize, status: Status, values: u64) {
        let place = match status {
            Status::Present => return,
            Status::Null => 0,
            Status::Missing => 1,
            Status::Expired => 2,
        };
        if self.counts.len() <= column {
            self.counts.resize(column + 1, HoleCounts::default());
        }
        self.counts[column][place] += values;
    }

    /// Counts those of records, one list a source of the plan.
    pub(crate) fn add_records(&mut self, plan: &ReadPlan, records: &[Records], rows: usize) {
        for (source, records) in records.iter().enumerate() {
            if records.are_complete(0..rows) {
                continue;
            }
            for (position, column) in plan.output.columns.iter().enumerate() {
                if column.slot.source == source {
                    let field = plan.sources.field(column.slot);
                    records.iter(0..rows).for_each(|record| self.add(position, record.status(field), 1));
                }
            }
        }
    }

    /// Hands each column with holes on.
    pub(crate) fn each(mut self, mut each: impl FnMut(usize, &HoleCounts)) {
        let columns = self.counts.iter().enumerate();
        columns.filter(|(_, counts)| counts.iter().any(|count| *count > 0)).for_each(|(at, counts)| each(at, counts));
        self.counts.clear();
        SPARE.set(self.counts);
    }
}

/// A sink that counts the holes of what it hands on, by the outputs of plans.
pub(crate) struct Counting<'h, S> {
    pub(crate) sink: S,
    pub(crate) holes: &'h mut Holes,
}

impl<S: Sink> Sink for Counting<'_, S> {
    fn missing(&mut self, plan: &RowPlan) {
        plan.outputs().iter().for_each(|output| self.holes.add(*output, Status::Missing, 1));
        self.sink.missing(plan);
    }

    fn expired(&mut self, plan: &RowPlan, event: Timestamp) {
        plan.outputs().iter().for_each(|output| self.holes.add(*output, Status::Expired, 1));
        self.sink.expired(plan, event);
    }

    #[inline]
    fn present(&mut self, row: &PlannedRow<'_, '_>, event: Timestamp) -> Result<()> {
        row.null_outputs().for_each(|output| self.holes.add(output, Status::Null, 1));
        self.sink.present(row, event)
    }
}
