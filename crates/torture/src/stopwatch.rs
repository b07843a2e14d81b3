//! Elapsed time.

use std::time::{Duration, Instant};

/// The time since a moment: for measuring, and for patience.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts now.
    #[allow(clippy::disallowed_methods, reason = "load and faults happen in real time, outside any store")]
    pub(crate) fn start() -> Self {
        Stopwatch(Instant::now())
    }

    /// Returns the time since the start.
    pub(crate) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Looks every few milliseconds whether something has happened, for so long at most; tells whether it has.
pub(crate) fn eventually(patience: Duration, mut has_happened: impl FnMut() -> bool) -> bool {
    const PAUSE: Duration = Duration::from_millis(5);
    let waited = Stopwatch::start();
    loop {
        if has_happened() {
            return true;
        }
        if waited.elapsed() >= patience {
            return false;
        }
        std::thread::sleep(PAUSE);
    }
}
