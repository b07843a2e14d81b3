//! Recording what was read, in the background.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use asofdb_storage::{Backend, ModelRow, Result, UsagePeriod, UsageRow};
use parking_lot::{Condvar, Mutex};

use crate::usage::answers::{AnswerCounts, AnswerRow, Recent};
use crate::usage::book::Book;
use crate::usage::collector::Collector;
use crate::usage::meter::Meter;

/// The time between two writes of what was counted.
const WRITE_EVERY: Duration = Duration::from_secs(60);

/// Records the reads of consumers, in a thread of its own, which begins with the first one.
pub(crate) struct Recorder {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    backend: Arc<dyn Backend>,
    collector: Collector,
    book: Mutex<Book>,
    /// Locked after the book, if both are.
    recent: Mutex<Recent>,
    is_stopped: Mutex<bool>,
    stopped: Condvar,
}

impl Recorder {
    pub(crate) fn new(backend: Arc<dyn Backend>) -> Self {
        let shared = Shared {
            backend,
            collector: Collector::default(),
            book: Mutex::default(),
            recent: Mutex::default(),
            is_stopped: Mutex::new(false),
            stopped: Condvar::new(),
        };
        Recorder { shared: Arc::new(shared), thread: Mutex::default() }
    }

    /// The meter of a consumer and its model for references; `make` makes it where there is none.
    pub(crate) fn meter(
        &self,
        reader: (&str, Option<&str>),
        references: &[String],
        revision: u64,
        make: impl FnOnce() -> Meter,
    ) -> Arc<Meter> {
        let meter = self.shared.collector.meter(reader, references, revision, make);
        let mut thread = self.thread.lock();
        if thread.is_none() {
            let shared = self.shared.clone();
            // Without a thread, what was counted is written at the end.
            *thread = std::thread::Builder::new().name("asofdb-usage".into()).spawn(move || shared.run()).ok();
        }
        meter
    }

    /// Writes what was counted so far.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be written; it is kept then, and written another time.
    pub(crate) fn write(&self) -> Result<()> {
        self.shared.write()
    }

    /// The rows of the last days, with all that was counted so far.
    ///
    /// # Errors
    /// `Invalid` for more days than can be told at once; `Unavailable` when the store cannot be read.
    pub(crate) fn rows(&self, period: UsagePeriod) -> Result<Vec<UsageRow>> {
        let mut book = self.shared.book.lock();
        self.shared.collect(&mut book);
        book.rows(&*self.shared.backend, period)
    }

    /// The reads of models, with all that was counted so far.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read; `Corrupt` when the note cannot be.
    pub(crate) fn models(&self) -> Result<Vec<ModelRow>> {
        let mut book = self.shared.book.lock();
        self.shared.collect(&mut book);
        book.models(&*self.shared.backend)
    }

    /// The values that consumers got in the last day, with all that was counted so far.
    pub(crate) fn answers(&self) -> Vec<AnswerRow> {
        self.shared.collect(&mut self.shared.book.lock());
        self.shared.recent.lock().rows(self.shared.backend.now())
    }

    /// The values that consumers got since the start, by view, with all that was counted so far.
    pub(crate) fn answer_totals(&self) -> Vec<(String, AnswerCounts)> {
        self.shared.collect(&mut self.shared.book.lock());
        self.shared.recent.lock().totals()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        *self.shared.is_stopped.lock() = true;
        self.shared.stopped.notify_all();
        if let Some(thread) = self.thread.lock().take() {
            let _ = thread.join();
        }
        // Nobody is left to hear that it failed; the counts of at most a minute are lost.
        let _ = self.shared.write();
    }
}

impl Shared {
    fn run(&self) {
        let mut is_stopped = self.is_stopped.lock();
        while !*is_stopped {
            if self.stopped.wait_for(&mut is_stopped, WRITE_EVERY).timed_out() {
                drop(is_stopped);
                // What cannot be written is kept, and tried again.
                let _ = self.write();
                is_stopped = self.is_stopped.lock();
            }
        }
    }

    fn collect(&self, book: &mut Book) {
        let now = self.backend.now();
        let mut recent = self.recent.lock();
        self.collector.take(|meter, taken| {
            meter.parts().iter().for_each(|part| book.count(now, meter.model(), part, taken));
            recent.count(now, meter, taken);
        });
    }

    fn write(&self) -> Result<()> {
        let mut book = self.book.lock();
        self.collect(&mut book);
        book.write(&*self.backend)
    }
}
