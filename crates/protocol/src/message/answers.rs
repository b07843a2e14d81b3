//! Answers of late, within messages.

use asofdb::{AnswerCounts, AnswerRow};

use crate::codec::{Decode, Encode};

/// Asks what consumers got in the last day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct AnswersRequest;

/// The values of a feature that a consumer got.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct AnswerRowMessage {
    view: String,
    feature: String,
    consumer: String,
    last_5m: AnswerCountsMessage,
    last_1h: AnswerCountsMessage,
    last_1d: AnswerCountsMessage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
struct AnswerCountsMessage {
    values: u64,
    null: u64,
    missing: u64,
    expired: u64,
    defaulted: u64,
}

impl From<AnswerCounts> for AnswerCountsMessage {
    fn from(counts: AnswerCounts) -> Self {
        let AnswerCounts { values, null, missing, expired, defaulted } = counts;
        AnswerCountsMessage { values, null, missing, expired, defaulted }
    }
}

impl From<AnswerCountsMessage> for AnswerCounts {
    fn from(message: AnswerCountsMessage) -> Self {
        let AnswerCountsMessage { values, null, missing, expired, defaulted } = message;
        AnswerCounts { values, null, missing, expired, defaulted }
    }
}

impl From<AnswerRow> for AnswerRowMessage {
    fn from(row: AnswerRow) -> Self {
        let AnswerRow { view, feature, consumer, last_5m, last_1h, last_1d } = row;
        let (last_5m, last_1h, last_1d) = (last_5m.into(), last_1h.into(), last_1d.into());
        AnswerRowMessage { view, feature, consumer, last_5m, last_1h, last_1d }
    }
}

impl From<AnswerRowMessage> for AnswerRow {
    fn from(message: AnswerRowMessage) -> Self {
        let AnswerRowMessage { view, feature, consumer, last_5m, last_1h, last_1d } = message;
        let (last_5m, last_1h, last_1d) = (last_5m.into(), last_1h.into(), last_1d.into());
        AnswerRow { view, feature, consumer, last_5m, last_1h, last_1d }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{decode_message, encoded_message};

    #[test]
    fn answers_travel_as_these_bytes_and_come_back() {
        let counts = |from: u64| AnswerCounts {
            values: from,
            null: from + 1,
            missing: from + 2,
            expired: from + 3,
            defaulted: from + 4,
        };
        let (view, feature, consumer) = ("v".to_owned(), "f".to_owned(), "c".to_owned());
        let (last_5m, last_1h, last_1d) = (counts(1), counts(6), counts(11));
        let row = AnswerRow { view, feature, consumer, last_5m, last_1h, last_1d };
        let bytes = encoded_message(&AnswerRowMessage::from(row.clone())).unwrap();
        let text = |text: &str| [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat();
        let numbers: Vec<u8> = (1..=15_u64).flat_map(u64::to_le_bytes).collect();
        assert_eq!(bytes, [text("v"), text("f"), text("c"), numbers].concat());
        assert_eq!(AnswerRow::from(decode_message::<AnswerRowMessage>(&bytes).unwrap()), row);
    }
}
