//! A pipeline: several reads in flight at a time.

use std::collections::VecDeque;

use asofdb::{EntityRows, Error, Question, Result, Status};
use asofdb_protocol::{PointHeader, decode_matrix};

use crate::connection::Connection;
use crate::failure::Failure;
use crate::handles::KnownHandle;
use crate::pool::Lender;

/// The most bytes of requests in flight: the kernel's buffer holds them, so that sending never waits for an
/// answer to be taken.
const SENT_BYTES_MAX: usize = 64 << 10;

/// Many reads through one request over a connection of its own: while one is answered others are in flight.
/// Answers come in the order of the requests. Nothing is tried again: an error ends the pipeline.
#[derive(Debug)]
pub struct Pipeline<'c> {
    pool: Lender<'c>,
    connection: Option<Connection>,
    handle: KnownHandle,
    statuses: bool,
    waiting: VecDeque<Waiting>,
    waiting_bytes: usize,
}

#[derive(Debug, Clone, Copy)]
struct Waiting {
    id: u64,
    rows: usize,
    bytes: usize,
}

impl<'c> Pipeline<'c> {
    pub(crate) fn new(pool: Lender<'c>, connection: Connection, handle: KnownHandle, statuses: bool) -> Self {
        Pipeline { pool, connection: Some(connection), handle, statuses, waiting: VecDeque::new(), waiting_bytes: 0 }
    }

    /// Returns the number of requests in flight.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Asks for the latest values of entities. It is sent with the next [`Pipeline::receive`] at the latest.
    ///
    /// # Errors
    /// `Conflict` when the entity rows belong to another request; `Invalid` when so much is in flight that answers
    /// must be received first.
    pub fn send(&mut self, entities: &EntityRows) -> Result<()> {
        let asked = entities.asked_of(&self.handle.plan)?;
        let connection = self.connection.as_mut().ok_or_else(ended)?;
        let point = PointHeader { handle: self.handle.number, rows: entities.len(), question: Question::Latest };
        let bytes = point.frame_bytes(asked);
        if !self.waiting.is_empty() && self.waiting_bytes + bytes > SENT_BYTES_MAX {
            let message = "too many requests are in flight; receive some answers first";
            return Err(Error::invalid(format!("{message}: {}", self.waiting.len())));
        }
        let id = connection.queue_read(&point, asked)?;
        self.waiting.push_back(Waiting { id, rows: entities.len(), bytes });
        self.waiting_bytes += bytes;
        Ok(())
    }

    /// Sends what has been asked.
    ///
    /// # Errors
    /// `Unavailable` when the connection is broken.
    pub fn flush(&mut self) -> Result<()> {
        let connection = self.connection.as_mut().ok_or_else(ended)?;
        match connection.queued_bytes() {
            0 => Ok(()),
            _ => connection.flush().map_err(|failure| self.end(failure)),
        }
    }

    /// Waits for the next answer: rows × features into `values`, and into `statuses` if the pipeline has them.
    ///
    /// # Errors
    /// `Invalid` when nothing was asked or the matrix has another size; otherwise what the sidecar answers.
    pub fn receive(&mut self, values: &mut [f32], statuses: Option<&mut [Status]>) -> Result<()> {
        self.flush()?;
        let next = *self.waiting.front().ok_or_else(|| Error::invalid("nothing was asked that is not answered"))?;
        let plan = self.handle.plan.clone();
        plan.output.check_matrix(next.rows, values.len(), statuses.as_ref().map(|statuses| statuses.len()))?;
        if statuses.is_some() != self.statuses {
            return Err(Error::invalid("a pipeline has statuses in every answer, or in none, as it was made"));
        }
        let connection = self.connection.as_mut().ok_or_else(ended)?;
        let kind = asofdb_protocol::Kind::Latest;
        let decoded = match connection.answer(kind, next.id) {
            Ok(body) => decode_matrix(body, next.rows, plan.output.columns.len(), values, statuses),
            Err(failure) => Err(self.end(failure)),
        };
        self.waiting.pop_front();
        self.waiting_bytes -= next.bytes;
        decoded
    }

    fn end(&mut self, failure: Failure) -> Error {
        // What a refusal left is still in order; answers to the others follow it.
        if matches!(failure, Failure::Broken { .. }) {
            self.connection = None;
        }
        failure.into_error()
    }
}

impl Drop for Pipeline<'_> {
    /// The connection is of use to others only when no answer is still to come.
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take().filter(|_| self.waiting.is_empty()) {
            self.pool.put_back(connection);
        }
    }
}

fn ended() -> Error {
    Error::unavailable("the connection of the pipeline broke; make another")
}
