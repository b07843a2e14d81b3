//! Bulk loads: rows are sorted into files that RocksDB takes over whole.
//!
//! A load is prepared in the caller's thread: files for `history` or `events`, and files for `latest` with the rows
//! that become the newest of their entity. The committer then takes over both between two commits. RocksDB takes
//! the files of one family in one step, but not those of two, so a durable record says what is under way:
//! opening a store finishes a load whose versions are there, and forgets one whose versions are not. Whether
//! they are is told by a sentinel, a key that is taken over together with them.

use std::fs;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use rocksdb::{
    ColumnFamily, ErrorKind as RocksKind, IngestExternalFileOptions, Options as RocksOptions, SstFileWriter,
    WriteBatch as RocksBatch,
};

use super::ages::AgeChanges;
use super::commit::{Committer, check_views, note_events, put_notes, views};
use super::error::{from_io, from_rocks};
use super::families::{Database, EVENTS, HISTORY, LATEST};
use super::fate::Fate;
use super::kept::MarkKind;
use super::newest::{Candidates, Looking};
use super::order::{Sorted, WARM_ROWS};
use super::rebuild::rebuild_latest;
use super::records::{self, Work};
use super::returning;
use super::spoiled::Spoiled;
use super::store::Store;
use super::stored::{self, Head};
use super::tiles::Basis;
use super::work::{LoadRecord, LoadedRows};
use crate::backend::{Committed, Newest};
use crate::batch::{Durability, Note, WriteBatch};
use crate::error::{Error, Result};
use crate::fail_point;
use crate::key::{self, EVENT_ID_BYTES, EVENTS_SENTINEL_VIEW, HISTORY_SENTINEL_VIEW};
use crate::time::Timestamp;
use crate::version::Version;

/// Rows of one file. Some files of a load are written at the same time, and compaction likes them of about
/// the size it writes itself.
const FILE_ROWS_MAX: usize = 1_000_000;

/// Rows of a load that observers are told of at once.
const TOLD_ROWS_MAX: usize = 50_000;

/// Threads that write the files of a load: this machine's two cores are the least that is common.
const THREADS: usize = 2;

/// Loads a batch by way of files.
pub(super) fn load(store: &Arc<Store>, committer: &Committer, batch: WriteBatch) -> Result<Committed> {
    if batch.rows().len() == 0 {
        return committer.commit(batch, Durability::Sync);
    }
    store.database.latch.check()?;
    check_views(&batch, &store.present.known())?;
    let unsettled = store.present.stamp_unsettled();
    let created = unsettled.stamp();
    let load = Load::prepare(store, batch, created)?;
    fail_point("load prepared");
    // Taken here and not on the committer, so that commits do not wait for a copy of the store.
    let copies_wait = store.taking_over.read();
    let batch = committer.exclusively(move |store| load.take_over(store))?;
    drop(copies_wait);
    drop(unsettled);
    returning::read_loaded(store, &batch);
    store.floor.refresh();
    Ok(Committed { created })
}

/// A load whose files are written.
struct Load {
    batch: WriteBatch,
    created: Timestamp,
    files: Files,
    views: Vec<u32>,
    /// True if the rows are events, which have a family of their own.
    is_of_events: bool,
    /// The counts of writes to the views, taken before `latest` was looked at.
    writes: Vec<u64>,
    /// The tiles that the events are in, and what that was decided by.
    spoiled: Spoiled,
    basis: Basis,
    versions: Vec<PathBuf>,
    latest: Vec<PathBuf>,
    /// The outcome for the ages of entities.
    ages: AgeChanges,
    record: LoadRecord,
}

impl Load {
    fn prepare(store: &Store, batch: WriteBatch, created: Timestamp) -> Result<Self> {
        let files = Files::new(store, created)?;
        let sorted = Sorted::new(vec![&batch], &[created]);
        let is_of_events = sorted.first_event() == 0;
        if !is_of_events && sorted.first_event() < sorted.len() {
            return Err(Error::internal("a bulk load of rows and of events together"));
        }
        let (views, record) =
            (views(&sorted), LoadRecord { rows: loaded_rows(&sorted), notes: batch.notes().to_vec() });
        let writes = store.writes.counts(&views);
        let known = store.present.known();
        let basis = store.tiles.basis(&known, &views);
        let spoiled = Spoiled::by(store, &known, &sorted);
        let Written { versions, latest, mut ages } = write_files(store, &files, &sorted)?;
        note_events(&sorted, &mut ages);
        drop(sorted);
        Ok(Load { batch, created, files, views, is_of_events, writes, spoiled, basis, versions, latest, ages, record })
    }

    /// Makes the load part of the store, and gives back what was loaded. Runs between commits.
    fn take_over(mut self, store: &Store) -> Result<WriteBatch> {
        check_views(&self.batch, &store.present.known())?;
        if store.writes.counts(&self.views) != self.writes {
            self.look_again(store)?;
        }
        self.delete_tiles(store)?;
        let versions = self.versions_with_sentinel(store)?;
        if let Some(kept) = &store.kept {
            let of_versions = if self.is_of_events { EVENTS } else { HISTORY };
            kept.keep_load(self.created, [(of_versions, &self.versions), (LATEST, &self.latest)])?;
        }
        self.begin(store)?;
        fail_point("load begun");
        store.tell(&Newest::Suspended);
        let family = if self.is_of_events { store.database.events() } else { store.database.history() };
        if let Err(error) = ingest(&store.database, family, versions) {
            store.tell_loaded(&self.views, &self.batch);
            // Where this fails too, opening the store forgets the load, as its rows are not there.
            let _ = forget(store, self.id());
            return Err(store.failed(error));
        }
        fail_point("load in history");
        if let Err(error) = self.finish(store) {
            store.ages.distrust(self.views.iter().copied());
            return Err(store.failed(unfinished(error)));
        }
        store.ages.apply(&self.ages);
        self.tell_put(store);
        store.tell_loaded(&self.views, &self.batch);
        store.writes.touch(self.views.iter().copied());
        store.counters.batches.fetch_add(1, Ordering::Relaxed);
        store.counters.rows.fetch_add(self.batch.len() as u64, Ordering::Relaxed);
        Ok(self.batch)
    }

    /// Removes the tiles that the events are in.
    fn delete_tiles(&mut self, store: &Store) -> Result<()> {
        let known = store.present.known();
        if store.tiles.basis(&known, &self.views) != self.basis {
            self.spoiled = Spoiled::by(store, &known, &Sorted::new(vec![&self.batch], &[self.created]));
        }
        store.tiles.give_up_making();
        self.spoiled.delete_ahead(store)
    }

    /// Puts on record what is to be finished or forgotten if this process dies.
    fn begin(&self, store: &Store) -> Result<()> {
        let (key, record) = (Work::BulkLoad.key(self.id()), crate::records::encode(&self.record)?);
        store.write_as(MarkKind::LoadBegun(self.created), true, || {
            let mut begin = RocksBatch::default();
            begin.put_cf(store.database.catalog(), &key, &record);
            Ok(begin)
        })
    }

    /// Tells the observers of the greatest version of each row; those that have a greater one keep it.
    fn tell_put(&self, store: &Store) {
        if store.observers.is_empty() {
            return;
        }
        let sorted = Sorted::new(vec![&self.batch], &[self.created]);
        let newest: Vec<_> = sorted.newest().collect();
        for some in newest.chunks(TOLD_ROWS_MAX) {
            let rows: Vec<_> = some.iter().map(|index| sorted.newest_row(*index)).collect();
            store.tell(&Newest::Put(&rows));
        }
    }

    /// The stamp is no other commit's.
    fn id(&self) -> u64 {
        self.created.as_micros() as u64
    }

    /// Decides anew what becomes the newest, because others wrote meanwhile.
    fn look_again(&mut self, store: &Store) -> Result<()> {
        let sorted = Sorted::new(vec![&self.batch], &[self.created]);
        let candidates = Candidates::of_sorted(&sorted);
        let job = Job { store, files: &self.files, sorted: &sorted, candidates: &candidates };
        self.ages.clear();
        self.latest = job.latest_file(0..candidates.len(), &mut self.ages)?.into_iter().collect();
        Ok(())
    }

    fn versions_with_sentinel(&self, store: &Store) -> Result<Vec<PathBuf>> {
        let [of_rows, of_events] = sentinels(self.id());
        let (sentinel, options) = match self.is_of_events {
            true => (of_events, &store.tuning.events),
            false => (of_rows, &store.tuning.history),
        };
        let sentinel = self.files.write(options, |writer| writer.put(sentinel, []))?;
        Ok(self.versions.iter().cloned().chain([sentinel]).collect())
    }

    fn finish(&self, store: &Store) -> Result<()> {
        if !self.latest.is_empty() {
            ingest(&store.database, store.database.latest(), self.latest.clone())?;
        }
        fail_point("load in latest");
        conclude(store, self.id(), &self.record.notes)
    }
}

/// The rows stay readable through `history`, so this is no failure of the load, but of what follows it.
fn unfinished(error: Error) -> Error {
    error.context("the rows were loaded, but not their notes; open the store again to finish, or load them again")
}

/// The keys of which one is taken over together with the rows of a load: in `history`, or in `events`.
pub(super) fn sentinels(id: u64) -> [Vec<u8>; 2] {
    let (mut of_rows, mut of_events, mut row_key) = (Vec::new(), Vec::new(), Vec::new());
    let version = Version::new(Timestamp::MAX, Timestamp::MAX);
    key::version_key(HISTORY_SENTINEL_VIEW, &id.to_be_bytes(), version, &mut of_rows);
    key::event_key(&id.to_be_bytes(), Timestamp::MAX, &[0; EVENT_ID_BYTES], &mut row_key);
    key::version_key(EVENTS_SENTINEL_VIEW, &row_key, version, &mut of_events);
    [of_rows, of_events]
}

/// Ends a load whose rows are there.
fn conclude(store: &Store, id: u64, notes: &[Note]) -> Result<()> {
    // The id is the load's stamp.
    end(store, MarkKind::Loaded(Timestamp::from_micros(id as i64)), id, notes)
}

/// Ends a load whose rows are not there.
fn forget(store: &Store, id: u64) -> Result<()> {
    end(store, MarkKind::Work, id, &[])
}

fn end(store: &Store, kind: MarkKind, id: u64, notes: &[Note]) -> Result<()> {
    store.write_as(kind, true, || {
        let mut batch = RocksBatch::default();
        put_notes(store, notes, &mut batch);
        for (family, sentinel) in store.database.version_families().into_iter().zip(sentinels(id)) {
            batch.delete_cf(family, sentinel);
        }
        batch.delete_cf(store.database.catalog(), Work::BulkLoad.key(id));
        Ok(batch)
    })?;
    fail_point("load concluded");
    Ok(())
}

/// Finishes or forgets the loads that a crash interrupted.
pub(super) fn recover(store: &Store) -> Result<()> {
    for (key, value) in records::begun(&store.database, Work::BulkLoad)? {
        let record: LoadRecord = crate::records::decode(&key, &value)?;
        let id = Work::id(&key)?;
        match is_taken_over(&store.database, id)? {
            true => {
                record.rows.iter().try_for_each(|rows| rebuild_latest(store, rows))?;
                fail_point("load recovered");
                conclude(store, id, &record.notes)?;
            }
            false => forget(store, id)?,
        }
    }
    Ok(())
}

fn is_taken_over(database: &Database, id: u64) -> Result<bool> {
    for (family, sentinel) in database.version_families().into_iter().zip(sentinels(id)) {
        let found = database.rocks.get_pinned_cf(family, sentinel);
        if found.map_err(|error| from_rocks("cannot read the store", error))?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The first and last row of each view.
fn loaded_rows(sorted: &Sorted<'_>) -> Vec<LoadedRows> {
    let (mut loaded, mut start) = (Vec::new(), 0);
    while start < sorted.len() {
        let end = sorted.end_of_view(start);
        let ((_, first), (_, last)) = (sorted.get(start), sorted.get(end - 1));
        let (view, key_space) = (first.view, first.key_space);
        loaded.push(LoadedRows { view, key_space, first: first.key.to_vec(), last: last.key.to_vec() });
        start = end;
    }
    loaded
}

/// Lets RocksDB take over files of one family.
pub(super) fn ingest(database: &Database, family: &ColumnFamily, files: Vec<PathBuf>) -> Result<()> {
    database.latch.check()?;
    let mut options = IngestExternalFileOptions::default();
    options.set_move_files(true);
    database.rocks.ingest_external_file_cf_opts(family, &options, files).map_err(|error| {
        // Only a failure of the list of files, which names no file of the load, leaves open whether they were taken
        // over; opening the store finds out by the sentinel.
        let doing = match error.kind() == RocksKind::IOError && Fate::of(&error) == Fate::Unknown {
            true => {
                database.latch.close_after(&error);
                "it is unknown whether the rows were loaded, and the store is read-only from now on; see that the disk \
                 is well, open the store again, and load them again, which does no harm if they are there"
            }
            false => "the files of a bulk load were refused",
        };
        from_rocks(doing, error)
    })
}

/// The directory of one load's files. What RocksDB has not taken over is removed with it.
struct Files {
    directory: PathBuf,
    count: AtomicUsize,
}

impl Files {
    fn new(store: &Store, created: Timestamp) -> Result<Self> {
        let directory = store.loads.join(created.as_micros().to_string());
        fs::create_dir(&directory).map_err(|error| from_io("cannot prepare a bulk load", error))?;
        Ok(Files { directory, count: AtomicUsize::new(0) })
    }

    /// Writes one file; `fill` puts its rows, in order.
    fn write(
        &self,
        options: &RocksOptions,
        fill: impl FnOnce(&mut SstFileWriter<'_>) -> Result<(), rocksdb::Error>,
    ) -> Result<PathBuf> {
        let path = self.directory.join(format!("{}.sst", self.count.fetch_add(1, Ordering::Relaxed)));
        let mut writer = SstFileWriter::create(options);
        let write = |writer: &mut SstFileWriter<'_>| {
            writer.open(&path)?;
            fill(writer)?;
            writer.finish()
        };
        write(&mut writer).map_err(|error| from_rocks("cannot write the files of a bulk load", error))?;
        Ok(path)
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        // What stays is removed when the store is opened again.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// One file to be written: rows by their position in the sorted load, or in its candidates.
enum Task {
    Versions(Range<usize>),
    Latest(Range<usize>),
}

/// The part of a load that was written.
#[derive(Default)]
struct Written {
    /// The files for `history` or `events`.
    versions: Vec<PathBuf>,
    latest: Vec<PathBuf>,
    /// The changes of the ages of entities by the rows of `latest`.
    ages: AgeChanges,
}

struct Job<'j> {
    store: &'j Store,
    files: &'j Files,
    sorted: &'j Sorted<'j>,
    candidates: &'j Candidates,
}

/// Writes all files of a load, some at a time.
fn write_files(store: &Store, files: &Files, sorted: &Sorted<'_>) -> Result<Written> {
    let candidates = Candidates::of_sorted(sorted);
    let job = Job { store, files, sorted, candidates: &candidates };
    let latest = chunks(candidates.len()).map(Task::Latest);
    let tasks: Vec<_> = latest.chain(chunks(sorted.len()).map(Task::Versions)).collect();
    let next = AtomicUsize::new(0);
    let written = Mutex::new(Written::default());
    let work = || {
        while let Some(task) = tasks.get(next.fetch_add(1, Ordering::Relaxed)) {
            job.run(task, &written)?;
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
    })?;
    Ok(written.into_inner())
}

fn panicked() -> Error {
    Error::internal("a thread of a bulk load panicked, which is a bug; nothing was written")
}

fn chunks(len: usize) -> impl Iterator<Item = Range<usize>> {
    (0..len).step_by(FILE_ROWS_MAX).map(move |start| start..len.min(start + FILE_ROWS_MAX))
}

impl Job<'_> {
    fn run(&self, task: &Task, written: &Mutex<Written>) -> Result<()> {
        match task {
            Task::Versions(rows) => {
                let path = self.versions_file(rows.clone())?;
                written.lock().versions.push(path);
            }
            Task::Latest(rows) => {
                let mut ages = AgeChanges::default();
                let path = self.latest_file(rows.clone(), &mut ages)?;
                let mut written = written.lock();
                written.latest.extend(path);
                written.ages.extend(&ages);
            }
        }
        Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::{Catalogs, History, KeyRange, Upkeep};
    use crate::rocks::RocksBackend;
    use crate::rocks::testing::{Fixture, seen};

    /// Rows a and b, b newer than what is there, and a note.
    fn batch(fixture: &Fixture, store: &RocksBackend) -> WriteBatch {
        let mut batch = WriteBatch::bulk();
        fixture.put(store, &mut batch, b"a", 10, 1);
        fixture.put(store, &mut batch, b"b", 30, 2);
        batch.note("progress", Some(b"half".to_vec()));
        batch
    }

    fn prepare(store: &RocksBackend, batch: WriteBatch) -> Load {
        Load::prepare(&store.store, batch, store.store.present.stamp()).unwrap()
    }

    fn nothing_is_left(store: &RocksBackend) {
        assert!(records::begun(&store.store.database, Work::BulkLoad).unwrap().is_empty());
        assert_eq!(fs::read_dir(&store.store.loads).unwrap().count(), 0);
        let sentinels = HISTORY_SENTINEL_VIEW.to_be_bytes();
        let mode = rocksdb::IteratorMode::From(&sentinels, rocksdb::Direction::Forward);
        let database = &store.store.database;
        assert!(database.rocks.full_iterator_cf(database.history(), mode).next().is_none());
        assert_eq!(store.verify().unwrap().problems, Vec::<String>::new());
    }

    #[test]
    fn a_load_that_had_only_begun_is_forgotten_when_the_store_opens() {
        let fixture = Fixture::new();
        let store = fixture.open();
        fixture.commit(&store, b"b", 20, 0);
        let load = prepare(&store, batch(&fixture, &store));
        load.begin(&store.store).unwrap();
        drop(store);
        let store = fixture.open();
        assert_eq!(seen(&fixture, &store, &[b"a", b"b"]), [None, Some((20, 0))]);
        assert_eq!(store.note(b"progress").unwrap(), None);
        nothing_is_left(&store);
    }

    #[test]
    fn a_load_whose_rows_are_in_history_is_finished_when_the_store_opens() {
        let fixture = Fixture::new();
        let store = fixture.open();
        fixture.commit(&store, b"b", 20, 0);
        fixture.commit(&store, b"c", 20, 3);
        let load = prepare(&store, batch(&fixture, &store));
        let history = load.versions_with_sentinel(&store.store).unwrap();
        load.begin(&store.store).unwrap();
        ingest(&store.store.database, store.store.database.history(), history).unwrap();
        drop((load, store));
        let store = fixture.open();
        assert_eq!(seen(&fixture, &store, &[b"a", b"b", b"c"]), [Some((10, 1)), Some((30, 2)), Some((20, 3))]);
        assert_eq!(store.note(b"progress").unwrap().as_deref(), Some(&b"half"[..]));
        nothing_is_left(&store);
    }

    #[test]
    fn events_and_their_copies_are_all_there_after_a_crash_in_a_load_or_none_is() {
        for is_taken_over in [false, true] {
            let fixture = Fixture::new();
            let store = fixture.open();
            let mut batch = WriteBatch::bulk();
            for item in 0..50 {
                fixture.put_event(&store, &mut batch, b"a", item, (item % 5 > 0).then_some(item % 5), item);
            }
            let load = prepare(&store, batch);
            let versions = load.versions_with_sentinel(&store.store).unwrap();
            load.begin(&store.store).unwrap();
            if is_taken_over {
                ingest(&store.store.database, store.store.database.events(), versions).unwrap();
            }
            drop((load, store));
            let store = fixture.open();
            let catalog = store.catalog();
            let index = catalog.indexes().next().unwrap();
            let (snapshot, mut copies) = (store.snapshot(), 0);
            let mut scan = snapshot.scan(index, &KeyRange::default()).unwrap();
            while scan.next().unwrap().is_some() {
                copies += 1;
            }
            assert_eq!((store.verify().unwrap().versions, copies), if is_taken_over { (50, 40) } else { (0, 0) });
            drop(scan);
            drop(snapshot);
            nothing_is_left(&store);
        }
    }

    #[test]
    fn until_a_load_is_in_latest_history_answers() {
        let fixture = Fixture::new();
        let store = fixture.open();
        fixture.commit(&store, b"b", 20, 0);
        let load = prepare(&store, batch(&fixture, &store));
        store.store.tell(&Newest::Suspended);
        ingest(&store.store.database, store.store.database.history(), load.versions.clone()).unwrap();
        assert_eq!(seen(&fixture, &store, &[b"a", b"b"]), [Some((10, 1)), Some((30, 2))]);
    }

    #[test]
    fn commits_between_preparing_and_taking_over_are_not_lost() {
        let fixture = Fixture::new();
        let store = fixture.open();
        let load = prepare(&store, batch(&fixture, &store));
        fixture.commit(&store, b"a", 50, 7);
        fixture.commit(&store, b"b", 20, 8);
        store.committer.exclusively(move |store| load.take_over(store)).unwrap();
        assert_eq!(seen(&fixture, &store, &[b"a", b"b"]), [Some((50, 7)), Some((30, 2))]);
        nothing_is_left(&store);
    }

    #[test]
    fn a_load_of_a_view_that_was_dropped_meanwhile_is_refused_whole() {
        let fixture = Fixture::new();
        let store = fixture.open();
        let load = prepare(&store, batch(&fixture, &store));
        fixture.drop_views(&store);
        let error = store.committer.exclusively(move |store| load.take_over(store)).unwrap_err();
        assert_eq!(error.kind(), crate::error::ErrorKind::NotFound);
        assert_eq!(store.note(b"progress").unwrap(), None);
        let snapshot = store.snapshot();
        assert!(snapshot.scan(&fixture.view, &KeyRange::default()).unwrap().next().unwrap().is_none());
        nothing_is_left(&store);
    }
}
