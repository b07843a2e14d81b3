//! The one thread that writes: groups batches, decides what is newest, tells who observes that, and answers.
//!
//! One writer makes late data, group commit and a total order of commits simple. Whatever else must be
//! ordered with commits (catalog changes, erasures, bulk loads) runs on it too.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam::channel::{Receiver, Sender, bounded, tick};
use crossbeam::select;
use rocksdb::WriteBatch as RocksBatch;

use super::ages::AgeChanges;
use super::kept::{MarkKind, Marks};
use super::newest::Candidates;
use super::order::Sorted;
use super::records::note_key;
use super::spoiled::Spoiled;
use super::store::Store;
use super::stored::Head;
use super::{maintain, present};
use crate::backend::{Committed, Newest};
use crate::batch::{Durability, Note, WriteBatch};
use crate::error::{Error, Result};
use crate::fail_point;
use crate::key;
use crate::time::Timestamp;
use crate::version::Version;

/// Requests that wait for the committer; writers beyond it wait to be queued.
const QUEUE_MAX: usize = 256;

/// Rows and bytes after which a group is full. Large enough to share one sync among many writers, small
/// enough to answer the first of them soon. A single batch may be larger.
const GROUP_ROWS_MAX: usize = 50_000;
const GROUP_BYTES_MAX: usize = 16 << 20;

/// The period after which idle iterators are dropped, with the files and memory they hold on to, the clock is looked
/// at, and background work that has failed is noticed.
const TRIM_EVERY: Duration = Duration::from_secs(1);

enum Request {
    Write(Write),
    Exclusive(Box<dyn FnOnce(&Store) + Send>),
}

struct Write {
    batch: WriteBatch,
    durability: Durability,
    answer: Sender<Result<Committed>>,
}

/// Lets somebody make the committer pause. The committer ends after the last of these has gone.
pub(super) struct Pausing(Sender<Request>);

impl Pausing {
    /// Runs `work` in the caller's thread while no commit is under way. It must be short: writers wait for it.
    ///
    /// # Errors
    /// `Internal` when the committer has died.
    pub(super) fn pause<T>(&self, work: impl FnOnce() -> T) -> Result<T> {
        let ((reached, has_reached), (go_on, may_go_on)) = (bounded::<()>(1), bounded::<()>(1));
        let pause = move |_: &Store| {
            let _ = reached.send(());
            // Ends when the other end is dropped, also where the work panics.
            let _ = may_go_on.recv();
        };
        self.0.send(Request::Exclusive(Box::new(pause))).map_err(|_| died())?;
        has_reached.recv().map_err(|_| died())?;
        let done = work();
        drop(go_on);
        Ok(done)
    }
}

/// The handle to the committer. Dropping it lets the committer finish what was queued, and waits for that.
pub(super) struct Committer {
    queue: Option<Sender<Request>>,
    thread: Option<JoinHandle<()>>,
}

impl Committer {
    pub(super) fn start(store: Arc<Store>) -> Result<Self> {
        let (queue, requests) = bounded(QUEUE_MAX);
        let thread = std::thread::Builder::new()
            .name("asofdb-commit".into())
            .spawn(move || run(&store, &requests))
            .map_err(|error| Error::unavailable("cannot start the commit thread").with_source(error))?;
        Ok(Committer { queue: Some(queue), thread: Some(thread) })
    }

    /// A way to make the committer pause.
    ///
    /// # Errors
    /// `Closed` when the store was closed.
    pub(super) fn pausing(&self) -> Result<Pausing> {
        Ok(Pausing(self.queue.clone().ok_or_else(closed)?))
    }

    /// Commits a batch with whatever others are waiting.
    pub(super) fn commit(&self, batch: WriteBatch, durability: Durability) -> Result<Committed> {
        let (answer, answered) = bounded(1);
        self.send(Request::Write(Write { batch, durability, answer }))?;
        answered.recv().map_err(|_| died())?
    }

    /// Runs `work` on the commit thread, between commits.
    pub(super) fn exclusively<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (answer, answered) = bounded(1);
        let work = move |store: &Store| {
            // A caller that is gone needs no answer.
            let _ = answer.send(work(store));
        };
        self.send(Request::Exclusive(Box::new(work)))?;
        answered.recv().map_err(|_| died())?
    }

    fn send(&self, request: Request) -> Result<()> {
        let queue = self.queue.as_ref().ok_or_else(closed)?;
        queue.send(request).map_err(|_| died())
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // It panicked only where a bug made it, and callers have been told so.
            let _ = thread.join();
        }
    }
}

fn closed() -> Error {
    Error::closed("the store was closed")
}

fn died() -> Error {
    Error::internal("the commit thread died, which is a bug; open the store again to write")
}

fn run(store: &Store, requests: &Receiver<Request>) {
    let trim = tick(TRIM_EVERY);
    let mut failures = 0;
    loop {
        select! {
            recv(requests) -> request => match request {
                Ok(request) => handle(store, request, requests),
                Err(_) => return store.record_last(),
            },
            recv(trim) -> _ => {
                store.pool.trim();
                // A jump that nobody reads during is noticed too, and one that lasts is believed in time.
                store.present.observe();
                let failed = maintain::background_errors(store);
                if failed > failures {
                    failures = failed;
                    store.probe();
                }
            }
        }
    }
}

fn handle(store: &Store, request: Request, requests: &Receiver<Request>) {
    let mut next = Some(request);
    while let Some(request) = next.take() {
        match request {
            Request::Exclusive(work) => work(store),
            Request::Write(first) => {
                let mut group = vec![first];
                next = gather(&mut group, requests);
                commit_group(store, group);
            }
        }
    }
}

/// Adds what is waiting to a group until it is full; what does not belong into it comes next.
fn gather(group: &mut Vec<Write>, requests: &Receiver<Request>) -> Option<Request> {
    let (mut rows, mut bytes) = (0, 0);
    let mut count = |write: &Write| {
        rows += write.batch.written_len();
        bytes += write.batch.written_bytes();
        rows < GROUP_ROWS_MAX && bytes < GROUP_BYTES_MAX
    };
    let mut has_room = count(&group[0]);
    while has_room {
        match requests.try_recv() {
            Ok(Request::Write(write)) => {
                has_room = count(&write);
                group.push(write);
            }
            Ok(other) => return Some(other),
            Err(_) => return None,
        }
    }
    None
}

fn commit_group(store: &Store, group: Vec<Write>) {
    let known = store.present.known();
    let (accepted, refused): (Vec<_>, Vec<_>) =
        group.into_iter().map(|write| (check_views(&write.batch, &known), write)).partition(|(check, _)| check.is_ok());
    for (check, write) in refused {
        let _ = write.answer.send(check.map(|()| Committed { created: Timestamp::MIN }));
    }
    let accepted: Vec<_> = accepted.into_iter().map(|(_, write)| write).collect();
    let Some(others) = accepted.len().checked_sub(1) else { return };
    let committing = store.present.committing();
    let unsettled = store.present.stamp_unsettled();
    let mut created = vec![unsettled.stamp()];
    created.extend((0..others).map(|_| store.present.stamp()));
    let answer = write_group(store, &accepted, &created).inspect(|()| count_group(store, &accepted));
    drop(unsettled);
    drop(committing);
    for (write, created) in accepted.iter().zip(&created) {
        let committed = Committed { created: *created };
        let _ = write.answer.send(answer.as_ref().map(|()| committed).map_err(copy));
    }
}

/// Refuses a view that was dropped since rows of it were encoded.
pub(super) fn check_view(view: u32, known: &present::Known) -> Result<()> {
    match known.has_view(view) {
        true => Ok(()),
        false => Err(Error::not_found(format!("a view of the batch was dropped: id {view}"))),
    }
}

/// Refuses a batch with a view that was dropped since the batch was made.
pub(super) fn check_views(batch: &WriteBatch, known: &present::Known) -> Result<()> {
    let mut last = None;
    for row in batch.rows() {
        if last != Some(row.view) {
            check_view(row.view, known)?;
        }
        last = Some(row.view);
    }
    Ok(())
}

/// Every batch of a group that failed gets the error.
fn copy(error: &Error) -> Error {
    let copy = Error::new(error.kind(), error.message());
    match std::error::Error::source(error) {
        Some(source) => copy.with_source(source.to_string()),
        None => copy,
    }
}

fn write_group(store: &Store, group: &[Write], created: &[Timestamp]) -> Result<()> {
    let batches: Vec<_> = group.iter().map(|write| &write.batch).collect();
    let sorted = Sorted::new(batches, created);
    let candidates = Candidates::of_sorted(&sorted);
    let bytes = group.iter().map(|write| write.batch.written_bytes()).sum::<usize>();
    let spoiled = Spoiled::by(store, &store.present.known(), &sorted);
    let (is_observed, mut newest, mut ages) = (!store.observers.is_empty(), Vec::new(), AgeChanges::default());
    store.writes.add(views(&sorted), &sorted);
    let sync = group.iter().any(|write| write.durability == Durability::Sync);
    let changing = store.hot.change(sorted.newest().map(|index| sorted.newest_row(index).of));
    fail_point("commit begun");
    store.write_commits(sync, |marks| {
        let mut batch = RocksBatch::with_capacity_bytes(2 * bytes + 128 * sorted.len());
        spoiled.delete(&store.database, &mut batch);
        match marks.are_kept() {
            true => put_commits(store, group, created, marks, &mut batch)?,
            false => put_versions(store, &sorted, &mut batch),
        }
        newest.clear();
        ages.clear();
        let row = |index: usize| sorted.get(index).1.row;
        candidates.put(&store.database, row, &mut batch, |index, replaced| {
            let (version, row) = sorted.get(index);
            ages.replace(row.view, replaced, Some(Head::new(version, row.row)));
            if is_observed || changing.is_some() {
                newest.push(index);
            }
        })?;
        if !marks.are_kept() {
            group.iter().for_each(|write| put_notes(store, write.batch.notes(), &mut batch));
        }
        Ok(batch)
    })?;
    fail_point("commit written");
    note_events(&sorted, &mut ages);
    store.ages.apply(&ages);
    store.hot.finish(changing, newest.iter().map(|index| sorted.newest_row(*index)));
    tell_newest(store, &sorted, &newest);
    Ok(())
}

/// Tells observers which rows are the newest of their entity now.
fn tell_newest(store: &Store, sorted: &Sorted<'_>, newest: &[usize]) {
    if !newest.is_empty() && !store.observers.is_empty() {
        let rows: Vec<_> = newest.iter().map(|index| sorted.newest_row(*index)).collect();
        store.tell(&Newest::Put(&rows));
    }
}

fn count_group(store: &Store, group: &[Write]) {
    store.counters.batches.fetch_add(group.len() as u64, Ordering::Relaxed);
    let rows = group.iter().map(|write| write.batch.len() as u64).sum();
    store.counters.rows.fetch_add(rows, Ordering::Relaxed);
}

/// Notes the events of a sorted write. Those that come again are not told from others.
pub(super) fn note_events(sorted: &Sorted<'_>, ages: &mut AgeChanges) {
    for (version, row) in (sorted.first_event()..sorted.len()).map(|index| sorted.get(index)) {
        if !Head::new(version, row.row).is_deletion {
            ages.come(row.view, version.event);
        }
    }
}

/// The views of a sorted write, each once.
pub(super) fn views(sorted: &Sorted<'_>) -> Vec<u32> {
    let mut views: Vec<_> = (0..sorted.len()).map(|index| sorted.get(index).1.view).collect();
    views.dedup();
    views
}

fn put_versions(store: &Store, sorted: &Sorted<'_>, batch: &mut RocksBatch) {
    let mut bytes = Vec::new();
    for (version, row) in (0..sorted.len()).map(|index| sorted.get(index)) {
        bytes.clear();
        key::version_key(row.view, row.key, version, &mut bytes);
        batch.put_cf(store.database.versions(row.view), &bytes, row.row);
    }
}

/// Adds commits one after the other, each with its mark behind it, so that a log can be cut between any two.
fn put_commits(
    store: &Store,
    group: &[Write],
    created: &[Timestamp],
    marks: &mut Marks<'_>,
    batch: &mut RocksBatch,
) -> Result<()> {
    let mut bytes = Vec::new();
    for (write, created) in group.iter().zip(created) {
        for row in write.batch.written() {
            bytes.clear();
            key::version_key(row.view, row.key, Version::new(row.event, row.created.unwrap_or(*created)), &mut bytes);
            batch.put_cf(store.database.versions(row.view), &bytes, row.row);
        }
        put_notes(store, write.batch.notes(), batch);
        marks.put(&store.database, *created, MarkKind::Commit, batch)?;
    }
    Ok(())
}

pub(super) fn put_notes(store: &Store, notes: &[Note], batch: &mut RocksBatch) {
    for (name, value) in notes {
        match value {
            Some(value) => batch.put_cf(store.database.catalog(), note_key(name), value),
            None => batch.delete_cf(store.database.catalog(), note_key(name)),
        }
    }
}
