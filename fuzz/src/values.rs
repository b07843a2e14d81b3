//! Types and values out of bytes.

use asofdb_model::Bytes;
use asofdb_storage::{Date, ScalarType, Timestamp, Value, ValueType};

pub(crate) fn scalar_type(bytes: &mut Bytes<'_>) -> ScalarType {
    ScalarType::ALL[bytes.below(ScalarType::ALL.len())]
}

pub(crate) fn value_type(bytes: &mut Bytes<'_>) -> ValueType {
    match bytes.byte() {
        kind @ 0..192 => ValueType::Scalar(ScalarType::ALL[usize::from(kind) % ScalarType::ALL.len()]),
        kind => ValueType::List(ScalarType::ALL[usize::from(kind) % ScalarType::ALL.len()]),
    }
}

pub(crate) fn scalar(ty: ScalarType, bytes: &mut Bytes<'_>) -> Value {
    match ty {
        ScalarType::Bool => Value::Bool(bytes.below(2) == 1),
        ScalarType::Int32 => Value::Int32(i32::from_be_bytes(bytes.array())),
        ScalarType::Int64 => Value::Int64(i64::from_be_bytes(bytes.array())),
        ScalarType::Float32 => Value::Float32(f32::from_be_bytes(bytes.array())),
        ScalarType::Float64 => Value::Float64(f64::from_be_bytes(bytes.array())),
        ScalarType::String => Value::String(text(bytes)),
        ScalarType::Bytes => Value::Bytes(short(bytes)),
        ScalarType::Timestamp => Value::Timestamp(Timestamp::from_micros(i64::from_be_bytes(bytes.array()))),
        ScalarType::Date => Value::Date(date(bytes)),
    }
}

fn date(bytes: &mut Bytes<'_>) -> Date {
    let days = i64::from(Date::MAX.as_days()) - i64::from(Date::MIN.as_days()) + 1;
    let after_first = i64::from(u32::from_be_bytes(bytes.array())) % days;
    Date::from_days((i64::from(Date::MIN.as_days()) + after_first) as i32).expect("a day of the range")
}

pub(crate) fn value(ty: ValueType, bytes: &mut Bytes<'_>) -> Value {
    match ty {
        ValueType::Scalar(ty) => scalar(ty, bytes),
        ValueType::List(item) => Value::List(item, (0..bytes.below(4)).map(|_| scalar(item, bytes)).collect()),
    }
}

pub(crate) fn text(bytes: &mut Bytes<'_>) -> String {
    String::from_utf8_lossy(&short(bytes)).into_owned()
}

fn short(bytes: &mut Bytes<'_>) -> Vec<u8> {
    (0..bytes.below(12)).map(|_| bytes.byte()).collect()
}

/// Returns whether a value is or holds a NaN, which equals nothing.
pub(crate) fn has_nan(value: &Value) -> bool {
    match value {
        Value::Float32(v) => v.is_nan(),
        Value::Float64(v) => v.is_nan(),
        Value::List(_, items) => items.iter().any(has_nan),
        _ => false,
    }
}
