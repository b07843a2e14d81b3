//! Point-in-time joins over a sidecar's store.

use std::collections::VecDeque;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use asofdb::{JoinBatches, JoinOptions, JoinReport, Result};
use asofdb_protocol::{JoinEnd, JoinRequest, Kind, KnownAtMessage, PIECE_BYTES, StreamPieces, parts};

use crate::bulk::exchange::Exchange;
use crate::bulk::incoming::Incoming;
use crate::client::Client;

/// Begins a join. The spine goes to the sidecar while the result comes back, both when the next batch is taken: the
/// sidecar ends a join whose spine, or whose reader, pauses for longer than its stall time-out. It may use less memory
/// than the options say.
///
/// # Errors
/// Those of the sidecar.
pub(crate) fn begin<'c>(
    client: &'c Client,
    references: &[String],
    spine_schema: &SchemaRef,
    spine: asofdb::Spine<'c>,
    options: &JoinOptions,
) -> Result<RemoteJoin<'c>> {
    let request = JoinRequest {
        references: references.to_vec(),
        event_timestamp: options.event_timestamp.clone(),
        known_at: KnownAtMessage(options.known_at),
        columns: options.columns.into(),
        memory_bytes: options.memory_bytes as u64,
    };
    let mut pieces = StreamPieces::new(spine_schema)?;
    let mut exchange = Exchange::begin(client.pool(), Kind::Join, &request, true)?;
    exchange.queue(&pieces.take(), true)?;
    let mut incoming = Incoming::new(exchange);
    let schema = incoming.start()?;
    let spine = Spine { batches: spine, pieces: Some(pieces), parts: VecDeque::new() };
    Ok(RemoteJoin { incoming, spine, schema, report: JoinReport::default(), ended: false })
}

/// A point-in-time join under way in a sidecar: an iterator over the batches of its result.
pub(crate) struct RemoteJoin<'c> {
    incoming: Incoming<'c, (), JoinEnd>,
    spine: Spine<'c>,
    schema: SchemaRef,
    report: JoinReport,
    ended: bool,
}

/// The spine as it is sent to the sidecar.
struct Spine<'c> {
    batches: asofdb::Spine<'c>,
    /// `None` once its end is on the way.
    pieces: Option<StreamPieces>,
    /// The rest of a batch that was cut.
    parts: VecDeque<RecordBatch>,
}

impl RemoteJoin<'_> {
    fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(batch) = self.incoming.pop() {
                self.report.rows += batch.num_rows() as u64;
                return Ok(Some(batch));
            }
            if let Some(end) = self.incoming.end() {
                self.report = JoinReport::from(end.clone());
                return Ok(None);
            }
            if self.incoming.exchange.is_sent() {
                self.spine.queue(&mut self.incoming.exchange)?;
            }
            self.incoming.advance()?;
        }
    }
}

impl Spine<'_> {
    /// Hands the next part of the spine to the exchange, if there is any.
    fn queue(&mut self, exchange: &mut Exchange<'_>) -> Result<()> {
        let Some(pieces) = &mut self.pieces else { return Ok(()) };
        while self.parts.is_empty() {
            let Some(batch) = self.batches.next() else {
                return self.pieces.take().map_or(Ok(()), |pieces| exchange.queue(&pieces.finish()?, false));
            };
            self.parts.extend(parts(&batch?, PIECE_BYTES));
        }
        match self.parts.pop_front() {
            Some(part) => {
                pieces.write(&part)?;
                exchange.queue(&pieces.take(), true)
            }
            None => Ok(()),
        }
    }
}

impl JoinBatches for RemoteJoin<'_> {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn report(&self) -> &JoinReport {
        &self.report
    }
}

impl Iterator for RemoteJoin<'_> {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.next_batch().transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}
