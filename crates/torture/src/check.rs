//! Checks, whose failures say what is wrong.

use std::error::Error;
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::Report;

/// The outcome of a check: an error says what is wrong.
pub(crate) type Checked<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

/// Checks that something holds.
///
/// # Errors
/// With what is wrong if it does not.
pub(crate) fn check(holds: bool, wrong: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(wrong().into()) }
}

/// Checks that something is as it should be.
///
/// # Errors
/// With both if it is not.
pub(crate) fn equal<A: Debug + PartialEq<B>, B: Debug>(what: &str, found: &A, expected: &B) -> Checked {
    check(found == expected, || format!("{what}: {found:?}, and should be {expected:?}"))
}

impl Report {
    /// Runs a check and counts it as one of `kind`; what is wrong is a fault with its name. A panic is one too.
    pub(crate) fn check(&mut self, kind: &str, name: &str, check: impl FnOnce() -> Checked) {
        self.count(kind, 1);
        match catch_unwind(AssertUnwindSafe(check)) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.fault(format!("{name}: {}", chain(&*error))),
            Err(_) => self.fault(format!("{name}: it panicked")),
        }
    }
}

/// An error with its sources.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text = format!("{text}: {source}");
        next = source.source();
    }
    text
}
