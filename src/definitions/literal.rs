//! A default as it is written in a definitions file, read as a value of the feature's type.
//!
//! Nothing is converted that could lose something: a whole number may stand for a float that holds it exactly,
//! and a decimal fraction becomes the nearest float. Bytes are the UTF-8 of text.

use asofdb_storage::{Date, Result, ScalarType, Timestamp, Value, ValueType};
use toml::de::DeValue;

use crate::definitions::document::{Field, Table};

/// Reads `field` as a value of type `ty`.
pub(super) fn read(field: &Field, ty: ValueType) -> Result<Value> {
    match (ty, field.value()) {
        (ValueType::Scalar(scalar), value) => {
            read_scalar(value, scalar).map_err(|rule| field.invalid(message(&rule, ty)))
        }
        (ValueType::List(item), DeValue::Array(array)) => {
            let values = array.iter().map(|value| {
                read_scalar(value.get_ref(), item)
                    .map_err(|rule| field.source().invalid(value.span().start, message(&rule, ty)))
            });
            Ok(Value::List(item, values.collect::<Result<_>>()?))
        }
        (ValueType::List(_), _) => Err(field.invalid(message("write a list in brackets", ty))),
    }
}

/// Reads a setting that is a number, if it is there.
///
/// # Errors
/// `Invalid` for anything else.
pub fn float_setting(table: &Table, name: &'static str) -> Result<Option<f64>> {
    let Some(field) = table.field(name) else { return Ok(None) };
    let number = float64(field.value()).map_err(|rule| field.invalid(format!("{name} is a number: {rule}")))?;
    Ok(Some(number))
}

fn message(rule: &str, ty: ValueType) -> String {
    format!("default is not {ty}: {rule}")
}

/// Reads one value, or says which rule it breaks.
fn read_scalar(value: &DeValue, ty: ScalarType) -> Result<Value, String> {
    match ty {
        ScalarType::Bool => value.as_bool().map(Value::Bool).ok_or_else(|| "write true or false".to_owned()),
        ScalarType::Int32 => {
            let whole = whole_number(value)?;
            i32::try_from(whole).map(Value::Int32).map_err(|_| out_of_range(whole))
        }
        ScalarType::Int64 => {
            let whole = whole_number(value)?;
            i64::try_from(whole).map(Value::Int64).map_err(|_| out_of_range(whole))
        }
        ScalarType::Float32 => float32(value).map(Value::Float32),
        ScalarType::Float64 => float64(value).map(Value::Float64),
        ScalarType::String => text(value).map(|text| Value::String(text.to_owned())),
        ScalarType::Bytes => text(value).map(|text| Value::Bytes(text.as_bytes().to_vec())),
        ScalarType::Timestamp => timestamp(value).map(Value::Timestamp),
        ScalarType::Date => date(value).map(Value::Date),
    }
}

fn out_of_range(whole: i128) -> String {
    format!("out of range: {whole}")
}

fn text<'a>(value: &'a DeValue) -> Result<&'a str, String> {
    value.as_str().ok_or_else(|| "write text in quotes".to_owned())
}

fn whole_number(value: &DeValue) -> Result<i128, String> {
    match value {
        DeValue::Integer(integer) => {
            i128::from_str_radix(integer.as_str(), integer.radix()).map_err(|_| format!("out of range: {integer}"))
        }
        DeValue::Float(float) => Err(format!("a fraction would be lost, write a whole number: {float}")),
        _ => Err("write a whole number".to_owned()),
    }
}

fn float32(value: &DeValue) -> Result<f32, String> {
    if let DeValue::Float(float) = value {
        let parsed: f32 = float.as_str().parse().map_err(|_| format!("not a number: {float}"))?;
        return near(float.as_str(), parsed, parsed.is_infinite(), parsed == 0.0);
    }
    let whole = number(value)?;
    let float = whole as f32;
    if float as i128 == whole { Ok(float) } else { Err(not_exact(whole)) }
}

fn float64(value: &DeValue) -> Result<f64, String> {
    if let DeValue::Float(float) = value {
        let parsed: f64 = float.as_str().parse().map_err(|_| format!("not a number: {float}"))?;
        return near(float.as_str(), parsed, parsed.is_infinite(), parsed == 0.0);
    }
    let whole = number(value)?;
    let float = whole as f64;
    if float as i128 == whole { Ok(float) } else { Err(not_exact(whole)) }
}

fn number(value: &DeValue) -> Result<i128, String> {
    match value {
        DeValue::Integer(_) => whole_number(value),
        _ => Err("write a number".to_owned()),
    }
}

fn not_exact(whole: i128) -> String {
    format!("the type cannot hold this number exactly: {whole}")
}

/// Refuses numbers that became infinite or zero without being written so.
fn near<T>(text: &str, parsed: T, infinite: bool, zero: bool) -> Result<T, String> {
    let mantissa = text.split(['e', 'E']).next().unwrap_or(text);
    let written_as_zero = !mantissa.bytes().any(|byte| matches!(byte, b'1'..=b'9'));
    if (infinite && !text.contains("inf")) || (zero && !written_as_zero) {
        return Err(format!("out of range: {text}"));
    }
    Ok(parsed)
}

/// A time in quotes, or a TOML date or date with time; without an offset UTC.
fn timestamp(value: &DeValue) -> Result<Timestamp, String> {
    let text = match value {
        DeValue::String(text) => text.to_string(),
        DeValue::Datetime(time) if time.date.is_some() => time.to_string(),
        _ => return Err("write a time such as 2013-01-01T10:00:00Z".to_owned()),
    };
    text.parse().map_err(|error: asofdb_storage::Error| error.message().to_owned())
}

/// A date in quotes, or a TOML date.
fn date(value: &DeValue) -> Result<Date, String> {
    let text = match value {
        DeValue::String(text) => text.to_string(),
        DeValue::Datetime(time) => time.to_string(),
        _ => return Err("write a date such as 2013-01-01".to_owned()),
    };
    text.parse().map_err(|error: asofdb_storage::Error| error.message().to_owned())
}
