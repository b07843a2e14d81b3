//! The writer of a matrix read: found rows as floats in the caller's memory.

use std::borrow::Cow;

use asofdb_storage::{Found, Result, Status, Timestamp};

use crate::read::matrix::F32Matrix;
use crate::read::plan::ReadPlan;
use crate::rows::keys::EncodedKeys;

/// Writes answers into the caller's matrix.
pub(super) struct MatrixWriter<'p, 'm> {
    plan: &'p ReadPlan,
    width: usize,
    values: &'m mut [f32],
    statuses: Option<&'m mut [Status]>,
    /// The number that stands in for each feature, view by view.
    fills: Cow<'p, [Vec<f32>]>,
    scratch: Vec<f32>,
    scratch_statuses: Vec<Status>,
}

impl<'p, 'm> MatrixWriter<'p, 'm> {
    pub(super) fn new(plan: &'p ReadPlan, rows: usize, matrix: &'m mut F32Matrix<'_>) -> Result<Self> {
        let width = plan.features.len();
        plan.check_matrix(rows, matrix.values.len(), matrix.statuses.as_ref().map(|statuses| statuses.len()))?;
        Ok(MatrixWriter {
            plan,
            width,
            values: &mut *matrix.values,
            statuses: matrix.statuses.as_deref_mut(),
            fills: fills(plan, matrix.fill),
            scratch: Vec::new(),
            scratch_statuses: Vec::new(),
        })
    }

    /// Entities with null keys are not looked up: nothing is known of them.
    pub(super) fn write_holes(&mut self, groups: &[EncodedKeys], rows: usize) {
        for (view, planned) in self.plan.views.iter().enumerate() {
            let group = &groups[planned.key_group];
            if !group.has_holes() {
                continue;
            }
            (0..rows).filter(|row| group.get(*row).is_none()).for_each(|row| self.fill(row, view, Status::Missing));
        }
    }

    pub(super) fn write(&mut self, row: usize, view: usize, at: Timestamp, found: Option<Found<'_>>) -> Result<()> {
        let planned = &self.plan.views[view];
        let Some(found) = found else {
            self.fill(row, view, Status::Missing);
            return Ok(());
        };
        if planned.view.is_expired(found.version.event, at) {
            let deleted = planned.projection.open(found.row)?.is_none();
            self.fill(row, view, if deleted { Status::Missing } else { Status::Expired });
            return Ok(());
        }
        let read = match planned.contiguous {
            Some(start) => self.read_in_place(row, view, start, found)?,
            None => self.read_scattered(row, view, found)?,
        };
        if !read {
            self.fill(row, view, Status::Missing);
        }
        Ok(())
    }

    fn read_in_place(&mut self, row: usize, view: usize, start: usize, found: Found<'_>) -> Result<bool> {
        let planned = &self.plan.views[view];
        let first = row * self.width + start;
        let cells = first..first + planned.outputs.len();
        let statuses = self.statuses.as_deref_mut().map(|statuses| &mut statuses[cells.clone()]);
        planned.projection.read_f32(found.row, &self.fills[view], &mut self.values[cells], statuses)
    }

    /// Reads features that other views' lie between.
    fn read_scattered(&mut self, row: usize, view: usize, found: Found<'_>) -> Result<bool> {
        let planned = &self.plan.views[view];
        self.scratch.resize(planned.outputs.len(), 0.0);
        self.scratch_statuses.resize(planned.outputs.len(), Status::Missing);
        let statuses = Some(&mut self.scratch_statuses[..]);
        if !planned.projection.read_f32(found.row, &self.fills[view], &mut self.scratch, statuses)? {
            return Ok(false);
        }
        for (n, output) in planned.outputs.iter().enumerate() {
            let cell = row * self.width + output;
            self.values[cell] = self.scratch[n];
            if let Some(statuses) = self.statuses.as_deref_mut() {
                statuses[cell] = self.scratch_statuses[n];
            }
        }
        Ok(true)
    }

    fn fill(&mut self, row: usize, view: usize, status: Status) {
        for (fill, output) in self.fills[view].iter().zip(&self.plan.views[view].outputs) {
            let cell = row * self.width + output;
            self.values[cell] = *fill;
            if let Some(statuses) = self.statuses.as_deref_mut() {
                statuses[cell] = status;
            }
        }
    }
}

/// Returns the number that stands in for each feature, view by view: its default or the fill. A fill of NaN is
/// prepared.
fn fills(plan: &ReadPlan, fill: f32) -> Cow<'_, [Vec<f32>]> {
    if fill.is_nan() {
        return Cow::Borrowed(&plan.fills);
    }
    let of = |value: &f32| if value.is_nan() { fill } else { *value };
    Cow::Owned(plan.fills.iter().map(|fills| fills.iter().map(of).collect()).collect())
}
