//! A kind of fault, tried many times over.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crate::{Report, Setting};

/// A kind of fault, tried many times over.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    /// The name on the command line and in the table.
    pub name: &'static str,
    /// The faults that are tried, in a few words.
    pub about: &'static str,
    /// Tries it. What is wrong goes to the report; a panic is a fault as well.
    pub run: fn(&Setting, &mut Report),
}

/// A part that was run.
#[derive(Debug)]
pub struct Done {
    /// The part.
    pub part: Part,
    /// The counts and faults.
    pub report: Report,
    /// The time it took.
    pub took: Duration,
}

impl Part {
    /// Runs the part to its end, whatever happens in it.
    #[allow(clippy::disallowed_methods, reason = "a time that is shown and decides nothing")]
    pub fn run(self, setting: &Setting) -> Done {
        let (mut report, start) = (Report::default(), std::time::Instant::now());
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (self.run)(setting, &mut report))) {
            report.fault(panic_text(&*panic));
        }
        Done { part: self, report, took: start.elapsed() }
    }
}

/// The message of a panic.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    text.unwrap_or("it panicked")
}
