//! The writer of a matrix read: found rows as floats in the caller's memory.

use std::borrow::Cow;

use asofdb_storage::{Floats, Found, Result, Sink, Status, Timestamp};

use crate::read::matrix::F32Matrix;
use crate::read::plan::ReadPlan;
use crate::read::sources::Sources;
use crate::rows::keys::EncodedKeys;
use crate::usage::holes::{Counting, Holes};

/// Writes answers into the caller's matrix. Each row that is found is written at the columns that show
/// its slots, so that no value is copied twice.
pub(super) struct MatrixWriter<'p, 'm> {
    sources: &'p Sources,
    width: usize,
    values: &'m mut [f32],
    statuses: Option<&'m mut [Status]>,
    /// By column: what stands in for its value.
    fills: Cow<'p, [f32]>,
}

impl<'p, 'm> MatrixWriter<'p, 'm> {
    pub(super) fn new(plan: &'p ReadPlan, rows: usize, matrix: &'m mut F32Matrix<'_>) -> Result<Self> {
        let output = &plan.output;
        output.check_matrix(rows, matrix.values.len(), matrix.statuses.as_ref().map(|statuses| statuses.len()))?;
        Ok(MatrixWriter {
            sources: &plan.sources,
            width: output.columns.len(),
            values: &mut *matrix.values,
            statuses: matrix.statuses.as_deref_mut(),
            fills: output.fills(matrix.fill),
        })
    }

    /// Entities with null keys are not looked up: nothing is known of them.
    pub(super) fn write_holes(&mut self, groups: &[EncodedKeys], rows: usize, mut counted: Option<&mut Holes>) {
        for (source, planned) in self.sources.list.iter().enumerate() {
            let group = &groups[planned.key_group];
            if group.has_holes() {
                let holes = (0..rows).filter(|row| group.get(*row).is_none());
                holes.for_each(|row| match counted.as_deref_mut() {
                    None => self.floats(row).missing(&planned.rows),
                    Some(holes) => Counting { sink: self.floats(row), source, holes }.missing(&planned.rows),
                });
            }
        }
    }

    #[inline]
    pub(super) fn write(&mut self, row: usize, view: usize, at: Timestamp, found: Option<Found<'_>>) -> Result<()> {
        let planned = &self.sources.list[view];
        planned.write(at, found, &mut self.floats(row))
    }

    /// Writes as [`write`](Self::write) does, and counts the values that are not present.
    #[inline]
    pub(super) fn write_counted(
        &mut self,
        (row, view): (usize, usize),
        at: Timestamp,
        found: Option<Found<'_>>,
        holes: &mut Holes,
    ) -> Result<()> {
        let planned = &self.sources.list[view];
        planned.write(at, found, &mut Counting { sink: self.floats(row), source: view, holes })
    }

    /// A row of the matrix.
    #[inline]
    fn floats(&mut self, row: usize) -> Floats<'_> {
        let cells = row * self.width..(row + 1) * self.width;
        Floats {
            statuses: self.statuses.as_deref_mut().map(|statuses| &mut statuses[cells.clone()]),
            values: &mut self.values[cells],
            fills: &self.fills,
        }
    }
}
