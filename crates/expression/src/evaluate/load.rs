//! From columns to lanes: inputs of fixed width are widened while they are copied.

use asofdb_storage::Status;

use crate::column::{Column, Values};
use crate::lane::Out;

/// Says which values of a column are not null.
pub(super) fn load_validity(column: &Column<'_>, out: &mut [bool]) {
    match (&column.valid, column.statuses) {
        (Some(valid), _) => valid.copy_to(out),
        (None, Some(statuses)) => {
            out.iter_mut().zip(statuses).for_each(|(out, status)| *out = *status == Status::Present);
        }
        (None, None) => out.fill(true),
    }
}

pub(super) fn load_bools(column: &Column<'_>, out: Out<'_, bool>) {
    load_validity(column, out.valid);
    if let Values::Bool(values) = &column.values {
        values.copy_to(out.values);
    }
}

pub(super) fn load_ints(column: &Column<'_>, out: Out<'_, i64>) {
    load_validity(column, out.valid);
    match column.values {
        Values::Int64(values) | Values::Timestamp(values) => copy(out.values, values, |value| value),
        Values::Int32(values) | Values::Date(values) => copy(out.values, values, i64::from),
        // The batch was checked: an input that is read as whole numbers has them.
        _ => {}
    }
}

pub(super) fn load_floats(column: &Column<'_>, out: Out<'_, f64>) {
    load_validity(column, out.valid);
    match column.values {
        Values::Float64(values) => copy(out.values, values, |value| value),
        Values::Float32(values) => copy(out.values, values, f64::from),
        // As above.
        _ => {}
    }
}

#[inline(always)]
fn copy<A: Copy, B>(out: &mut [B], values: &[A], widen: impl Fn(A) -> B) {
    out.iter_mut().zip(values).for_each(|(out, value)| *out = widen(*value));
}
