//! Single values out of Arrow columns.

use arrow::array::{Array, AsArray};
use asofdb_storage::scalar::Scalar;
use asofdb_storage::{ScalarType, Value, ValueType, dispatch_scalar};

use crate::rows::arrow_scalar::ArrowScalar;

/// The value in a row of a column of exactly the Arrow type of `ty`; `None` where it is null.
pub fn value_at(column: &dyn Array, ty: ValueType, row: usize) -> Option<Value> {
    if column.is_null(row) {
        return None;
    }
    match ty {
        ValueType::Scalar(scalar) => Some(scalar_at(column, scalar, row)),
        ValueType::List(item) => {
            let items = column.as_list::<i32>().value(row);
            Some(Value::List(item, (0..items.len()).map(|row| scalar_at(&items, item, row)).collect()))
        }
    }
}

/// The value in a row of a column of exactly the Arrow type of `ty`, which is not null.
pub(crate) fn scalar_at(column: &dyn Array, ty: ScalarType, row: usize) -> Value {
    dispatch_scalar!(ty, T => Value::from(T::owned(T::get(T::array(column), row))))
}
