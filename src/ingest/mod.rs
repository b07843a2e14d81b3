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
mod options;
mod rejects;
mod report;
mod run;
mod target;

use std::time::Instant;

use asofdb_storage::{Error, Result};

pub use self::chunk::LOAD_ROWS_MAX;
pub use self::identity::check_note;
pub use self::input::Input;
use self::input::InputFile;
pub use self::options::{INGEST_CHUNK_BYTES_DEFAULT, INGEST_CHUNK_BYTES_MIN, IngestOptions};
use self::rejects::Rejects;
pub use self::report::{IngestReport, IngestedFile};
use self::run::Run;
pub(crate) use self::target::Loads;
use self::target::Target;
use crate::definitions::reference::find_stored_view;
use crate::progress::OnProgress;
use crate::rows::encode::ViewEncoder;

/// Writes the rows of files into a view of a store. See [`Session::ingest`](crate::Session::ingest).
///
/// # Errors
/// As there.
pub(crate) fn ingest(
    store: &dyn Loads,
    view: &str,
    inputs: Vec<Input>,
    options: &IngestOptions,
    progress: &mut OnProgress<'_>,
) -> Result<IngestReport> {
    check(&inputs, options)?;
    #[allow(clippy::disallowed_methods, reason = "measures how long it takes; no rule depends on it")]
    let started = Instant::now();
    let target = Target::new(store, ViewEncoder::new(find_stored_view(&*store.catalog()?, view)?.clone())?);
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
