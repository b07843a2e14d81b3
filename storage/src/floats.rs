//! The sink of numbers: rows as floats, in one row of a dense matrix.

use crate::error::Result;
use crate::number::{MatrixNumber, NumberWork};
use crate::row_plan::{PlannedRow, RowPlan};
use crate::sink::Sink;
use crate::status::Status;
use crate::time::Timestamp;

/// One row of a matrix of floats, to which the rows of one or more views are written.
///
/// Each feature is written at its [output](RowPlan::outputs); cells that are no output of the plan stay as they are,
/// and so do the outputs of features that are no numbers. All slices have a cell for every output.
#[derive(Debug)]
pub struct Floats<'a> {
    /// The destination of the numbers: bool as 0 and 1, wider numbers rounded to the nearest `f32`.
    pub values: &'a mut [f32],
    /// The destination of the reasons for holes, if they are wanted.
    pub statuses: Option<&'a mut [Status]>,
    /// The numbers that stand in for values that are not present.
    pub fills: &'a [f32],
}

impl Floats<'_> {
    #[inline]
    fn fill(&mut self, output: usize, status: Status) {
        self.values[output] = self.fills[output];
        if let Some(statuses) = self.statuses.as_deref_mut() {
            statuses[output] = status;
        }
    }
}

impl Sink for Floats<'_> {
    fn missing(&mut self, plan: &RowPlan) {
        plan.outputs().iter().for_each(|output| self.fill(*output, Status::Missing));
    }

    fn expired(&mut self, plan: &RowPlan, _event: Timestamp) {
        plan.outputs().iter().for_each(|output| self.fill(*output, Status::Expired));
    }

    #[inline]
    fn present(&mut self, row: &PlannedRow<'_, '_>, _event: Timestamp) -> Result<()> {
        for run in row.float_runs() {
            let outputs = run.output..run.output + run.len;
            if let Some(statuses) = self.statuses.as_deref_mut() {
                statuses[outputs.clone()].fill(Status::Present);
            }
            f32::work_on(run.ty, ReadRun { bytes: &row.bytes()[run.offset..], out: &mut self.values[outputs] });
        }
        if row.may_have_nulls() {
            row.nulls().for_each(|feature| self.fill(row.plan().outputs()[feature], Status::Null));
        }
        Ok(())
    }
}

/// A run being read from `bytes`, where it begins.
struct ReadRun<'a> {
    bytes: &'a [u8],
    out: &'a mut [f32],
}

impl NumberWork<f32> for ReadRun<'_> {
    type Output = ();

    #[inline]
    fn run<const W: usize>(self, read: impl Fn([u8; W]) -> f32) {
        let bytes = &self.bytes[..self.out.len() * W];
        for (out, bytes) in self.out.iter_mut().zip(bytes.as_chunks::<W>().0) {
            *out = read(*bytes);
        }
    }
}
