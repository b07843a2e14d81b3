//! Gauges of a door of the sidecar: its connections and requests of now, and those that it turned away.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::sync::AtomicU64;

/// The reason why a connection or a request was turned away before it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The door has as many connections as it may.
    Connections,
    /// The most requests that may be in flight are in flight.
    InFlight,
    /// The kernel or the token say that the caller may not.
    Access,
    /// The client did not say hello in time.
    Handshake,
    /// The sidecar is stopping.
    Draining,
}

impl Refusal {
    pub(crate) const ALL: [Refusal; 5] =
        [Refusal::Connections, Refusal::InFlight, Refusal::Access, Refusal::Handshake, Refusal::Draining];

    /// The stable name.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Refusal::Connections => "connections",
            Refusal::InFlight => "in_flight",
            Refusal::Access => "access",
            Refusal::Handshake => "handshake",
            Refusal::Draining => "draining",
        }
    }
}

/// A number that goes up and down. Whoever adds subtracts the same.
#[derive(Debug, Default)]
pub(crate) struct Gauge(AtomicU64);

impl Gauge {
    #[inline]
    pub(crate) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// Adds if it becomes no more than `most`. What is refused was never added, not even for a moment in which others
    /// would be refused for it.
    ///
    /// # Errors
    /// The number that it is.
    #[inline]
    pub(crate) fn add_within(&self, count: u64, most: u64) -> Result<(), u64> {
        let sum = |is: u64| is.checked_add(count).filter(|sum| *sum <= most);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, sum).map(drop)
    }

    #[inline]
    pub(crate) fn subtract(&self, count: u64) {
        self.0.fetch_sub(count, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The gauges and counters of one door.
#[derive(Debug, Default)]
pub(crate) struct Gauges {
    /// Open connections.
    pub(crate) connections: Gauge,
    /// Requests that were read and not yet answered.
    pub(crate) requests_in_flight: Gauge,
    /// Bytes of large requests and answers that are held, counted by the door's budget.
    pub(crate) large_frame_bytes: Arc<Gauge>,
    panics: AtomicU64,
    /// Calls and rows that clients have answered by themselves, out of shared memory, as they tell it.
    shared: [AtomicU64; 2],
    refused: [AtomicU64; Refusal::ALL.len()],
}

impl Gauges {
    pub(crate) fn refuse(&self, refusal: Refusal) {
        self.refused[refusal as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn refused(&self, refusal: Refusal) -> u64 {
        self.refused[refusal as usize].load(Ordering::Relaxed)
    }

    /// Counts reads that a client has answered by itself.
    pub(crate) fn count_shared(&self, calls: u64, rows: u64) {
        self.shared.iter().zip([calls, rows]).for_each(|(sum, count)| {
            sum.fetch_add(count, Ordering::Relaxed);
        });
    }

    /// Calls and rows that clients have answered by themselves.
    pub(crate) fn shared(&self) -> [u64; 2] {
        [&self.shared[0], &self.shared[1]].map(|sum| sum.load(Ordering::Relaxed))
    }

    /// Counts a panic that failed one request.
    pub(crate) fn count_panic(&self) {
        self.panics.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn panics(&self) -> u64 {
        self.panics.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_not_added() {
        let gauge = Gauge::default();
        assert_eq!(gauge.add_within(3, 4), Ok(()));
        assert_eq!(gauge.add_within(2, 4), Err(3));
        assert_eq!(gauge.add_within(u64::MAX, 4), Err(3));
        assert_eq!(gauge.add_within(1, 4), Ok(()));
        assert_eq!(gauge.get(), 4);
    }
}

#[cfg(all(test, loom))]
mod every_order {
    use loom::thread;

    use super::*;

    #[test]
    fn of_two_that_want_the_last_place_exactly_one_gets_it() {
        loom::model(|| {
            let gauge = Arc::new(Gauge::default());
            let other = gauge.clone();
            let other = thread::spawn(move || other.add_within(1, 1).is_ok());
            let here = gauge.add_within(1, 1).is_ok();
            assert_ne!(here, other.join().unwrap());
            assert_eq!(gauge.get(), 1);
        });
    }
}
