//! Values and times.

use asofdb_storage::{Timestamp, Value};
use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Serialize, Serializer};

use super::AsJson;

impl Serialize for AsJson<'_, Value> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Bool(v) => serializer.serialize_bool(*v),
            Value::Int32(v) => serializer.serialize_i32(*v),
            Value::Int64(v) => serializer.serialize_i64(*v),
            Value::Float32(v) if v.is_finite() => serializer.serialize_f32(*v),
            Value::Float32(v) => serializer.serialize_str(not_finite(f64::from(*v))),
            Value::Float64(v) if v.is_finite() => serializer.serialize_f64(*v),
            Value::Float64(v) => serializer.serialize_str(not_finite(*v)),
            Value::String(v) => serializer.serialize_str(v),
            Value::Bytes(v) => serializer.collect_str(&Base64Display::new(v, &BASE64)),
            Value::Timestamp(v) => serializer.collect_str(v),
            Value::Date(v) => serializer.collect_str(v),
            Value::List(_, values) => serializer.collect_seq(values.iter().map(AsJson)),
        }
    }
}

/// Returns the text for a float that JSON has no number for.
fn not_finite(value: f64) -> &'static str {
    match value {
        v if v.is_nan() => "NaN",
        v if v > 0.0 => "Infinity",
        _ => "-Infinity",
    }
}

impl Serialize for AsJson<'_, Timestamp> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self.0)
    }
}

impl<'a, T> Serialize for AsJson<'a, Option<T>>
where
    AsJson<'a, T>: Serialize,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(value) => AsJson(value).serialize(serializer),
            None => serializer.serialize_none(),
        }
    }
}

/// An entity given by name, as an object.
impl<'a, V> Serialize for AsJson<'a, [(&'a str, V)]>
where
    AsJson<'a, V>: Serialize,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, AsJson(value))))
    }
}

#[cfg(test)]
mod tests {
    use asofdb_storage::ScalarType;

    use super::*;

    #[test]
    fn json_has_the_digits_that_were_stored_and_words_for_what_is_no_number() {
        for (value, expected) in [
            (Value::Float32(39.02), "39.02"),
            (Value::Float32(f32::MIN_POSITIVE), "1.1754944e-38"),
            (Value::Float64(-0.5), "-0.5"),
            (Value::Float64(f64::NAN), "\"NaN\""),
            (Value::Float32(f32::NEG_INFINITY), "\"-Infinity\""),
            (Value::Int64(i64::MAX), "9223372036854775807"),
            (Value::Bytes(vec![0, 255]), "\"AP8=\""),
            (Value::Timestamp(Timestamp::EPOCH), "\"1970-01-01T00:00:00Z\""),
            (Value::Date("1969-12-31".parse().unwrap()), "\"1969-12-31\""),
            (Value::List(ScalarType::Float32, vec![Value::Float32(0.1), Value::Float32(2.0)]), "[0.1,2.0]"),
        ] {
            assert_eq!(AsJson(&value).to_bytes().unwrap(), expected.as_bytes());
            assert_eq!(AsJson(&value).to_tree().unwrap().to_string(), expected);
        }
        assert_eq!(AsJson(&None::<Value>).to_bytes().unwrap(), b"null");
    }

    #[test]
    fn an_entity_is_an_object_in_the_order_given() {
        let entity = [("user_id", Value::Int64(7)), ("shop", Value::String("é\"".into()))];
        assert_eq!(AsJson(&entity[..]).to_bytes().unwrap(), r#"{"user_id":7,"shop":"é\""}"#.as_bytes());
    }
}
