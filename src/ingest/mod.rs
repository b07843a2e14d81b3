//! Ingest: files become rows of a view, whole or not at all, once, and from where they were left off.
//!
//! **Whole or not at all.** All files are checked to the end before any row of them is written. A bad row, a damaged
//! file or a missing column therefore leaves nothing behind, however large the input is. The rows that fit into one step
//! ([`IngestOptions::step_bytes`]) are encoded while they are checked, so input of up to a step is read once, and is one
//! atomic write. What is more is read a second time, step by step.
//!
//! **At the same cost a row, whatever the amount.** Rows that fill a chunk ([`IngestOptions::chunk_bytes`]) are gathered
//! on disk, sorted, and the store writes all of a step at once, in the order of its keys; a sidecar does so for its clients.
//! A store that cannot gather, or a sidecar that has no room for more, takes each chunk as a step: their files overlap, and
//! compaction merges them again and again.
//!
//! **Once.** A file is known by its content, the view and the view's schema version. How far it has come is a note
//! in the store, written together with the rows: there is no moment at which one is true and not the other.
//! A file that was moved or is named twice is known again; a view that got a new feature takes its files anew.
//!
//! **In bounded memory.** Three threads: one decodes ([`decode`]), the caller's encodes, one gathers and loads. There are
//! at most two chunks and [`decode::PIECES_WAITING`] pieces of some megabytes, and while a step is written two parts of
//! it, which take less than a chunk each.

mod chunk;
mod decode;
mod identity;
mod input;
mod loader;
mod options;
mod rejects;
mod report;
mod run;
mod target;

use std::time::Instant;

use asofdb_storage::{Error, Result};

use self::chunk::ChunkSizes;
pub use self::chunk::LOAD_ROWS_MAX;
pub use self::identity::check_note;
pub use self::input::Input;
use self::input::InputFile;
pub use self::options::{INGEST_CHUNK_BYTES_DEFAULT, INGEST_CHUNK_BYTES_MIN, INGEST_STEP_BYTES_DEFAULT, IngestOptions};
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
    let bytes_max = options.chunk_bytes.min(load_bytes_max);
    let sizes = ChunkSizes { bytes_max, step_bytes_max: options.step_bytes };
    let (files, rejects) = Run::new(&target, files, rejects, sizes, progress)?.run()?;
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
