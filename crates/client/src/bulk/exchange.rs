//! One bulk request under way, on a connection of its own.

use asofdb::{Error, Hint, Result};
use asofdb_protocol::{Header, Kind, Message};

use crate::connection::{Connection, Turn};
use crate::failure::Failure;
use crate::pool::Lender;

/// A request whose chunks go out while its answer comes in.
#[derive(Debug)]
pub(crate) struct Exchange<'c> {
    pool: Lender<'c>,
    /// `None` when it is of no use any more.
    connection: Option<Connection>,
    kind: Kind,
    id: u64,
    /// True if chunks are still to be queued.
    more: bool,
    /// True if the answer has ended.
    answered: bool,
}

/// The events of an exchange.
#[derive(Debug)]
pub(crate) enum Event<'e> {
    /// Everything that was queued has been sent.
    Sent,
    /// A part of the answer.
    Piece {
        /// True if it is a piece of the stream, rather than a message.
        is_chunk: bool,
        body: &'e [u8],
    },
    /// The message that ends the answer.
    End(&'e [u8]),
}

impl<'c> Exchange<'c> {
    /// Asks. `more` tells that chunks follow.
    pub(crate) fn begin<Q: Message>(pool: Lender<'c>, kind: Kind, request: &Q, more: bool) -> Result<Self> {
        Exchange::on(pool, pool.take_open()?, kind, request, more)
    }

    /// Asks over a connection that its caller has, with chunks to follow.
    pub(crate) fn over<Q: Message>(pool: Lender<'c>, connection: Connection, kind: Kind, request: &Q) -> Result<Self> {
        Exchange::on(pool, connection, kind, request, true)
    }

    fn on<Q: Message>(
        pool: Lender<'c>,
        mut connection: Connection,
        kind: Kind,
        request: &Q,
        more: bool,
    ) -> Result<Self> {
        let id = connection.queue_with(kind, more, request).map_err(Failure::into_error)?;
        Ok(Exchange { pool, connection: Some(connection), kind, id, more, answered: false })
    }

    /// The connection, when the answer has ended.
    pub(crate) fn into_connection(mut self) -> Option<Connection> {
        let is_whole = self.is_whole();
        self.connection.take().filter(|_| is_whole)
    }

    fn is_whole(&self) -> bool {
        self.answered && !self.more && self.is_sent()
    }

    /// Returns whether everything that was queued has been sent.
    pub(crate) fn is_sent(&self) -> bool {
        self.connection.as_ref().is_none_or(|connection| connection.queued_bytes() == 0)
    }

    /// Adds a chunk to what will be sent; `more` tells that another follows.
    ///
    /// # Errors
    /// `Invalid` when it is longer than the sidecar takes.
    pub(crate) fn queue(&mut self, chunk: &[u8], more: bool) -> Result<()> {
        let connection = self.connection.as_mut().ok_or_else(ended)?;
        let bytes_max = connection.welcome.body_bytes_max;
        if chunk.len() as u64 > bytes_max {
            let message = format!("rows are too long for the sidecar, which takes {bytes_max} bytes of them at once");
            return Err(Error::invalid(format!("{message}: {}", chunk.len())).with_hint(Hint::FrameBytesMax));
        }
        connection.queue_frame(Header::request(Kind::Chunk, self.id).more(more), chunk);
        self.more = more;
        Ok(())
    }

    /// Goes on until something has happened. Heartbeats are passed over.
    ///
    /// # Errors
    /// Those of the sidecar; `Unavailable` when the connection breaks.
    pub(crate) fn turn(&mut self) -> Result<Event<'_>> {
        let header = match self.wait() {
            Ok(None) => return Ok(Event::Sent),
            Ok(Some(header)) => header,
            Err(failure) => return Err(self.end(failure)),
        };
        self.answered = !header.more;
        let connection = self.connection.as_mut().ok_or_else(ended)?;
        let body = connection.taken(header);
        Ok(match (header.more, header.kind == Kind::Chunk) {
            (true, is_chunk) => Event::Piece { is_chunk, body },
            (false, _) => Event::End(body),
        })
    }

    /// Waits for a frame of the answer, which is then taken; `None` when everything has been sent.
    fn wait(&mut self) -> Result<Option<Header>, Failure> {
        let connection = self.connection.as_mut().ok_or_else(ended)?;
        loop {
            if connection.turn()? == Turn::Sent {
                return Ok(None);
            }
            let header = connection.take(self.kind, self.id)?;
            let is_heartbeat = header.kind == Kind::Chunk && header.more && header.body_bytes == 0;
            if !is_heartbeat {
                return Ok(Some(header));
            }
        }
    }

    /// Sends everything that is queued.
    ///
    /// # Errors
    /// As [`Exchange::turn`]; `Internal` when the answer begins too early.
    pub(crate) fn send(&mut self) -> Result<()> {
        while !self.is_sent() {
            if !matches!(self.turn()?, Event::Sent) {
                return Err(Error::internal("the sidecar answered before it was asked"));
            }
        }
        Ok(())
    }

    /// After a failure the connection is of use only when the sidecar has refused the request and knows that nothing
    /// more follows.
    fn end(&mut self, failure: Failure) -> Error {
        if let (Failure::Refused(_), Some(connection)) = (&failure, &mut self.connection) {
            if self.more {
                connection.queue_frame(Header::request(Kind::Chunk, self.id), &[]);
            }
            self.more = false;
            self.answered = connection.flush().is_ok();
        }
        if !self.answered {
            self.connection = None;
        }
        failure.into_error()
    }
}

impl Drop for Exchange<'_> {
    /// A connection with an answer under way is of no use to others: closing it ends the work.
    fn drop(&mut self) {
        let is_whole = self.is_whole();
        if let Some(connection) = self.connection.take().filter(|_| is_whole) {
            self.pool.put_back(connection);
        }
    }
}

fn ended() -> Error {
    Error::unavailable("the connection to the sidecar is not there any more; ask again")
}
