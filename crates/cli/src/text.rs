//! Values, counts and lengths of time as text.

use asofdb::{AsJson, Error, Result, Span, Value};
use serde_json::Value as Json;

/// Anything of the library's that has a form in JSON.
pub(crate) fn to_serialized(value: &impl serde::Serialize) -> Result<Json> {
    serde_json::to_value(value).map_err(|error| Error::internal("cannot write this as JSON").with_source(error))
}

/// A value as text without quotes, for tables and CSV; lists are JSON.
pub(crate) fn to_text(value: &Value) -> String {
    // Only answers can fail to become JSON, values cannot.
    match AsJson(value).to_tree().unwrap_or_default() {
        Json::String(text) => text,
        json => json.to_string(),
    }
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
    use asofdb::{JoinKey, ScalarType, Timestamp, parse_join_key};

    use super::*;

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
            assert_eq!(parse_join_key(&key, &to_text(&value)).unwrap(), value);
        }
        let key = JoinKey { name: "user_id".into(), ty: ScalarType::Int64 };
        assert_eq!(parse_join_key(&key, "1.5").unwrap_err().to_string(), "join key \"user_id\" is int64: \"1.5\"");
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
