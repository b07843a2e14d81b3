//! Large loads: rows that are more than fit into memory, sorted on disk, and written once in the order of the families.
//!
//! Rows come in batches. Each is sorted and written to a file ([`SortedRun`]). When all have come, the keys are
//! cut into partitions that fit into memory, and each is read from all runs, sorted, and written to its files of
//! `history` and of `latest`. Files of different partitions have no key in common, so that RocksDB takes all of them over
//! at once, at the last level where there is nothing else, and never has to compact them against each other.

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};

use super::bulk::{Load, LoadRows, loaded_rows};
use super::commit::{Committer, note_events};
use super::load_files::Files;
use super::load_write::{Written, each, write_part};
use super::order::Sorted;
use super::partition::{PARTITION_BLOCKS, Partition, partitions};
use super::sorted_run::{BLOCK_WEIGHT, SortedRun, UNSTAMPED, run_file};
use super::spoiled::{Spoiled, Spoils};
use super::store::Store;
use super::unsettled::InFlightStamp;
use super::work::{LoadRecord, LoadedRows};
use crate::backend::{Committed, OnStagingProgress, Staging, StagingProgress};
use crate::batch::{Note, WriteBatch};
use crate::catalog::FeatureView;
use crate::error::Result;
use crate::fail_point;
use crate::time::Timestamp;

/// How often it is asked whether to go on while another load is waited for.
const WAIT: Duration = Duration::from_millis(20);

/// Rows of one view that are gathered on disk.
pub(super) struct Gathering<'s> {
    store: &'s Arc<Store>,
    committer: &'s Committer,
    view: u32,
    /// The view, and the indexes that have copies of its events.
    views: Vec<u32>,
    files: Option<Files>,
    /// The file of the runs.
    gathered: Option<Arc<File>>,
    runs: Vec<SortedRun>,
    rows: u64,
    is_unstamped: bool,
    /// The weight of a block, and the blocks of a partition.
    sizes: (u64, usize),
}

impl<'s> Gathering<'s> {
    pub(super) fn new(store: &'s Arc<Store>, committer: &'s Committer, view: &FeatureView) -> Self {
        let mut views: Vec<_> = view.also_by.iter().map(|index| index.id).chain([view.id]).collect();
        views.sort_unstable();
        Gathering {
            store,
            committer,
            view: view.id,
            views,
            files: None,
            gathered: None,
            runs: Vec::new(),
            rows: 0,
            is_unstamped: false,
            sizes: (BLOCK_WEIGHT, PARTITION_BLOCKS),
        }
    }

    /// The bytes of all runs.
    fn bytes(&self) -> u64 {
        self.runs.last().map_or(0, |run| run.places().end)
    }

    fn files(&mut self) -> Result<&Files> {
        if self.files.is_none() {
            self.files = Some(Files::new(self.store)?);
        }
        self.files.as_ref().ok_or_else(|| crate::Error::internal("a load without a directory"))
    }

    /// Waits until no other large load is written.
    fn wait(&self, written: &Progress<'_>) -> Result<MutexGuard<'s, ()>> {
        let store: &'s Store = self.store;
        loop {
            written.tell(0)?;
            if let Some(loading) = store.loading.try_lock_for(WAIT) {
                return Ok(loading);
            }
        }
    }

    /// Writes all files of the load.
    fn write(&mut self, stamp: Timestamp, written: &Progress<'_>) -> Result<Parts> {
        let known = self.store.present.known();
        let runs = std::mem::take(&mut self.runs);
        // The runs have the file alone now, so that its room is free when they go.
        self.gathered = None;
        let blocks = self.sizes.1;
        let (store, is_unstamped) = (&**self.store, self.is_unstamped);
        let files = self.files()?;
        let tasks = partitions(&runs, blocks, is_unstamped)?;
        let parts = Mutex::new(Parts::default());
        each(&tasks, Vec::new, |arena, partition: &Partition| {
            written.tell(0)?;
            let batch = partition.read(&runs, std::mem::take(arena), stamp)?;
            // Keys that may not be parted from those before can leave a partition without rows, and files have some.
            if batch.is_empty() {
                return Ok(());
            }
            let sorted = Sorted::of_runs(&batch, stamp).continuing(partition.continues);
            let mut part = write_part(store, files, &sorted)?;
            note_events(&sorted, &mut part.ages);
            let spoiled = Spoiled::by(store, &known, &sorted);
            parts.lock().add(part, spoiled, loaded_rows(&sorted));
            drop(sorted);
            *arena = batch.into_arena();
            fail_point("load partition written");
            written.tell(partition.bytes())
        })?;
        Ok(parts.into_inner())
    }
}

impl Staging for Gathering<'_> {
    fn add(&mut self, batch: WriteBatch) -> Result<()> {
        self.store.database.latch.check()?;
        let sorted = Sorted::new(vec![&batch], &[UNSTAMPED]);
        let file = match &self.gathered {
            Some(file) => file.clone(),
            None => run_file(&self.files()?.next("runs"))?,
        };
        let start = self.bytes();
        self.runs.push(SortedRun::write(&file, start, self.sizes.0, &sorted)?);
        self.gathered = Some(file);
        self.rows += batch.len() as u64;
        self.is_unstamped |= batch.is_unstamped();
        fail_point("load gathered");
        Ok(())
    }

    fn load(mut self: Box<Self>, notes: Vec<Note>, progress: &OnStagingProgress<'_>) -> Result<Committed> {
        let store = self.store;
        store.database.latch.check()?;
        let written = Progress::new(self.bytes(), progress);
        let loading = self.wait(&written)?;
        let watching = store.writes.watch(self.view);
        let basis = store.tiles.basis(&store.present.known(), &self.views);
        // Where no row needs the stamp it is taken when nothing is left to be waited for.
        let early = self.is_unstamped.then(|| store.present.stamp_unsettled());
        let stamp = early.as_ref().map_or(UNSTAMPED, InFlightStamp::stamp);
        let parts = self.write(stamp, &written)?;
        let unsettled = early.unwrap_or_else(|| store.present.stamp_unsettled());
        let created = unsettled.stamp();
        let rows = LoadRows::Gathered { view: self.view, rows: self.rows, watch: watching.number() };
        let record = LoadRecord { rows: parts.rows.into_values().collect(), notes };
        let Written { versions, latest, ages } = parts.written;
        let (files, views) = (self.files.take().map_or_else(|| Files::new(store), Ok)?, self.views.clone());
        let load = Load { rows, created, files, views, spoils: parts.spoils, basis, versions, latest, ages, record };
        fail_point("load prepared");
        let copies_wait = store.taking_over.read();
        self.committer.exclusively(move |store| load.take_over(store))?;
        drop((copies_wait, unsettled, watching, loading));
        store.floor.refresh();
        Ok(Committed { created })
    }
}

/// The bytes of a load that are written.
struct Progress<'p> {
    done: AtomicU64,
    total: u64,
    tell: &'p OnStagingProgress<'p>,
}

impl<'p> Progress<'p> {
    fn new(bytes: u64, tell: &'p OnStagingProgress<'p>) -> Self {
        Progress { done: AtomicU64::new(0), total: bytes.max(1), tell }
    }

    /// Tells that so many bytes more are written, and asks whether to go on.
    fn tell(&self, bytes: u64) -> Result<()> {
        let done = self.done.fetch_add(bytes, Ordering::Relaxed) + bytes;
        (self.tell)(StagingProgress { done, total: self.total })
    }
}

/// What the partitions of a load have come to.
#[derive(Default)]
struct Parts {
    written: Written,
    spoils: Spoils,
    rows: BTreeMap<u32, LoadedRows>,
}

impl Parts {
    fn add(&mut self, written: Written, spoiled: Spoiled, rows: Vec<LoadedRows>) {
        self.written.extend(written);
        self.spoils.add(spoiled);
        for part in rows {
            match self.rows.get_mut(&part.view) {
                Some(all) => {
                    all.first = std::mem::take(&mut all.first).min(part.first);
                    all.last = std::mem::take(&mut all.last).max(part.last);
                }
                None => {
                    self.rows.insert(part.view, part);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;

    use super::*;
    use crate::backend::{Catalogs, History, KeyRange, Upkeep};
    use crate::batch::Durability;
    use crate::error::{Error, ErrorKind};
    use crate::rocks::RocksBackend;
    use crate::rocks::records::{Work, begun};
    use crate::rocks::testing::{Fixture, seen};

    /// A load that is cut into as many partitions as there are rows, nearly.
    fn stage<'s>(store: &'s RocksBackend, view: &FeatureView) -> Box<Gathering<'s>> {
        let stage = Gathering::new(&store.store, &store.committer, view);
        Box::new(Gathering { sizes: (1, 2), ..stage })
    }

    fn go_on(_: StagingProgress) -> Result<()> {
        Ok(())
    }

    fn nothing_is_left(store: &RocksBackend) {
        assert!(begun(&store.store.database, Work::BulkLoad).unwrap().is_empty());
        assert_eq!(std::fs::read_dir(&store.store.loads).unwrap().count(), 0);
        assert_eq!(store.verify().unwrap().problems, Vec::<String>::new());
    }

    /// The versions of a view: key, version and row.
    fn versions(store: &RocksBackend, view: &FeatureView) -> Vec<(Vec<u8>, i64, Vec<u8>)> {
        let snapshot = store.snapshot();
        let mut scan = snapshot.scan(view, &KeyRange::default()).unwrap();
        let mut versions = Vec::new();
        while let Some(found) = scan.next().unwrap() {
            versions.push((found.key.to_vec(), found.version.event.as_micros(), found.row.to_vec()));
        }
        versions
    }

    #[test]
    fn a_load_in_parts_and_partitions_gives_what_commits_of_the_same_rows_give() {
        let (gathered, committed) = (Fixture::new(), Fixture::new());
        let stores = [gathered.open(), committed.open()];
        let mut stage = stage(&stores[0], &gathered.view);
        for part in 0..5_i64 {
            let mut batches = [WriteBatch::bulk(), WriteBatch::new()];
            for row in 0..200_i64 {
                // Few rows with many versions, some of them in several parts: of these the last one counts.
                let (key, event) = (format!("{}", row % 7), (row * 13 + part * 5) % 150);
                for ((batch, fixture), store) in batches.iter_mut().zip([&gathered, &committed]).zip(&stores) {
                    fixture.put(store, batch, key.as_bytes(), event, part * 1_000 + row);
                }
            }
            let [batch, commit] = batches;
            stage.add(batch).unwrap();
            stores[1].commit(commit, Durability::Os).unwrap();
        }
        stage.load(vec![(b"progress".to_vec(), Some(b"all".to_vec()))], &go_on).unwrap();
        let keys: Vec<_> = (0..7).map(|key| key.to_string()).collect();
        let keys: Vec<_> = keys.iter().map(String::as_bytes).collect();
        assert_eq!(seen(&gathered, &stores[0], &keys), seen(&committed, &stores[1], &keys));
        // A commit has a stamp of its own, so that the same event of two parts is two versions there.
        let (loaded, mut wanted) = (versions(&stores[0], &gathered.view), versions(&stores[1], &committed.view));
        wanted.dedup_by(|older, newer| (&older.0, older.1) == (&newer.0, newer.1));
        assert_eq!(loaded, wanted);
        assert_eq!(stores[0].note(b"progress").unwrap().as_deref(), Some(&b"all"[..]));
        nothing_is_left(&stores[0]);
    }

    #[test]
    fn events_in_parts_are_there_once_with_their_copies() {
        let fixture = Fixture::new();
        let store = fixture.open();
        let mut stage = stage(&store, &fixture.events);
        for part in 0..4 {
            let mut batch = WriteBatch::bulk();
            for item in 0..50 {
                fixture.put_event(&store, &mut batch, b"a", item, (item % 5 > 0).then_some(item % 5), item);
                fixture.put_event(&store, &mut batch, b"b", item, None, 1_000 * (part + 1) + item);
            }
            stage.add(batch).unwrap();
        }
        stage.load(Vec::new(), &go_on).unwrap();
        let catalog = store.catalog();
        let index = catalog.indexes().next().unwrap();
        assert_eq!((versions(&store, &fixture.events).len(), versions(&store, index).len()), (50 + 200, 40));
        nothing_is_left(&store);
    }

    #[test]
    fn commits_and_loads_while_a_load_is_written_are_not_lost() {
        let fixture = Fixture::new();
        let store = fixture.open();
        let mut stage = stage(&store, &fixture.view);
        for key in [&b"a"[..], b"b", b"c"] {
            let mut batch = WriteBatch::bulk();
            fixture.put(&store, &mut batch, key, 30, 1);
            stage.add(batch).unwrap();
        }
        // Before, between and after the partitions.
        let meanwhile = |_| {
            fixture.commit(&store, b"a", 50, 7);
            fixture.commit(&store, b"b", 20, 8);
            let mut batch = WriteBatch::bulk();
            fixture.put(&store, &mut batch, b"c", 60, 9);
            store.bulk_load(batch).map(drop)
        };
        stage.load(Vec::new(), &meanwhile).unwrap();
        assert_eq!(seen(&fixture, &store, &[b"a", b"b", b"c"]), [Some((50, 7)), Some((30, 1)), Some((60, 9))]);
        nothing_is_left(&store);
    }

    #[test]
    fn rows_that_were_erased_while_a_load_is_written_are_as_the_load_has_them() {
        let fixture = Fixture::new();
        let store = fixture.open();
        fixture.commit(&store, b"a", 50, 7);
        let mut stage = stage(&store, &fixture.view);
        let mut batch = WriteBatch::bulk();
        fixture.put(&store, &mut batch, b"a", 30, 1);
        fixture.put(&store, &mut batch, b"b", 30, 2);
        stage.add(batch).unwrap();
        stage.load(Vec::new(), &go_on).unwrap();
        assert_eq!(seen(&fixture, &store, &[b"a", b"b"]), [Some((50, 7)), Some((30, 2))]);
        let mut stage = self::stage(&store, &fixture.view);
        let mut batch = WriteBatch::bulk();
        fixture.put(&store, &mut batch, b"a", 40, 3);
        stage.add(batch).unwrap();
        let calls = Mutex::new(0);
        let erase = |_| {
            let mut calls = calls.lock();
            *calls += 1;
            match *calls {
                // Once at the beginning, once before the one partition, and when it is written.
                3 => {
                    let key = crate::rocks::testing::encoded(b"a");
                    store.erase(&[crate::backend::Lookup { view: &fixture.view, key: &key }]).map(drop)
                }
                _ => Ok(()),
            }
        };
        stage.load(Vec::new(), &erase).unwrap();
        assert_eq!(seen(&fixture, &store, &[b"a", b"b"]), [Some((40, 3)), Some((30, 2))]);
        nothing_is_left(&store);
    }

    #[test]
    fn a_load_tells_how_many_of_its_bytes_are_written_until_all_are() {
        let fixture = Fixture::new();
        let store = fixture.open();
        let mut stage = stage(&store, &fixture.view);
        for part in 0..3 {
            let mut batch = WriteBatch::bulk();
            (0..20).for_each(|row| fixture.put(&store, &mut batch, b"a", 20 * part + row, row));
            stage.add(batch).unwrap();
        }
        let (bytes, told) = (stage.bytes(), Mutex::new(Vec::new()));
        let tell = |progress: StagingProgress| {
            told.lock().push(progress);
            Ok(())
        };
        stage.load(Vec::new(), &tell).unwrap();
        let mut told = told.into_inner();
        assert_eq!(told[0], StagingProgress { done: 0, total: bytes });
        // Two threads tell of their parts, in no order.
        told.sort_unstable_by_key(|progress| progress.done);
        assert_eq!(told.last(), Some(&StagingProgress { done: bytes, total: bytes }));
        assert!(told.iter().all(|progress| progress.total == bytes) && told.len() > 20, "{told:?}");
    }

    #[test]
    fn a_load_that_is_cancelled_or_dropped_leaves_nothing() {
        let fixture = Fixture::new();
        let store = fixture.open();
        for is_cancelled in [false, true] {
            let mut stage = stage(&store, &fixture.view);
            let mut batch = WriteBatch::bulk();
            fixture.put(&store, &mut batch, b"a", 10, 1);
            stage.add(batch).unwrap();
            if is_cancelled {
                let cancelled = |_| Err(Error::unavailable("cancelled"));
                assert_eq!(stage.load(Vec::new(), &cancelled).unwrap_err().kind(), ErrorKind::Unavailable);
            }
            assert_eq!(seen(&fixture, &store, &[b"a"]), [None]);
        }
        nothing_is_left(&store);
    }

    #[test]
    fn a_load_of_a_view_that_was_dropped_meanwhile_is_refused_whole() {
        let fixture = Fixture::new();
        let store = fixture.open();
        let mut stage = stage(&store, &fixture.view);
        let mut batch = WriteBatch::bulk();
        fixture.put(&store, &mut batch, b"a", 10, 1);
        stage.add(batch).unwrap();
        fixture.drop_views(&store);
        let error = stage.load(vec![(b"progress".to_vec(), Some(b"all".to_vec()))], &go_on).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert_eq!(store.note(b"progress").unwrap(), None);
        nothing_is_left(&store);
    }
    #[test]
    fn rows_that_the_disk_gives_back_otherwise_are_not_loaded() {
        let fixture = Fixture::new();
        let store = fixture.open();
        let mut stage = stage(&store, &fixture.view);
        let mut batch = WriteBatch::bulk();
        (0..50).for_each(|event| fixture.put(&store, &mut batch, b"a", event, event));
        stage.add(batch).unwrap();
        let file = stage.gathered.clone().unwrap();
        let mut byte = [0];
        file.read_exact_at(&mut byte, 1_000).unwrap();
        file.write_all_at(&[!byte[0]], 1_000).unwrap();
        assert_eq!(stage.load(Vec::new(), &go_on).unwrap_err().kind(), ErrorKind::Corrupt);
        assert_eq!(seen(&fixture, &store, &[b"a"]), [None]);
        nothing_is_left(&store);
    }
}
