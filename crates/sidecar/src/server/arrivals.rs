//! The arrivals from a client, and the end of a connection.

use std::io::{self, ErrorKind as IoKind};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use asofdb::Error;
use asofdb_protocol::Input;

use super::Shared;
use super::budget::Held;

/// The reason why a connection ends.
#[derive(Debug)]
pub(super) enum End {
    /// The client has gone, or the sidecar stops.
    Closed,
    /// The client breaks a rule that nothing can follow.
    Refused(Error),
    /// The client does not speak, go on or listen for too long.
    TimedOut(&'static str),
    /// The socket failed.
    Broken(io::Error),
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            // With a timeout set, a write that blocks for as long.
            IoKind::WouldBlock | IoKind::TimedOut => End::TimedOut("did not read its answers"),
            IoKind::BrokenPipe | IoKind::ConnectionReset => End::Closed,
            _ => End::Broken(error),
        }
    }
}

/// The bytes that arrive from a client.
pub(super) struct Arrivals<'s> {
    pub(super) input: Input,
    stream: &'s UnixStream,
    held: Held<'s>,
    /// The time-out of the socket's reads as it is set now.
    patience: Option<Duration>,
}

impl<'s> Arrivals<'s> {
    pub(super) fn new(shared: &'s Shared, stream: &'s UnixStream) -> Self {
        Arrivals { input: Input::new(), stream, held: shared.budget.hold(), patience: None }
    }

    /// Reads once, waiting at most so long. `timed_out` says what it means that nothing came.
    pub(super) fn read(&mut self, patience: Duration, timed_out: &'static str) -> Result<(), End> {
        if self.patience != Some(patience) {
            self.stream.set_read_timeout(Some(patience))?;
            self.patience = Some(patience);
        }
        self.held.resize(self.input.wanted_bytes()).map_err(End::Refused)?;
        loop {
            match self.input.read_from(&mut self.stream) {
                Ok(0) => return Err(End::Closed),
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == IoKind::Interrupted => {}
                Err(error) if matches!(error.kind(), IoKind::WouldBlock | IoKind::TimedOut) => {
                    return Err(End::TimedOut(timed_out));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}
