//! The arrivals from a client, and the end of a connection.

use std::io::{self, ErrorKind as IoKind};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use asofdb::{Error, Result};
use asofdb_protocol::{Header, Input};

use super::shared::Shared;
use crate::budget::{Budget, Held};
use crate::consumers::Stopwatch;
use crate::slack::Slack;

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
    input: Input,
    stream: &'s UnixStream,
    /// The time that the client may still take for the frame that has begun.
    slack: Slack,
    held: Held<&'s Budget>,
    /// The time-out of the socket's reads as it is set now.
    patience: Option<Duration>,
}

impl<'s> Arrivals<'s> {
    pub(super) fn new(shared: &'s Shared, stream: &'s UnixStream) -> Self {
        let slack = Slack::new(shared.bounds.stall_timeout);
        Arrivals { input: Input::new(), stream, slack, held: Held::new(&shared.budget), patience: None }
    }

    /// Returns whether no frame has begun.
    pub(super) fn is_empty(&self) -> bool {
        self.input.is_empty()
    }

    /// The header of the next frame, if all of it is there.
    ///
    /// # Errors
    /// `Invalid` for what is no frame, or a longer one than may be.
    #[inline]
    pub(super) fn peek(&mut self, body_bytes_max: usize) -> Result<Option<Header>> {
        Ok(self.input.peek(body_bytes_max)?.map(|(header, _)| header))
    }

    /// Takes the next frame, if all of it is there.
    ///
    /// # Errors
    /// As [`Arrivals::peek`].
    #[inline]
    pub(super) fn next(&mut self, body_bytes_max: usize) -> Result<Option<(Header, &[u8])>> {
        let next = self.input.next(body_bytes_max)?;
        if next.is_some() {
            self.slack.renew();
        }
        Ok(next)
    }

    /// Reads more; waits at most so long, and within a frame no longer than the client has slack.
    pub(super) fn read(&mut self, patience: Duration, timed_out: &'static str) -> Result<(), End> {
        if self.is_empty() {
            return self.read_once(patience, timed_out).map(drop);
        }
        let started = Stopwatch::start();
        let bytes = self.read_once(patience.min(self.slack.left()), timed_out)?;
        match self.slack.moved(bytes, started.elapsed()) {
            true => Ok(()),
            false => Err(End::TimedOut("sent a request too slowly")),
        }
    }

    fn read_once(&mut self, patience: Duration, timed_out: &'static str) -> Result<usize, End> {
        if self.patience != Some(patience) {
            self.stream.set_read_timeout(Some(patience))?;
            self.patience = Some(patience);
        }
        self.held.resize(self.input.wanted_bytes()).map_err(End::Refused)?;
        loop {
            match self.input.read_from(&mut self.stream) {
                Ok(0) => return Err(End::Closed),
                Ok(bytes) => return Ok(bytes),
                Err(error) if error.kind() == IoKind::Interrupted => {}
                Err(error) if matches!(error.kind(), IoKind::WouldBlock | IoKind::TimedOut) => {
                    return Err(End::TimedOut(timed_out));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}
