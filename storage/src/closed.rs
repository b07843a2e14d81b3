//! The sign that a store is closed.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// The sign that a store is closed: all that was opened for it is let go of, and nothing of it works any more. Clones wait
/// for the same one.
#[derive(Debug, Clone, Default)]
pub struct Closed(Arc<Sign>);

#[derive(Debug, Default)]
struct Sign {
    is_given: Mutex<bool>,
    given: Condvar,
}

impl Closed {
    /// Waits until the store is closed, and no longer than `patience`; says whether it is.
    pub fn wait(&self, patience: Duration) -> bool {
        let mut is_given = self.0.is_given.lock();
        self.0.given.wait_while_for(&mut is_given, |is_given| !*is_given, patience);
        *is_given
    }
}

/// Gives the sign when it is dropped: the last field of what is closed.
#[derive(Debug, Default)]
pub(crate) struct SignsClosed(Closed);

impl SignsClosed {
    pub(crate) fn sign(&self) -> Closed {
        self.0.clone()
    }
}

impl Drop for SignsClosed {
    fn drop(&mut self) {
        *self.0.0.is_given.lock() = true;
        self.0.0.given.notify_all();
    }
}
