//! The columns of a training set.

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use asofdb::{Error, Result};

/// The column that says which flight a row is.
pub(super) const FLIGHT_ID: &str = "flight_id";

/// The column with this name.
///
/// # Errors
/// `Corrupt` when there is none.
pub(super) fn column<'b>(batch: &'b RecordBatch, name: &str) -> Result<&'b ArrayRef> {
    batch.column_by_name(name).ok_or_else(|| Error::corrupt(format!("the training set has no column {name:?}")))
}

/// The flights of a batch, row by row.
///
/// # Errors
/// `Corrupt` when there is no such column.
pub(super) fn flight_ids(batch: &RecordBatch) -> Result<Vec<i64>> {
    Ok(column(batch, FLIGHT_ID)?.as_primitive::<Int64Type>().values().to_vec())
}

/// Numbers of any type, and truth, as floats.
///
/// # Errors
/// `Internal` when it is neither.
pub(super) fn numbers(array: &ArrayRef) -> Result<ArrayRef> {
    cast(array, &DataType::Float64).map_err(|error| Error::internal("a feature is no number").with_source(error))
}
