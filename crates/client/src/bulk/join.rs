//! Point-in-time joins over a sidecar's store.

use std::collections::VecDeque;
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use asofdb::parts::{JoinBatches, OutputFile, open_spine, write_training_set};
use asofdb::{JoinOptions, JoinReport, OnProgress, Result, TrainingSetOptions};
use asofdb_protocol::{JoinEnd, JoinRequest, Kind, KnownAtMessage, PIECE_BYTES, StreamPieces, parts};

use crate::bulk::exchange::Exchange;
use crate::bulk::incoming::Incoming;
use crate::client::Client;

impl Client {
    /// Joins to each row of a spine the features as of its time. See
    /// [`Store::point_in_time_join`](asofdb::Store::point_in_time_join).
    ///
    /// The spine goes to the sidecar while the result comes back, both when [`RemoteJoin::next`] is called: the sidecar
    /// ends a join whose spine, or whose reader, pauses for longer than its stall time-out. It may use less memory than
    /// the options say.
    ///
    /// # Errors
    /// As there; `Unavailable` when the sidecar does not answer.
    pub fn point_in_time_join<'c, S, I>(
        &'c self,
        references: &[S],
        spine_schema: SchemaRef,
        spine: I,
        options: &JoinOptions,
    ) -> Result<RemoteJoin<'c, I>>
    where
        S: AsRef<str>,
        I: Iterator<Item = Result<RecordBatch>>,
    {
        let request = JoinRequest {
            references: references.iter().map(|reference| reference.as_ref().to_owned()).collect(),
            event_timestamp: options.event_timestamp.clone(),
            known_at: KnownAtMessage(options.known_at),
            columns: options.columns.into(),
            memory_bytes: options.memory_bytes as u64,
        };
        let mut pieces = StreamPieces::new(&spine_schema)?;
        let mut exchange = Exchange::begin(self.pool(), Kind::Join, &request, true)?;
        exchange.queue(&pieces.take(), true)?;
        let mut incoming = Incoming::new(exchange);
        let schema = incoming.start()?;
        let spine = Spine { batches: spine, pieces: Some(pieces), parts: VecDeque::new() };
        Ok(RemoteJoin { incoming, spine, schema, report: JoinReport::default(), ended: false })
    }

    /// Joins features to the spine in the file `spine` and writes the result to the Parquet file `out`, both of this
    /// host. See [`Store::training_set`](asofdb::Store::training_set).
    ///
    /// # Errors
    /// As there; `Unavailable` when the sidecar does not answer.
    pub fn training_set<S: AsRef<str>>(
        &self,
        references: &[S],
        spine: &Path,
        out: &Path,
        options: &TrainingSetOptions,
        progress: &mut OnProgress<'_>,
    ) -> Result<JoinReport> {
        let output = OutputFile::create(out)?;
        let source = open_spine(&*self.catalog()?, references, spine, options)?;
        let join = self.point_in_time_join(references, source.schema(), source.batches()?, &options.join)?;
        write_training_set(output, out, options.compression, source.rows_total(), join, progress)
    }
}

/// A point-in-time join under way in a sidecar: an iterator over the batches of its result.
pub struct RemoteJoin<'c, I> {
    incoming: Incoming<'c, (), JoinEnd>,
    spine: Spine<I>,
    schema: SchemaRef,
    report: JoinReport,
    ended: bool,
}

/// The spine as it is sent to the sidecar.
struct Spine<I> {
    batches: I,
    /// `None` once its end is on the way.
    pieces: Option<StreamPieces>,
    /// The rest of a batch that was cut.
    parts: VecDeque<RecordBatch>,
}

impl<I: Iterator<Item = Result<RecordBatch>>> RemoteJoin<'_, I> {
    /// The schema of the result.
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// Returns the counts: of the rows up to the batches handed out so far, and of all rows after the last one.
    pub fn report(&self) -> &JoinReport {
        &self.report
    }

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

impl<I: Iterator<Item = Result<RecordBatch>>> Spine<I> {
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

impl<I: Iterator<Item = Result<RecordBatch>>> JoinBatches for RemoteJoin<'_, I> {
    fn schema(&self) -> SchemaRef {
        RemoteJoin::schema(self)
    }

    fn report(&self) -> &JoinReport {
        RemoteJoin::report(self)
    }
}

impl<I: Iterator<Item = Result<RecordBatch>>> Iterator for RemoteJoin<'_, I> {
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
