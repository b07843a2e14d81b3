//! Values as text, as JSON, and from text.

use asofdb::{Error, JoinKey, Result, ScalarType, Span, Timestamp, Value};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Number, Value as Json};

/// A value in JSON: numbers as numbers, except what JSON has no number for.
pub(crate) fn to_json(value: &Value) -> Json {
    match value {
        Value::Bool(v) => Json::from(*v),
        Value::Int32(v) => Json::from(*v),
        Value::Int64(v) => Json::from(*v),
        // The shortest digits that mean this float; a widened one would show digits that nobody stored.
        Value::Float32(v) => float(v.to_string().parse().unwrap_or(f64::from(*v))),
        Value::Float64(v) => float(*v),
        Value::String(v) => Json::from(v.as_str()),
        Value::Bytes(v) => Json::from(BASE64.encode(v)),
        Value::Timestamp(v) => Json::from(v.to_string()),
        Value::List(_, values) => values.iter().map(to_json).collect(),
    }
}

fn float(value: f64) -> Json {
    Number::from_f64(value).map_or_else(|| Json::from(not_finite(value)), Json::Number)
}

fn not_finite(value: f64) -> &'static str {
    match value {
        v if v.is_nan() => "NaN",
        v if v > 0.0 => "Infinity",
        _ => "-Infinity",
    }
}

/// [`to_json`] of what may not be there.
pub(crate) fn option_json(value: Option<&Value>) -> Json {
    value.map_or(Json::Null, to_json)
}

/// A time in JSON; null where there is none.
pub(crate) fn time_json(time: Option<Timestamp>) -> Json {
    time.map_or(Json::Null, |time| Json::from(time.to_string()))
}

/// Anything of the library's that has a form in JSON.
pub(crate) fn to_serialized(value: &impl serde::Serialize) -> Result<Json> {
    serde_json::to_value(value).map_err(|error| Error::internal("cannot write this as JSON").with_source(error))
}

/// A value as text without quotes, for tables and CSV; lists are JSON.
pub(crate) fn to_text(value: &Value) -> String {
    match to_json(value) {
        Json::String(text) => text,
        json => json.to_string(),
    }
}

/// Reads the value of a join key.
pub(crate) fn parse_key(key: &JoinKey, text: &str) -> Result<Value> {
    let parsed = match key.ty {
        ScalarType::Bool => text.parse().ok().map(Value::Bool),
        ScalarType::Int32 => text.parse().ok().map(Value::Int32),
        ScalarType::Int64 => text.parse().ok().map(Value::Int64),
        ScalarType::Float32 => text.parse().ok().map(Value::Float32),
        ScalarType::Float64 => text.parse().ok().map(Value::Float64),
        ScalarType::String => Some(Value::String(text.to_owned())),
        ScalarType::Bytes => BASE64.decode(text).ok().map(Value::Bytes),
        ScalarType::Timestamp => text.parse().ok().map(Value::Timestamp),
    };
    let form = match key.ty {
        ScalarType::Bytes => " (in base64)",
        ScalarType::Timestamp => " (RFC 3339)",
        _ => "",
    };
    parsed.ok_or_else(|| Error::invalid(format!("join key {:?} is {}{form}: {text:?}", key.name, key.ty)))
}

/// A length of time by its greatest unit and the next: `3d 1h`, `2h`, `4829d`.
pub(crate) fn short_span(span: Span) -> String {
    const UNITS: [(&str, i64); 5] =
        [("d", 86_400_000_000), ("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000), ("ms", 1_000)];
    let micros = span.as_micros();
    let Some(first) = UNITS.iter().position(|(_, unit)| micros >= *unit) else { return span.to_string() };
    let (name, unit) = UNITS[first];
    let (next_name, next_unit) = UNITS[(first + 1).min(UNITS.len() - 1)];
    match (micros / unit, micros % unit / next_unit) {
        (whole, rest) if rest == 0 || whole >= 100 => format!("{whole}{name}"),
        (whole, rest) => format!("{whole}{name} {rest}{next_name}"),
    }
}

/// A count with its thousands apart: `336,776`.
pub(crate) fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 row`, `1,000 rows`.
pub(crate) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// A size in the unit that fits: `4.7 MiB`.
pub(crate) fn bytes(bytes: u64) -> String {
    indicatif::HumanBytes(bytes).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_has_the_digits_that_were_stored_and_words_for_what_is_no_number() {
        let text = |value| to_json(&value).to_string();
        assert_eq!(text(Value::Float32(39.02)), "39.02");
        assert_eq!(text(Value::Float32(f32::MIN_POSITIVE)), "1.1754944e-38");
        assert_eq!(text(Value::Float64(-0.5)), "-0.5");
        assert_eq!(text(Value::Float64(f64::NAN)), "\"NaN\"");
        assert_eq!(text(Value::Float32(f32::NEG_INFINITY)), "\"-Infinity\"");
        assert_eq!(text(Value::Int64(i64::MAX)), "9223372036854775807");
        assert_eq!(text(Value::Bytes(vec![0, 255])), "\"AP8=\"");
        let list = Value::List(ScalarType::Float32, vec![Value::Float32(0.1), Value::Float32(2.0)]);
        assert_eq!(text(list), "[0.1,2.0]");
    }

    #[test]
    fn every_key_reads_back_from_its_text() {
        let values = [
            Value::Bool(true),
            Value::Int32(-7),
            Value::Int64(i64::MIN),
            Value::Float32(0.1),
            Value::Float64(1e300),
            Value::String("a b".into()),
            Value::Bytes(vec![1, 2, 3, 250]),
            Value::Timestamp(Timestamp::from_micros(1_357_034_400_000_001)),
        ];
        for (value, ty) in values.into_iter().zip(ScalarType::ALL) {
            let key = JoinKey { name: "k".into(), ty };
            assert_eq!(parse_key(&key, &to_text(&value)).unwrap(), value);
        }
        let key = JoinKey { name: "user_id".into(), ty: ScalarType::Int64 };
        assert_eq!(parse_key(&key, "1.5").unwrap_err().to_string(), "join key \"user_id\" is int64: \"1.5\"");
    }

    #[test]
    fn counts_and_spans_are_short() {
        assert_eq!(count(7), "7");
        assert_eq!(count(336_776), "336,776");
        assert_eq!(count(1_000_000), "1,000,000");
        assert_eq!(counted(1, "row", "rows"), "1 row");
        let short = |micros| short_span(Span::from_micros(micros));
        assert_eq!(short(86_400_000_000 * 3 + 3_600_000_000 + 5), "3d 1h");
        assert_eq!(short(86_400_000_000 * 4829 + 3_600_000_000), "4829d");
        assert_eq!(short(7_200_000_000 + 5_000_000), "2h");
        assert_eq!(short(1_500), "1ms");
        assert_eq!(short(7), "7us");
        assert_eq!(short(0), "0s");
    }
}
