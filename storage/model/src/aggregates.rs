//! The aggregates of windows over lists of values, as simple as can be.

use std::cmp::Ordering;

use asofdb_storage::{Aggregate, ScalarType, Value, ValueType};

/// The values of the events of a slot of five minutes, newest first; `None`: null.
pub type Slot = Vec<Option<Value>>;
/// The slots of an hour, newest first.
pub type Hour = Vec<Slot>;
/// The hours of a day, newest first.
pub type Day = Vec<Hour>;

/// The value that an aggregate is expected to give.
#[derive(Debug)]
pub enum Expected {
    /// This, bit for bit.
    Exactly(Option<Value>),
    /// About this, this much off at most.
    About(f64, f64),
    /// Whatever.
    Unknown,
}

impl Expected {
    /// Returns whether a value is the one that is expected.
    pub fn is_met_by(&self, found: Option<&Value>) -> bool {
        match (self, found) {
            (Expected::Exactly(expected), _) => stored(expected.as_ref()) == stored(found),
            (Expected::About(expected, off), Some(Value::Float64(found))) => (found - expected).abs() <= *off,
            (Expected::About(..), _) => false,
            (Expected::Unknown, _) => true,
        }
    }
}

/// The bits of a value, which tell the two zeros apart.
fn stored(value: Option<&Value>) -> Option<(ValueType, Vec<u8>)> {
    value.map(|value| {
        let mut out = Vec::new();
        value.encode(&mut out);
        (value.value_type(), out)
    })
}

/// The value of an aggregate over the events of some days, newest first, whose values are of type `ty`. A count of
/// events takes one value for each.
pub fn expected(aggregate: &Aggregate, ty: ValueType, days: &[Day]) -> Expected {
    let each = days.iter().flatten().flatten().flatten().flatten();
    let values: Vec<Value> = each.filter(|value| !is_nan(value)).cloned().collect();
    let value = match aggregate {
        Aggregate::Count => Some(Value::Int64(values.len() as i64)),
        Aggregate::Sum => sum(ty, days),
        Aggregate::Mean => mean(ty, &values, days),
        Aggregate::Min => values.iter().min_by(|a, b| order(a, b)).cloned(),
        Aggregate::Max => values.iter().max_by(|a, b| order(a, b)).cloned(),
        Aggregate::First => values.last().cloned(),
        Aggregate::Last => values.first().cloned(),
        Aggregate::FirstK { k, distinct } => {
            Some(list(ty, sequence(values.iter().rev().cloned().collect(), *distinct), *k))
        }
        Aggregate::LastK { k, distinct } => Some(list(ty, sequence(values, *distinct), *k)),
        Aggregate::Distinct { cap } => Some(Value::Int64((sequence(values, true).len() as i64).min(i64::from(*cap)))),
        Aggregate::CountOf { value } => {
            Some(Value::Int64(values.iter().filter(|other| *other == value).count() as i64))
        }
        Aggregate::Top { k, counts } => Some(top(ty, &values, *k, *counts)),
        Aggregate::ApproxDistinct { precision } => {
            let number = sequence(values, true).len();
            if *precision < 12 && number > 4 {
                return Expected::Unknown;
            }
            Some(Value::Int64(number as i64))
        }
        Aggregate::Variance { population } => return variance(&values, *population, |variance| variance),
        Aggregate::Stddev { population } => return variance(&values, *population, f64::sqrt),
        Aggregate::Quantile { q, error } => return quantile(&values, *q, *error),
    };
    Expected::Exactly(value)
}

fn is_nan(value: &Value) -> bool {
    match value {
        Value::Float32(value) => value.is_nan(),
        Value::Float64(value) => value.is_nan(),
        _ => false,
    }
}

fn order(left: &Value, right: &Value) -> Ordering {
    match (left, right) {
        (Value::Bool(left), Value::Bool(right)) => left.cmp(right),
        (Value::Int32(left), Value::Int32(right)) => left.cmp(right),
        (Value::Int64(left), Value::Int64(right)) => left.cmp(right),
        (Value::Float32(left), Value::Float32(right)) => left.total_cmp(right),
        (Value::Float64(left), Value::Float64(right)) => left.total_cmp(right),
        (Value::String(left), Value::String(right)) => left.as_bytes().cmp(right.as_bytes()),
        (Value::Bytes(left), Value::Bytes(right)) => left.cmp(right),
        (Value::Timestamp(left), Value::Timestamp(right)) => left.cmp(right),
        (Value::Date(left), Value::Date(right)) => left.cmp(right),
        _ => panic!("{left} and {right} are of one type that is no list"),
    }
}

fn number(value: &Value) -> f64 {
    match value {
        Value::Int32(value) => f64::from(*value),
        Value::Int64(value) => *value as f64,
        Value::Float32(value) => f64::from(*value),
        Value::Float64(value) => *value,
        _ => panic!("{value} is a number"),
    }
}

fn int(value: &Value) -> i128 {
    match value {
        Value::Int32(value) => i128::from(*value),
        Value::Int64(value) => i128::from(*value),
        _ => panic!("{value} is a whole number"),
    }
}

fn is_int(ty: ValueType) -> bool {
    matches!(ty, ValueType::Scalar(ScalarType::Int32 | ScalarType::Int64))
}

fn int_sum(days: &[Day]) -> i128 {
    days.iter().flatten().flatten().flatten().flatten().map(int).sum()
}

/// The sum by slots, hours and days; `None` of nothing.
fn float_sum(days: &[Day]) -> Option<f64> {
    let add = |left: f64, right: f64| left + right;
    let of_slot = |slot: &Slot| slot.iter().flatten().filter(|value| !is_nan(value)).map(number).reduce(add);
    let of_hour = |hour: &Hour| hour.iter().filter_map(of_slot).reduce(add);
    let of_day = |day: &Day| day.iter().filter_map(of_hour).reduce(add);
    days.iter().filter_map(of_day).reduce(add)
}

fn sum(ty: ValueType, days: &[Day]) -> Option<Value> {
    match is_int(ty) {
        true => i64::try_from(int_sum(days)).ok().map(Value::Int64),
        false => Some(float_sum(days).unwrap_or(0.0)).filter(|sum| !sum.is_nan()).map(Value::Float64),
    }
}

fn mean(ty: ValueType, values: &[Value], days: &[Day]) -> Option<Value> {
    let sum = if is_int(ty) { int_sum(days) as f64 } else { float_sum(days)? };
    let mean = sum / values.len() as f64;
    (!values.is_empty() && !mean.is_nan()).then_some(Value::Float64(mean))
}

fn sequence(values: Vec<Value>, distinct: bool) -> Vec<Value> {
    let mut kept: Vec<Value> = Vec::new();
    for value in values {
        if !distinct || kept.iter().all(|other| order(other, &value).is_ne()) {
            kept.push(value);
        }
    }
    kept
}

fn list(ty: ValueType, mut values: Vec<Value>, k: u32) -> Value {
    let ValueType::Scalar(item) = ty else { panic!("no lists of lists") };
    values.truncate(k as usize);
    Value::List(item, values)
}

fn top(ty: ValueType, values: &[Value], k: u32, counts: bool) -> Value {
    let count = |value: &Value| values.iter().filter(|other| order(other, value).is_eq()).count();
    let mut different = sequence(values.to_vec(), true);
    different.sort_by(|left, right| count(right).cmp(&count(left)).then_with(|| order(left, right)));
    if !counts {
        return list(ty, different, k);
    }
    let counts = different.iter().map(|value| Value::Int64(count(value) as i64)).take(k as usize);
    Value::List(ScalarType::Int64, counts.collect())
}

/// The variance in two passes; of numbers that are so large that these overflow or cancel, it is not known.
fn variance(values: &[Value], population: bool, then: fn(f64) -> f64) -> Expected {
    let numbers: Vec<f64> = values.iter().map(number).collect();
    let divisor = if population { numbers.len() } else { numbers.len().saturating_sub(1) };
    if divisor == 0 {
        return Expected::Exactly(None);
    }
    if numbers.iter().any(|number| number.is_infinite()) {
        return Expected::Exactly(None);
    }
    let greatest = numbers.iter().fold(0.0, |greatest: f64, number| greatest.max(number.abs()));
    if greatest > 1e100 {
        return Expected::Unknown;
    }
    let mean = numbers.iter().sum::<f64>() / numbers.len() as f64;
    let squares: f64 = numbers.iter().map(|number| (number - mean) * (number - mean)).sum();
    let variance = squares / divisor as f64;
    // Where all are nearly equal, the root makes the rounding of the mean larger.
    let off = 1e-12 * (variance + greatest * greatest * 1e-9);
    Expected::About(then(variance), then(variance + off) - then(variance) + off.min(then(off)))
}

fn quantile(values: &[Value], q: f64, error: f64) -> Expected {
    let mut numbers: Vec<f64> = values.iter().map(number).collect();
    if numbers.is_empty() {
        return Expected::Exactly(None);
    }
    numbers.sort_by(f64::total_cmp);
    let exact = numbers[(q * (numbers.len() - 1) as f64) as usize];
    match exact {
        _ if exact.is_infinite() => Expected::Exactly(Some(Value::Float64(exact))),
        _ if exact.abs() < f64::MIN_POSITIVE => Expected::Exactly(Some(Value::Float64(0.0))),
        _ => Expected::About(exact, error * exact.abs()),
    }
}
