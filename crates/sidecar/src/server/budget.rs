//! Memory that all clients share for large requests and answers.

use std::sync::atomic::{AtomicUsize, Ordering};

use asofdb::{Error, Result};

/// Requests and answers up to this are not counted: every connection may have as much.
pub(super) const FREE_BYTES: usize = 64 << 10;

/// Bytes that may be held, and are.
#[derive(Debug)]
pub(super) struct Budget {
    bytes_max: usize,
    held: AtomicUsize,
}

/// Bytes of a budget that one connection holds; given back when it goes.
#[derive(Debug)]
pub(super) struct Held<'b> {
    budget: &'b Budget,
    bytes: usize,
}

impl Budget {
    pub(super) fn new(bytes_max: usize) -> Self {
        Budget { bytes_max, held: AtomicUsize::new(0) }
    }

    /// Bytes that are held.
    #[cfg(test)]
    fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// Holds nothing yet.
    pub(super) fn hold(&self) -> Held<'_> {
        Held { budget: self, bytes: 0 }
    }
}

impl Held<'_> {
    /// Holds what a buffer of `bytes` takes from now on, more or less than before.
    ///
    /// # Errors
    /// `Unavailable` when all clients together would hold too much; as much is held as before then.
    #[inline]
    pub(super) fn resize(&mut self, bytes: usize) -> Result<()> {
        let wanted = if bytes <= FREE_BYTES { 0 } else { bytes };
        if wanted == self.bytes {
            return Ok(());
        }
        self.resize_counted(wanted)
    }

    /// Holds nothing any more.
    #[inline]
    pub(super) fn release(&mut self) {
        if self.bytes > 0 {
            self.budget.held.fetch_sub(self.bytes, Ordering::Relaxed);
            self.bytes = 0;
        }
    }

    #[cold]
    fn resize_counted(&mut self, wanted: usize) -> Result<()> {
        if wanted > self.bytes {
            let more = wanted - self.bytes;
            let before = self.budget.held.fetch_add(more, Ordering::Relaxed);
            if before + more > self.budget.bytes_max {
                self.budget.held.fetch_sub(more, Ordering::Relaxed);
                let max = self.budget.bytes_max;
                let message = "the sidecar holds too many large requests and answers; try again, or ask for fewer rows";
                return Err(Error::unavailable(format!("{message}: {before} of {max} bytes")));
            }
        } else {
            self.budget.held.fetch_sub(self.bytes - wanted, Ordering::Relaxed);
        }
        self.bytes = wanted;
        Ok(())
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.release();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_given_back_and_never_more_than_there_is() {
        let budget = Budget::new(1 << 20);
        let (mut a, mut b) = (budget.hold(), budget.hold());
        a.resize(FREE_BYTES).unwrap();
        assert_eq!(budget.held(), 0);
        a.resize(600_000).unwrap();
        let error = b.resize(600_000).unwrap_err();
        assert!(error.message().contains("600000 of 1048576 bytes"), "{error}");
        b.resize(400_000).unwrap();
        assert!(b.resize(500_000).is_err());
        assert_eq!(budget.held(), 1_000_000);
        a.resize(200_000).unwrap();
        b.resize(500_000).unwrap();
        drop(a);
        assert_eq!(budget.held(), 500_000);
        drop(b);
        assert_eq!(budget.held(), 0);
    }
}
