//! The state of a store's clock.

use super::stamps::StampRun;
use crate::time::{Span, Timestamp};

/// A claim this far beyond the believed time is worth a word. Less is what a restart takes, and will be believed soon.
pub(super) const QUARANTINE_MIN: Span = Span::from_secs(3_600);

/// The reading of the system's clock, and what the store believes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockStatus {
    /// The system's clock.
    pub system: Timestamp,
    /// The present: reads and stamps go by it.
    pub now: Timestamp,
    /// The believed present: what is done for good goes by it. `None` for a new store, in its first hour.
    pub believed: Option<Timestamp>,
    /// The clock's claim beyond what is believed.
    pub claim: Option<ClockClaim>,
    /// The created timestamps that were given while the clock was ahead, and that it has come back from since.
    pub apart: Vec<StampRun>,
}

/// A time that the clock claims to have come to, and that is not believed yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockClaim {
    /// The distance from the believed time, gone on with the monotonic clock, to what the clock shows; `None` where
    /// no time is believed yet.
    pub ahead: Option<Span>,
    /// The time for which the clock has agreed with itself.
    pub agreed: Span,
    /// The time for which it must have.
    pub needed: Span,
}

impl ClockStatus {
    /// The jump of the clock ahead of what is believed, where that is an hour or more.
    pub fn quarantined(&self) -> Option<Span> {
        self.claim.and_then(|claim| claim.ahead).filter(|ahead| *ahead >= QUARANTINE_MIN)
    }

    /// The time by which the clock is behind what is believed, where that is an hour or more: then one of the two is
    /// wrong.
    pub fn behind(&self) -> Option<Span> {
        self.believed.map(|believed| believed.since(self.system)).filter(|behind| *behind >= QUARANTINE_MIN)
    }

    /// Says what is wrong with the clock, in one sentence; `None` where nothing is.
    pub fn warning(&self) -> Option<String> {
        if let Some(behind) = self.behind() {
            return Some(format!(
                "the clock is {behind} behind the time that the store has come to, which stands still"
            ));
        }
        let (ahead, claim) = (self.quarantined()?, self.claim?);
        let left = claim.needed.minus(claim.agreed);
        Some(format!(
            "the clock is {ahead} ahead of what the store knows: reads and stamps go by it, but nothing is reclaimed or \
             kept by it before it has agreed with itself for {left} more, or is confirmed"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_on_either_side_is_worth_a_word() {
        let hour = 3_600_000_000;
        let status = |system: i64, ahead: i64| ClockStatus {
            system: Timestamp::from_micros(system),
            now: Timestamp::from_micros(system),
            believed: Some(Timestamp::EPOCH),
            claim: (ahead > 0).then_some(ClockClaim {
                ahead: Some(Span::from_micros(ahead)),
                agreed: Span::from_secs(600),
                needed: Span::from_secs(3_600),
            }),
            apart: Vec::new(),
        };
        assert_eq!(
            [status(1, 0), status(1, hour - 1), status(1 - hour, 0)].map(|status| status.warning()),
            [None, None, None]
        );
        let warning = status(hour, hour).warning().unwrap();
        assert!(warning.contains("1h ahead") && warning.contains("50m more"), "{warning}");
        let warning = status(-hour, 0).warning().unwrap();
        assert!(warning.contains("1h behind"), "{warning}");
    }
}

/// The outcome of a repair of a store's time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClockRepair {
    /// The believed time that the store has gone back from, where it has.
    pub back_from: Option<Timestamp>,
    /// The views of which compaction may have removed versions by that time: those with a retention.
    pub reclaimed: Vec<String>,
    /// Versions that have another created timestamp now.
    pub restamped: u64,
}
