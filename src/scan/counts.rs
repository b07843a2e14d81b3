//! Counts of an export's scan so far.

use std::sync::atomic::{AtomicU64, Ordering};

use asofdb_storage::Stop;

/// Counts that threads share, and the sign that tells them to stop.
#[derive(Debug)]
pub(crate) struct Counts {
    scanned: AtomicU64,
    stop: Stop,
}

impl Counts {
    /// Counts of a scan that ends when the sign is given.
    pub(crate) fn new(stop: Stop) -> Self {
        Counts { scanned: AtomicU64::new(0), stop }
    }

    /// Versions looked at.
    pub(crate) fn scanned(&self) -> u64 {
        self.scanned.load(Ordering::Relaxed)
    }

    pub(crate) fn add_scanned(&self, versions: u64) {
        self.scanned.fetch_add(versions, Ordering::Relaxed);
    }

    /// Asks those who scan to stop.
    pub(crate) fn stop(&self) {
        self.stop.stop();
    }

    /// Gives way between two steps of a scan, if it does; tells whether it goes on.
    pub(crate) fn goes_on(&self) -> bool {
        self.stop.give_way();
        !self.stop.is_stopped()
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.is_stopped()
    }
}
