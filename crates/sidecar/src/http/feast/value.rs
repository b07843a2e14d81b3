//! Values and statuses as the dialect has them.

use asofdb::parts::NO_TIME_MICROS;
use asofdb::{AsJson, Status, Timestamp, Value};
use serde::{Serialize, Serializer};

/// The seconds that Feast's client writes for a null timestamp: numpy's NaT.
pub(super) const NO_TIME: i64 = i64::MIN;

/// A value: as everywhere in our JSON, but timestamps are whole seconds since 1970,
/// and so are dates, which Feast has no type for: those of their midnight in UTC.
pub(super) struct FeastValue<'a>(pub(super) &'a Value);

impl Serialize for FeastValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Timestamp(time) => serializer.serialize_i64(whole_seconds(*time)),
            Value::Date(date) => serializer.serialize_i64(i64::from(date.as_days()) * SECONDS_A_DAY),
            Value::List(_, values) => serializer.collect_seq(values.iter().map(FeastValue)),
            value => AsJson(value).serialize(serializer),
        }
    }
}

const SECONDS_A_DAY: i64 = 86_400;

fn whole_seconds(time: Timestamp) -> i64 {
    match time.as_micros() {
        NO_TIME_MICROS => NO_TIME,
        micros => micros.div_euclid(1_000_000),
    }
}

/// The dialect's name of a status.
pub(super) fn status_name(status: Status) -> &'static str {
    match status {
        Status::Present => "PRESENT",
        Status::Null => "NULL_VALUE",
        Status::Missing => "NOT_FOUND",
        Status::Expired => "OUTSIDE_MAX_AGE",
    }
}

#[cfg(test)]
mod tests {
    use asofdb::ScalarType;

    use super::*;

    #[test]
    fn timestamps_are_whole_seconds_also_before_1970_and_in_lists() {
        let text = |value: &Value| serde_json::to_string(&FeastValue(value)).unwrap();
        let time = |micros| Value::Timestamp(Timestamp::from_micros(micros));
        assert_eq!(text(&time(1_357_034_400_999_999)), "1357034400");
        assert_eq!(text(&time(-1)), "-1");
        assert_eq!(text(&Value::List(ScalarType::Timestamp, vec![time(1_000_000)])), "[1]");
        assert_eq!(
            text(&Value::List(ScalarType::Timestamp, vec![time(NO_TIME_MICROS), time(1_000_000)])),
            "[-9223372036854775808,1]"
        );
        assert_eq!(text(&Value::List(ScalarType::Bytes, vec![Value::Bytes(vec![0, 255])])), "[\"AP8=\"]");
        assert_eq!(text(&Value::Float64(f64::NAN)), "\"NaN\"");
        let date = |text: &str| Value::Date(text.parse().unwrap());
        assert_eq!(text(&date("2013-01-01")), "1356998400");
        assert_eq!(text(&Value::List(ScalarType::Date, vec![date("1969-12-31")])), "[-86400]");
    }
}
