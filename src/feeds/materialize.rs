//! Runs of feeds.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use asofdb_storage::{Backend, Durability, Error, FeatureView, FeedRun, FeedRuns, FeedSource, Result, WriteBatch};
use parking_lot::{Condvar, Mutex};

use super::files::{FeedFiles, Found, settled};
use super::known::{fed, note_of, runs_of};
use super::report::ViewRun;
use crate::ingest::{IngestOptions, IngestReport, Input, Loads, ingest};
use crate::progress::Progress;

/// Bytes of the error of a run that are kept.
const ERROR_BYTES_MAX: usize = 1_000;

/// Bytes of a chunk of a feed's ingest: feeds run beside others.
const CHUNK_BYTES: usize = 32 << 20;

/// Bytes of a step of it: whoever asks what is known now waits some seconds at most.
const STEP_BYTES: u64 = 1 << 30;

/// Called now and then with the view that is being loaded.
pub type OnFeedProgress<'p> = dyn FnMut(&str, Progress) + 'p;

/// The feeds of a store.
#[derive(Debug, Default)]
pub(crate) struct Feeder {
    /// The views that are being loaded, by id.
    running: Mutex<BTreeSet<u32>>,
    /// Told when one of them has ended.
    ended: Condvar,
}

/// The time after which one that waits looks whether it is to stop.
const WAIT_MAX: Duration = Duration::from_millis(50);

/// A store that is fed.
pub(crate) struct FedStore<'s> {
    pub(crate) backend: &'s dyn Backend,
    pub(crate) loads: &'s dyn Loads,
    pub(crate) durability: Durability,
}

impl Feeder {
    /// Loads what is new in the sources of views, all that have one where none is named. What goes wrong with a view is
    /// in its run.
    ///
    /// # Errors
    /// `NotFound` for an unknown view; `Invalid` for one without a source; `Unavailable` when the store cannot be
    /// written, or the work was cancelled.
    pub(crate) fn run(
        &self,
        store: &FedStore<'_>,
        views: &[&str],
        files: &FeedFiles,
        progress: &mut OnFeedProgress<'_>,
    ) -> Result<Vec<ViewRun>> {
        let fed = fed(store.backend, views)?;
        let mut runs = Vec::with_capacity(fed.len());
        for (view, source) in fed {
            store.loads.check_cancelled()?;
            let run = self.run_one(store, &view, &source, files, progress)?;
            runs.push(ViewRun { view: view.name.clone(), run });
        }
        Ok(runs)
    }

    /// Marks a view as being loaded, when no other run of it works any more: a run that came second is no failure, and
    /// finds what the first one has left.
    fn begin(&self, store: &FedStore<'_>, view: u32) -> Result<Running<'_>> {
        let mut running = self.running.lock();
        while !running.insert(view) {
            self.ended.wait_for(&mut running, WAIT_MAX);
            store.loads.check_cancelled()?;
        }
        Ok(Running { feeder: self, view })
    }

    fn run_one(
        &self,
        store: &FedStore<'_>,
        view: &Arc<FeatureView>,
        source: &FeedSource,
        files: &FeedFiles,
        progress: &mut OnFeedProgress<'_>,
    ) -> Result<FeedRun> {
        let _running = self.begin(store, view.id)?;
        let began = store.backend.now();
        let mut known = runs_of(store.backend, view.id)?;
        let schema_version = view.schemas.last().map_or(0, |schema| schema.version);
        if known.schema_version != schema_version {
            // Rows that were loaded lack what was added since.
            known.files.clear();
        }
        let mut loading = Loading { store, view, source, files, known: &mut known };
        let mut run = FeedRun { began, ..FeedRun::default() };
        match loading.load(&mut |done| progress(&view.name, done)) {
            Ok((files, report)) => {
                run.files = files;
                (run.rows_read, run.rows_written, run.rows_rejected) =
                    (report.rows_read, report.rows_written, report.rows_rejected);
            }
            Err(error) if store.loads.check_cancelled().is_err() => return Err(error),
            Err(error) => run.error = Some(shortened(&format!("{error:#}"))),
        }
        run.ended = store.backend.now();
        known.schema_version = schema_version;
        known.add(run.clone());
        let mut batch = WriteBatch::new();
        batch.note(note_of(view.id), Some(known.encode()?));
        store.backend.commit(batch, store.durability)?;
        Ok(run)
    }
}

/// The mark of a view that is being loaded, until this is dropped.
struct Running<'f> {
    feeder: &'f Feeder,
    view: u32,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.feeder.running.lock().remove(&self.view);
        self.feeder.ended.notify_all();
    }
}

/// One run of a view's feed.
struct Loading<'l> {
    store: &'l FedStore<'l>,
    view: &'l FeatureView,
    source: &'l FeedSource,
    files: &'l FeedFiles,
    known: &'l mut FeedRuns,
}

impl Loading<'_> {
    /// Loads the files that are new or have changed. Returns their number, and what came of it.
    fn load(&mut self, progress: &mut dyn FnMut(Progress)) -> Result<(u64, IngestReport)> {
        #[allow(clippy::disallowed_methods, reason = "files have the times of the system's clock")]
        let began = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let found = self.files.find(&self.source.path)?;
        let known: BTreeSet<_> = self.known.files.iter().map(|file| (&file.path, file.bytes, file.modified)).collect();
        let is_new = |one: &&Found| !known.contains(&(&one.file.path, one.file.bytes, one.file.modified));
        let new: Vec<PathBuf> = found.iter().filter(is_new).map(|one| one.path.clone()).collect();
        let mut report = IngestReport::default();
        if !new.is_empty() {
            let inputs = new.iter().map(|path| Input::Path(path.clone())).collect();
            let options = IngestOptions {
                rejects: self.rejects()?,
                chunk_bytes: CHUNK_BYTES,
                step_bytes: STEP_BYTES,
                ..IngestOptions::default()
            };
            report = ingest(self.store.loads, &self.view.name, inputs, &options, &mut |done| progress(done))?;
        }
        let began = i64::try_from(began.as_nanos()).unwrap_or(i64::MAX);
        self.known.files = settled(found.into_iter().map(|one| one.file), began);
        Ok((new.len() as u64, report))
    }

    /// The file for bad rows of this run.
    fn rejects(&self) -> Result<Option<PathBuf>> {
        let Some(directory) = &self.files.rejects else { return Ok(None) };
        std::fs::create_dir_all(directory).map_err(|error| {
            Error::unavailable(format!("cannot make the directory {} for bad rows", directory.display()))
                .with_source(error)
        })?;
        let time = self.store.backend.now().to_string().replace(':', "");
        Ok(Some(directory.join(format!("{}-{time}.ndjson", self.view.name))))
    }
}

fn shortened(error: &str) -> String {
    let mut end = error.len().min(ERROR_BYTES_MAX);
    while !error.is_char_boundary(end) {
        end -= 1;
    }
    error[..end].to_owned()
}
