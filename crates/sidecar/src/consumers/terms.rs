//! The terms of a consumer or a view: its limits, and what it is promised.

use std::num::NonZeroU64;
use std::time::Duration;

use super::bucket::Rate;

/// The terms of one consumer or view. What is `None` has no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) requests: Option<Rate>,
    /// Entities that are asked for, and rows that are written.
    pub(crate) rows: Option<Rate>,
    /// Bytes of answers.
    pub(crate) answered: Option<Rate>,
    /// Bytes of rows that are written.
    pub(crate) written: Option<Rate>,
    /// Most requests at a time.
    pub(crate) in_flight: Option<NonZeroU64>,
    /// The latency that 99 in 100 reads shall stay within.
    pub(crate) latency_p99: Option<Duration>,
}

impl Terms {
    /// Returns whether there is a limit among them.
    pub(crate) fn is_limiting(&self) -> bool {
        let Terms { requests, rows, answered, written, in_flight, latency_p99: _ } = self;
        requests.is_some() || rows.is_some() || answered.is_some() || written.is_some() || in_flight.is_some()
    }
}
