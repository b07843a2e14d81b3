//! An answer that is a stream of batches.

use std::collections::VecDeque;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use asofdb_storage::{Error, Result};

use super::exchange::{Event, Exchange};
use crate::sidecar::ipc::StreamReader;
use crate::sidecar::message::{self, Decode};

/// The batches of an answer, as they arrive. `B` begins it, where it has a beginning, and `E` ends it.
#[derive(Debug)]
pub(super) struct Incoming<'c, B, E> {
    pub(super) exchange: Exchange<'c>,
    reader: StreamReader,
    waiting: VecDeque<RecordBatch>,
    begin: Option<B>,
    end: Option<E>,
}

impl<'c, B: Decode<()>, E: Decode<()>> Incoming<'c, B, E> {
    pub(super) fn new(exchange: Exchange<'c>) -> Self {
        Incoming { exchange, reader: StreamReader::default(), waiting: VecDeque::new(), begin: None, end: None }
    }

    /// Goes on until something has arrived, or everything that was queued has been sent.
    ///
    /// # Errors
    /// What the sidecar answers; `Unavailable` when the connection breaks.
    pub(super) fn advance(&mut self) -> Result<()> {
        match self.exchange.turn()? {
            Event::Sent => {}
            Event::Piece { is_chunk: false, body } => self.begin = Some(message::decode(body)?),
            Event::Piece { is_chunk: true, body } => {
                let mut batches = Vec::new();
                self.reader.push(body, &mut batches)?;
                self.waiting.extend(batches);
            }
            Event::End(body) => {
                self.end = Some(message::decode(body)?);
                std::mem::take(&mut self.reader).finish()?;
            }
        }
        Ok(())
    }

    /// What begins the answer and the schema of its batches, for which it waits.
    pub(super) fn start(&mut self) -> Result<SchemaRef> {
        loop {
            if let Some(schema) = self.reader.schema() {
                return Ok(schema);
            }
            if self.end.is_some() {
                return Err(Error::internal("the sidecar answered without a stream"));
            }
            self.advance()?;
        }
    }

    /// What begins the answer; there once the schema is.
    pub(super) fn begin(&self) -> Result<&B> {
        self.begin.as_ref().ok_or_else(|| Error::internal("the sidecar's answer has no beginning"))
    }

    /// The next batch, if it is there.
    pub(super) fn pop(&mut self) -> Option<RecordBatch> {
        self.waiting.pop_front()
    }

    /// What ends the answer, if it has ended.
    pub(super) fn end(&self) -> Option<&E> {
        self.end.as_ref()
    }
}
