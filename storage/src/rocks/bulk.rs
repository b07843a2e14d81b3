//! Bulk loads: rows are sorted into files that RocksDB takes over whole.
//!
//! A load is prepared in the caller's thread: files for `history` or `events`, and files for `latest` with the rows
//! that become the newest of their entity. The committer then takes over both between two commits. RocksDB takes
//! the files of one family in one step, but not those of two, so a durable record says what is under way:
//! opening a store finishes a load whose versions are there, and forgets one whose versions are not. Whether
//! they are is told by a sentinel, a key that is taken over together with them.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rocksdb::WriteBatch as RocksBatch;

use super::ages::AgeChanges;
use super::commit::{Committer, check_view, check_views, note_events, put_notes, views};
use super::error::from_rocks;
use super::families::{Database, EVENTS, HISTORY, LATEST};
use super::kept::MarkKind;
use super::load_files::{Files, ingest};
use super::load_write::{Written, write_files, write_latest};
use super::newer::{Newer, NewerRow};
use super::observe;
use super::order::Sorted;
use super::rebuild::rebuild_latest;
use super::records::{self, Work};
use super::returning;
use super::spoiled::{Spoiled, Spoils};
use super::store::Store;
use super::tiles::Basis;
use super::work::{LoadRecord, LoadedRows};
use crate::backend::{Committed, Newest};
use crate::batch::{Durability, Note, WriteBatch};
use crate::error::{Error, Result};
use crate::fail_point;
use crate::key::{self, EVENT_ID_BYTES, EVENTS_SENTINEL_VIEW, HISTORY_SENTINEL_VIEW};
use crate::time::Timestamp;
use crate::version::Version;

/// Rows of a load that observers are told of at once.
const TOLD_ROWS_MAX: usize = 50_000;

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
    batch.iter().for_each(|batch| returning::read_loaded(store, batch));
    store.floor.refresh();
    Ok(Committed { created })
}

/// The rows of a load.
pub(super) enum LoadRows {
    /// They are in memory, with the counts of writes to the views before `latest` was looked at.
    Batch { batch: WriteBatch, writes: Vec<u64> },
    /// So many of one view were gathered on disk. What others wrote to it meanwhile was noted under this number.
    Gathered { view: u32, rows: u64, watch: u64 },
}

/// A load whose files are written.
pub(super) struct Load {
    pub(super) rows: LoadRows,
    pub(super) created: Timestamp,
    pub(super) files: Files,
    pub(super) views: Vec<u32>,
    /// The tiles that the events are in, and what that was decided by.
    pub(super) spoils: Spoils,
    pub(super) basis: Basis,
    pub(super) versions: Vec<PathBuf>,
    pub(super) latest: Vec<PathBuf>,
    /// The outcome for the ages of entities.
    pub(super) ages: AgeChanges,
    pub(super) record: LoadRecord,
}

impl Load {
    fn prepare(store: &Store, batch: WriteBatch, created: Timestamp) -> Result<Self> {
        let files = Files::new(store)?;
        let sorted = Sorted::new(vec![&batch], &[created]);
        if sorted.first_event() > 0 && sorted.first_event() < sorted.len() {
            return Err(Error::internal("a bulk load of rows and of events together"));
        }
        let (views, record) =
            (views(&sorted), LoadRecord { rows: loaded_rows(&sorted), notes: batch.notes().to_vec() });
        let writes = store.writes.counts(&views);
        let known = store.present.known();
        let basis = store.tiles.basis(&known, &views);
        let spoils = Spoils::of(Spoiled::by(store, &known, &sorted));
        let Written { versions, latest, mut ages } = write_files(store, &files, &sorted)?;
        note_events(&sorted, &mut ages);
        drop(sorted);
        let rows = LoadRows::Batch { batch, writes };
        Ok(Load { rows, created, files, views, spoils, basis, versions, latest, ages, record })
    }

    /// True if the rows are events, which have a family of their own.
    fn is_of_events(&self) -> bool {
        self.views.iter().any(|view| key::holds_events(*view))
    }

    /// Makes the load part of the store, and gives back the rows that are in memory. Runs between commits.
    pub(super) fn take_over(mut self, store: &Store) -> Result<Option<WriteBatch>> {
        self.check_views(store)?;
        let newer = self.look_again(store)?;
        self.delete_tiles(store)?;
        let versions = self.versions_with_sentinel(store)?;
        if let Some(kept) = &store.kept {
            let of_versions = if self.is_of_events() { EVENTS } else { HISTORY };
            kept.keep_load(self.created, [(of_versions, &self.versions), (LATEST, &self.latest)])?;
        }
        self.begin(store)?;
        fail_point("load begun");
        store.tell(&Newest::Suspended);
        let family = if self.is_of_events() { store.database.events() } else { store.database.history() };
        if let Err(error) = ingest(&store.database, family, versions) {
            store.tell_loaded(&self.views, self.batch());
            // Where this fails too, opening the store forgets the load, as its rows are not there.
            let _ = forget(store, self.id());
            return Err(store.failed(error));
        }
        fail_point("load in history");
        if let Err(error) = self.finish(store, &newer) {
            store.ages.distrust(self.views.iter().copied());
            return Err(store.failed(unfinished(error)));
        }
        self.conclude(store, &newer);
        Ok(match self.rows {
            LoadRows::Batch { batch, .. } => Some(batch),
            LoadRows::Gathered { .. } => None,
        })
    }

    /// Lets everything that hangs on the rows know that they are there.
    fn conclude(&self, store: &Store, newer: &Newer) {
        store.ages.apply(&self.ages);
        if !newer.is_nothing() {
            // What the rows replaced is not what was there when that was looked at.
            store.ages.distrust(self.views.iter().copied());
        }
        store.tell_loaded(&self.views, self.batch());
        let rows = match &self.rows {
            LoadRows::Batch { batch, .. } if store.writes.are_watched() => {
                store.writes.add(self.views.iter().copied(), &Sorted::new(vec![batch], &[self.created]));
                batch.len() as u64
            }
            LoadRows::Batch { batch, .. } => {
                store.writes.touch(self.views.iter().copied());
                batch.len() as u64
            }
            LoadRows::Gathered { rows, .. } => {
                store.writes.touch(self.views.iter().copied());
                *rows
            }
        };
        store.counters.batches.fetch_add(1, Ordering::Relaxed);
        store.counters.rows.fetch_add(rows, Ordering::Relaxed);
    }

    /// The rows, if they are in memory.
    fn batch(&self) -> Option<&WriteBatch> {
        match &self.rows {
            LoadRows::Batch { batch, .. } => Some(batch),
            LoadRows::Gathered { .. } => None,
        }
    }

    /// Refuses rows of a view that was dropped since they were encoded.
    fn check_views(&self, store: &Store) -> Result<()> {
        match &self.rows {
            LoadRows::Batch { batch, .. } => check_views(batch, &store.present.known()),
            LoadRows::Gathered { view, .. } => check_view(*view, &store.present.known()),
        }
    }

    /// Removes the tiles that the events are in.
    fn delete_tiles(&mut self, store: &Store) -> Result<()> {
        let known = store.present.known();
        if store.tiles.basis(&known, &self.views) != self.basis {
            self.spoils = match &self.rows {
                LoadRows::Batch { batch, .. } => {
                    Spoils::of(Spoiled::by(store, &known, &Sorted::new(vec![batch], &[self.created])))
                }
                LoadRows::Gathered { .. } => Spoils::all(),
            };
        }
        store.tiles.give_up_making();
        self.spoils.delete_ahead(store, &self.views)
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
    fn tell_put(&self, store: &Store) -> Result<()> {
        let LoadRows::Batch { batch, .. } = &self.rows else { return observe::tell_views(store, &self.views) };
        if store.observers.is_empty() {
            return Ok(());
        }
        let sorted = Sorted::new(vec![batch], &[self.created]);
        let newest: Vec<_> = sorted.newest().collect();
        for some in newest.chunks(TOLD_ROWS_MAX) {
            let rows: Vec<_> = some.iter().map(|index| sorted.newest_row(*index)).collect();
            store.tell(&Newest::Put(&rows));
        }
        Ok(())
    }

    /// The stamp is no other commit's.
    fn id(&self) -> u64 {
        self.created.as_micros() as u64
    }

    /// Looks whether others wrote to the views since `latest` was looked at. Of rows in memory it is decided anew what
    /// becomes the newest; of others, the answer says what is to be mended behind the files of `latest`.
    fn look_again(&mut self, store: &Store) -> Result<Newer> {
        if self.is_of_events() {
            return Ok(Newer::nothing());
        }
        match &self.rows {
            LoadRows::Batch { batch, writes } => {
                if store.writes.counts(&self.views) != *writes {
                    let sorted = Sorted::new(vec![batch], &[self.created]);
                    let Written { latest, ages, .. } = write_latest(store, &self.files, &sorted)?;
                    (self.latest, self.ages) = (latest, ages);
                }
                Ok(Newer::nothing())
            }
            LoadRows::Gathered { view, watch, .. } => {
                let rows = self.record.rows.iter().find(|rows| rows.view == *view);
                let newer = match rows {
                    Some(rows) => Newer::read(store, rows, store.writes.take(*watch))?,
                    None => Newer::nothing(),
                };
                if newer.is_all() {
                    self.latest.clear();
                }
                Ok(newer)
            }
        }
    }

    fn versions_with_sentinel(&self, store: &Store) -> Result<Vec<PathBuf>> {
        let [of_rows, of_events] = sentinels(self.id());
        let (sentinel, options) = match self.is_of_events() {
            true => (of_events, &store.tuning.events),
            false => (of_rows, &store.tuning.history),
        };
        let sentinel = self.files.write(options, |writer| writer.put(sentinel, []))?;
        Ok(self.versions.iter().cloned().chain([sentinel]).collect())
    }

    fn finish(&self, store: &Store, newer: &Newer) -> Result<()> {
        if !self.latest.is_empty() {
            ingest(&store.database, store.database.latest(), self.latest.clone())?;
        }
        if newer.is_all() {
            self.record.rows.iter().try_for_each(|rows| rebuild_latest(store, rows))?;
        }
        fail_point("load in latest");
        conclude(store, self.id(), &self.record.notes, &newer.still_newer(store)?)?;
        self.tell_put(store)
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

/// Ends a load whose rows are there. Some rows of `latest` are put as they were before it. They are in this batch, since
/// where logs are kept the files of a load come in front of it when they are played again.
fn conclude(store: &Store, id: u64, notes: &[Note], newer: &[&NewerRow]) -> Result<()> {
    // The id is the load's stamp.
    end(store, MarkKind::Loaded(Timestamp::from_micros(id as i64)), id, notes, newer)
}

/// Ends a load whose rows are not there.
fn forget(store: &Store, id: u64) -> Result<()> {
    end(store, MarkKind::Work, id, &[], &[])
}

fn end(store: &Store, kind: MarkKind, id: u64, notes: &[Note], newer: &[&NewerRow]) -> Result<()> {
    store.write_as(kind, true, || {
        let mut batch = RocksBatch::default();
        newer.iter().for_each(|row| batch.put_cf(store.database.latest(), &row.key, &row.value));
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
                conclude(store, id, &record.notes, &[])?;
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
pub(super) fn loaded_rows(sorted: &Sorted<'_>) -> Vec<LoadedRows> {
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

#[cfg(test)]
mod tests {
    use std::fs;

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
