//! A time of a request.

use asofdb::Timestamp;
use serde::Deserialize;

use super::super::failure::Failure;

/// A point in time as requests give it.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "a time is RFC 3339, a date, `now`, or whole microseconds since 1970")]
pub(super) enum GivenTime {
    /// Microseconds since 1970.
    Number(i64),
    /// RFC 3339, a date, or `now`.
    Text(String),
}

impl GivenTime {
    /// The time meant by the field `name`, where `now` is the present by the store's clock.
    ///
    /// # Errors
    /// `Invalid` when it is no time, or a number that looks like another unit than microseconds.
    pub(super) fn resolve(self, name: &str, now: Timestamp) -> Result<Timestamp, Failure> {
        let time = match self {
            GivenTime::Number(number) => Timestamp::from_plain_micros(number),
            GivenTime::Text(text) if text == "now" => Ok(now),
            GivenTime::Text(text) => text.parse(),
        };
        time.map_err(|error| Failure::invalid(format!("{name:?}: {}", error.message())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(json: &str) -> Option<Timestamp> {
        serde_json::from_str::<GivenTime>(json).unwrap().resolve("at", Timestamp::EPOCH).ok()
    }

    #[test]
    fn times_are_text_or_microseconds_and_no_other_unit() {
        let expected = Timestamp::from_micros(1_717_243_200_000_000);
        assert_eq!(resolve("\"2024-06-01T12:00:00Z\""), Some(expected));
        assert_eq!(resolve("1717243200000000"), Some(expected));
        assert_eq!(resolve("\"now\""), Some(Timestamp::EPOCH));
        assert_eq!(resolve("\"9999-12-31T23:59:59.999999Z\""), Some(Timestamp::LAST));
        for wrong in ["1717243200", "1717243200000", "1717243200000000000", "\"1717243200\""] {
            assert_eq!(resolve(wrong), None, "{wrong}");
        }
        assert!(serde_json::from_str::<GivenTime>("1.5").is_err());
    }
}
