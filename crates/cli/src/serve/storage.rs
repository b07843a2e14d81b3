//! The sidecar's answer to a store that has become read-only, because a write to disk failed.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use asofdb::Error;
use asofdb_sidecar::Service;
use clap::ValueEnum;
use tracing::error;

use super::lifecycle::Ender;
use crate::error::Result;

/// The time after which the log has it, and the sidecar ends if it shall. Requests and health know at once.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The sidecar's answer to a store that has become read-only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum OnStorageError {
    /// Answer what has been asked, then end with an error: for a service manager that starts it again
    Exit,
    /// Go on with reads, and say in health, metrics and the log that it needs to be started again
    Readonly,
}

/// Looks after the store until it is dropped.
pub(super) struct StorageWatch {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl StorageWatch {
    pub(super) fn start(service: Arc<Service>, then: OnStorageError, ender: Ender) -> Result<Self> {
        let (stop, stopped) = channel();
        let look = move || {
            if let Some(reason) = reason(&service, &stopped) {
                error!(
                    reason,
                    "the store is read-only since writing to disk failed; reads go on until it is restarted"
                );
                if then == OnStorageError::Exit {
                    ender.end();
                }
            }
        };
        let thread = thread::Builder::new().name("asofdb-storage".into()).spawn(look);
        let thread = thread
            .map_err(|error| Error::unavailable("cannot start the thread that watches the store").with_source(error))?;
        Ok(StorageWatch { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for StorageWatch {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // It panicked only where a bug made it, and nothing depends on it.
            let _ = thread.join();
        }
    }
}

/// Waits until the store is read-only, and says why; `None` when it was stopped before.
fn reason(service: &Service, stopped: &Receiver<()>) -> Option<String> {
    loop {
        if let Some(reason) = service.read_only() {
            return Some(reason);
        }
        if stopped.recv_timeout(LOOK_EVERY) != Err(RecvTimeoutError::Timeout) {
            return None;
        }
    }
}

/// The error with which a sidecar ends whose store was read-only.
pub(super) fn ended(reason: &str) -> Error {
    Error::unavailable(format!(
        "the store was read-only since writing to disk failed; see that the disk is well, then start the sidecar \
         again: {reason}"
    ))
}
