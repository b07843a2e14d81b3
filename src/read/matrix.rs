//! Dense matrices of numbers: where a read puts them, and how an answer fills them.

use std::ops::Range;

pub use asofdb_storage::MatrixNumber;
use asofdb_storage::{Field, NumberWork, RecordRef, Result, Status, ValueType};

use crate::read::answer::Answer;
use crate::read::plan::ReadPlan;
use crate::read::record::Records;

/// Rows that are visited feature by feature before the next ones: few enough to stay in the first-level cache.
const BLOCK_ROWS: usize = 64;

/// The caller's matrix for an answer: row-major, one row an entity, one column a feature in the order asked.
#[derive(Debug)]
pub struct F32Matrix<'a> {
    /// Rows × features.
    pub values: &'a mut [f32],
    /// Rows × features, if the reasons for holes are wanted.
    pub statuses: Option<&'a mut [Status]>,
    /// The number that stands where there is neither a value nor a default; NaN is the usual choice.
    pub fill: f32,
}

impl Answer {
    /// Writes all values as numbers into a matrix of rows × features, row-major. A feature's default, or else `fill`,
    /// stands where a value is not `present`.
    ///
    /// # Errors
    /// `Invalid` when a feature is not a number or bool, or the matrix has another size.
    pub fn write_matrix<N: MatrixNumber>(&self, matrix: &mut [N], fill: N) -> Result<()> {
        let width = self.features();
        self.plan.output.check_matrix(self.rows(), matrix.len(), None)?;
        for start in (0..self.rows()).step_by(BLOCK_ROWS) {
            let rows = start..self.rows().min(start + BLOCK_ROWS);
            let block = &mut matrix[rows.start * width..rows.end * width];
            for feature in 0..width {
                let (records, field, default) = self.source(feature);
                let absent = default.and_then(N::of).unwrap_or(fill);
                let column = block[feature..].iter_mut().step_by(width);
                write_column(records, field, rows.clone(), absent, column);
            }
        }
        Ok(())
    }
}

/// Writes an answer that lies in records into the caller's matrix, which has its size.
pub(crate) fn write_records(plan: &ReadPlan, records: &[Records], rows: usize, matrix: &mut F32Matrix<'_>) {
    let (width, fills) = (plan.output.columns.len(), plan.output.fills(matrix.fill));
    for (feature, column) in plan.output.columns.iter().enumerate() {
        let (records, field) = (&records[column.slot.source], plan.sources.field(column.slot));
        let cells = matrix.values[feature.min(rows * width)..].iter_mut().step_by(width);
        write_column(records, field, 0..rows, fills[feature], cells);
        if let Some(statuses) = matrix.statuses.as_deref_mut() {
            let cells = statuses[feature.min(rows * width)..].iter_mut().step_by(width);
            cells.zip(records.iter(0..rows)).for_each(|(cell, record)| *cell = record.status(field));
        }
    }
}

/// Writes one field of some rows.
fn write_column<'m, N: MatrixNumber + 'm>(
    records: &'m Records,
    field: &Field,
    rows: Range<usize>,
    absent: N,
    column: impl Iterator<Item = &'m mut N>,
) {
    let ValueType::Scalar(ty) = field.ty else { return };
    N::work_on(ty, WriteCells { cells: column.zip(records.iter(rows)), field, absent });
}

/// The cells of a field to be written, each with its record.
struct WriteCells<'f, N, I> {
    cells: I,
    field: &'f Field,
    absent: N,
}

impl<'c, N: Copy + 'c, I: Iterator<Item = (&'c mut N, RecordRef<'c>)>> NumberWork<N> for WriteCells<'_, N, I> {
    type Output = ();

    fn run<const W: usize>(self, read: impl Fn([u8; W]) -> N) {
        for (cell, record) in self.cells {
            *cell = if record.is_present(self.field) { read(record.fixed(self.field)) } else { self.absent };
        }
    }
}
