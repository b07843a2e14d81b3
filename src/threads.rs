//! Threads that a process may be refused: its limits on threads and addresses are no reason to panic.

use std::thread::{Builder, Scope, ScopedJoinHandle};

use asofdb_storage::{Error, Result};

/// Starts a thread within a scope; `doing` says what it is for.
///
/// # Errors
/// `Unavailable` when the process may have no more threads.
pub(crate) fn start<'s, T: Send + 's>(
    scope: &'s Scope<'s, '_>,
    doing: &str,
    work: impl FnOnce() -> T + Send + 's,
) -> Result<ScopedJoinHandle<'s, T>> {
    Builder::new().spawn_scoped(scope, work).map_err(|error| {
        Error::unavailable(format!(
            "cannot start a thread {doing}: the process has reached its limit on threads (ulimit -u) or addresses \
             (ulimit -v)"
        ))
        .with_source(error)
    })
}
