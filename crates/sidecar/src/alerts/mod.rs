//! Alerts: what is wrong with the store and its views is told once it is, and again when it is over.
//!
//! [`sources`] say what is wrong now. The [`tracker`] knows what was told, and makes of both the notices that are to be
//! told. They wait in an [`outbox`] a target, also over restarts (the [`state_file`]), until a [`courier`], a thread a
//! target, has delivered them. The [`watch`] is the thread that looks and saves. What they share is the [`board`],
//! whose lock is never held while anything is sent, written or read.

pub(crate) mod board;
mod command;
mod courier;
mod format;
mod json_post;
mod latency;
mod notice;
mod options;
mod outbox;
mod refusal;
mod rules;
mod sighting;
mod sources;
mod state_file;
mod target;
mod tracker;
mod watch;
mod webhook;

use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use asofdb::{Error, Result};

use self::board::Board;
use self::courier::Courier;
pub use self::json_post::JsonPost;
pub use self::options::AlertOptions;
use self::outbox::Outbox;
use self::state_file::StateFile;
use self::watch::Watch;
use crate::service::Service;

/// Watches a store and tells what is wrong with it, until it is dropped: then it looks once more, and waits for two
/// seconds at most that what has not been tried yet is delivered. The rest is delivered after the next start.
#[derive(Debug)]
pub struct Alerts {
    service: Arc<Service>,
    board: Arc<Board>,
    thread: Option<JoinHandle<()>>,
}

impl Alerts {
    /// Begins to watch the store of a service. `state` is the file with what was told and what waits.
    ///
    /// # Errors
    /// `Invalid` when the file is of a later version; `Conflict` when the service has alerts already; `Unavailable`
    /// when the file cannot be read or no thread can be started.
    pub fn start(service: &Arc<Service>, options: AlertOptions, state: &Path) -> Result<Self> {
        let file = StateFile::new(state);
        let mut record = file.load()?;
        let outbox = |target: &target::Target| {
            let waiting = record.take_waiting(target.name());
            Outbox::new(target.name(), target.kind(), options.outbox_max, options.retry).with(waiting)
        };
        let board = Arc::new(Board::new(options.targets.iter().map(outbox).collect()));
        record.warn_of_the_rest();
        service.set_alerts(board.clone())?;
        // From here on it is undone when it is dropped.
        let mut alerts = Alerts { service: service.clone(), board: board.clone(), thread: None };
        let watch = Watch::new(service.clone(), board.clone(), file, record.into_tracker(), &options);
        for (index, target) in options.targets.into_iter().enumerate() {
            let courier = Courier::new(Arc::downgrade(service), board.clone(), index, target, options.from.clone());
            spawn(&format!("alert-{index}"), move || courier.run())?;
        }
        alerts.thread = Some(spawn("alerts", move || watch.run())?);
        Ok(alerts)
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    let started = thread::Builder::new().name(name.into()).spawn(work);
    started.map_err(|error| Error::unavailable("cannot start a thread of the alerts").with_source(error))
}

impl Drop for Alerts {
    fn drop(&mut self) {
        self.board.end();
        if let Some(thread) = self.thread.take() {
            // It panicked only where a bug made it, and nothing depends on it.
            let _ = thread.join();
        }
        self.board.stop();
        self.service.end_alerts();
    }
}
