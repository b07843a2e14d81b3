//! Counts of what a table did.

use std::cell::Cell;
use std::sync::atomic::Ordering;

use crate::sync::AtomicU64;

/// Counts since a table was made, and what it holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HotCounts {
    /// Lookups that found their row, or that there is none.
    pub hits: u64,
    /// Lookups that did not.
    pub misses: u64,
    /// Rows that were filled in.
    pub fills: u64,
    /// Rows that made room for others.
    pub evictions: u64,
    /// Rows that are there.
    pub rows: u64,
    /// Rows of those that are pinned.
    pub pinned_rows: u64,
    /// Bytes of their records.
    pub pinned_bytes: u64,
    /// Bytes of records that are used.
    pub bytes: u64,
    /// Bytes that the table takes when it is full, all that lies beside it included.
    pub bytes_max: u64,
}

/// Counters are apart by thread, so that readers do not wait for each other's cache lines.
const STRIPES: usize = 16;

#[derive(Default)]
#[repr(align(128))]
struct Stripe {
    hits: AtomicU64,
    misses: AtomicU64,
}

/// Counts of readers.
#[derive(Default)]
pub(crate) struct ReadCounts([Stripe; STRIPES]);

impl ReadCounts {
    pub(crate) fn add(&self, hits: u64, misses: u64) {
        thread_local! {
            static STRIPE: Cell<Option<usize>> = const { Cell::new(None) };
        }
        static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let stripe = STRIPE.get().unwrap_or_else(|| {
            let stripe = NEXT.fetch_add(1, Ordering::Relaxed) % STRIPES;
            STRIPE.set(Some(stripe));
            stripe
        });
        let stripe = &self.0[stripe];
        if hits > 0 {
            stripe.hits.fetch_add(hits, Ordering::Relaxed);
        }
        if misses > 0 {
            stripe.misses.fetch_add(misses, Ordering::Relaxed);
        }
    }

    /// Hits and misses.
    pub(crate) fn sum(&self) -> [u64; 2] {
        let sum = |of: fn(&Stripe) -> &AtomicU64| self.0.iter().map(|one| of(one).load(Ordering::Relaxed)).sum();
        [sum(|one| &one.hits), sum(|one| &one.misses)]
    }
}
