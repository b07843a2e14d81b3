//! The records of a change of the catalog and of approvals of changes to come.

use super::codec::{self, Decode, Encode};
use super::{Reader, Recorded};
use crate::catalog_change::{Approval, Approvals, CatalogChange, ChangeCause};
use crate::change::{Change, ChangeKind, ObjectKind};
use crate::error::{Error, Result};
use crate::time::Timestamp;

/// A change without what was before, which stands in records of its own.
#[derive(Encode, Decode)]
pub(crate) struct ChangeRecordV1 {
    revision: u64,
    /// Microseconds since 1970.
    at: i64,
    who: String,
    message: String,
    /// Who has approved, and when.
    approved_by: Vec<(String, i64)>,
    changes: Vec<LineRecordV1>,
    left_out: u64,
}

#[derive(Encode, Decode)]
pub(super) struct LineRecordV1 {
    kind: String,
    what: String,
    name: String,
    details: Vec<String>,
}

impl Recorded for CatalogChange {
    type Written = ChangeRecordV1;

    const READERS: &'static [Reader<Self>] = &[codec::read_checked::<ChangeRecordV1, Self>];

    fn name(_: &[u8]) -> String {
        "a change of the catalog".to_owned()
    }
}

impl From<&CatalogChange> for ChangeRecordV1 {
    fn from(change: &CatalogChange) -> Self {
        let ChangeCause { who, message, approved_by, changes, left_out } = change.cause.clone();
        ChangeRecordV1 {
            revision: change.revision,
            at: change.at.as_micros(),
            who,
            message,
            approved_by: approved_by.into_iter().map(|approval| (approval.who, approval.at.as_micros())).collect(),
            changes: changes.into_iter().map(LineRecordV1::from).collect(),
            left_out,
        }
    }
}

impl From<Change> for LineRecordV1 {
    fn from(change: Change) -> Self {
        let (kind, what) = (change.kind.as_str().to_owned(), change.what.as_str().to_owned());
        LineRecordV1 { kind, what, name: change.name, details: change.details }
    }
}

impl TryFrom<LineRecordV1> for Change {
    type Error = Error;

    fn try_from(line: LineRecordV1) -> Result<Self> {
        let kind = ChangeKind::ALL.into_iter().find(|kind| kind.as_str() == line.kind);
        let what = ObjectKind::ALL.into_iter().find(|what| what.as_str() == line.what);
        let (Some(kind), Some(what)) = (kind, what) else {
            return Err(Error::corrupt(format!("a change that is not known: {} {}", line.kind, line.what)));
        };
        Ok(Change { kind, what, name: line.name, details: line.details })
    }
}

impl TryFrom<ChangeRecordV1> for CatalogChange {
    type Error = Error;

    fn try_from(record: ChangeRecordV1) -> Result<Self> {
        let approval = |(who, at)| Approval { who, at: Timestamp::from_micros(at) };
        let cause = ChangeCause {
            who: record.who,
            message: record.message,
            approved_by: record.approved_by.into_iter().map(approval).collect(),
            changes: record.changes.into_iter().map(Change::try_from).collect::<Result<_>>()?,
            left_out: record.left_out,
        };
        let at = Timestamp::from_micros(record.at);
        Ok(CatalogChange { revision: record.revision, at, cause, before: Vec::new() })
    }
}

#[derive(Encode, Decode)]
pub(crate) struct ApprovalsRecordV1 {
    revision: u64,
    /// Hash of a plan, who has approved it, and when.
    given: Vec<(String, String, i64)>,
}

impl Recorded for Approvals {
    type Written = ApprovalsRecordV1;

    const READERS: &'static [Reader<Self>] = &[codec::read::<ApprovalsRecordV1, Self>];

    fn name(_: &[u8]) -> String {
        "approvals of changes".to_owned()
    }
}

impl From<&Approvals> for ApprovalsRecordV1 {
    fn from(approvals: &Approvals) -> Self {
        let given = approvals.given.iter();
        let given = given.map(|(plan, one)| (plan.clone(), one.who.clone(), one.at.as_micros())).collect();
        ApprovalsRecordV1 { revision: approvals.revision, given }
    }
}

impl From<ApprovalsRecordV1> for Approvals {
    fn from(record: ApprovalsRecordV1) -> Self {
        let approval = |who, at| Approval { who, at: Timestamp::from_micros(at) };
        let given = record.given.into_iter().map(|(plan, who, at)| (plan, approval(who, at))).collect();
        Approvals { revision: record.revision, given }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{decode, encode};
    use super::*;
    use crate::error::ErrorKind;

    fn number(number: u64) -> Vec<u8> {
        number.to_le_bytes().to_vec()
    }

    fn text(text: &str) -> Vec<u8> {
        [number(text.len() as u64), text.as_bytes().to_vec()].concat()
    }

    #[test]
    fn a_change_has_these_bytes_and_damaged_ones_are_refused() {
        let line = Change {
            kind: ChangeKind::Drop,
            what: ObjectKind::FeatureView,
            name: "v".to_owned(),
            details: vec!["d".to_owned()],
        };
        let cause = ChangeCause {
            who: "uid:1".to_owned(),
            message: "why".to_owned(),
            approved_by: vec![Approval { who: "uid:2".to_owned(), at: Timestamp::from_micros(3) }],
            changes: vec![line],
            left_out: 4,
        };
        let at = Timestamp::from_micros(8);
        let change = CatalogChange { revision: 7, at, cause, before: Vec::new() };
        let head = [vec![1], number(7), number(8), text("uid:1"), text("why")].concat();
        let approved = [number(1), text("uid:2"), number(3)].concat();
        let lines = [number(1), text("drop"), text("feature_view"), text("v"), number(1), text("d")].concat();
        let bytes = [head.clone(), approved.clone(), lines, number(4)].concat();
        assert_eq!(encode(&change).unwrap(), bytes);
        assert_eq!(decode::<CatalogChange>(&[], &bytes).unwrap(), change);
        for cut in 0..bytes.len() {
            assert_eq!(decode::<CatalogChange>(&[], &bytes[..cut]).unwrap_err().kind(), ErrorKind::Corrupt, "{cut}");
        }
        let lines = [number(1), text("lose"), text("feature_view"), text("v"), number(0)].concat();
        let unknown = [head, approved, lines, number(4)].concat();
        assert_eq!(decode::<CatalogChange>(&[], &unknown).unwrap_err().kind(), ErrorKind::Corrupt);
    }

    #[test]
    fn approvals_have_these_bytes_and_damaged_ones_are_refused() {
        let approval = Approval { who: "uid:2".to_owned(), at: Timestamp::from_micros(3) };
        let approvals = Approvals { revision: 5, given: vec![("ab".to_owned(), approval)] };
        let bytes = [vec![1], number(5), number(1), text("ab"), text("uid:2"), number(3)].concat();
        assert_eq!(approvals.encode().unwrap(), bytes);
        assert_eq!(Approvals::decode(&bytes).unwrap(), approvals);
        for cut in 0..bytes.len() {
            assert_eq!(Approvals::decode(&bytes[..cut]).unwrap_err().kind(), ErrorKind::Corrupt, "{cut}");
        }
    }
}
