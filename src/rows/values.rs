//! Single values out of Arrow columns.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Float32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use asofdb_storage::{ScalarType, Timestamp, Value, ValueType};

use crate::rows::types::primitive;

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

fn scalar_at(column: &dyn Array, ty: ScalarType, row: usize) -> Value {
    match ty {
        ScalarType::Bool => Value::Bool(column.as_boolean().value(row)),
        ScalarType::Int32 => Value::Int32(primitive::<Int32Type>(column).value(row)),
        ScalarType::Int64 => Value::Int64(primitive::<Int64Type>(column).value(row)),
        ScalarType::Float32 => Value::Float32(primitive::<Float32Type>(column).value(row)),
        ScalarType::Float64 => Value::Float64(primitive::<Float64Type>(column).value(row)),
        ScalarType::String => Value::String(column.as_string::<i32>().value(row).to_owned()),
        ScalarType::Bytes => Value::Bytes(column.as_binary::<i32>().value(row).to_owned()),
        ScalarType::Timestamp => {
            Value::Timestamp(Timestamp::from_micros(primitive::<TimestampMicrosecondType>(column).value(row)))
        }
    }
}
