//! The return of hot rows after a crash, and the samples that it goes by, in the background.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use super::hot::{Patience, RowName};
use super::latest::latest;
use super::store::Store;
use crate::backend::Lookup;
use crate::batch::WriteBatch;
use crate::catalog::FeatureView;
use crate::error::{Error, Result};
use crate::hot_policy::HotPolicy;
use crate::stop::Stop;

/// The time between two samples of the keys of hot rows.
const SAMPLE_EVERY: Duration = Duration::from_secs(180);

/// The longest time in which rows are read again. What has not come by then comes with the reads of others.
const RETURN_TIME_MAX: Duration = Duration::from_secs(300);

/// Rows that are read at once.
const TOGETHER: usize = 64;

/// Rows of a load after which it is looked whether pinned rows have their part of the table.
const LOOK_EVERY: usize = 4_096;

/// The nice value of the thread, that of RocksDB's in a sidecar: what others want goes first, and yet it gets on while it
/// fills rows in, for which commits wait.
const NICENESS: i32 = 5;

/// The thread that reads rows again and takes samples. Dropping it stops and waits for it.
pub(super) struct Returning {
    store: Arc<Store>,
    stop: Stop,
    thread: Option<JoinHandle<()>>,
}

impl Returning {
    /// Starts the thread, if the store has a hot table.
    ///
    /// # Errors
    /// `Unavailable` when no thread can be started.
    pub(super) fn start(store: &Arc<Store>) -> Result<Self> {
        let stop = Stop::new();
        let thread = match store.hot.is_there() {
            true => {
                let (of_thread, look) = (store.clone(), stop.clone());
                let thread = std::thread::Builder::new().name("asofdb-hot".into());
                let thread = thread.spawn(move || work(&of_thread, &look));
                Some(thread.map_err(|error| Error::unavailable("cannot start a thread").with_source(error))?)
            }
            false => None,
        };
        Ok(Returning { store: store.clone(), stop, thread })
    }
}

impl Drop for Returning {
    fn drop(&mut self) {
        self.stop.stop();
        self.store.hot.progress.close();
        if let Some(thread) = self.thread.take() {
            // It panicked only where a bug made it; rows come with the reads of others then.
            let _ = thread.join();
        }
    }
}

fn work(store: &Store, stop: &Stop) {
    // One that may not is as quick as the others.
    let _ = rustix::process::setpriority_process(None, NICENESS);
    let _over = Over(store);
    bring_back(store, &store.hot.progress.take_wanted(), stop);
    drop(_over);
    while store.hot.progress.wait(SAMPLE_EVERY) {
        store.hot.sample();
    }
}

/// Says that nothing more comes back when it is dropped, also by a panic: nobody waits for ever.
struct Over<'s>(&'s Store);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.hot.progress.end();
    }
}

/// Reads rows as anybody does, which fills them in, until the table gives up rows for them.
fn bring_back(store: &Store, names: &[RowName], stop: &Stop) {
    let (patience, before) = (Patience::of(RETURN_TIME_MAX), store.hot.evictions());
    for some in names.chunks(TOGETHER) {
        let is_full = store.hot.evictions() > before;
        if stop.is_stopped() || is_full || patience.is_over() {
            return;
        }
        read(store, some.iter().map(|(view, key)| (*view, key.as_slice())));
        store.hot.progress.came(some.len() as u64);
    }
}

/// Reads rows, of views that are no longer there or are never in the table none. What cannot be read is not filled in.
fn read<'k>(store: &Store, names: impl Iterator<Item = (u32, &'k [u8])>) {
    let known = store.present.known();
    let mut last: Option<&FeatureView> = None;
    let mut lookups = Vec::with_capacity(TOGETHER);
    for (id, key) in names {
        // Rows of a view mostly follow each other, and a catalog looks its views through.
        last = last.filter(|view| view.id == id).or_else(|| known.catalog.view_by_id(id).map(|view| &**view));
        let view = last.filter(|view| view.hot != HotPolicy::Never && !view.holds_events());
        lookups.extend(view.map(|view| Lookup { view, key }));
    }
    let _ = latest(store, &lookups, store.present.now(), &mut |_, _| Ok(()));
}

/// Reads the pinned rows of a load, after it, in the thread of whoever loads: as many as pinned rows have room.
pub(super) fn read_loaded(store: &Store, batch: &WriteBatch) {
    let Some(pinned) = store.hot.pinned() else { return };
    let names = batch.rows().map(|row| (row.view, row.key)).filter(|(view, _)| pinned.of(*view) == HotPolicy::Pin);
    let names: Vec<_> = names.collect();
    for (index, some) in names.chunks(TOGETHER).enumerate() {
        if (index * TOGETHER).is_multiple_of(LOOK_EVERY) && store.hot.is_full_of_pinned() {
            return;
        }
        read(store, some.iter().copied());
    }
}
