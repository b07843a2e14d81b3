//! The answer of an evaluation.

use asofdb_storage::{Date, ScalarType, Status, Timestamp, Value, ValueType};

use crate::column::{Items, between};
use crate::nulls::Nulls;

/// The values of an expression for the rows of a batch, borrowed from the scratch memory that they were computed in.
#[derive(Debug, Clone, Copy)]
pub struct Outcome<'s> {
    /// The values, of the type of the program.
    pub values: Computed<'s>,
    /// The values that are not null.
    pub valid: &'s [bool],
    /// Present where there is a value; else the worst status of the inputs that the row read, and null where all of
    /// them were present.
    pub statuses: &'s [Status],
    /// The event time of the oldest input that the row read, in microseconds; T of the row where none has one.
    pub events: &'s [i64],
    /// The nulls that the expression made itself.
    pub nulls: Nulls,
}

/// Values of one type. Those of nulls mean nothing.
#[derive(Debug, Clone, Copy)]
pub enum Computed<'s> {
    /// Bools.
    Bool(&'s [bool]),
    /// Whole numbers; microseconds of timestamps and durations; days of dates. Those of an `int32` fit into one.
    Int(&'s [i64]),
    /// Floats. Those of a `float32` are exactly such.
    Float(&'s [f64]),
    /// Text and bytes.
    Text {
        /// The start of each, and the end of the last one.
        offsets: &'s [i32],
        /// The bytes, one after another.
        bytes: &'s [u8],
    },
    /// Lists.
    List {
        /// The start of each one's items, and the end of the last one's.
        offsets: &'s [i32],
        /// The items, one after another, widened.
        items: Items<'s>,
    },
}

/// The rows for which a condition is true.
#[derive(Debug, Clone, Copy)]
pub struct Truths<'s> {
    /// True where it is true; null is not true.
    pub rows: &'s [bool],
    /// The nulls that the expression made itself.
    pub nulls: Nulls,
}

impl Outcome<'_> {
    /// The value of a row as one of type `ty`, which is that of the program; `None` where it is null, or where the
    /// program has another type.
    pub fn value(&self, row: usize, ty: ValueType) -> Option<Value> {
        if !*self.valid.get(row)? {
            return None;
        }
        match (self.values, ty) {
            (Computed::Bool(values), ValueType::Scalar(ScalarType::Bool)) => Some(Value::Bool(values[row])),
            (Computed::Int(values), ValueType::Scalar(ty)) => int_value(values[row], ty),
            (Computed::Float(values), ValueType::Scalar(ty)) => float_value(values[row], ty),
            (Computed::Text { offsets, bytes }, ValueType::Scalar(ty)) => {
                text_value(between(offsets, row).and_then(|at| bytes.get(at))?, ty)
            }
            (Computed::List { offsets, items }, ValueType::List(ty)) => {
                let values = between(offsets, row)?.map(|at| item_value(&items, at, ty));
                values.collect::<Option<Vec<_>>>().map(|values| Value::List(ty, values))
            }
            _ => None,
        }
    }
}

fn int_value(value: i64, ty: ScalarType) -> Option<Value> {
    match ty {
        ScalarType::Int64 => Some(Value::Int64(value)),
        ScalarType::Int32 => i32::try_from(value).ok().map(Value::Int32),
        ScalarType::Timestamp => Some(Value::Timestamp(Timestamp::from_micros(value))),
        ScalarType::Date => i32::try_from(value).ok().and_then(Date::from_days).map(Value::Date),
        _ => None,
    }
}

fn float_value(value: f64, ty: ScalarType) -> Option<Value> {
    match ty {
        ScalarType::Float64 => Some(Value::Float64(value)),
        ScalarType::Float32 => Some(Value::Float32(value as f32)),
        _ => None,
    }
}

fn text_value(bytes: &[u8], ty: ScalarType) -> Option<Value> {
    match ty {
        ScalarType::String => std::str::from_utf8(bytes).ok().map(|text| Value::String(text.to_owned())),
        ScalarType::Bytes => Some(Value::Bytes(bytes.to_vec())),
        _ => None,
    }
}

fn item_value(items: &Items<'_>, at: usize, ty: ScalarType) -> Option<Value> {
    match ty {
        ScalarType::Bool => Some(Value::Bool(items.int(at) != 0)),
        ScalarType::Float32 | ScalarType::Float64 => float_value(items.float(at), ty),
        ScalarType::String | ScalarType::Bytes => text_value(items.text(at), ty),
        _ => int_value(items.int(at), ty),
    }
}
