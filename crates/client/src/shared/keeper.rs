//! The thread that asks a sidecar for its memory, and tells it what was read there.

use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use asofdb::{Error, ErrorKind};
use asofdb_hot::SharedTable;
use asofdb_protocol::{ReadsMessage, ReportRequest};

use super::{Granted, State};
use crate::connection::Connection;
use crate::failure::Failure;
use crate::options::ConnectOptions;

/// The time between two reports, and between two questions for memory that has gone.
const TICK: Duration = Duration::from_secs(1);

/// Ticks between two questions where the answer was that there is none.
const REFUSED_TICKS: u32 = 10;

/// The longest time that the sidecar may take to answer: who ends waits for it.
const PATIENCE: Duration = Duration::from_secs(2);

/// Requests in one report.
const READS_MAX: usize = 1_024;

/// Keeps a client's shared memory, until it is dropped.
#[derive(Debug)]
pub(super) struct Keeper {
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
    owner: u32,
}

impl Keeper {
    /// Asks once, and goes on in a thread.
    pub(super) fn start(state: Arc<State>, path: PathBuf, options: ConnectOptions) -> Self {
        let options = ConnectOptions { timeout: options.timeout.min(PATIENCE), ..options };
        let mut work = Work { state, path, options, connection: None, wait: 0, untold: Vec::new() };
        work.ask();
        let (end, ended) = channel();
        let state = work.state.clone();
        let thread = Builder::new().name("asofdb-shared".to_owned()).spawn(move || work.run(&ended));
        if let Err(error) = &thread {
            // Without it nothing would be counted.
            *state.granted.write() = None;
            *state.refused.lock() = Some(format!("there is no room for a thread: {error}"));
        }
        Keeper { end: Some(end), thread: thread.ok(), owner: process::id() }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.end.take());
        // A child of a fork has no such thread.
        if self.owner == process::id() {
            self.thread.take().map(JoinHandle::join);
        }
    }
}

/// The work of the thread.
struct Work {
    state: Arc<State>,
    path: PathBuf,
    options: ConnectOptions,
    connection: Option<Connection>,
    /// Ticks until the sidecar is asked again.
    wait: u32,
    /// Reads that could not be told yet.
    untold: Vec<ReadsMessage>,
}

impl Work {
    fn run(&mut self, ended: &Receiver<()>) {
        while ended.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
            self.report();
            self.wait = self.wait.saturating_sub(1);
            if self.wait == 0 && self.state.usable().is_none() {
                self.ask();
            }
        }
        self.report();
    }

    /// Asks for the memory. What was there before is let go of, so that nobody reads it and its room is free.
    fn ask(&mut self) {
        *self.state.granted.write() = None;
        let asked = connected(&mut self.connection, &self.path, &self.options).and_then(|connection| {
            let (message, descriptor) = connection.share()?;
            let refused = |error| Error::unavailable("the memory of the sidecar cannot be read").with_source(error);
            let table = SharedTable::open(descriptor).map_err(refused)?;
            Ok(Granted { table, grants: message.grants })
        });
        match asked {
            Ok(granted) => {
                *self.state.refused.lock() = None;
                *self.state.granted.write() = Some(Arc::new(granted));
            }
            Err(failure) => self.refused(failure),
        }
    }

    fn refused(&mut self, failure: Failure) {
        if matches!(failure, Failure::Broken { .. }) {
            self.connection = None;
        }
        let error = failure.into_error();
        self.wait = if error.kind() == ErrorKind::Unavailable { 1 } else { REFUSED_TICKS };
        *self.state.refused.lock() = Some(format!("{error:#}"));
    }

    /// Tells what was read since the last time. What cannot be told is told later.
    fn report(&mut self) {
        self.state.tallies.take_into(&mut self.untold);
        let mut used = std::mem::take(&mut *self.state.used.lock());
        while !self.untold.is_empty() {
            let reads = self.untold.split_off(self.untold.len().saturating_sub(READS_MAX));
            let report = ReportRequest { reads, used: std::mem::take(&mut used) };
            let told = connected(&mut self.connection, &self.path, &self.options)
                .and_then(|connection| connection.call(&report));
            match told {
                Ok(()) => {}
                // It may have been counted: nothing is counted twice.
                Err(Failure::Broken { sent: true, .. }) => return self.connection = None,
                Err(Failure::Broken { .. }) => {
                    self.connection = None;
                    return self.untold.extend(report.reads);
                }
                // What is not understood never will be; limits may be others soon.
                Err(failure) => {
                    if failure.into_error().kind() != ErrorKind::Invalid {
                        return self.untold.extend(report.reads);
                    }
                }
            }
        }
    }
}

/// A connection, which is made where there is none.
fn connected<'c>(
    connection: &'c mut Option<Connection>,
    path: &Path,
    options: &ConnectOptions,
) -> Result<&'c mut Connection, Failure> {
    let open = match connection.take().filter(Connection::is_open) {
        Some(open) => open,
        None => Connection::open(path, options).map_err(|error| Failure::Broken { error, sent: false })?,
    };
    Ok(connection.insert(open))
}
