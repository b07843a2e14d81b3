//! Counts of an export's scan so far.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Counts that threads share.
#[derive(Debug, Default)]
pub struct Counts {
    scanned: AtomicU64,
    stopped: AtomicBool,
}

impl Counts {
    /// Versions looked at.
    pub(crate) fn scanned(&self) -> u64 {
        self.scanned.load(Ordering::Relaxed)
    }

    pub(crate) fn add_scanned(&self, versions: u64) {
        self.scanned.fetch_add(versions, Ordering::Relaxed);
    }

    /// Asks those who scan to stop.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}
