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
            let (more, max) = (wanted - self.bytes, self.budget.bytes_max);
            self.budget.held.add_within(more as u64, max as u64).map_err(|held| {
                let message = "the sidecar holds too many large requests and answers; try again, or ask for fewer rows";
                Error::unavailable(format!("{message}: {held} of {max} bytes"))
            })?;
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

#[cfg(all(test, loom))]
mod every_order {
    use loom::thread;

    use super::*;

    #[test]
    fn a_request_that_does_not_fit_is_in_nobodys_way() {
        loom::model(|| {
            let budget = Arc::new(Budget::new(3 << 20, Arc::default()));
            let other = budget.clone();
            let too_large = thread::spawn(move || Held::new(other).resize(4 << 20).is_err());
            let mut fits = Held::new(budget.clone());
            fits.resize(2 << 20).unwrap();
            assert!(too_large.join().unwrap());
            fits.release();
            assert_eq!(budget.held.get(), 0);
        });
    }

    #[test]
    fn two_that_resize_at_a_time_never_hold_more_than_there_is_and_give_all_of_it_back() {
        loom::model(|| {
            let budget = Arc::new(Budget::new(3 << 20, Arc::default()));
            let resize = |budget: Arc<Budget>| {
                let mut held = Held::new(budget.clone());
                let _ = held.resize(2 << 20).and_then(|()| held.resize(1 << 20));
                assert!(budget.held.get() <= 3 << 20);
            };
            let other = budget.clone();
            let other = thread::spawn(move || resize(other));
            resize(budget.clone());
            other.join().unwrap();
            assert_eq!(budget.held.get(), 0);
        });
    }
}
