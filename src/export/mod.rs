//! Export: a view as a Parquet data set, consistent, sorted, and whole or not there.
//!
//! One snapshot serves all threads. The keys of the view are cut into ranges; each thread scans a range,
//! turns its rows into columns and encodes them into files of its own, so that threads share nothing that
//! changes. Each file is sorted by join keys, then newest first, and files are numbered in the order of keys.

mod batch_partitions;
mod batches;
mod calendar;
mod computed;
mod destination;
mod manifest;
mod options;
mod part;
mod row_partitions;
mod spill;
mod task;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use asofdb_storage::{KeyRange, Result, Timestamp, fail_point};
use crossbeam::channel::{RecvTimeoutError, bounded};

pub(crate) use self::batches::BatchExport;
pub(crate) use self::computed::export_computed;
use self::destination::Destination;
pub use self::manifest::{Asked, MANIFEST_FILE, Manifest, ManifestFile};
pub(crate) use self::options::check_partitions;
pub use self::options::{
    EXPORT_THREAD_MEMORY_BYTES_MAX, EXPORT_THREADS_DEFAULT, EXPORT_THREADS_MAX, ExportOptions, PartitionBy,
};
use self::part::{PartFile, Written, part_name};
use self::task::Task;
use crate::definitions::reference::find_view;
use crate::files::output::OutputDirectory;
use crate::progress::{OnProgress, Progress};
use crate::scan::{Counts, EXPORT_FORMAT, ExportSchema, Selection};
use crate::store::Store;
use crate::threads;

/// Versions that are worth a thread and a file of their own: less takes a moment anyway, and many small files
/// are slow to read.
const RANGE_VERSIONS_MIN: u64 = 1 << 18;

/// About how many versions a range has at most, and so a file without partitions: a gigabyte of fifty floats.
const RANGE_VERSIONS_MAX: u64 = 1 << 22;

/// The time between two reports of progress.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// Exports a view of a store in this process, in several threads. See [`Session::export`](crate::Session::export).
///
/// # Errors
/// As there.
pub(crate) fn export(
    store: &Store,
    view: &str,
    out: &Path,
    options: &ExportOptions,
    progress: &mut OnProgress<'_>,
) -> Result<Manifest> {
    options.check()?;
    // The catalog is read after the snapshot is taken, so that it knows the schema of every row in it.
    let snapshot = store.backend().snapshot();
    let catalog = store.catalog();
    let view = find_view(&catalog, view)?;
    store.check_reader(&catalog, view)?;
    if !view.is_stored() {
        return export_computed(store, &catalog, view, out, options, progress);
    }
    check_partitions(view, options.partition_by)?;
    let selection = Selection::new(view, &options.rows, snapshot.now())?;
    let output = OutputDirectory::create(out)?;
    let destination = Arc::new(Destination::new(&output, &selection.schema, options));
    let (snapshot, partition_by) = (&*snapshot, options.partition_by);
    let task = Task { snapshot, selection, destination, partition_by, counts: Counts::new(store.own_stop()) };
    let mut files = task.run_all(options.threads, progress)?;
    if files.is_empty() && options.partition_by.is_none() {
        files.push(PartFile::create(&task.destination, part_name(0))?.finish()?);
    }
    let manifest = new_manifest(&view.name, task.selection.schema, snapshot.now(), files, options);
    fail_point("export files written");
    manifest.write(output.path(), output.target())?;
    output.finish()?;
    Ok(manifest)
}

impl Task<'_> {
    /// Exports all ranges, each by the next thread that is free, and tells progress from this one.
    fn run_all(&self, threads: usize, progress: &mut OnProgress<'_>) -> Result<Vec<Written>> {
        let versions = self.snapshot.versions_estimate(self.selection.view)?;
        let ranges = self.snapshot.split(self.selection.view, self.range_count(versions, threads))?;
        let threads = threads.min(ranges.len());
        let next = AtomicUsize::new(0);
        let (sender, receiver) = bounded(threads);
        let mut results = Vec::new();
        std::thread::scope(|scope| {
            for number in 0..threads {
                let (sender, next, ranges) = (sender.clone(), &next, &ranges);
                let work = move || drop(sender.send(self.run_some(next, ranges)));
                // Those that could be started share the work of the others; the error counts where there is none.
                if let (Err(error), 0) = (threads::start(scope, "that exports", work), number) {
                    results.push(Err(error));
                }
            }
            drop(sender);
            loop {
                match receiver.recv_timeout(PROGRESS_EVERY) {
                    Ok(result) => results.push(result),
                    Err(RecvTimeoutError::Timeout) => progress(self.progress(versions)),
                    Err(RecvTimeoutError::Disconnected) => break,
                }
            }
        });
        let mut files: Vec<Written> = results.into_iter().collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
        files.sort_by(|a, b| a.file.path.cmp(&b.file.path));
        progress(self.progress(0));
        Ok(files)
    }

    fn run_some(&self, next: &AtomicUsize, ranges: &[KeyRange]) -> Result<Vec<Written>> {
        let mut files = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            match ranges.get(number) {
                Some(range) if !self.counts.is_stopped() => {
                    files.extend(self.run(number, range).inspect_err(|_| self.counts.stop())?);
                }
                _ => return Ok(files),
            }
        }
    }

    /// Into how many ranges the keys are cut.
    fn range_count(&self, versions: u64, threads: usize) -> usize {
        let most = versions / RANGE_VERSIONS_MIN;
        let least = match self.partition_by {
            // Every range adds a file to every partition.
            Some(_) => 0,
            None => versions.div_ceil(RANGE_VERSIONS_MAX).next_multiple_of(threads as u64),
        };
        usize::try_from((threads as u64).max(least).min(most).max(1)).unwrap_or(threads)
    }

    fn progress(&self, versions_estimate: u64) -> Progress {
        let (scanned, written) = (self.counts.scanned(), self.destination.written());
        // Partitioned rows are written after all of them were scanned.
        let (done, work) = match self.partition_by {
            Some(_) => (scanned + written, 2),
            None => (scanned, 1),
        };
        Progress { rows: written, done, total: Some(done.max(versions_estimate * work)) }
    }
}

fn new_manifest(
    view: &str,
    schema: ExportSchema,
    snapshot: Timestamp,
    files: Vec<Written>,
    options: &ExportOptions,
) -> Manifest {
    let spans = || files.iter().filter_map(|written| written.span);
    Manifest {
        format: EXPORT_FORMAT,
        asofdb_version: env!("CARGO_PKG_VERSION").to_owned(),
        view: view.to_owned(),
        asked: Asked { rows: options.rows, partition_by: options.partition_by, compression: options.compression },
        snapshot,
        rows: files.iter().map(|written| written.file.rows).sum(),
        bytes: files.iter().map(|written| written.file.bytes).sum(),
        event_min: spans().map(|(first, _): (Timestamp, Timestamp)| first).min(),
        event_max: spans().map(|(_, last)| last).max(),
        columns: schema.lines,
        files: files.into_iter().map(|written| written.file).collect(),
    }
}
