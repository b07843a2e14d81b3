//! Alerts within messages.

use super::value::TimeMessage;
use crate::alerts::{AlertReport, AlertTargetReport, AlertsReport};
use crate::codec::{Decode, Encode};

/// Asks for the alerts of the sidecar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct AlertsRequest;

/// Alerts and their targets.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct AlertsMessage {
    alerts: Vec<AlertMessage>,
    targets: Vec<AlertTargetMessage>,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
struct AlertMessage {
    kind: String,
    subject: String,
    state: String,
    severity: String,
    message: String,
    since: TimeMessage,
    told: TimeMessage,
    notices: u64,
    is_recovering: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
struct AlertTargetMessage {
    target: String,
    kind: String,
    waiting: u64,
    delivered: u64,
    failures: u64,
    dropped: u64,
    last_delivered: Option<TimeMessage>,
    last_failed: Option<TimeMessage>,
    last_error: Option<String>,
}

impl From<AlertsReport> for AlertsMessage {
    fn from(report: AlertsReport) -> Self {
        let AlertsReport { alerts, targets } = report;
        AlertsMessage {
            alerts: alerts.into_iter().map(AlertMessage::from).collect(),
            targets: targets.into_iter().map(AlertTargetMessage::from).collect(),
        }
    }
}

impl From<AlertsMessage> for AlertsReport {
    fn from(message: AlertsMessage) -> Self {
        let AlertsMessage { alerts, targets } = message;
        AlertsReport {
            alerts: alerts.into_iter().map(AlertReport::from).collect(),
            targets: targets.into_iter().map(AlertTargetReport::from).collect(),
        }
    }
}

impl From<AlertReport> for AlertMessage {
    fn from(report: AlertReport) -> Self {
        let AlertReport { kind, subject, state, severity, message, since, told, notices, is_recovering } = report;
        let (since, told) = (since.into(), told.into());
        AlertMessage { kind, subject, state, severity, message, since, told, notices, is_recovering }
    }
}

impl From<AlertMessage> for AlertReport {
    fn from(of: AlertMessage) -> Self {
        let AlertMessage { kind, subject, state, severity, message, since, told, notices, is_recovering } = of;
        let (since, told) = (since.into(), told.into());
        AlertReport { kind, subject, state, severity, message, since, told, notices, is_recovering }
    }
}

impl From<AlertTargetReport> for AlertTargetMessage {
    fn from(report: AlertTargetReport) -> Self {
        AlertTargetMessage {
            target: report.target,
            kind: report.kind,
            waiting: report.waiting,
            delivered: report.delivered,
            failures: report.failures,
            dropped: report.dropped,
            last_delivered: report.last_delivered.map(TimeMessage::from),
            last_failed: report.last_failed.map(TimeMessage::from),
            last_error: report.last_error,
        }
    }
}

impl From<AlertTargetMessage> for AlertTargetReport {
    fn from(message: AlertTargetMessage) -> Self {
        AlertTargetReport {
            target: message.target,
            kind: message.kind,
            waiting: message.waiting,
            delivered: message.delivered,
            failures: message.failures,
            dropped: message.dropped,
            last_delivered: message.last_delivered.map(Into::into),
            last_failed: message.last_failed.map(Into::into),
            last_error: message.last_error,
        }
    }
}

#[cfg(test)]
mod tests {
    use asofdb::Timestamp;

    use super::*;
    use crate::codec::{decode_message, encoded_message};

    #[test]
    fn alerts_travel_as_these_bytes_and_come_back() {
        let at = Timestamp::from_micros;
        let alert = AlertReport {
            kind: "k".into(),
            subject: "s".into(),
            state: "t".into(),
            severity: "v".into(),
            message: "m".into(),
            since: at(1),
            told: at(2),
            notices: 3,
            is_recovering: true,
        };
        let target = AlertTargetReport {
            target: "n".into(),
            kind: "json".into(),
            waiting: 4,
            delivered: 5,
            failures: 6,
            dropped: 7,
            last_delivered: Some(at(8)),
            last_failed: None,
            last_error: Some("e".into()),
        };
        let report = AlertsReport { alerts: vec![alert], targets: vec![target] };
        let bytes = encoded_message(&AlertsMessage::from(report.clone())).unwrap();
        let number = |number: u64| number.to_le_bytes().to_vec();
        let text = |text: &str| [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat();
        let expected = [
            number(1),
            ["k", "s", "t", "v", "m"].map(text).concat(),
            [1, 2, 3].map(number).concat(),
            [&[1], &number(1)[..]].concat(),
            ["n", "json"].map(text).concat(),
            [4, 5, 6, 7].map(number).concat(),
            [&[1], &number(8)[..], &[0], &[1], &text("e")].concat(),
        ];
        assert_eq!(bytes, expected.concat());
        assert_eq!(AlertsReport::from(decode_message::<AlertsMessage>(&bytes).unwrap()), report);
    }
}
