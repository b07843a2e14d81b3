//! The state that the clients of a process share, and the ends of their work.

use std::path::PathBuf;
use std::time::Duration;

use asofdb::{Error, ErrorKind};
use asofdb_client::{Client, ConnectOptions};

use super::floor::Floor;
use super::tally::{Did, SharedTally};
use super::values::Beginning;
use crate::Random;
use crate::stopwatch::{Stopwatch, eventually};

/// The longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// The state that the clients of a process share.
#[derive(Debug)]
pub(super) struct Worker {
    /// The directory of the sidecar, and of files of the clients.
    pub(super) directory: PathBuf,
    pub(super) beginning: Beginning,
    pub(super) floor: Floor,
    pub(super) tally: SharedTally,
}

/// The failure of some work.
#[derive(Debug)]
pub(super) enum Failure {
    /// The sidecar did not answer, or had no room.
    Unavailable,
    /// Something that must not be.
    Wrong(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error.kind() {
            ErrorKind::Unavailable => Failure::Unavailable,
            _ => Failure::Wrong(format!("{error:#}")),
        }
    }
}

impl From<String> for Failure {
    fn from(wrong: String) -> Self {
        Failure::Wrong(wrong)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Failure::Wrong(error.to_string())
    }
}

/// The work that a client does again and again.
pub(super) type Work = Box<dyn FnMut(&Worker, &mut Random) -> Result<(), Failure> + Send>;

/// A client of a process: its work, and the pause after it.
pub(super) struct Role {
    pub(super) name: &'static str,
    pub(super) pause: Duration,
    pub(super) work: Work,
}

impl Worker {
    /// A client. It waits for a sidecar that is there.
    pub(super) fn client(&self) -> Client {
        let socket = self.directory.join("socket");
        let options = ConnectOptions { timeout: PATIENCE, ..ConnectOptions::default() };
        let mut client = None;
        while !eventually(PATIENCE, || {
            client = Client::connect_with(&socket, options.clone()).ok();
            client.is_some()
        }) {}
        client.expect("it has connected")
    }

    /// Does some work that is counted with its time.
    pub(super) fn timed<T>(&self, what: Did, work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
        let started = Stopwatch::start();
        let done = work()?;
        self.tally.did(what, started.elapsed());
        Ok(done)
    }
}
