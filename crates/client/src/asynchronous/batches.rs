//! Batches of rows that are made in a thread and taken by a task.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use asofdb::{Error, JoinReport, Result, ScanBegin, ScanSink};
use tokio::sync::{mpsc, oneshot};

use crate::asynchronous::lane::Lane;
use crate::asynchronous::threads::{Running, Threads};
use crate::client::Client;

/// Batches that wait to be taken: the next one is decoded meanwhile.
const BATCHES_WAITING_MAX: usize = 2;

/// The rows of a view, as they arrive; at the end, how many there were.
pub type AsyncScan = Batches<ScanBegin, u64>;

/// A point-in-time join, as it is made; at the end, its counts.
pub type AsyncJoin = Batches<SchemaRef, JoinReport>;

/// A stream of batches from a sidecar. The sidecar makes them as they are taken, but for a few that wait; it ends a
/// stream from which nothing is taken for longer than its stall time-out. Dropping the stream ends the work at both
/// ends.
#[derive(Debug)]
pub struct Batches<B, E> {
    begin: B,
    batches: mpsc::Receiver<RecordBatch>,
    running: Running<E>,
    end: Option<E>,
    is_over: bool,
}

impl<B: Send + 'static, E: Send + 'static> Batches<B, E> {
    /// Starts `work`, which tells the beginning and then sends batches, and waits for the beginning.
    ///
    /// # Errors
    /// Those of the work.
    pub(super) async fn start(
        threads: &Threads,
        lane: &Lane,
        work: impl FnOnce(&Client, Sending<B>) -> Result<E> + Send + 'static,
    ) -> Result<Self> {
        let (begin, begun) = oneshot::channel();
        let (send, batches) = mpsc::channel(BATCHES_WAITING_MAX);
        let sending = Sending { begin: Some(begin), batches: send };
        let mut running = threads.start(lane, move |client| work(client, sending)).await?;
        match begun.await {
            Ok(begin) => Ok(Batches { begin, batches, running, end: None, is_over: false }),
            Err(_) => Err(running.end().await.err().unwrap_or_else(not_begun)),
        }
    }
}

impl<B, E> Batches<B, E> {
    /// Returns the beginning: the columns of the batches, and what else is known before the first.
    pub fn begin(&self) -> &B {
        &self.begin
    }

    /// Waits for the next batch; `None` after the last. No batch is lost when the future is dropped.
    ///
    /// # Errors
    /// Those of the sidecar and of the spine; nothing comes after an error.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>> {
        if self.is_over {
            return Ok(None);
        }
        if let Some(batch) = self.batches.recv().await {
            return Ok(Some(batch));
        }
        let end = self.running.end().await;
        self.is_over = true;
        self.end = Some(end?);
        Ok(None)
    }

    /// Returns the counts of the whole, once the last batch was taken.
    pub fn end(&self) -> Option<&E> {
        self.end.as_ref()
    }
}

/// The thread's end of a stream.
#[derive(Debug)]
pub(super) struct Sending<B> {
    /// `None` once it was told.
    begin: Option<oneshot::Sender<B>>,
    batches: mpsc::Sender<RecordBatch>,
}

impl<B> Sending<B> {
    pub(super) fn begin(&mut self, begin: B) -> Result<()> {
        let sender = self.begin.take().ok_or_else(|| Error::internal("a stream began twice"))?;
        sender.send(begin).map_err(|_| nobody_waits())
    }

    /// Hands a batch over, waiting until there is room.
    ///
    /// # Errors
    /// `Unavailable` when nobody takes it any more.
    pub(super) fn send(&self, batch: RecordBatch) -> Result<()> {
        self.batches.blocking_send(batch).map_err(|_| nobody_waits())
    }
}

impl ScanSink for Sending<ScanBegin> {
    fn begin(&mut self, begin: ScanBegin) -> Result<()> {
        Sending::begin(self, begin)
    }

    fn take(&mut self, batch: RecordBatch) -> Result<()> {
        self.send(batch)
    }
}

#[cold]
fn nobody_waits() -> Error {
    Error::unavailable("nobody waits for the rows any more")
}

#[cold]
fn not_begun() -> Error {
    Error::internal("the rows of a stream ended without a beginning")
}
