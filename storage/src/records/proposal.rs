//! The record of plans that wait for approval.

use super::change::LineRecordV1;
use super::codec::{self, Decode, Encode};
use super::{Reader, Recorded};
use crate::change::Change;
use crate::error::{Error, Result};
use crate::proposal::{Proposal, Proposals};
use crate::time::Timestamp;

#[derive(Encode, Decode)]
pub(crate) struct ProposalsRecordV1 {
    revision: u64,
    waiting: Vec<ProposalRecordV1>,
}

#[derive(Encode, Decode)]
struct ProposalRecordV1 {
    plan: String,
    who: String,
    /// Microseconds since 1970.
    at: i64,
    message: String,
    changes: Vec<LineRecordV1>,
    left_out: u64,
}

impl Recorded for Proposals {
    type Written = ProposalsRecordV1;

    const READERS: &'static [Reader<Self>] = &[codec::read_checked::<ProposalsRecordV1, Self>];

    fn name(_: &[u8]) -> String {
        "plans that wait for approval".to_owned()
    }
}

impl From<&Proposals> for ProposalsRecordV1 {
    fn from(proposals: &Proposals) -> Self {
        let one = |proposal: &Proposal| ProposalRecordV1 {
            plan: proposal.plan.clone(),
            who: proposal.who.clone(),
            at: proposal.at.as_micros(),
            message: proposal.message.clone(),
            changes: proposal.changes.iter().cloned().map(LineRecordV1::from).collect(),
            left_out: proposal.left_out,
        };
        ProposalsRecordV1 { revision: proposals.revision, waiting: proposals.waiting.iter().map(one).collect() }
    }
}

impl TryFrom<ProposalsRecordV1> for Proposals {
    type Error = Error;

    fn try_from(record: ProposalsRecordV1) -> Result<Self> {
        let one = |proposal: ProposalRecordV1| {
            Ok(Proposal {
                plan: proposal.plan,
                who: proposal.who,
                at: Timestamp::from_micros(proposal.at),
                message: proposal.message,
                changes: proposal.changes.into_iter().map(Change::try_from).collect::<Result<_>>()?,
                left_out: proposal.left_out,
            })
        };
        let waiting = record.waiting.into_iter().map(one).collect::<Result<_>>()?;
        Ok(Proposals { revision: record.revision, waiting })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::{ChangeKind, ObjectKind};
    use crate::error::ErrorKind;

    fn number(number: u64) -> Vec<u8> {
        number.to_le_bytes().to_vec()
    }

    fn text(text: &str) -> Vec<u8> {
        [number(text.len() as u64), text.as_bytes().to_vec()].concat()
    }

    #[test]
    fn plans_that_wait_have_these_bytes_and_damaged_ones_are_refused() {
        let line = Change {
            kind: ChangeKind::Change,
            what: ObjectKind::FeatureView,
            name: "v".to_owned(),
            details: vec!["d".to_owned()],
        };
        let proposal = Proposal {
            plan: "ab".to_owned(),
            who: "uid:1".to_owned(),
            at: Timestamp::from_micros(3),
            message: "why".to_owned(),
            changes: vec![line],
            left_out: 4,
        };
        let proposals = Proposals { revision: 5, waiting: vec![proposal] };
        let head = [vec![1], number(5), number(1), text("ab"), text("uid:1"), number(3), text("why")].concat();
        let lines = [number(1), text("change"), text("feature_view"), text("v"), number(1), text("d")].concat();
        let bytes = [head, lines, number(4)].concat();
        assert_eq!(proposals.encode().unwrap(), bytes);
        assert_eq!(Proposals::decode(&bytes).unwrap(), proposals);
        for cut in 0..bytes.len() {
            assert_eq!(Proposals::decode(&bytes[..cut]).unwrap_err().kind(), ErrorKind::Corrupt, "{cut}");
        }
    }
}
