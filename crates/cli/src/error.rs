//! The ways in which a command ends.

use std::io::{self, Write};

use asofdb::{Error, Hint, Prepared};

/// A command that ran to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    /// A check found a problem, and has told which.
    Problem,
}

/// A command that ended early, and why.
#[derive(Debug)]
pub(crate) enum Stop {
    Failed(Error),
    /// The arguments don't suit what is defined.
    Usage(String),
    /// Whoever read our output has seen enough: `asof views | head`.
    ReaderGone,
}

pub(crate) type Result<T, E = Stop> = std::result::Result<T, E>;

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Stop::Failed(error)
    }
}

/// A failure to write to stdout.
impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Stop::ReaderGone,
            _ => Stop::Failed(Error::unavailable("cannot write to the standard output").with_source(error)),
        }
    }
}

/// The error with its causes, and what would help in the words of this command line.
pub(crate) fn text_of(error: &Error) -> String {
    let hint = match error.hint() {
        Some(Hint::AllowDrop) => " (--allow-drop)",
        Some(Hint::AllowRedefine) => " (--allow-redefine)",
        Some(Hint::AllowUsed) => " (--allow-drop=NAME, --allow-redefine=NAME)",
        Some(Hint::InputFormat) => " (--input-format)",
        Some(Hint::FromScratch) => " (--from-scratch)",
        Some(Hint::EventTimestamp) => " (--event-timestamp names it)",
        Some(Hint::StartSidecar) => " (asof serve --socket)",
        Some(Hint::FrameBytesMax) => " (asof serve --frame-bytes-max)",
        Some(Hint::SharedStore) => " (--shared-store)",
        Some(Hint::HttpToken) => " (--http-token-file)",
        Some(Hint::Approve) => " (asof approve)",
        _ => "",
    };
    format!("{error:#}{hint}")
}

/// Tells an error on one line of stderr; below one in an expression stands its place.
pub(crate) fn report(message: &str) {
    tell("error", message);
}

/// Tells on one line of stderr what is no error, and worth knowing.
pub(crate) fn notice(message: &str) {
    tell("notice", message);
}

/// Tells the warnings of a request for what is deprecated.
pub(crate) fn tell_warnings(request: &Prepared) {
    request.warnings().iter().for_each(|warning| notice(warning));
}

fn tell(what: &str, message: &str) {
    let (message, place) = match message.split_once('\n') {
        Some((message, place)) if place.trim_start().starts_with("--> ") => (message, Some(place)),
        _ => (message, None),
    };
    let line: Vec<&str> = message.split_whitespace().collect();
    let place = place.map(|place| format!("\n{}", place.trim_end())).unwrap_or_default();
    // Where stderr is closed there is nobody to tell.
    let _ = writeln!(io::stderr(), "asof: {what}: {}{place}", line.join(" "));
}
