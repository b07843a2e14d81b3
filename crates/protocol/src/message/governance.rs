//! The log of the catalog, its policy and approvals, within messages.

use asofdb::{Approval, CatalogChange, Change, ChangeCause, ChangeKind, Error, ObjectKind, Result};

use super::value::TimeMessage;
use crate::codec::{Decode, Encode};

/// Makes a text the policy.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct PolicyRequest {
    /// The policy, in TOML.
    pub policy: String,
    /// The reason, for the log.
    pub message: String,
}

/// Asks for the newest changes of the catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct LogRequest {
    /// The changes that led to revisions before this one.
    pub before: u64,
    /// Most changes.
    pub limit: u32,
}

/// Approves a plan.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ApproveRequest {
    /// The hash of the plan.
    pub plan: String,
}

/// A change of the catalog.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ChangeMessage {
    revision: u64,
    at: TimeMessage,
    who: String,
    message: String,
    approved_by: Vec<(String, TimeMessage)>,
    /// Kind, thing, name and details.
    changes: Vec<(String, String, String, Vec<String>)>,
    left_out: u64,
    /// Keys of records, and what they were before.
    before: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

impl From<CatalogChange> for ChangeMessage {
    fn from(change: CatalogChange) -> Self {
        let CatalogChange { revision, at, cause, before } = change;
        let ChangeCause { who, message, approved_by, changes, left_out } = cause;
        let line = |change: Change| {
            (change.kind.as_str().to_owned(), change.what.as_str().to_owned(), change.name, change.details)
        };
        ChangeMessage {
            revision,
            at: at.into(),
            who,
            message,
            approved_by: approved_by.into_iter().map(|approval| (approval.who, approval.at.into())).collect(),
            changes: changes.into_iter().map(line).collect(),
            left_out,
            before,
        }
    }
}

impl TryFrom<ChangeMessage> for CatalogChange {
    type Error = Error;

    fn try_from(message: ChangeMessage) -> Result<Self> {
        let line = |(kind, what, name, details): (String, String, String, Vec<String>)| {
            let known = ChangeKind::ALL.into_iter().find(|one| one.as_str() == kind);
            let thing = ObjectKind::ALL.into_iter().find(|one| one.as_str() == what);
            match known.zip(thing) {
                Some((kind, what)) => Ok(Change { kind, what, name, details }),
                None => Err(Error::invalid(format!("a change that is not known: {kind} {what}"))),
            }
        };
        let cause = ChangeCause {
            who: message.who,
            message: message.message,
            approved_by: message.approved_by.into_iter().map(|(who, at)| Approval { who, at: at.into() }).collect(),
            changes: message.changes.into_iter().map(line).collect::<Result<_>>()?,
            left_out: message.left_out,
        };
        Ok(CatalogChange { revision: message.revision, at: message.at.into(), cause, before: message.before })
    }
}

#[cfg(test)]
mod tests {
    use asofdb::Timestamp;

    use super::*;
    use crate::codec::{decode_message, encoded_message};

    fn number(number: u64) -> Vec<u8> {
        number.to_le_bytes().to_vec()
    }

    fn text(text: &str) -> Vec<u8> {
        [number(text.len() as u64), text.as_bytes().to_vec()].concat()
    }

    #[test]
    fn a_change_travels_as_these_bytes_and_comes_back() {
        let name = "v:f".to_owned();
        let line = Change { kind: ChangeKind::Create, what: ObjectKind::Feature, name, details: vec!["d".to_owned()] };
        let cause = ChangeCause {
            who: "uid:1".to_owned(),
            message: "why".to_owned(),
            approved_by: vec![Approval { who: "uid:2".to_owned(), at: Timestamp::from_micros(3) }],
            changes: vec![line],
            left_out: 4,
        };
        let before = vec![(b"k".to_vec(), None), (b"l".to_vec(), Some(b"m".to_vec()))];
        let change = CatalogChange { revision: 7, at: Timestamp::from_micros(8), cause, before };
        let bytes = encoded_message(&ChangeMessage::from(change.clone())).unwrap();
        let head = [number(7), number(8), text("uid:1"), text("why"), number(1), text("uid:2"), number(3)].concat();
        let lines = [number(1), text("create"), text("feature"), text("v:f"), number(1), text("d"), number(4)].concat();
        let undo = [number(2), text("k"), vec![0], text("l"), vec![1], text("m")].concat();
        assert_eq!(bytes, [head, lines, undo].concat());
        assert_eq!(CatalogChange::try_from(decode_message::<ChangeMessage>(&bytes).unwrap()).unwrap(), change);
    }

    #[test]
    fn requests_travel_as_these_bytes() {
        let policy = PolicyRequest { policy: "p".to_owned(), message: "m".to_owned() };
        assert_eq!(encoded_message(&policy).unwrap(), [text("p"), text("m")].concat());
        let log = LogRequest { before: 5, limit: 6 };
        assert_eq!(encoded_message(&log).unwrap(), [number(5), 6_u32.to_le_bytes().to_vec()].concat());
        assert_eq!(encoded_message(&ApproveRequest { plan: "ab".to_owned() }).unwrap(), text("ab"));
    }
}
