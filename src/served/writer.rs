//! The writer of a log: a thread that makes files of what was served.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use asofdb_storage::{Error, Result, Timestamp};
use crossbeam::channel::{Receiver, after, bounded, never};
use crossbeam::select;
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::KeyValue;

use crate::files::output::{OutputFile, cannot_write};
use crate::files::parquet::{Compression, parquet_properties};
use crate::served::columns::{Described, FORMAT, FORMAT_KEY, MEANINGS_KEY, ServedColumns, schema};
use crate::served::log::{Counters, Message, QUEUE_READS_MAX, ServedLog};
use crate::served::options::ServedLogOptions;
use crate::served::parts::{hour_of, make_directory, sweep};
use crate::served::read::ServedRead;

/// Rows, and bytes of values, that become one batch.
const BATCH_ROWS: usize = 4_096;
const BATCH_BYTES: usize = 8 << 20;

/// Bytes after which a file is closed; at most an eighth of what all of them may have.
const PART_BYTES_MAX: u64 = 64 << 20;

/// Requests whose descriptions are kept.
const DESCRIBED_MAX: usize = 1_024;

/// Starts a log in a directory, which is made where there is none. `now` is the present.
///
/// # Errors
/// `Invalid` for options that mean nothing; `Unavailable` when the directory cannot be made, or no thread started.
pub(crate) fn start(directory: &Path, options: ServedLogOptions, now: Timestamp) -> Result<ServedLog> {
    options.check()?;
    make_directory(directory).map_err(|error| cannot_write(directory, error))?;
    let (name, counters) = (log_name(now), Arc::new(Counters::default()));
    let (queue, messages) = bounded(QUEUE_READS_MAX);
    let writer = Writer {
        directory: directory.to_owned(),
        name: name.clone(),
        options: options.clone(),
        counters: counters.clone(),
        columns: ServedColumns::default(),
        described: HashMap::new(),
        open: None,
        parts: 0,
        newest: now,
    };
    let thread = std::thread::Builder::new().name("asofdb-served".into()).spawn(move || writer.run(&messages));
    let thread = thread.map_err(|error| Error::unavailable("cannot start the log's thread").with_source(error))?;
    Ok(ServedLog::new((directory.to_owned(), name), options, counters, queue, thread))
}

/// A name that no other log has, and that sorts by the time of its beginning.
fn log_name(now: Timestamp) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = u64::from(std::process::id()).wrapping_mul(251).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
    format!("{:014x}{:05x}", now.as_micros(), number & 0xf_ffff)
}

struct Writer {
    directory: PathBuf,
    name: String,
    options: ServedLogOptions,
    counters: Arc<Counters>,
    columns: ServedColumns,
    /// By request and revision of the catalog.
    described: HashMap<(u64, u64), Described>,
    open: Option<OpenPart>,
    /// Files so far.
    parts: u64,
    /// The newest present that a read had.
    newest: Timestamp,
}

/// The file that is being written.
struct OpenPart {
    hour: String,
    path: PathBuf,
    writer: ArrowWriter<OutputFile>,
    meanings: BTreeMap<String, String>,
    rows: u64,
    /// Tells when it has been open for long enough.
    is_due: Receiver<std::time::Instant>,
}

impl Writer {
    fn run(mut self, messages: &Receiver<Message>) {
        let never = never();
        loop {
            let is_due = self.open.as_ref().map_or(&never, |open| &open.is_due);
            select! {
                recv(messages) -> message => match message {
                    Ok(Message::Read(read, bytes)) => {
                        let rows = read.asked.len() as u64;
                        let written = self.take(*read);
                        self.counters.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
                        self.note(written, rows);
                    }
                    Ok(Message::Flush(done)) => {
                        self.close();
                        // Whoever asked may be gone.
                        let _ = done.send(());
                    }
                    Err(_) => return self.close(),
                },
                recv(is_due) -> _ => self.close(),
            }
        }
    }

    /// Keeps in mind that rows were lost, if they were.
    fn note(&self, written: Result<()>, rows: u64) {
        if let Err(error) = written {
            self.counters.rows_lost.fetch_add(rows, Ordering::Relaxed);
            *self.counters.failure.lock() = Some(error.to_string());
        }
    }

    /// Takes the rows of a read.
    fn take(&mut self, read: ServedRead) -> Result<()> {
        let hour = hour_of(read.moment.served_at);
        if self.open.as_ref().is_some_and(|open| open.hour != hour) {
            self.close();
        }
        if self.open.is_none() {
            self.open = Some(self.begin(hour)?);
        }
        self.newest = self.newest.max(read.moment.served_at);
        if self.described.len() >= DESCRIBED_MAX {
            self.described.clear();
        }
        let described = self.described.entry((read.request, read.plan.revision));
        let described = described.or_insert_with(|| Described::new(&read));
        let waiting = self.columns.rows() as u64;
        if let Err(error) = self.columns.push(read, described) {
            // Its rows are there in part; those before it cannot be told from them.
            self.columns = ServedColumns::default();
            self.counters.rows_lost.fetch_add(waiting, Ordering::Relaxed);
            return Err(error);
        }
        if self.columns.rows() >= BATCH_ROWS || self.columns.bytes() >= BATCH_BYTES {
            self.write_batch()?;
        }
        let bytes_max = PART_BYTES_MAX.min(self.options.bytes_max / 8);
        let is_full =
            |open: &OpenPart| (open.writer.bytes_written() + open.writer.in_progress_size()) as u64 >= bytes_max;
        if self.open.as_ref().is_some_and(is_full) {
            self.close();
        }
        Ok(())
    }

    /// Begins a file.
    fn begin(&mut self, hour: String) -> Result<OpenPart> {
        let directory = self.directory.join(&hour);
        make_directory(&directory).map_err(|error| cannot_write(&directory, error))?;
        let path = directory.join(format!("{}-{:06}.parquet", self.name, self.parts));
        self.parts += 1;
        let schema = schema();
        let properties = parquet_properties(&schema, Compression::Zstd).set_dictionary_enabled(true).build();
        let writer = ArrowWriter::try_new(OutputFile::create(&path)?, schema, Some(properties))
            .map_err(|error| cannot_write(&path, error))?;
        let is_due = after(self.options.part_time.max(Duration::from_millis(1)));
        Ok(OpenPart { hour, path, writer, meanings: BTreeMap::new(), rows: 0, is_due })
    }

    /// Writes the rows that have been gathered to the open file.
    fn write_batch(&mut self) -> Result<()> {
        let Some(open) = self.open.as_mut().filter(|_| self.columns.rows() > 0) else { return Ok(()) };
        let (batch, meanings) = self.columns.finish()?;
        open.meanings.extend(meanings);
        open.writer.write(&batch).map_err(|error| cannot_write(&open.path, error))?;
        open.rows += batch.num_rows() as u64;
        Ok(())
    }

    /// Makes the open file whole, if there is one, and removes what is too old or too much.
    fn close(&mut self) {
        let waiting = self.columns.rows() as u64;
        let written = self.write_batch();
        let Some(open) = self.open.take() else { return };
        let rows = open.rows.max(waiting);
        match written.and_then(|()| open.finish()) {
            Ok(rows) => {
                self.counters.rows_written.fetch_add(rows, Ordering::Relaxed);
                let ServedLogOptions { age_max, bytes_max, .. } = self.options;
                let swept = sweep(&self.directory, self.newest, age_max, bytes_max);
                *self.counters.failure.lock() = swept.err().map(|error| format!("cannot remove old files: {error}"));
            }
            Err(error) => {
                self.columns = ServedColumns::default();
                self.note(Err(error), rows);
            }
        }
    }
}

impl OpenPart {
    /// Gives the file its name; returns its rows.
    fn finish(mut self) -> Result<u64> {
        let meanings = serde_json::to_string(&self.meanings)
            .map_err(|error| Error::internal("meanings cannot be written as JSON").with_source(error))?;
        let metadata = [(FORMAT_KEY, FORMAT.to_owned()), (MEANINGS_KEY, meanings)];
        for (key, value) in metadata {
            self.writer.append_key_value_metadata(KeyValue::new(key.to_owned(), value));
        }
        let failed = |error| cannot_write(&self.path, error);
        self.writer.into_inner().map_err(failed)?.finish()?;
        Ok(self.rows)
    }
}
