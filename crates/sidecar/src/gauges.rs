//! Gauges of a door of the sidecar: its connections and requests of now, and those that it turned away.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

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
    /// Adds; returns what it was before.
    #[inline]
    pub(crate) fn add(&self, count: u64) -> u64 {
        self.0.fetch_add(count, Ordering::Relaxed)
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
    refused: [AtomicU64; Refusal::ALL.len()],
}

impl Gauges {
    pub(crate) fn refuse(&self, refusal: Refusal) {
        self.refused[refusal as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn refused(&self, refusal: Refusal) -> u64 {
        self.refused[refusal as usize].load(Ordering::Relaxed)
    }

    /// Counts a panic that failed one request.
    pub(crate) fn count_panic(&self) {
        self.panics.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn panics(&self) -> u64 {
        self.panics.load(Ordering::Relaxed)
    }
}
