//! A watch over freshness: it looks at all views each minute, for their history, and keeps that for the next start.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use asofdb::{Error, Result};
use tracing::warn;

use crate::freshness_record::BYTES_MAX;
use crate::kept_file::{Form, KeptFile};
use crate::service::Service;

/// The time between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// Looks after which the history is written again: what a crash may lose.
const SAVE_EVERY: u32 = 10;

const FORM: Form = Form { name: "FRESHNESS", version: 1, what: "the history of freshness", bytes_max: BYTES_MAX + 256 };

/// Keeps the freshness of views over time, until it is dropped.
#[derive(Debug)]
pub struct FreshnessWatch {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl FreshnessWatch {
    /// Begins to look at the views of a service's store. Where a file is given, the history goes on from what it has, and
    /// is written to it every ten minutes and at the end. One that cannot be read is logged and replaced; one of a later
    /// version is logged and left alone.
    ///
    /// # Errors
    /// `Unavailable` when no thread can be started.
    pub fn start(service: Arc<Service>, file: Option<&Path>) -> Result<Self> {
        let file = file.map(|path| restored(&service, path));
        let (stop, stopped) = channel();
        let thread = thread::Builder::new()
            .name("freshness".into())
            .spawn(move || watch(&service, file, &stopped))
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

/// Takes over what a file has.
fn restored(service: &Service, path: &Path) -> KeptFile {
    let (file, record) = KeptFile::open(path, FORM);
    if record.is_some_and(|record| !service.freshness.restore(&record)) {
        file.refuse("it is no history");
    }
    file
}

fn watch(service: &Service, mut file: Option<KeptFile>, stopped: &Receiver<()>) {
    let mut looks = 0_u32;
    loop {
        if let Err(error) = service.look_at_freshness() {
            warn!("cannot tell how fresh views are, for their history: {error:#}");
        }
        looks = looks.wrapping_add(1);
        let is_over = stopped.recv_timeout(LOOK_EVERY) != Err(RecvTimeoutError::Timeout);
        if let Some(file) = file.as_mut().filter(|_| is_over || looks.is_multiple_of(SAVE_EVERY)) {
            file.save(&service.freshness.record());
        }
        if is_over {
            return;
        }
    }
}
