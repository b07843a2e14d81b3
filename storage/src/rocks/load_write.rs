//! The contents of the files of a bulk load.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::ages::AgeChanges;
use super::load_files::Files;
use super::newest::{Candidates, Looking};
use super::order::{Sorted, WARM_ROWS};
use super::store::Store;
use super::stored::{self, Head};
use crate::error::{Error, Result};
use crate::key;

/// Rows of one file. Some files of a load are written at the same time, and compaction likes them of about
/// the size it writes itself.
const FILE_ROWS_MAX: usize = 1_000_000;

/// Threads that write the files of a load: this machine's two cores are the least that is common.
const THREADS: usize = 2;

/// The part of a load that was written.
#[derive(Default)]
pub(super) struct Written {
    /// The files for `history` or `events`.
    pub(super) versions: Vec<PathBuf>,
    pub(super) latest: Vec<PathBuf>,
    /// The changes of the ages of entities by the rows of `latest`.
    pub(super) ages: AgeChanges,
}

impl Written {
    pub(super) fn extend(&mut self, other: Written) {
        self.versions.extend(other.versions);
        self.latest.extend(other.latest);
        self.ages.extend(&other.ages);
    }
}

/// One file to be written: rows by their position in the sorted load, or in its candidates.
enum Task {
    Versions(Range<usize>),
    Latest(Range<usize>),
}

struct Job<'j> {
    store: &'j Store,
    files: &'j Files,
    sorted: &'j Sorted<'j>,
    candidates: &'j Candidates,
}

/// Writes all files of a load, some at a time.
pub(super) fn write_files(store: &Store, files: &Files, sorted: &Sorted<'_>) -> Result<Written> {
    let candidates = Candidates::of_sorted(sorted);
    let job = Job { store, files, sorted, candidates: &candidates };
    let latest = chunks(candidates.len()).map(Task::Latest);
    let tasks: Vec<_> = latest.chain(chunks(sorted.len()).map(Task::Versions)).collect();
    let written = Mutex::new(Written::default());
    each(
        &tasks,
        || (),
        |(), task| {
            let one = job.run(task)?;
            written.lock().extend(one);
            Ok(())
        },
    )?;
    Ok(written.into_inner())
}

/// Writes all files of a part of a load in this thread.
pub(super) fn write_part(store: &Store, files: &Files, sorted: &Sorted<'_>) -> Result<Written> {
    let candidates = Candidates::of_sorted(sorted);
    let job = Job { store, files, sorted, candidates: &candidates };
    let mut written = Written::default();
    for task in [Task::Latest(0..candidates.len()), Task::Versions(0..sorted.len())] {
        written.extend(job.run(&task)?);
    }
    Ok(written)
}

/// Writes the file of `latest` again, because others wrote meanwhile.
pub(super) fn write_latest(store: &Store, files: &Files, sorted: &Sorted<'_>) -> Result<Written> {
    let candidates = Candidates::of_sorted(sorted);
    Job { store, files, sorted, candidates: &candidates }.run(&Task::Latest(0..candidates.len()))
}

/// Does tasks in some threads. Each thread has something of its own that `begin` makes. The first error ends all.
pub(super) fn each<T: Sync, Own>(
    tasks: &[T],
    begin: impl Fn() -> Own + Sync,
    run: impl Fn(&mut Own, &T) -> Result<()> + Sync,
) -> Result<()> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut own = begin();
        while let Some(task) = tasks.get(next.fetch_add(1, Ordering::Relaxed)) {
            run(&mut own, task).inspect_err(|_| next.store(tasks.len(), Ordering::Relaxed))?;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        // Where no more threads can be started, this one does all of it.
        let start = || std::thread::Builder::new().spawn_scoped(scope, work);
        let others: Vec<_> = (1..THREADS.min(tasks.len())).filter_map(|_| start().ok()).collect();
        let mine = work();
        let theirs = others.into_iter().map(|other| other.join().unwrap_or_else(|_| Err(panicked())));
        theirs.fold(mine, Result::and)
    })
}

fn panicked() -> Error {
    Error::internal("a thread of a bulk load panicked, which is a bug; nothing was written")
}

fn chunks(len: usize) -> impl Iterator<Item = Range<usize>> {
    (0..len).step_by(FILE_ROWS_MAX).map(move |start| start..len.min(start + FILE_ROWS_MAX))
}

impl Job<'_> {
    fn run(&self, task: &Task) -> Result<Written> {
        let mut written = Written::default();
        match task {
            Task::Versions(rows) => written.versions.push(self.versions_file(rows.clone())?),
            Task::Latest(rows) => written.latest.extend(self.latest_file(rows.clone(), &mut written.ages)?),
        }
        Ok(written)
    }

    fn versions_file(&self, rows: Range<usize>) -> Result<PathBuf> {
        let mut bytes = Vec::new();
        let tuning = &self.store.tuning;
        let options = if self.sorted.first_event() == 0 { &tuning.events } else { &tuning.history };
        self.files.write(options, |writer| {
            for start in rows.clone().step_by(WARM_ROWS) {
                let some = start..rows.end.min(start + WARM_ROWS);
                self.sorted.warm(some.clone());
                for (version, row) in some.map(|index| self.sorted.get(index)) {
                    bytes.clear();
                    key::version_key(row.view, row.key, version, &mut bytes);
                    writer.put(&bytes, row.row)?;
                }
            }
            Ok(())
        })
    }

    /// A file of those rows that become the newest; none when none does, as RocksDB refuses empty files.
    fn latest_file(&self, rows: Range<usize>, ages: &mut AgeChanges) -> Result<Option<PathBuf>> {
        let (mut keys, mut winners) = (Vec::new(), Vec::new());
        self.candidates.winners(&self.store.database, Looking::Once, rows, |key, version, index, replaced| {
            let row = self.sorted.get(index).1;
            ages.replace(row.view, replaced, Some(Head::new(version, row.row)));
            keys.extend_from_slice(key);
            winners.push((keys.len(), index));
        })?;
        if winners.is_empty() {
            return Ok(None);
        }
        let (mut start, mut bytes) = (0, Vec::new());
        let written = self.files.write(&self.store.tuning.latest, |writer| {
            for some in winners.chunks(WARM_ROWS) {
                self.sorted.warm(some.iter().map(|(_, index)| *index));
                for &(end, index) in some {
                    let (version, row) = self.sorted.get(index);
                    bytes.clear();
                    stored::encode(version, row.row, &mut bytes);
                    writer.put(&keys[start..end], &bytes)?;
                    start = end;
                }
            }
            Ok(())
        });
        written.map(Some)
    }
}
