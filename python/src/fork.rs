//! Forks of a process that uses us: gunicorn's workers, multiprocessing.

use std::sync::atomic::{AtomicU64, Ordering};

use pyo3::prelude::*;

static GENERATION: AtomicU64 = AtomicU64::new(0);

/// Counts the forks between the first process and this one. Threads, connections and open stores belong to the
/// generation that made them; locks are only ever held with the GIL, which the forking thread holds.
pub(crate) fn generation() -> u64 {
    GENERATION.load(Ordering::Relaxed)
}

/// Called in the child of a fork, before anything else.
#[pyfunction]
pub(crate) fn after_fork_in_child() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
}
