//! Computing derived features for the rows of a read or a join.

use asofdb_expression::{Batch, Column, ColumnBuffer, Computed, Nulls, Outcome, Scratch};
use asofdb_storage::{Date, RecordMut, Result, ScalarType, Status, Timestamp, ValueType};

use crate::derived::nulls::NullCounts;
use crate::derived::plan::{Derived, Step, StepInput};
use crate::derived::request_rows::RequestRows;
use crate::read::arena::Arena;
use crate::read::record::Records;
use crate::read::sources::Sources;

/// Rows that are computed at once: few enough to stay in the cache.
const ROWS_AT_A_TIME: usize = 1_024;

/// The times that rows are asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Times<'t> {
    /// One for all.
    One(Timestamp),
    /// One a row; where there is none, nothing is computed.
    Each(&'t [Option<Timestamp>]),
}

impl Times<'_> {
    fn of(self, row: usize) -> Option<Timestamp> {
        match self {
            Times::One(time) => Some(time),
            Times::Each(times) => times[row],
        }
    }
}

/// Computes the features of a stage into their records, from the other ones and the values of the request, and counts the
/// nulls that the expressions made themselves.
///
/// # Errors
/// `Corrupt` when a value cannot be read; `Unavailable` when there is no room for one.
pub(crate) fn compute(
    sources: &Sources,
    derived: &Derived,
    times: Times<'_>,
    request: &RequestRows,
    records: &mut [Records],
    rows: usize,
    counts: &NullCounts,
) -> Result<()> {
    for step in &derived.steps {
        let columns = step.program.inputs().iter().map(|input| ColumnBuffer::new(input.ty)).collect();
        let mut computing = Computing { sources, step, columns, now: Vec::new(), rows: Vec::new(), value: Vec::new() };
        let (mut scratch, mut nulls) = (Scratch::new(), Nulls::default());
        for start in (0..rows).step_by(ROWS_AT_A_TIME) {
            computing.gather(start..rows.min(start + ROWS_AT_A_TIME), times, request, records)?;
            nulls += computing.run(&mut scratch, &mut records[step.slot.source])?;
        }
        counts.add(&step.reference, nulls);
    }
    Ok(())
}

/// One step, with the rows that it is being computed for.
struct Computing<'p> {
    sources: &'p Sources,
    step: &'p Step,
    columns: Vec<ColumnBuffer>,
    now: Vec<i64>,
    /// The numbers of the rows.
    rows: Vec<usize>,
    value: Vec<u8>,
}

impl Computing<'_> {
    fn gather(
        &mut self,
        rows: std::ops::Range<usize>,
        times: Times<'_>,
        request: &RequestRows,
        records: &[Records],
    ) -> Result<()> {
        self.columns.iter_mut().for_each(ColumnBuffer::clear);
        self.now.clear();
        self.rows.clear();
        for (row, at) in rows.filter_map(|row| Some((row, times.of(row)?))) {
            self.now.push(at.as_micros());
            self.rows.push(row);
            for (input, column) in self.step.inputs.iter().zip(&mut self.columns) {
                match input {
                    StepInput::Request(number) => {
                        let value = request.get(*number, row);
                        let status = if value.is_some() { Status::Present } else { Status::Null };
                        column.push_stored(value, status, Some(at))?;
                    }
                    StepInput::Feature { slot, default } => {
                        let (field, records) = (self.sources.field(*slot), &records[slot.source]);
                        let record = records.get(row);
                        let status = record.status(field);
                        let is_present = status == Status::Present;
                        let value = if is_present { Some(records.bytes(row, field)) } else { default.as_deref() };
                        column.push_stored(value, status, record.event())?;
                    }
                }
            }
        }
        Ok(())
    }

    fn run(&mut self, scratch: &mut Scratch, records: &mut Records) -> Result<Nulls> {
        let columns: Vec<Column<'_>> = self.columns.iter().map(ColumnBuffer::column).collect();
        let outcome = self.step.program.evaluate(&Batch { now: &self.now, columns: &columns }, scratch)?;
        let field = *self.sources.field(self.step.slot);
        for (place, row) in self.rows.iter().enumerate() {
            let event = Timestamp::from_micros(outcome.events[place]);
            let mut record: RecordMut<'_, Arena> = records.get_mut(*row);
            match outcome.statuses[place] {
                Status::Present => {
                    record.begin(event, Status::Present);
                    self.value.clear();
                    let value = encode(&outcome, place, self.step.ty, &mut self.value);
                    record.put(&field, value.then_some(self.value.as_slice()))?;
                }
                Status::Null => {
                    record.begin(event, Status::Present);
                    record.put(&field, None)?;
                }
                // A row that is missing says so already.
                Status::Missing => {}
                Status::Expired => record.begin(event, Status::Expired),
            }
        }
        Ok(outcome.nulls)
    }
}

/// Appends a computed value as a row stores it; says whether there is one.
fn encode(outcome: &Outcome<'_>, place: usize, ty: ValueType, out: &mut Vec<u8>) -> bool {
    match (outcome.values, ty) {
        (Computed::Bool(values), _) => out.push(u8::from(values[place])),
        (Computed::Int(values), ValueType::Scalar(ScalarType::Int32)) => match i32::try_from(values[place]) {
            Ok(value) => out.extend_from_slice(&value.to_le_bytes()),
            Err(_) => return false,
        },
        (Computed::Int(values), ValueType::Scalar(ScalarType::Date)) => {
            match i32::try_from(values[place]).ok().and_then(Date::from_days) {
                Some(date) => out.extend_from_slice(&date.as_days().to_le_bytes()),
                None => return false,
            }
        }
        (Computed::Int(values), _) => out.extend_from_slice(&values[place].to_le_bytes()),
        (Computed::Float(values), ValueType::Scalar(ScalarType::Float32)) => {
            out.extend_from_slice(&(values[place] as f32).to_le_bytes());
        }
        (Computed::Float(values), _) => out.extend_from_slice(&values[place].to_le_bytes()),
        (Computed::Text { .. } | Computed::List { .. }, _) => match outcome.value(place, ty) {
            Some(value) => value.encode(out),
            None => return false,
        },
    }
    true
}
