//! The log of a store: which reads are taken, and how they reach the writer.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;

use asofdb_storage::{Error, Result, Span};
use crossbeam::channel::{Sender, bounded};
use parking_lot::Mutex;

use crate::served::options::ServedLogOptions;
use crate::served::read::ServedRead;

/// Reads that wait for the writer at most, however small they are.
pub(super) const QUEUE_READS_MAX: usize = 65_536;

/// The counts of a log since it began.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServedLogStatus {
    /// The directory of its files.
    pub directory: PathBuf,
    /// Reads that were taken.
    pub reads: u64,
    /// Rows of them that stand in files.
    pub rows_written: u64,
    /// Reads that were left out because too much waited to be written, or a commit took long.
    pub reads_dropped: u64,
    /// Rows that were lost because files could not be written.
    pub rows_lost: u64,
    /// The reason why the last one could not be.
    pub failure: Option<String>,
}

/// Counters that reads and the writer share.
#[derive(Debug, Default)]
pub(super) struct Counters {
    /// Reads of all of the store, from which the share is taken.
    seen: AtomicU64,
    taken: AtomicU64,
    dropped: AtomicU64,
    /// Bytes that wait for the writer.
    pub(super) queued_bytes: AtomicUsize,
    pub(super) rows_written: AtomicU64,
    pub(super) rows_lost: AtomicU64,
    pub(super) failure: Mutex<Option<String>>,
}

/// A word to the writer.
pub(super) enum Message {
    /// A read to be logged, and the bytes that it counts as.
    Read(Box<ServedRead>, usize),
    /// Everything so far is to stand in files; then an answer is due.
    Flush(Sender<()>),
}

/// The log of served features of a store. It writes in a thread of its own, which ends with it.
pub struct ServedLog {
    directory: PathBuf,
    options: ServedLogOptions,
    /// The beginning of the ids of answers, which no other log has.
    name: String,
    counters: Arc<Counters>,
    /// `None` only while it is being dropped.
    queue: Option<Sender<Message>>,
    thread: Option<JoinHandle<()>>,
}

impl ServedLog {
    /// A log whose writer is `thread`, and takes what is sent to `queue`.
    pub(super) fn new(
        (directory, name): (PathBuf, String),
        options: ServedLogOptions,
        counters: Arc<Counters>,
        queue: Sender<Message>,
        thread: JoinHandle<()>,
    ) -> Self {
        ServedLog { directory, options, name, counters, queue: Some(queue), thread: Some(thread) }
    }

    /// The id of the answer to this read if it is one of the share that is logged: decided once a read.
    #[inline]
    pub(crate) fn take(&self) -> Option<String> {
        let number = self.counters.seen.fetch_add(1, Ordering::Relaxed);
        // The next multiple of 1/share lies between this read and the next one.
        let reached = |number: u64| (number as f64 * self.options.share).floor();
        (reached(number + 1) > reached(number)).then(|| format!("{}-{number:x}", self.name))
    }

    /// Hands a read to the writer, or counts it where too much waits; tells which.
    pub(crate) fn put(&self, read: ServedRead) -> bool {
        let (bytes, waiting) = (read.bytes(), &self.counters.queued_bytes);
        let is_taken = waiting.fetch_add(bytes, Ordering::Relaxed) + bytes <= self.options.queue_bytes_max
            && self.queue.as_ref().is_some_and(|queue| queue.try_send(Message::Read(Box::new(read), bytes)).is_ok());
        match is_taken {
            true => self.counters.taken.fetch_add(1, Ordering::Relaxed),
            false => {
                waiting.fetch_sub(bytes, Ordering::Relaxed);
                self.counters.dropped.fetch_add(1, Ordering::Relaxed)
            }
        };
        is_taken
    }

    /// Counts a read that could not be repeated, or not copied.
    pub(crate) fn drop_read(&self) {
        self.counters.dropped.fetch_add(1, Ordering::Relaxed);
    }

    /// Waits until everything that was taken stands in files.
    ///
    /// # Errors
    /// `Unavailable` when the last file could not be written.
    pub fn flush(&self) -> Result<()> {
        let (done, is_done) = bounded(1);
        let sent = self.queue.as_ref().map(|queue| queue.send(Message::Flush(done)));
        if !matches!(sent, Some(Ok(()))) || is_done.recv().is_err() {
            return Err(Error::internal("the writer of the log of served features has died, which is a bug"));
        }
        match &*self.counters.failure.lock() {
            None => Ok(()),
            Some(failure) => Err(Error::unavailable(format!("the log of served features: {failure}"))),
        }
    }

    /// The age from which on its files are removed.
    pub fn age_max(&self) -> Span {
        self.options.age_max
    }

    /// Tells what was logged since it began.
    pub fn status(&self) -> ServedLogStatus {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ServedLogStatus {
            directory: self.directory.clone(),
            reads: count(&self.counters.taken),
            rows_written: count(&self.counters.rows_written),
            reads_dropped: count(&self.counters.dropped),
            rows_lost: count(&self.counters.rows_lost),
            failure: self.counters.failure.lock().clone(),
        }
    }
}

impl Drop for ServedLog {
    fn drop(&mut self) {
        // Without senders the writer finishes its file and ends.
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for ServedLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServedLog").field("directory", &self.directory).finish_non_exhaustive()
    }
}
