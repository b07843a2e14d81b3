//! Limits of consumers and views, within messages.

use super::value::TimeMessage;
use crate::codec::{Decode, Encode};
use crate::report::LimitsReport;

/// Asks for the limits in force, or makes others the limits first.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct LimitsRequest {
    /// The limits from now on, in TOML; `None`: as they are.
    pub limits: Option<String>,
}

/// The limits in force.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct LimitsMessage {
    limits: String,
    changed: TimeMessage,
    by: String,
    error: Option<String>,
}

impl From<LimitsReport> for LimitsMessage {
    fn from(report: LimitsReport) -> Self {
        let LimitsReport { limits, changed, by, error } = report;
        LimitsMessage { limits, changed: changed.into(), by, error }
    }
}

impl From<LimitsMessage> for LimitsReport {
    fn from(message: LimitsMessage) -> Self {
        let LimitsMessage { limits, changed, by, error } = message;
        LimitsReport { limits, changed: changed.into(), by, error }
    }
}

#[cfg(test)]
mod tests {
    use asofdb::Timestamp;

    use super::*;
    use crate::codec::{decode_message, encoded_message};

    #[test]
    fn limits_travel_as_these_bytes_and_come_back() {
        let number = |number: u64| number.to_le_bytes().to_vec();
        let text = |text: &str| [number(text.len() as u64), text.as_bytes().to_vec()].concat();
        assert_eq!(encoded_message(&LimitsRequest { limits: None }).unwrap(), [0]);
        let request = LimitsRequest { limits: Some("l".to_owned()) };
        assert_eq!(encoded_message(&request).unwrap(), [vec![1], text("l")].concat());
        let (limits, changed) = ("t".to_owned(), Timestamp::from_micros(7));
        let report = LimitsReport { limits, changed, by: "uid:1".to_owned(), error: Some("no".to_owned()) };
        let bytes = encoded_message(&LimitsMessage::from(report.clone())).unwrap();
        assert_eq!(bytes, [text("t"), number(7), text("uid:1"), vec![1], text("no")].concat());
        assert_eq!(LimitsReport::from(decode_message::<LimitsMessage>(&bytes).unwrap()), report);
    }
}
