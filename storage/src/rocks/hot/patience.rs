//! The time that work on the hot table may take.

use std::time::{Duration, Instant};

/// The beginning of some work, and the time that it may take.
#[derive(Debug, Clone, Copy)]
pub(in crate::rocks) struct Patience {
    begun: Instant,
    time: Duration,
}

impl Patience {
    #[allow(clippy::disallowed_methods, reason = "for measuring only: no answer depends on it")]
    pub(in crate::rocks) fn of(time: Duration) -> Self {
        Patience { begun: Instant::now(), time }
    }

    pub(in crate::rocks) fn is_over(self) -> bool {
        self.begun.elapsed() > self.time
    }
}
