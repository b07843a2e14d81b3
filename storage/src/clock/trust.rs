//! The readings of the system's clock that are believed for good.
//!
//! A clock can be wrong by years for a moment. What is done for good (reclaiming versions, the time on record) must
//! not go by such a moment, and a store that was closed for a month must open and work. So a reading beyond what is
//! known is used but not believed, until the clock has agreed with itself for long enough.

use crate::time::{Reading, Span, Timestamp};

/// The farthest that a reading may lie beyond the believed time and be believed at once: what a clock that is being
/// set right moves by while a store is in use.
pub(crate) const STEP_MAX: Span = Span::from_secs(1);

/// The time for which a clock must have agreed with a monotonic clock before a jump is believed. Nothing waits for it
/// but reclaiming, so it is long enough for somebody to notice.
pub(crate) const AGREED_MIN: Span = Span::from_secs(3_600);

/// The most that counts as agreement for a time in which the store was closed. No monotonic clock runs through that,
/// so one such time is never enough: two wrong readings do not confirm each other.
pub(crate) const CLOSED_MAX: Span = Span::from_secs(1_800);

/// The reading of a clock that was right at one moment.
#[derive(Debug, Clone, Copy)]
struct Line {
    /// The time at that moment.
    at: Timestamp,
    /// The monotonic clock at that moment.
    elapsed: Span,
}

impl Line {
    fn at(self, elapsed: Span) -> Timestamp {
        self.at.plus(elapsed.minus(self.elapsed))
    }
}

/// A time that the clock has claimed to have come to, and that is not believed yet.
#[derive(Debug, Clone, Copy)]
struct Claim {
    /// The least of what the clock has shown since: this is what is to be believed.
    least: Line,
    /// The time for which it has shown no less.
    agreed: Span,
    /// The monotonic clock when that was last looked at.
    looked: Span,
    /// The greatest reading since.
    seen: Timestamp,
}

impl Claim {
    fn new(reading: Reading) -> Self {
        let least = Line { at: reading.system, elapsed: reading.elapsed };
        Claim { least, agreed: Span::ZERO, looked: reading.elapsed, seen: reading.system }
    }

    /// Takes one more reading as evidence, or begins anew where it speaks against the claim.
    fn observe(self, reading: Reading) -> Self {
        let claimed = self.least.at(reading.elapsed);
        if reading.system.plus(STEP_MAX) < claimed {
            return Claim::new(reading);
        }
        let least = Line { at: claimed.min(reading.system), elapsed: reading.elapsed };
        let agreed = self.agreed.plus(reading.elapsed.minus(self.looked));
        Claim { least, agreed, looked: reading.elapsed, seen: self.seen.max(reading.system) }
    }
}

/// A claim as it is on record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RecordedClaim {
    /// The least time that would be believed, when it was recorded.
    pub(crate) least: Timestamp,
    /// The time for which the clock had agreed by then.
    pub(crate) agreed: Span,
    /// The greatest reading by then: what the clock shows beyond it may be time in which the store was closed.
    pub(crate) seen: Timestamp,
}

/// The judgement about one reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is believed, and so is all up to a time.
    Believed {
        /// The end of what is believed without looking at the monotonic clock again.
        until: Timestamp,
    },
    /// It is used, but not for what cannot be undone.
    Claimed,
}

/// The time that is believed, and what the clock claims beyond it.
#[derive(Debug, Default)]
pub(super) struct Trust {
    /// `None` for a new store, which has no time to compare with.
    believed: Option<Line>,
    claim: Option<Claim>,
}

impl Trust {
    /// The believed time and the claim on record, as of an opening at `reading`.
    #[cfg(feature = "rocksdb")]
    pub(super) fn resume(believed: Option<Timestamp>, claim: Option<RecordedClaim>, reading: Reading) -> Self {
        let elapsed = reading.elapsed;
        let claim = claim.map(|claim| Claim {
            least: Line { at: claim.least, elapsed },
            agreed: claim.agreed.plus(reading.system.since(claim.seen).min(CLOSED_MAX)),
            looked: elapsed,
            seen: claim.seen.max(reading.system),
        });
        Trust { believed: believed.map(|at| Line { at, elapsed }), claim }
    }

    /// Judges a reading. Readings come in the order of the monotonic clock.
    pub(super) fn judge(&mut self, reading: Reading) -> Verdict {
        if let Some(until) = self.believed_until(reading.elapsed).filter(|until| reading.system <= *until) {
            self.claim = None;
            return Verdict::Believed { until };
        }
        let claim = self.claim.take().map_or_else(|| Claim::new(reading), |claim| claim.observe(reading));
        if claim.agreed < AGREED_MIN {
            self.claim = Some(claim);
            return Verdict::Claimed;
        }
        // The clock may be farther ahead than what it has agreed on; then that is the next claim, which is new.
        self.believed = Some(claim.least);
        self.judge(reading)
    }

    fn believed_until(&self, elapsed: Span) -> Option<Timestamp> {
        self.believed(elapsed).map(|believed| believed.plus(STEP_MAX))
    }

    /// The believed time, gone on with the monotonic clock.
    pub(super) fn believed(&self, elapsed: Span) -> Option<Timestamp> {
        self.believed.map(|line| line.at(elapsed))
    }

    /// The claim, to be recorded.
    pub(super) fn claim(&self, elapsed: Span) -> Option<RecordedClaim> {
        let recorded = |claim: Claim| {
            let (agreed, seen) = (claim.agreed, claim.seen);
            RecordedClaim { least: claim.least.at(elapsed), agreed, seen }
        };
        self.claim.map(recorded)
    }

    /// Believes a reading because somebody says so.
    pub(super) fn believe(&mut self, reading: Reading) {
        self.believed = Some(Line { at: reading.system, elapsed: reading.elapsed });
        self.claim = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;
    const HOUR: i64 = 3_600 * SECOND;
    const YEARS: i64 = 10 * 365 * 24 * HOUR;

    fn reading(system: i64, elapsed: i64) -> Reading {
        Reading { system: Timestamp::from_micros(system), elapsed: Span::from_micros(elapsed) }
    }

    /// Believes a clock that shows zero at zero.
    fn at_zero() -> Trust {
        let mut trust = Trust::default();
        trust.believe(reading(0, 0));
        trust
    }

    fn believed(trust: &Trust, elapsed: i64) -> i64 {
        trust.believed(Span::from_micros(elapsed)).unwrap().as_micros()
    }

    fn is_claimed(trust: &mut Trust, system: i64, elapsed: i64) -> bool {
        trust.judge(reading(system, elapsed)) == Verdict::Claimed
    }

    #[test]
    fn what_the_monotonic_clock_and_a_second_allow_is_believed_at_once() {
        let mut trust = at_zero();
        assert!(!is_claimed(&mut trust, HOUR + SECOND, HOUR));
        assert!(is_claimed(&mut trust, HOUR + SECOND + 1, HOUR));
        assert!(!is_claimed(&mut trust, -YEARS, 2 * HOUR), "a step back claims nothing");
    }

    #[test]
    fn a_jump_is_believed_after_an_hour_of_agreement_and_not_a_microsecond_before() {
        let mut trust = at_zero();
        assert!(is_claimed(&mut trust, YEARS, 0));
        assert!(is_claimed(&mut trust, YEARS + HOUR - 1, HOUR - 1));
        assert_eq!(believed(&trust, HOUR - 1), HOUR - 1);
        assert!(!is_claimed(&mut trust, YEARS + HOUR, HOUR));
        assert_eq!(believed(&trust, HOUR), YEARS + HOUR);
    }

    #[test]
    fn a_clock_that_comes_back_has_claimed_nothing() {
        let mut trust = at_zero();
        assert!(is_claimed(&mut trust, YEARS, 0));
        assert!(!is_claimed(&mut trust, HOUR / 2, HOUR / 2));
        assert!(is_claimed(&mut trust, YEARS + HOUR, HOUR));
        assert_eq!(trust.claim(Span::from_micros(HOUR)).unwrap().agreed, Span::ZERO, "it begins anew");
    }

    #[test]
    fn only_what_the_clock_has_agreed_on_is_believed() {
        let mut trust = at_zero();
        assert!(is_claimed(&mut trust, YEARS, 0));
        // A second jump on top of the first is evidence for the first, and a claim of its own.
        assert!(is_claimed(&mut trust, 2 * YEARS, HOUR / 2));
        assert!(is_claimed(&mut trust, 2 * YEARS + HOUR / 2, HOUR));
        assert_eq!(believed(&trust, HOUR), YEARS + HOUR);
        // A lesser jump speaks against the greater one.
        let mut trust = at_zero();
        assert!(is_claimed(&mut trust, 2 * YEARS, 0));
        assert!(is_claimed(&mut trust, YEARS, HOUR / 2));
        assert!(is_claimed(&mut trust, YEARS + HOUR / 2, HOUR));
        assert!(!is_claimed(&mut trust, YEARS + HOUR, HOUR + HOUR / 2));
        assert_eq!(believed(&trust, HOUR + HOUR / 2), YEARS + HOUR);
    }

    #[test]
    #[cfg(feature = "rocksdb")]
    fn a_time_in_which_the_store_was_closed_is_half_of_what_is_needed_at_most() {
        let start = Some(Timestamp::from_micros(0));
        let mut trust = Trust::resume(start, None, reading(YEARS, 0));
        assert!(is_claimed(&mut trust, YEARS, 0), "no monotonic clock says that so much time has passed");
        let claim = trust.claim(Span::from_micros(5 * SECOND));
        let mut trust = Trust::resume(start, claim, reading(2 * YEARS, 0));
        assert!(is_claimed(&mut trust, 2 * YEARS, 0));
        let claim = trust.claim(Span::ZERO);
        let mut trust = Trust::resume(start, claim, reading(2 * YEARS, 0));
        assert!(is_claimed(&mut trust, 2 * YEARS, 0), "opening once more is no evidence");
        let claim = trust.claim(Span::ZERO);
        assert_eq!(claim.unwrap().agreed, CLOSED_MAX);
        let mut trust = Trust::resume(start, claim, reading(3 * YEARS, 0));
        assert!(is_claimed(&mut trust, 3 * YEARS, 0), "the rest of the jump is the next claim");
        assert_eq!(believed(&trust, 0), YEARS + 5 * SECOND);
        let mut trust = Trust::resume(start, claim, reading(HOUR, 0));
        assert!(is_claimed(&mut trust, HOUR, 0));
        assert_eq!(trust.claim(Span::ZERO).unwrap().agreed, Span::ZERO, "the clock has come back");
    }

    #[test]
    fn a_new_store_believes_nothing_before_an_hour() {
        let mut trust = Trust::default();
        assert!(is_claimed(&mut trust, YEARS, 0));
        assert!(is_claimed(&mut trust, 0, SECOND));
        assert!(!is_claimed(&mut trust, HOUR, HOUR + SECOND));
        assert_eq!(believed(&trust, HOUR + SECOND), HOUR);
    }
}
