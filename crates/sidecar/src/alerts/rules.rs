//! Rules by which sources look.

use asofdb::{AnswerCounts, AnswerRow};

/// The rules by which sources look.
#[derive(Debug, Clone, Copy)]
pub(super) struct LookRules {
    /// The part of a limit by which a share must have come below it for an alert to be over.
    pub(super) hysteresis: f64,
    pub(super) answers: AnswerRules,
}

/// The time over which the values are counted that consumers got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Period {
    Minutes,
    Hour,
    Day,
}

impl Period {
    /// The period in a sentence.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Period::Minutes => "5 minutes",
            Period::Hour => "hour",
            Period::Day => "day",
        }
    }

    pub(super) fn of(self, row: &AnswerRow) -> &AnswerCounts {
        match self {
            Period::Minutes => &row.last_5m,
            Period::Hour => &row.last_1h,
            Period::Day => &row.last_1d,
        }
    }
}

/// The rules for values that consumers got.
#[derive(Debug, Clone, Copy)]
pub(super) struct AnswerRules {
    pub(super) period: Period,
    /// The fewest values of a view that say something.
    pub(super) values_min: u64,
}
