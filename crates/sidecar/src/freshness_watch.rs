//! A watch over freshness: it looks at all views each minute, for their history.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use asofdb::{Error, Result};
use tracing::warn;

use crate::service::Service;

/// The time between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// Keeps the freshness of views over time, until it is dropped.
#[derive(Debug)]
pub struct FreshnessWatch {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl FreshnessWatch {
    /// Begins to look at the views of a service's store.
    ///
    /// # Errors
    /// `Unavailable` when no thread can be started.
    pub fn start(service: Arc<Service>) -> Result<Self> {
        let (stop, stopped) = channel();
        let thread = thread::Builder::new()
            .name("freshness".into())
            .spawn(move || watch(&service, &stopped))
            .map_err(|error| Error::unavailable("cannot start a thread that watches freshness").with_source(error))?;
        Ok(FreshnessWatch { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for FreshnessWatch {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // It panicked only where a bug made it, and only a history ends with it.
            let _ = thread.join();
        }
    }
}

fn watch(service: &Service, stopped: &Receiver<()>) {
    loop {
        if let Err(error) = service.look_at_freshness() {
            warn!("cannot tell how fresh views are, for their history: {error:#}");
        }
        if stopped.recv_timeout(LOOK_EVERY) != Err(RecvTimeoutError::Timeout) {
            return;
        }
    }
}
