//! Ingest: files become rows of a view, whole or not at all, once, and from where they were left off.
//!
//! **Whole or not at all.** Everything is read twice: first checked to the end, all files of it, then written.
//! A bad row, a damaged file or a missing column therefore leaves nothing behind, however large the input is.
//! The rows that fit into one chunk are encoded while they are checked, so input of up to a chunk is read once, and
//! is one atomic write. Beyond that the second reading costs, measured for rows of 50 floats: from Parquet with zstd
//! some 15 % of the CPU time (0.45 s a million rows, beside 2.3 to 2.7 s to read, sort and write them); from CSV,
//! whose parsing outweighs the rest, half as much again as reading it once.
//! Staging the sorted files of RocksDB until the end would save that, but needs the disk space of the
//! whole input once more, and a second path through the storage engine.
//!
//! **Once.** A file is known by its content, the view and the view's schema version. How far it has come is a note
//! in the store, written together with the rows: there is no moment at which one is true and not the other.
//! A file that was moved or is named twice is known again; a view that got a new feature takes its files anew.
//!
//! **In bounded memory.** Three threads: one decodes ([`decode`]), the caller's encodes, one loads chunks. There are
//! at most two chunks ([`IngestOptions::chunk_bytes`]) and [`decode::PIECES_WAITING`] pieces of some megabytes.

mod chunk;
mod decode;
mod identity;
mod input;
mod rejects;
mod run;
mod target;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use asofdb_storage::{Error, Result};

pub use self::chunk::LOAD_ROWS_MAX;
pub use self::identity::check_note;
pub use self::input::Input;
use self::input::InputFile;
use self::rejects::Rejects;
use self::run::Run;
use self::target::Target;
use crate::definitions::reference::find_view;
use crate::progress::OnProgress;
use crate::rows::encode::ViewEncoder;
use crate::session::Session;
use crate::source::{Delimiter, InputFormat};

/// Bytes of keys and rows written in one step, where the options do not say. The larger, the fewer files overlap
/// and have to be merged by compaction; two chunks are in memory, one being filled and one being loaded.
pub const INGEST_CHUNK_BYTES_DEFAULT: usize = 128 << 20;

/// Fewest bytes of a chunk: smaller ones would spend their time on syncing.
pub const INGEST_CHUNK_BYTES_MIN: usize = 64 << 10;

/// Options of an ingest.
#[derive(Debug, Clone)]
pub struct IngestOptions {
    /// The format of the inputs; `None`: what their names end in.
    pub input_format: Option<InputFormat>,
    /// The delimiter between the fields of CSV; `None`: a tab where a name ends in `.tsv`, else a comma. Inputs of
    /// another format are refused where it is given.
    pub delimiter: Option<Delimiter>,
    /// Bad rows are set aside in this file instead of refusing everything.
    ///
    /// NDJSON, one object a bad row, in the order of the inputs:
    /// `{"file": .., "row": 17, "line": 18, "reason": .., "values": {..}}`, rows and lines counted from 1, `line` for
    /// text formats only. It must not exist, appears only at the end, and only if there are bad rows. After an
    /// interruption it is written anew by the next run, with the bad rows of what had been read before too.
    pub rejects: Option<PathBuf>,
    /// Write everything again, also what an earlier run has written.
    pub from_scratch: bool,
    /// Bytes of keys and rows written in one step, at least [`INGEST_CHUNK_BYTES_MIN`]. About three times as much
    /// memory is used.
    pub chunk_bytes: usize,
}

impl Default for IngestOptions {
    fn default() -> Self {
        IngestOptions {
            input_format: None,
            delimiter: None,
            rejects: None,
            from_scratch: false,
            chunk_bytes: INGEST_CHUNK_BYTES_DEFAULT,
        }
    }
}

impl IngestOptions {
    fn check(&self) -> Result<()> {
        if self.chunk_bytes >= INGEST_CHUNK_BYTES_MIN {
            return Ok(());
        }
        Err(Error::invalid(format!(
            "a chunk of an ingest has at least {INGEST_CHUNK_BYTES_MIN} bytes: {}",
            self.chunk_bytes
        )))
    }
}

/// The report of an ingest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IngestReport {
    /// Rows read, good and bad, without those an earlier run had read.
    pub rows_read: u64,
    /// Rows written.
    pub rows_written: u64,
    /// Bad rows set aside: as many as the rejects file has lines.
    pub rows_rejected: u64,
    /// Rows that an earlier run had read.
    pub rows_resumed: u64,
    /// The reports of single files, in the order of the inputs.
    pub files: Vec<IngestedFile>,
    /// The rejects file, if there is one.
    pub rejects: Option<PathBuf>,
    /// The duration.
    pub elapsed: Duration,
}

/// The report of one input of an ingest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IngestedFile {
    /// The path in quotes, or what the reader was called.
    pub name: String,
    /// Rows read, good and bad, without those an earlier run had read.
    pub rows_read: u64,
    /// Rows written.
    pub rows_written: u64,
    /// Bad rows set aside.
    pub rows_rejected: u64,
    /// Rows that an earlier run had read.
    pub rows_resumed: u64,
}

impl IngestReport {
    /// Rows read a second.
    pub fn rows_per_second(&self) -> f64 {
        self.rows_read as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }

    fn new(files: Vec<IngestedFile>, rejects: Option<PathBuf>, elapsed: Duration) -> Self {
        let sum = |rows: fn(&IngestedFile) -> u64| files.iter().map(rows).sum();
        IngestReport {
            rows_read: sum(|file| file.rows_read),
            rows_written: sum(|file| file.rows_written),
            rows_rejected: sum(|file| file.rows_rejected),
            rows_resumed: sum(|file| file.rows_resumed),
            files,
            rejects,
            elapsed,
        }
    }
}

/// Writes the rows of files into a view. See [`Session::ingest`].
///
/// # Errors
/// As there.
pub(crate) fn ingest(
    session: &dyn Session,
    view: &str,
    inputs: Vec<Input>,
    options: &IngestOptions,
    progress: &mut OnProgress<'_>,
) -> Result<IngestReport> {
    check(&inputs, options)?;
    #[allow(clippy::disallowed_methods, reason = "measures how long it takes; no rule depends on it")]
    let started = Instant::now();
    let target = Target::new(session, ViewEncoder::new(find_view(&*session.catalog()?, view)?.clone()));
    let load_bytes_max = target.load_bytes_max()?;
    let rejects = options.rejects.as_deref().map(Rejects::create).transpose()?;
    let open = |input| InputFile::open(&target, input, options);
    let files = inputs.into_iter().map(open).collect::<Result<Vec<_>>>()?;
    let chunk_bytes = options.chunk_bytes.min(load_bytes_max);
    let (files, rejects) = Run::new(&target, files, rejects, chunk_bytes, progress)?.run()?;
    Ok(IngestReport::new(files, rejects, started.elapsed()))
}

/// Refuses what no ingest can do, whatever it writes to.
///
/// # Errors
/// `Invalid` for options out of range, or when there are no inputs.
fn check(inputs: &[Input], options: &IngestOptions) -> Result<()> {
    options.check()?;
    match inputs {
        [] => Err(Error::invalid("nothing to ingest: name at least one file")),
        _ => Ok(()),
    }
}
