//! Errors of the engine as exceptions of `asofdb.errors`.

use asofdb::{Error, ErrorKind, Hint};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

/// The exception of a kind.
fn class(py: Python<'_>, kind: ErrorKind) -> PyResult<&Bound<'_, PyType>> {
    static CLASSES: [PyOnceLock<Py<PyType>>; ErrorKind::ALL.len()] =
        [const { PyOnceLock::new() }; ErrorKind::ALL.len()];
    let (slot, name) = match kind {
        ErrorKind::NotFound => (0, "NotFoundError"),
        ErrorKind::Invalid => (1, "InvalidError"),
        ErrorKind::Conflict => (2, "ConflictError"),
        ErrorKind::Unavailable => (3, "UnavailableError"),
        ErrorKind::Denied => (4, "DeniedError"),
        ErrorKind::Limited => (5, "LimitedError"),
        ErrorKind::Corrupt => (6, "CorruptError"),
        ErrorKind::Closed => (7, "ClosedError"),
        // A kind that is newer than this package is no kind that its users know what to do about.
        _ => (8, "InternalError"),
    };
    CLASSES[slot].import(py, "asofdb.errors", name)
}

/// Words a hint for users of the Python package.
fn words(hint: Hint) -> &'static str {
    match hint {
        Hint::AllowUsed => " (allow_drop=[names], allow_redefine=[names])",
        Hint::AllowDrop => " (allow_drop=True)",
        Hint::AllowRedefine => " (allow_redefine=True)",
        Hint::InputFormat => " (input_format=)",
        Hint::FromScratch => " (from_scratch=True)",
        Hint::EventTimestamp => " (event_timestamp= names it)",
        Hint::StartSidecar => " (asof serve --socket)",
        Hint::FrameBytesMax => " (asof serve --frame-bytes-max)",
        Hint::SharedStore => " (shared=True)",
        _ => "",
    }
}

/// The exception that says what `error` says.
pub(crate) fn exception(py: Python<'_>, error: &Error) -> PyErr {
    match class(py, error.kind()) {
        Ok(class) => PyErr::from_type(class.clone(), format!("{error:#}{}", error.hint().map_or("", words))),
        Err(error) => error,
    }
}

/// An `InvalidError`.
pub(crate) fn invalid(py: Python<'_>, message: impl Into<String>) -> PyErr {
    exception(py, &Error::invalid(message))
}

/// Results of the engine as results of Python.
pub(crate) trait OrRaise<T> {
    /// Turns an error into the exception of its kind.
    fn or_raise(self, py: Python<'_>) -> PyResult<T>;
}

impl<T> OrRaise<T> for asofdb::Result<T> {
    fn or_raise(self, py: Python<'_>) -> PyResult<T> {
        self.map_err(|error| exception(py, &error))
    }
}
