//! A watch over streams: they run, and are tried again when they fail.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use asofdb::{Error, Result, Stop};
use asofdb_streams::Stream;
use tracing::{info, warn};

use crate::service::Service;

/// The wait after the first of several failures; each further one doubles it, up to the longest.
const RETRY_AFTER: Duration = Duration::from_secs(1);
const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);

/// Runs streams into the store of a service, a thread each, until it is dropped: what they have read by then is written.
#[derive(Debug)]
pub struct StreamWatch {
    stop: Stop,
    threads: Vec<(Sender<()>, JoinHandle<()>)>,
}

impl StreamWatch {
    /// Begins to run streams, and to tell how they are in the metrics of the service.
    ///
    /// # Errors
    /// `Unavailable` when no thread can be started.
    pub fn start(service: &Service, streams: Vec<Stream>) -> Result<Self> {
        service.set_streams(streams.iter().map(|stream| stream.status().clone()).collect());
        let mut watch = StreamWatch { stop: Stop::new(), threads: Vec::new() };
        for stream in streams {
            let (stop, (stopped, is_stopped)) = (watch.stop.clone(), channel());
            let thread = thread::Builder::new()
                .name("stream".into())
                .spawn(move || keep_running(stream, &stop, &is_stopped))
                .map_err(|error| Error::unavailable("cannot start a thread for a stream").with_source(error))?;
            watch.threads.push((stopped, thread));
        }
        Ok(watch)
    }
}

impl Drop for StreamWatch {
    fn drop(&mut self) {
        self.stop.stop();
        let threads: Vec<_> = self.threads.drain(..).map(|(stopped, thread)| (drop(stopped), thread)).collect();
        for ((), thread) in threads {
            // It panicked only where a bug made it, and the next start goes on from what is written.
            let _ = thread.join();
        }
    }
}

fn keep_running(mut stream: Stream, stop: &Stop, stopped: &Receiver<()>) {
    let status: Arc<_> = stream.status().clone();
    let (name, view) = (status.name(), status.view());
    let (mut patience, mut said, mut rows) = (RETRY_AFTER, String::new(), status.figures().rows);
    info!(stream = name, view, rows, "a stream runs");
    loop {
        let Err(error) = stream.run(stop) else { return };
        let reason = format!("{error:#}");
        let has_come_on = status.figures().rows > rows;
        rows = status.figures().rows;
        if reason != said || has_come_on {
            warn!(stream = name, view, "a stream has failed, and is tried again: {reason}");
            said = reason;
        }
        patience = if has_come_on { RETRY_AFTER } else { patience };
        if stopped.recv_timeout(patience) != Err(RecvTimeoutError::Timeout) {
            return;
        }
        patience = (patience * 2).min(RETRY_AFTER_MAX);
    }
}
