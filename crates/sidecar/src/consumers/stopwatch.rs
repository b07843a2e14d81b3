//! A stopwatch for durations.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// Measures how long a request takes. Nothing that is answered depends on it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stopwatch(Instant);

/// The beginning of [`Moment`]s.
static BEGINNING: LazyLock<Stopwatch> = LazyLock::new(Stopwatch::start);

impl Stopwatch {
    #[allow(clippy::disallowed_methods, reason = "for measuring only")]
    #[inline]
    pub(crate) fn start() -> Self {
        Stopwatch(Instant::now())
    }

    #[inline]
    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// A time that fits into an atomic: nanoseconds since the first one of this process was asked for. It never goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(pub(crate) u64);

impl Moment {
    #[inline]
    pub(crate) fn now() -> Self {
        // 584 years.
        Moment(BEGINNING.elapsed().as_nanos() as u64)
    }
}
