//! Dense matrices of numbers: where a read puts them, and how an answer fills them.

use std::ops::Range;

use asofdb_storage::{Result, ScalarType, Status, Value, ValueType};

use crate::read::answer::Answer;
use crate::read::record::{Field, Record, Records};

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

/// A matrix's number: `f32`, or `f64` where whole numbers beyond 2^24 or float64 values must keep their digits.
pub trait MatrixNumber: Copy + sealed::FromStored {}

impl MatrixNumber for f32 {}
impl MatrixNumber for f64 {}

mod sealed {
    /// A number made from any that is stored; one that is wider is rounded to the nearest.
    pub trait FromStored: Sized {
        fn from_bool(value: u8) -> Self;
        fn from_i32(value: i32) -> Self;
        fn from_i64(value: i64) -> Self;
        fn from_f32(value: f32) -> Self;
        fn from_f64(value: f64) -> Self;
    }

    macro_rules! from_stored {
        ($number:ty) => {
            impl FromStored for $number {
                fn from_bool(value: u8) -> Self {
                    value.into()
                }
                fn from_i32(value: i32) -> Self {
                    value as $number
                }
                fn from_i64(value: i64) -> Self {
                    value as $number
                }
                fn from_f32(value: f32) -> Self {
                    value.into()
                }
                fn from_f64(value: f64) -> Self {
                    value as $number
                }
            }
        };
    }

    from_stored!(f32);
    from_stored!(f64);
}

impl Answer {
    /// Writes all values as numbers into a matrix of rows × features, row-major. A feature's default, or else `fill`,
    /// stands where a value is not `present`.
    ///
    /// # Errors
    /// `Invalid` when a feature is not a number or bool, or the matrix has another size.
    pub fn write_matrix<N: MatrixNumber>(&self, matrix: &mut [N], fill: N) -> Result<()> {
        let width = self.features();
        self.plan.check_matrix(self.rows(), matrix.len(), None)?;
        for start in (0..self.rows()).step_by(BLOCK_ROWS) {
            let rows = start..self.rows().min(start + BLOCK_ROWS);
            let block = &mut matrix[rows.start * width..rows.end * width];
            for feature in 0..width {
                let (view, field, default) = self.source(feature);
                let absent = default.and_then(number).unwrap_or(fill);
                let column = block[feature..].iter_mut().step_by(width);
                write_column(&self.records[view], field, rows.clone(), absent, column);
            }
        }
        Ok(())
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
    let cells = column.zip(records.iter(rows));
    match ty {
        ScalarType::Bool => write(cells, field, absent, |[byte]| N::from_bool(byte)),
        ScalarType::Int32 => write(cells, field, absent, |bytes| N::from_i32(i32::from_le_bytes(bytes))),
        ScalarType::Int64 => write(cells, field, absent, |bytes| N::from_i64(i64::from_le_bytes(bytes))),
        ScalarType::Float32 => write(cells, field, absent, |bytes| N::from_f32(f32::from_le_bytes(bytes))),
        ScalarType::Float64 => write(cells, field, absent, |bytes| N::from_f64(f64::from_le_bytes(bytes))),
        // Others are no numbers, and refused before.
        _ => {}
    }
}

/// Writes one field of `W` bytes.
fn write<'c, N: Copy + 'c, const W: usize>(
    cells: impl Iterator<Item = (&'c mut N, Record<'c>)>,
    field: &Field,
    absent: N,
    read: impl Fn([u8; W]) -> N,
) {
    for (cell, record) in cells {
        *cell = if record.is_present(field) { read(record.fixed(field)) } else { absent };
    }
}

fn number<N: MatrixNumber>(value: &Value) -> Option<N> {
    Some(match value {
        Value::Bool(value) => N::from_bool(u8::from(*value)),
        Value::Int32(value) => N::from_i32(*value),
        Value::Int64(value) => N::from_i64(*value),
        Value::Float32(value) => N::from_f32(*value),
        Value::Float64(value) => N::from_f64(*value),
        _ => return None,
    })
}
