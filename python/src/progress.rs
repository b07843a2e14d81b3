//! Telling a Python function how far long work has come.

use asofdb::Progress;
use pyo3::prelude::*;

/// A function of Python that is told, if there is one.
pub(crate) struct Callback {
    function: Option<Py<PyAny>>,
    /// The exception that it raised first; it is not called again then.
    raised: Option<PyErr>,
}

impl Callback {
    pub(crate) fn new(function: Option<Py<PyAny>>) -> Self {
        Callback { function, raised: None }
    }

    /// Calls it with rows, work done and all work, from a thread without the GIL.
    pub(crate) fn call(&mut self, progress: Progress) {
        if self.raised.is_some() {
            return;
        }
        if let Some(function) = &self.function {
            let Progress { rows, done, total } = progress;
            self.raised = Python::attach(|py| function.call1(py, (rows, done, total)).err());
        }
    }

    /// The result of the work, or what the function raised: the work was done nevertheless.
    pub(crate) fn finish<T>(self, done: PyResult<T>) -> PyResult<T> {
        match (done, self.raised) {
            (Ok(_), Some(raised)) => Err(raised),
            (done, _) => done,
        }
    }
}
