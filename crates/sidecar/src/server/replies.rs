//! The way back to a client.

use std::io;
use std::time::Duration;

use asofdb::Error;
use asofdb_protocol::{ErrorMessage, Header, Kind, Message, encode_message};

use crate::outlet::Outlet;
use crate::output::Output;
use crate::slack::Slack;

/// Answers that are being sent to a client.
pub(super) struct Replies<W> {
    output: Output,
    stream: W,
}

impl<W: Outlet> Replies<W> {
    /// Replies to a client that may keep the sidecar waiting for so long.
    pub(super) fn new(stream: W, stall_timeout: Duration) -> Self {
        Replies { output: Output::new(Slack::new(stall_timeout)), stream }
    }

    /// Returns whether the client has let itself be waited for.
    pub(super) fn is_strained(&self) -> bool {
        self.output.is_strained()
    }

    /// Gives the client slack for time in which it had asked for nothing.
    pub(super) fn rested(&mut self, rest: Duration) {
        self.output.rested(rest);
    }

    /// An answer made of pieces.
    pub(super) fn frame(&mut self, header: Header, pieces: &[&[u8]]) -> io::Result<()> {
        self.output.frame(header, pieces, &mut self.stream)
    }

    /// A message that answers a request.
    pub(super) fn answer<M: Message>(&mut self, kind: Kind, id: u64, message: &M) -> io::Result<()> {
        let mut body = Vec::new();
        match encode_message(message, &mut body) {
            Ok(()) => self.frame(Header::answer(kind, id), &[&body]),
            Err(error) => self.error(id, &error),
        }
    }

    /// An error instead of an answer.
    pub(super) fn error(&mut self, id: u64, error: &Error) -> io::Result<()> {
        self.message(id, &ErrorMessage::new(error))
    }

    /// An error as it travels.
    pub(super) fn message(&mut self, id: u64, message: &ErrorMessage) -> io::Result<()> {
        let mut body = Vec::new();
        encode_message(message, &mut body).map_err(io::Error::other)?;
        self.frame(Header::answer(Kind::Error, id), &[&body])
    }

    /// Sends everything that waits.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.output.flush(&mut self.stream)
    }
}
