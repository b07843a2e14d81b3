//! An answer that is a stream of batches.

use std::collections::VecDeque;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use asofdb::{Error, Result};
use asofdb_protocol::{Message, StreamReader, decode_message};

use crate::bulk::exchange::{Event, Exchange};

/// The batches of an answer, as they arrive. `B` begins it, where it has a beginning, and `E` ends it.
#[derive(Debug)]
pub(crate) struct Incoming<'c, B, E> {
    pub(crate) exchange: Exchange<'c>,
    reader: StreamReader,
    waiting: VecDeque<RecordBatch>,
    begin: Option<B>,
    end: Option<E>,
}

impl<'c, B: Message, E: Message> Incoming<'c, B, E> {
    pub(crate) fn new(exchange: Exchange<'c>) -> Self {
        Incoming { exchange, reader: StreamReader::default(), waiting: VecDeque::new(), begin: None, end: None }
    }

    /// Goes on until something has arrived, or everything that was queued has been sent.
    ///
    /// # Errors
    /// Those of the sidecar; `Unavailable` when the connection breaks.
    pub(crate) fn advance(&mut self) -> Result<()> {
        match self.exchange.turn()? {
            Event::Sent => {}
            Event::Piece { is_chunk: false, body } => self.begin = Some(decode_message(body)?),
            Event::Piece { is_chunk: true, body } => {
                let mut batches = Vec::new();
                self.reader.push(body, &mut batches)?;
                self.waiting.extend(batches);
            }
            Event::End(body) => {
                self.end = Some(decode_message(body)?);
                std::mem::take(&mut self.reader).finish()?;
            }
        }
        Ok(())
    }

    /// Waits for the beginning of the answer and for the schema of its batches.
    pub(crate) fn start(&mut self) -> Result<SchemaRef> {
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

    /// Returns the beginning of the answer; it is there once the schema is.
    pub(crate) fn begin(&self) -> Result<&B> {
        self.begin.as_ref().ok_or_else(|| Error::internal("the sidecar's answer has no beginning"))
    }

    /// The next batch, if it is there.
    pub(crate) fn pop(&mut self) -> Option<RecordBatch> {
        self.waiting.pop_front()
    }

    /// Returns the end of the answer, if it has ended.
    pub(crate) fn end(&self) -> Option<&E> {
        self.end.as_ref()
    }
}
