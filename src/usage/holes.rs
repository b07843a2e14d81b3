//! The holes of an answer: its values that are not present, counted by column.

use std::cell::Cell;

use asofdb_storage::{PlannedRow, Result, RowPlan, Sink, Status, Timestamp};

use crate::read::plan::ReadPlan;
use crate::read::record::Records;

/// Values that are not present, by status: null, missing, expired.
pub type HoleCounts = [u64; 3];

thread_local! {
    /// The memory of the last holes of this thread: counting allocates nothing.
    static SPARE: Cell<Holes> = const { Cell::new(Holes { counts: Vec::new(), rows: Vec::new() }) };
}

/// The values of one answer that are not present. An answer without any costs a look at the header of its records.
#[derive(Debug, Default)]
pub struct Holes {
    /// By column, as far as there are holes.
    counts: Vec<HoleCounts>,
    /// By source of the plan, rows of which no column is present: one addition, however many columns a view has.
    rows: Vec<HoleCounts>,
}

/// The place of a status among the counts; `None` for what is present.
#[inline]
fn place(status: Status) -> Option<usize> {
    match status {
        Status::Present => None,
        Status::Null => Some(0),
        Status::Missing => Some(1),
        Status::Expired => Some(2),
    }
}

#[inline]
fn add(counts: &mut Vec<HoleCounts>, index: usize, status: Status, number: u64) {
    let Some(place) = place(status) else { return };
    if counts.len() <= index {
        counts.resize(index + 1, HoleCounts::default());
    }
    counts[index][place] += number;
}

impl Holes {
    /// No holes, in memory that is used again.
    pub(crate) fn new() -> Self {
        SPARE.take()
    }

    /// Counts values of a column; those that are present are no holes.
    #[inline]
    pub(crate) fn add(&mut self, column: usize, status: Status, values: u64) {
        add(&mut self.counts, column, status, values);
    }

    /// The holes that were counted elsewhere, each with its column.
    pub fn of(columns: &[(usize, HoleCounts)]) -> Self {
        let mut holes = Holes::new();
        for (column, counts) in columns {
            for (status, number) in [Status::Null, Status::Missing, Status::Expired].into_iter().zip(*counts) {
                if number > 0 {
                    holes.add(*column, status, number);
                }
            }
        }
        holes
    }

    /// Counts the columns of a source for rows of which none is present.
    #[inline]
    fn add_rows(&mut self, source: usize, status: Status, rows: u64) {
        add(&mut self.rows, source, status, rows);
    }

    /// Counts those of records, one list a source of the plan.
    pub(crate) fn add_records(&mut self, plan: &ReadPlan, records: &[Records], rows: usize) {
        self.add_records_of(plan, records, |_| true, rows);
    }

    /// Counts those of some of the records.
    pub(crate) fn add_records_of(
        &mut self,
        plan: &ReadPlan,
        records: &[Records],
        counts: impl Fn(usize) -> bool,
        rows: usize,
    ) {
        for (source, records) in records.iter().enumerate() {
            if records.are_complete(0..rows) {
                continue;
            }
            for (position, column) in plan.output.columns.iter().enumerate() {
                if column.slot.source == source {
                    let field = plan.sources.field(column.slot);
                    let counted = records.iter(0..rows).enumerate().filter(|(row, _)| counts(*row));
                    counted.for_each(|(_, record)| self.add(position, record.status(field), 1));
                }
            }
        }
    }

    /// Hands each column with holes on. The plan is that of the answer.
    pub fn each(mut self, plan: &ReadPlan, mut each: impl FnMut(usize, &HoleCounts)) {
        for (planned, rows) in plan.sources.list.iter().zip(&self.rows) {
            for (status, number) in [Status::Null, Status::Missing, Status::Expired].into_iter().zip(*rows) {
                if number > 0 {
                    planned.rows.outputs().iter().for_each(|column| add(&mut self.counts, *column, status, number));
                }
            }
        }
        let columns = self.counts.iter().enumerate();
        columns.filter(|(_, counts)| counts.iter().any(|count| *count > 0)).for_each(|(at, counts)| each(at, counts));
        self.counts.clear();
        self.rows.clear();
        SPARE.set(self);
    }
}

/// A sink that counts the holes of what it hands on, which is of one source.
pub(crate) struct Counting<'h, S> {
    pub(crate) sink: S,
    pub(crate) source: usize,
    pub(crate) holes: &'h mut Holes,
}

impl<S: Sink> Sink for Counting<'_, S> {
    fn missing(&mut self, plan: &RowPlan) {
        self.holes.add_rows(self.source, Status::Missing, 1);
        self.sink.missing(plan);
    }

    fn expired(&mut self, plan: &RowPlan, event: Timestamp) {
        self.holes.add_rows(self.source, Status::Expired, 1);
        self.sink.expired(plan, event);
    }

    #[inline]
    fn present(&mut self, row: &PlannedRow<'_, '_>, event: Timestamp) -> Result<()> {
        row.null_outputs().for_each(|output| self.holes.add(output, Status::Null, 1));
        self.sink.present(row, event)
    }
}
