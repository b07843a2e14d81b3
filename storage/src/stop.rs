//! The sign by which long work learns that nobody waits for it any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, Result};

/// A sign that work is to stop. Clones are one sign: one stays with whoever waits, one goes with the work, which looks
/// at it between steps.
#[derive(Debug, Clone)]
pub struct Stop(Option<Arc<AtomicBool>>);

impl Stop {
    /// The sign that is never given.
    pub const NEVER: Stop = Stop(None);

    /// A sign that has not been given yet.
    #[allow(clippy::new_without_default, reason = "there are two signs, and neither is the usual one")]
    pub fn new() -> Self {
        Stop(Some(Arc::default()))
    }

    /// Gives the sign, for good. [`Stop::NEVER`] stays as it is.
    pub fn stop(&self) {
        if let Some(stopped) = &self.0 {
            stopped.store(true, Ordering::Relaxed);
        }
    }

    /// Returns whether the sign was given.
    #[inline]
    pub fn is_stopped(&self) -> bool {
        self.0.as_ref().is_some_and(|stopped| stopped.load(Ordering::Relaxed))
    }

    /// Returns whether the sign can be given: work that nobody will stop need not be cut into steps.
    pub fn may_come(&self) -> bool {
        self.0.is_some()
    }

    /// Ends the work if the sign was given.
    ///
    /// # Errors
    /// `Unavailable` if it was.
    #[inline]
    pub fn check(&self) -> Result<()> {
        if self.is_stopped() { Err(stopped()) } else { Ok(()) }
    }
}

#[cold]
fn stopped() -> Error {
    Error::unavailable("the work was stopped, for nobody waits for it any more")
}

/// Looks at a sign once in so many steps: steps are short, and the sign is shared between threads.
#[derive(Debug)]
pub struct Steps<'s> {
    stop: &'s Stop,
    done: u32,
}

/// Steps between two looks.
const LOOK_EVERY: u32 = 1024;

impl<'s> Steps<'s> {
    /// Begins to count.
    pub fn new(stop: &'s Stop) -> Self {
        Steps { stop, done: 0 }
    }

    /// Counts a step.
    ///
    /// # Errors
    /// `Unavailable` if the sign was given.
    #[inline]
    pub fn step(&mut self) -> Result<()> {
        self.done = self.done.wrapping_add(1);
        if self.done.is_multiple_of(LOOK_EVERY) { self.stop.check() } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn clones_are_one_sign_and_never_is_none() {
        let stop = Stop::new();
        let work = stop.clone();
        assert!(work.check().is_ok() && work.may_come());
        stop.stop();
        assert_eq!(work.check().unwrap_err().kind(), ErrorKind::Unavailable);
        Stop::NEVER.stop();
        assert!(!Stop::NEVER.is_stopped() && !Stop::NEVER.may_come());
    }

    #[test]
    fn the_sign_is_seen_within_a_thousand_steps() {
        let stop = Stop::new();
        let mut steps = Steps::new(&stop);
        assert!((0..10_000).all(|_| steps.step().is_ok()));
        stop.stop();
        assert!((0..LOOK_EVERY).any(|_| steps.step().is_err()));
    }
}
