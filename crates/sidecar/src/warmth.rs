//! Readiness that waits for the hot table, and no longer than it was told to.

use std::time::{Duration, Instant};

use asofdb::storage::Warming;

/// A year: longer patience is no different.
const FOREVER: Duration = Duration::from_secs(365 * 86_400);

/// The time until which a service waits for its hot table before it says that it is ready.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Warmth(Option<Instant>);

impl Warmth {
    /// Waits so long from now on.
    #[allow(clippy::disallowed_methods, reason = "for a wait only")]
    pub(crate) fn within(patience: Duration) -> Self {
        Warmth::from(Instant::now(), patience)
    }

    /// Returns why it is not ready now, if it waits still.
    #[allow(clippy::disallowed_methods, reason = "for a wait only")]
    pub(crate) fn waits(self, warming: impl FnOnce() -> Warming) -> Option<String> {
        // Most services wait for nothing.
        self.0?;
        self.waits_at(Instant::now(), warming)
    }

    fn from(now: Instant, patience: Duration) -> Self {
        Warmth(now.checked_add(patience.min(FOREVER)))
    }

    fn waits_at(self, now: Instant, warming: impl FnOnce() -> Warming) -> Option<String> {
        self.0.filter(|until| now < *until)?;
        let Warming { is_over, rows, rows_wanted } = warming();
        (!is_over).then(|| format!("warming: {rows} of {rows_wanted} rows"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::disallowed_methods, reason = "any moment will do")]
    fn a_service_waits_for_its_hot_table_until_it_is_warm_or_the_time_is_over() {
        let (now, patience) = (Instant::now(), Duration::from_secs(60));
        let cold = || Warming { is_over: false, rows: 3, rows_wanted: 10 };
        let warm = || Warming { is_over: true, ..cold() };
        let warmth = Warmth::from(now, patience);
        assert_eq!(warmth.waits_at(now, cold).as_deref(), Some("warming: 3 of 10 rows"));
        assert_eq!(warmth.waits_at(now, warm), None);
        assert!(warmth.waits_at(now + patience - Duration::from_nanos(1), cold).is_some());
        assert_eq!(warmth.waits_at(now + patience, cold), None);
        assert_eq!(Warmth::from(now, Duration::ZERO).waits_at(now, cold), None);
        assert_eq!(Warmth::default().waits_at(now, cold), None);
        assert!(Warmth::from(now, Duration::MAX).waits_at(now, cold).is_some());
    }
}
