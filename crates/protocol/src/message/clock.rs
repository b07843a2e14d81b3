//! The state of a store's clock, within messages.

use asofdb::{ClockClaim, ClockRepair, ClockStatus, StampRun};

use super::value::{SpanMessage, TimeMessage};
use crate::codec::{Decode, Encode};

/// Asks what the store believes of its clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct ClockRequest {
    /// True to make it believe what the clock shows first.
    pub confirm: bool,
}

/// Answers a [`ClockRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ClockMessage {
    system: TimeMessage,
    now: TimeMessage,
    believed: Option<TimeMessage>,
    claim: Option<ClaimMessage>,
    apart: Vec<StampRunMessage>,
}

/// A time that the clock claims to have come to.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
struct ClaimMessage {
    ahead: Option<SpanMessage>,
    agreed: SpanMessage,
    needed: SpanMessage,
}

/// Created timestamps that were given while the clock was ahead.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
struct StampRunMessage {
    first: TimeMessage,
    last: TimeMessage,
    until: Option<TimeMessage>,
}

impl From<ClockStatus> for ClockMessage {
    fn from(status: ClockStatus) -> Self {
        let claim = |claim: ClockClaim| ClaimMessage {
            ahead: claim.ahead.map(Into::into),
            agreed: claim.agreed.into(),
            needed: claim.needed.into(),
        };
        let run = |run: StampRun| StampRunMessage {
            first: run.first.into(),
            last: run.last.into(),
            until: run.until.map(Into::into),
        };
        ClockMessage {
            system: status.system.into(),
            now: status.now.into(),
            believed: status.believed.map(Into::into),
            claim: status.claim.map(claim),
            apart: status.apart.into_iter().map(run).collect(),
        }
    }
}

impl From<ClockMessage> for ClockStatus {
    fn from(message: ClockMessage) -> Self {
        let claim = |claim: ClaimMessage| ClockClaim {
            ahead: claim.ahead.map(Into::into),
            agreed: claim.agreed.into(),
            needed: claim.needed.into(),
        };
        let run = |run: StampRunMessage| StampRun {
            first: run.first.into(),
            last: run.last.into(),
            until: run.until.map(Into::into),
        };
        ClockStatus {
            system: message.system.into(),
            now: message.now.into(),
            believed: message.believed.map(Into::into),
            claim: message.claim.map(claim),
            apart: message.apart.into_iter().map(run).collect(),
        }
    }
}

/// The outcome of a repair of a store's time.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ClockRepairMessage {
    back_from: Option<TimeMessage>,
    reclaimed: Vec<String>,
    restamped: u64,
}

impl From<ClockRepair> for ClockRepairMessage {
    fn from(repair: ClockRepair) -> Self {
        let ClockRepair { back_from, reclaimed, restamped } = repair;
        ClockRepairMessage { back_from: back_from.map(Into::into), reclaimed, restamped }
    }
}

impl From<ClockRepairMessage> for ClockRepair {
    fn from(message: ClockRepairMessage) -> Self {
        let ClockRepairMessage { back_from, reclaimed, restamped } = message;
        ClockRepair { back_from: back_from.map(Into::into), reclaimed, restamped }
    }
}

#[cfg(test)]
mod tests {
    use asofdb::{Span, Timestamp};

    use super::*;
    use crate::codec::{decode_message, encoded_message};

    #[test]
    fn the_state_of_a_clock_has_the_bytes_that_are_described() {
        let at = Timestamp::from_micros;
        let status = ClockStatus {
            system: at(1),
            now: at(2),
            believed: Some(at(3)),
            claim: Some(ClockClaim {
                ahead: Some(Span::from_micros(4)),
                agreed: Span::ZERO,
                needed: Span::from_micros(5),
            }),
            apart: vec![StampRun { first: at(6), last: at(7), until: None }],
        };
        let number = |number: i64| number.to_le_bytes().to_vec();
        let claim = [vec![1, 1], number(4), number(0), number(5)].concat();
        let apart = [number(1), number(6), number(7), vec![0]].concat();
        let bytes = [number(1), number(2), vec![1], number(3), claim, apart].concat();
        assert_eq!(encoded_message(&ClockMessage::from(status.clone())).unwrap(), bytes);
        assert_eq!(ClockStatus::from(decode_message::<ClockMessage>(&bytes).unwrap()), status);
        let repair = ClockRepair { back_from: None, reclaimed: vec!["v".into()], restamped: 9 };
        let bytes = [vec![0], number(1), number(1), b"v".to_vec(), number(9)].concat();
        assert_eq!(encoded_message(&ClockRepairMessage::from(repair.clone())).unwrap(), bytes);
        assert_eq!(ClockRepair::from(decode_message::<ClockRepairMessage>(&bytes).unwrap()), repair);
    }
}
