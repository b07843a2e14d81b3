//! Usage: what consumers have read.

use std::collections::BTreeMap;

use asofdb::{Date, Error, Result, UsageCounts, UsageKey, UsageOf, UsageRow};

use super::value::TimeMessage;
use crate::codec::{Decode, Encode};

/// Asks what consumers have read in the last days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct UsageRequest {
    /// The number of days, today's among them.
    pub last_days: u32,
    /// True for a row a day.
    pub by_day: bool,
}

/// The reads of one thing by one consumer on one day.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct UsageRowMessage {
    /// Days since 1970-01-01.
    day: i32,
    is_service: bool,
    name: String,
    consumer: String,
    serving: CountsMessage,
    training: CountsMessage,
    exports: CountsMessage,
    last: TimeMessage,
    values: Vec<(String, u64)>,
}

/// Calls and rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub(super) struct CountsMessage {
    calls: u64,
    rows: u64,
}

impl From<UsageCounts> for CountsMessage {
    fn from(counts: UsageCounts) -> Self {
        CountsMessage { calls: counts.calls, rows: counts.rows }
    }
}

impl From<CountsMessage> for UsageCounts {
    fn from(message: CountsMessage) -> Self {
        UsageCounts { calls: message.calls, rows: message.rows }
    }
}

impl From<UsageRow> for UsageRowMessage {
    fn from(row: UsageRow) -> Self {
        UsageRowMessage {
            day: row.day.as_days(),
            is_service: row.key.of == UsageOf::Service,
            name: row.key.name,
            consumer: row.key.consumer,
            serving: row.serving.into(),
            training: row.training.into(),
            exports: row.exports.into(),
            last: row.last.into(),
            values: row.values.into_iter().collect(),
        }
    }
}

impl TryFrom<UsageRowMessage> for UsageRow {
    type Error = Error;

    fn try_from(message: UsageRowMessage) -> Result<Self> {
        let of = if message.is_service { UsageOf::Service } else { UsageOf::View };
        Ok(UsageRow {
            day: Date::from_days(message.day).ok_or_else(|| Error::invalid("a day that no calendar has"))?,
            key: UsageKey { of, name: message.name, consumer: message.consumer },
            serving: message.serving.into(),
            training: message.training.into(),
            exports: message.exports.into(),
            last: message.last.into(),
            values: message.values.into_iter().collect::<BTreeMap<_, _>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use asofdb::Timestamp;

    use super::*;
    use crate::codec::{decode_message, encoded_message};

    #[test]
    fn usage_travels_as_these_bytes_and_days_that_no_calendar_has_are_refused() {
        let request = UsageRequest { last_days: 30, by_day: true };
        assert_eq!(encoded_message(&request).unwrap(), [30, 0, 0, 0, 1]);
        let key = UsageKey { of: UsageOf::Service, name: "r".to_owned(), consumer: "c".to_owned() };
        let mut row = UsageRow::new(Date::from_days(1).unwrap(), key);
        row.training = UsageCounts { calls: 2, rows: 3 };
        row.last = Timestamp::from_micros(4);
        row.values = [("f".to_owned(), 5)].into();
        let bytes = encoded_message(&UsageRowMessage::from(row.clone())).unwrap();
        let number = |number: u64| number.to_le_bytes().to_vec();
        let text = |text: &str| [number(text.len() as u64), text.as_bytes().to_vec()].concat();
        let start = [1_i32.to_le_bytes().to_vec(), vec![1], text("r"), text("c")].concat();
        let end = [number(4), number(1), text("f"), number(5)].concat();
        assert_eq!(bytes, [start, [0, 0, 2, 3, 0, 0].map(number).concat(), end].concat());
        assert_eq!(UsageRow::try_from(decode_message::<UsageRowMessage>(&bytes).unwrap()).unwrap(), row);
        let mut no_day = bytes;
        no_day[..4].copy_from_slice(&i32::MAX.to_le_bytes());
        let message: UsageRowMessage = decode_message(&no_day).unwrap();
        assert_eq!(UsageRow::try_from(message).unwrap_err().message(), "a day that no calendar has");
    }
}
