//! The sign by which long work learns that nobody waits for it any more, and that it is in somebody's way.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, Result};

/// Whoever long work gives way to between its steps.
pub trait GiveWay: fmt::Debug + Send + Sync {
    /// Pauses, if this thread is in somebody's way. It is called where the thread holds no lock, some hundred times a
    /// second or more, and returns soon.
    fn give_way(&self);

    /// Hears that there is work that gives way.
    fn work_begins(&self) {}

    /// Hears that one of the works is over that have begun.
    fn work_ends(&self) {}
}

/// A sign that work is to stop. Clones are one sign: one stays with whoever waits, one goes with the work, which looks
/// at it between steps.
#[derive(Debug, Clone)]
pub struct Stop(Option<Arc<Sign>>);

#[derive(Debug, Default)]
struct Sign {
    stopped: AtomicBool,
    to: Option<Arc<dyn GiveWay>>,
}

impl Stop {
    /// The sign that is never given.
    pub const NEVER: Stop = Stop(None);

    /// A sign that has not been given yet.
    #[allow(clippy::new_without_default, reason = "there are two signs, and neither is the usual one")]
    pub fn new() -> Self {
        Stop(Some(Arc::default()))
    }

    /// A sign that has not been given yet, of work that gives way between its steps.
    pub fn giving_way(to: Arc<dyn GiveWay>) -> Self {
        Stop(Some(Arc::new(Sign { stopped: AtomicBool::new(false), to: Some(to) })))
    }

    /// Gives the sign, for good. [`Stop::NEVER`] stays as it is.
    pub fn stop(&self) {
        if let Some(sign) = &self.0 {
            sign.stopped.store(true, Ordering::Relaxed);
        }
    }

    /// Returns whether the sign was given.
    #[inline]
    pub fn is_stopped(&self) -> bool {
        self.0.as_ref().is_some_and(|sign| sign.stopped.load(Ordering::Relaxed))
    }

    /// Returns whether the sign can be given: work that nobody will stop need not be cut into steps.
    pub fn may_come(&self) -> bool {
        self.0.is_some()
    }

    /// Gives way, if the work does. The thread must hold no lock.
    #[inline]
    pub fn give_way(&self) {
        if let Some(to) = self.0.as_ref().and_then(|sign| sign.to.as_ref()) {
            to.give_way();
        }
    }

    /// Ends the work if the sign was given; gives way otherwise, if the work does. The thread must hold no lock.
    ///
    /// # Errors
    /// `Unavailable` if it was given.
    #[inline]
    pub fn check(&self) -> Result<()> {
        if self.is_stopped() {
            return Err(stopped());
        }
        self.give_way();
        Ok(())
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

    #[derive(Debug, Default)]
    struct Count(std::sync::atomic::AtomicU32);

    impl GiveWay for Count {
        fn give_way(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn work_gives_way_at_each_look_once_in_a_thousand_steps_and_not_once_it_is_stopped() {
        let count = Arc::new(Count::default());
        let stop = Stop::giving_way(count.clone());
        let mut steps = Steps::new(&stop);
        assert!((0..10 * LOOK_EVERY).all(|_| steps.step().is_ok()));
        assert_eq!(count.0.load(Ordering::Relaxed), 10);
        stop.stop();
        assert!(stop.check().is_err() && stop.is_stopped());
        assert_eq!(count.0.load(Ordering::Relaxed), 10);
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
