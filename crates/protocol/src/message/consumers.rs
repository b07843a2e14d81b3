//! What consumers did, within messages.

use std::time::Duration;

use asofdb::ErrorKind;

use crate::codec::{Decode, Encode};
use crate::report::ConsumerReport;

/// Asks what each consumer did with each view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct ConsumersRequest;

/// The figures of one consumer, operation and view.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ConsumerFigures {
    consumer: String,
    operation: String,
    view: String,
    requests: u64,
    rows: u64,
    errors: Vec<(String, u64)>,
    p50_us: u64,
    p99_us: u64,
    p999_us: u64,
    over_consumer: u64,
    over_view: u64,
    answered_bytes: u64,
    written_bytes: u64,
}

impl From<ConsumerReport> for ConsumerFigures {
    fn from(report: ConsumerReport) -> Self {
        ConsumerFigures {
            consumer: report.consumer,
            operation: report.operation,
            view: report.view,
            requests: report.requests,
            rows: report.rows,
            errors: report.errors.into_iter().map(|(kind, count)| (kind.as_str().to_owned(), count)).collect(),
            p50_us: report.p50.as_micros() as u64,
            p99_us: report.p99.as_micros() as u64,
            p999_us: report.p999.as_micros() as u64,
            over_consumer: report.over_consumer,
            over_view: report.over_view,
            answered_bytes: report.answered_bytes,
            written_bytes: report.written_bytes,
        }
    }
}

impl From<ConsumerFigures> for ConsumerReport {
    fn from(message: ConsumerFigures) -> Self {
        let kind = |(name, count): (String, u64)| {
            let kind = ErrorKind::ALL.into_iter().find(|kind| kind.as_str() == name);
            (kind.unwrap_or(ErrorKind::Internal), count)
        };
        ConsumerReport {
            consumer: message.consumer,
            operation: message.operation,
            view: message.view,
            requests: message.requests,
            rows: message.rows,
            errors: message.errors.into_iter().map(kind).collect(),
            p50: Duration::from_micros(message.p50_us),
            p99: Duration::from_micros(message.p99_us),
            p999: Duration::from_micros(message.p999_us),
            over_consumer: message.over_consumer,
            over_view: message.over_view,
            answered_bytes: message.answered_bytes,
            written_bytes: message.written_bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{decode_message, encoded_message};

    #[test]
    fn figures_travel_as_these_bytes_and_come_back() {
        let report = ConsumerReport {
            consumer: "a".to_owned(),
            operation: "latest".to_owned(),
            view: "v".to_owned(),
            requests: 1,
            rows: 2,
            errors: vec![(ErrorKind::Limited, 3)],
            p50: Duration::from_micros(4),
            p99: Duration::from_micros(5),
            p999: Duration::from_micros(6),
            over_consumer: 7,
            over_view: 8,
            answered_bytes: 9,
            written_bytes: 10,
        };
        let number = |number: u64| number.to_le_bytes().to_vec();
        let text = |text: &str| [number(text.len() as u64), text.as_bytes().to_vec()].concat();
        let head = [text("a"), text("latest"), text("v"), number(1), number(2), number(1), text("limited"), number(3)];
        let tail = (4..=10).map(number).collect::<Vec<_>>();
        let bytes = encoded_message(&vec![ConsumerFigures::from(report.clone())]).unwrap();
        assert_eq!(bytes, [number(1), head.concat(), tail.concat()].concat());
        let back: Vec<ConsumerFigures> = decode_message(&bytes).unwrap();
        assert_eq!(back.into_iter().map(ConsumerReport::from).collect::<Vec<_>>(), [report]);
    }
}
