//! The outflow of an answer: from the thread that works to the one that writes.

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use asofdb::{Error, Result, Stop};
use asofdb_protocol::{Kind, PIECE_BYTES, StreamPieces, parts};
use crossbeam::channel::{Receiver, Sender, bounded};

use crate::admission::Admission;
use crate::consumers::Meter;

/// Pieces that wait to be written: one is made while one is written.
const WAITING: usize = 1;

/// A part of an answer: the body of a frame.
pub(super) struct Piece {
    pub(super) kind: Kind,
    pub(super) body: Vec<u8>,
}

/// The channel into which the pieces of an answer go.
pub(super) struct Outflow(Sender<Piece>);

pub(super) fn new() -> (Outflow, Receiver<Piece>) {
    let (sender, receiver) = bounded(WAITING);
    (Outflow(sender), receiver)
}

impl Outflow {
    /// Hands a piece over, waiting until there is room.
    ///
    /// # Errors
    /// `Unavailable` when the client is not there any more.
    pub(super) fn send(&self, kind: Kind, body: Vec<u8>) -> Result<()> {
        self.0.send(Piece { kind, body }).map_err(|_| Error::unavailable("the client has gone"))
    }
}

/// The batches of an answer, written as an Arrow IPC stream. Where bytes of answers are limited it goes as fast as they
/// come back.
pub(super) struct Stream<'o> {
    pieces: StreamPieces,
    outflow: &'o Outflow,
    pace: Pace,
    rows: u64,
}

/// The pace of a stream.
#[derive(Debug, Clone)]
pub(super) struct Pace {
    meter: Meter,
    stop: Stop,
}

impl Pace {
    pub(super) fn of(admission: &Admission<'_>) -> Self {
        Pace { meter: admission.meter(), stop: admission.stop().clone() }
    }

    /// Sends a piece once nothing is owed for those before.
    fn send(&self, piece: Vec<u8>, outflow: &Outflow) -> Result<()> {
        self.meter.wait_while_owed(&self.stop)?;
        self.meter.charge_answered(piece.len() as u64);
        outflow.send(Kind::Chunk, piece)
    }
}

impl<'o> Stream<'o> {
    /// Begins with the schema, which is sent at once.
    pub(super) fn start(schema: &Schema, outflow: &'o Outflow, pace: Pace) -> Result<Self> {
        let mut stream = Stream { pieces: StreamPieces::new(schema)?, outflow, pace, rows: 0 };
        stream.send()?;
        Ok(stream)
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.rows += batch.num_rows() as u64;
        for part in parts(batch, PIECE_BYTES) {
            self.pieces.write(&part)?;
            if self.pieces.bytes() >= PIECE_BYTES {
                self.send()?;
            }
        }
        Ok(())
    }

    fn send(&mut self) -> Result<()> {
        self.pace.send(self.pieces.take(), self.outflow)
    }

    /// Sends what is left; tells how many rows there were.
    pub(super) fn finish(self) -> Result<u64> {
        self.pace.send(self.pieces.finish()?, self.outflow)?;
        Ok(self.rows)
    }
}
