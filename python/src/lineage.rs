//! Run events of lineage.

use asofdb::{Clock, Error, Session, SystemClock};
use asofdb_platform::{Dataset, RunState};
use pyo3::prelude::*;

use crate::engine::Engine;
use crate::errors::exception;

/// One run of a job, of which events are told.
#[pyclass(frozen, module = "asofdb._native")]
pub(crate) struct LineageRun {
    run: asofdb_platform::LineageRun,
}

#[pymethods]
impl LineageRun {
    /// A run of `job` that reads and writes references (views, `view:feature` or services) and files.
    #[new]
    fn new(
        py: Python<'_>,
        engine: &Engine,
        namespace: &str,
        job: &str,
        reads: (Vec<String>, Vec<String>),
        writes: (Vec<String>, Vec<String>),
    ) -> PyResult<Self> {
        let catalog = engine.run(py, asofdb_client::Engine::catalog)?;
        let datasets = |(references, files): (Vec<String>, Vec<String>)| {
            let mut all: Vec<_> = files.iter().map(|file| Dataset::files(file)).collect();
            all.extend(Dataset::of_references(namespace, &catalog, &references));
            all
        };
        Ok(LineageRun { run: asofdb_platform::LineageRun::new(namespace, job, datasets(reads), datasets(writes)) })
    }

    /// The event that it is in a state now: `start`, `complete`, or `fail` for a reason.
    fn event(&self, py: Python<'_>, state: &str, reason: Option<String>) -> PyResult<String> {
        let state = match (state, reason) {
            ("start", None) => RunState::Start,
            ("complete", None) => RunState::Complete,
            ("fail", Some(reason)) => RunState::Fail(reason),
            _ => return Err(exception(py, &Error::internal(format!("a run has no state {state:?}")))),
        };
        Ok(self.run.event(&state, SystemClock.now()).to_string())
    }
}
