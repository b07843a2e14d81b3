//! Memory that all clients of a door share for large requests and answers.

use std::ops::Deref;
use std::sync::Arc;

use asofdb::{Error, Result};

use crate::gauges::Gauge;

/// Requests and answers up to this are not counted: every connection may have as much.
pub(crate) const FREE_BYTES: usize = 64 << 10;

/// Bytes that may be held, and are.
#[derive(Debug)]
pub(crate) struct Budget {
    bytes_max: usize,
    held: Arc<Gauge>,
}

/// Bytes of a budget that one connection or request holds; given back when it goes. `B` is a handle of the budget.
#[derive(Debug)]
pub(crate) struct Held<B: Deref<Target = Budget>> {
    budget: B,
    bytes: usize,
}

impl Budget {
    /// A budget of so many bytes; what is held counts in `held`.
    pub(crate) fn new(bytes_max: usize, held: Arc<Gauge>) -> Self {
        Budget { bytes_max, held }
    }
}

impl<B: Deref<Target = Budget>> Held<B> {
    /// Holds nothing yet.
    pub(crate) fn new(budget: B) -> Self {
        Held { budget, bytes: 0 }
    }

    /// Holds what a buffer of `bytes` takes from now on, more or less than before.
    ///
    /// # Errors
    /// `Unavailable` when all clients together would hold too much; as much is held as before then.
    #[inline]
    pub(crate) fn resize(&mut self, bytes: usize) -> Result<()> {
        let wanted = if bytes <= FREE_BYTES { 0 } else { bytes };
        if wanted == self.bytes {
            return Ok(());
        }
        self.resize_counted(wanted)
    }

    /// Holds nothing any more.
    #[inline]
    pub(crate) fn release(&mut self) {
        if self.bytes > 0 {
            self.budget.held.subtract(self.bytes as u64);
            self.bytes = 0;
        }
    }

    #[cold]
    fn resize_counted(&mut self, wanted: usize) -> Result<()> {
        if wanted > self.bytes {
            let more = wanted - self.bytes;
            let before = self.budget.held.add(more as u64);
            if before.saturating_add(more as u64) > self.budget.bytes_max as u64 {
                self.budget.held.subtract(more as u64);
                let max = self.budget.bytes_max;
                let message = "the sidecar holds too many large requests and answers; try again, or ask for fewer rows";
                return Err(Error::unavailable(format!("{message}: {before} of {max} bytes")));
            }
        } else {
            self.budget.held.subtract((self.bytes - wanted) as u64);
        }
        self.bytes = wanted;
        Ok(())
    }
}

impl<B: Deref<Target = Budget>> Drop for Held<B> {
    fn drop(&mut self) {
        self.release();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_given_back_and_never_more_than_there_is() {
        let budget = Budget::new(1 << 20, Arc::default());
        let (mut a, mut b) = (Held::new(&budget), Held::new(&budget));
        a.resize(FREE_BYTES).unwrap();
        assert_eq!(budget.held.get(), 0);
        a.resize(600_000).unwrap();
        let error = b.resize(600_000).unwrap_err();
        assert!(error.message().contains("600000 of 1048576 bytes"), "{error}");
        b.resize(400_000).unwrap();
        assert!(b.resize(500_000).is_err());
        assert_eq!(budget.held.get(), 1_000_000);
        a.resize(200_000).unwrap();
        b.resize(500_000).unwrap();
        drop(a);
        assert_eq!(budget.held.get(), 500_000);
        drop(b);
        assert_eq!(budget.held.get(), 0);
    }
}
