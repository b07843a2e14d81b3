//! Objectives: what a view promises about the age of its events.

use std::fmt;

use crate::problem::{At, Checked};
use crate::time::Span;

/// The freshness that a view promises: how old its newest event, and the newest event of its entities, may become.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FreshnessObjective {
    /// The age of the newest event over which the view is late; at most `stale`.
    pub warn: Span,
    /// The age over which the newest event, or an entity, is stale; above zero.
    pub stale: Span,
    /// The greatest share of entities that may be stale, from 0 to 1; `None`: any share.
    pub stale_share_max: Option<f64>,
}

impl fmt::Display for FreshnessObjective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "warn {}, stale {}", self.warn, self.stale)?;
        match self.stale_share_max {
            Some(share) => write!(f, ", at most {share} of entities stale"),
            None => Ok(()),
        }
    }
}

impl FreshnessObjective {
    /// Checks the objective of a view, which `subject` names. Events have no share: an old one is no stale entity.
    pub(crate) fn check(&self, at: &At, subject: &str, is_of_events: bool) -> Checked {
        let at = at.field("freshness");
        for (field, span) in [("stale", self.stale), ("warn", self.warn)] {
            if span <= Span::ZERO {
                return at.field(field).invalid(format!("{subject}: {field} of freshness is above zero"));
            }
        }
        let (warn, stale) = (self.warn, self.stale);
        if warn > stale {
            return at
                .field("warn")
                .invalid(format!("{subject}: warn of freshness is at most stale: {warn} > {stale}"));
        }
        let Some(share) = self.stale_share_max else { return Ok(()) };
        let at = at.field("stale_share_max");
        if !(0.0..=1.0).contains(&share) {
            return at.invalid(format!("{subject}: stale_share_max of freshness is from 0 to 1: {share}"));
        }
        if is_of_events {
            let rule = "an entity without new events is not stale; leave stale_share_max out";
            return at.invalid(format!("{subject}: {rule}"));
        }
        Ok(())
    }
}
