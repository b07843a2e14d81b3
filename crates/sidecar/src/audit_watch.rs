//! A watch over audits: those of before are there again, and values in them go when the log would have lost them.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use asofdb::{Error, Result};

use crate::service::Service;

/// The time between two looks for values that are too old.
const LOOK_EVERY: Duration = Duration::from_secs(600);

/// Keeps the audits of a service in a file beside its log of served features, until it is dropped. Without a log there
/// is nothing to keep.
#[derive(Debug)]
pub struct AuditWatch {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl AuditWatch {
    /// Takes over the audits that were made before the start, and begins to keep those that are made. A file that
    /// cannot be read is logged and replaced; one of a later version is logged and left alone.
    ///
    /// # Errors
    /// `Unavailable` when no thread can be started.
    pub fn start(service: Arc<Service>) -> Result<Self> {
        service.restore_audits();
        let (stop, stopped) = channel();
        let thread = thread::Builder::new()
            .name("audits".into())
            .spawn(move || watch(&service, &stopped))
            .map_err(|error| Error::unavailable("cannot start a thread that keeps audits").with_source(error))?;
        Ok(AuditWatch { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for AuditWatch {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // It panicked only where a bug made it, and the next start goes on.
            let _ = thread.join();
        }
    }
}

fn watch(service: &Service, stopped: &Receiver<()>) {
    while stopped.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
        service.audits.forget_old(service.store.now());
    }
}
