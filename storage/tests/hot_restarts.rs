//! Tests of the hot table over restarts: its rows come back, and none of them is old.
#![cfg(feature = "rocksdb")]

#[allow(dead_code, unused_imports, unused_macros, reason = "it serves several test binaries, each using some of it")]
mod common;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

use asofdb_storage::{
    Backups, Catalogs, CheckpointFiles, Durability, FeatureView, Found, History, HotPolicy, HotStats, Lookup,
    ManualClock, Options, RocksBackend, Timekeeping, Upkeep, ViewDefinition, Warming, WriteBatch, restore,
    restore_backup,
};
use common::{START, definitions, kept, text_key, value_row};

const ROWS: &str = "HOT.rows";
const KEYS: &str = "HOT.keys";

/// The rows of the view `v` are `k0` to `k99`.
const COUNT: i64 = 100;

/// A directory with stores, and the clock by which all of them go.
struct Fixture {
    directory: tempfile::TempDir,
    clock: Arc<ManualClock>,
}

impl Fixture {
    /// A store whose rows have the value 1, all of which were read.
    fn new() -> (Self, RocksBackend) {
        let fixture = Fixture { directory: tempfile::tempdir().unwrap(), clock: ManualClock::new(START) };
        let store = fixture.open("store");
        store.confirm_clock().unwrap();
        let views = [kept("v"), ViewDefinition { hot: HotPolicy::Pin, ..kept("pinned") }];
        let plan = store.catalog().plan(&definitions(&views), store.now()).unwrap();
        store.set_catalog(plan.into_catalog()).unwrap();
        (0..COUNT).for_each(|number| put(&store, "v", number, 1));
        put(&store, "pinned", 0, 1);
        assert_eq!(values(&store), [1; COUNT as usize]);
        (fixture, store)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn open(&self, name: &str) -> RocksBackend {
        self.open_with(name, None)
    }

    fn open_with(&self, name: &str, hot_bytes: Option<usize>) -> RocksBackend {
        let options = Options { memory_budget_bytes: 32 << 20, hot_bytes, ..Options::default() };
        RocksBackend::open(self.path(name), options, self.clock.clone()).unwrap()
    }

    /// Copies the files of an open store that nobody writes to, as a crash would leave them.
    fn crashed(&self, name: &str) -> String {
        self.crashed_as(name, &format!("{name}-crashed"))
    }

    /// A store compacts when it likes: what is copied counts once the files were the same before and after.
    fn crashed_as(&self, name: &str, copy: &str) -> String {
        let (from, to) = (self.path(name), self.path(copy));
        loop {
            fs::create_dir(&to).unwrap();
            let before = files_of(&from);
            if copy_files(&from, &to).is_ok() && files_of(&from) == before {
                return copy.to_owned();
            }
            fs::remove_dir_all(&to).unwrap();
        }
    }
}

fn copy_files(from: &Path, to: &Path) -> io::Result<()> {
    for (name, _) in files_of(from) {
        fs::copy(from.join(&name), to.join(&name))?;
    }
    Ok(())
}

/// The files of a directory with their lengths.
fn files_of(directory: &Path) -> BTreeMap<OsString, u64> {
    let entries = fs::read_dir(directory).unwrap().map(Result::unwrap);
    let file = |entry: fs::DirEntry| {
        let known = entry.metadata().ok().filter(fs::Metadata::is_file)?;
        Some((entry.file_name(), known.len()))
    };
    entries.filter_map(file).collect()
}

fn view(store: &RocksBackend, name: &str) -> Arc<FeatureView> {
    store.catalog().view(name).unwrap().clone()
}

fn key(number: i64) -> Vec<u8> {
    text_key(&format!("k{number}"))
}

fn put(store: &RocksBackend, name: &str, number: i64, value: i64) {
    let (view, mut batch) = (view(store, name), WriteBatch::new());
    batch.put(&view, &key(number), START, None, &value_row(&view, value), store.now()).unwrap();
    store.commit(batch, Durability::Os).unwrap();
}

/// The values of the rows of `v`.
fn values(store: &RocksBackend) -> Vec<i64> {
    (0..COUNT).map(|number| value(store, number).unwrap()).collect()
}

fn value(store: &RocksBackend, number: i64) -> Option<i64> {
    let (view, key, mut value) = (view(store, "v"), key(number), None);
    let visit = &mut |_: usize, found: Option<Found<'_>>| {
        value = found.and_then(|found| common::read(&view, found).2);
        Ok(())
    };
    store.latest(&[Lookup { view: &view, key: &key }], store.now(), visit).unwrap();
    value
}

fn stats(store: &RocksBackend) -> HotStats {
    store.stats().unwrap().hot.unwrap()
}

/// Waits until no more rows come back.
fn warm(store: &RocksBackend) -> Warming {
    for _ in 0..120_000 {
        let warming = store.warming();
        if warming.is_over {
            return warming;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("rows do not stop coming back: {:?}", store.warming());
}

#[test]
fn a_store_that_was_closed_has_its_hot_rows_at_once_with_their_standing() {
    let (fixture, store) = Fixture::new();
    drop(store);
    assert!(fixture.path("store").join(ROWS).exists());
    for opening in 0..3 {
        let store = fixture.open("store");
        assert!(!fixture.path("store").join(ROWS).exists(), "it is gone before the first write");
        let wanted = COUNT as u64 + 1;
        assert_eq!(store.warming(), Warming { is_over: true, rows: wanted, rows_wanted: wanted }, "opening {opening}");
        let hot = stats(&store);
        assert_eq!((hot.rows, hot.pinned_rows, hot.warming), (wanted, 1, store.warming()));
        assert_eq!(values(&store), [1; COUNT as usize]);
        assert_eq!((stats(&store).hits, stats(&store).misses), (COUNT as u64, 0));
        assert_eq!(store.notices(), Vec::<String>::new());
    }
}

#[test]
fn rows_that_were_kept_before_a_write_are_never_read_after_it_also_if_their_file_comes_back() {
    let (fixture, store) = Fixture::new();
    drop(store);
    let old = fs::read(fixture.path("store").join(ROWS)).unwrap();
    let store = fixture.open("store");
    put(&store, "v", 7, 2);
    // As a power cut may leave it: the write is there, and the removal of the file is not.
    let crashed = fixture.crashed("store");
    fs::write(fixture.path(&crashed).join(ROWS), &old).unwrap();
    drop(store);
    fs::write(fixture.path("store").join(ROWS), &old).unwrap();
    for name in ["store", &crashed] {
        let store = fixture.open(name);
        assert_eq!(value(&store, 7), Some(2), "{name}");
        let notice =
            "the rows kept for the hot table belong to another state of the store, so that it begins without them";
        assert_eq!(store.notices(), [notice]);
        assert!(!fixture.path(name).join(ROWS).exists());
    }
}

#[test]
fn rows_that_were_kept_are_right_if_nothing_was_written_since_also_after_a_crash() {
    let (fixture, store) = Fixture::new();
    drop(store);
    let kept = fs::read(fixture.path("store").join(ROWS)).unwrap();
    let store = fixture.open("store");
    let crashed = fixture.crashed("store");
    fs::write(fixture.path(&crashed).join(ROWS), kept).unwrap();
    drop(store);
    let store = fixture.open(&crashed);
    assert_eq!((values(&store), stats(&store).misses), (vec![1; COUNT as usize], 0));
}

#[test]
fn rows_that_are_damaged_or_cut_short_are_left_out_with_a_notice_and_the_store_opens() {
    let (fixture, store) = Fixture::new();
    drop(store);
    let path = fixture.path("store").join(ROWS);
    let damages: [fn(&mut Vec<u8>); 4] = [
        |bytes| bytes.truncate(bytes.len() - 1),
        |bytes| bytes.truncate(100),
        |bytes| *bytes.iter_mut().nth_back(2_000).unwrap() ^= 1,
        Vec::clear,
    ];
    for damage in damages {
        let mut bytes = fs::read(&path).unwrap();
        damage(&mut bytes);
        fs::write(&path, bytes).unwrap();
        let store = fixture.open("store");
        let (notices, notice) = (store.notices(), "the rows kept for the hot table cannot be read: ");
        assert!(notices.len() == 1 && notices[0].starts_with(notice), "{notices:?}");
        assert_eq!((warm(&store).rows_wanted, stats(&store).rows), (0, 0));
        assert_eq!(values(&store), [1; COUNT as usize]);
    }
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let store = fixture.open("store");
    assert_eq!((store.notices().len(), values(&store)), (1, vec![1; COUNT as usize]));
}

#[test]
fn after_a_crash_the_rows_of_the_last_sample_come_back_in_the_background() {
    let (fixture, store) = Fixture::new();
    store.flush().unwrap();
    put(&store, "v", 7, 2);
    let (crashed, other) = (fixture.crashed("store"), fixture.crashed_as("store", "other"));
    let again = fixture.open(&crashed);
    let wanted = COUNT as u64 + 1;
    assert_eq!(warm(&again), Warming { is_over: true, rows: wanted, rows_wanted: wanted });
    let before = stats(&again);
    assert_eq!((before.rows, before.pinned_rows), (wanted, 1));
    let values = values(&again);
    assert!(values[7] == 2 && values.iter().sum::<i64>() == COUNT + 1);
    assert_eq!(stats(&again).misses, before.misses, "every row was there");
    let torn = fs::read(fixture.path("store").join(KEYS)).unwrap();
    fs::write(fixture.path(&other).join(KEYS), &torn[..torn.len() / 2]).unwrap();
    let store = fixture.open(&other);
    assert_eq!((warm(&store).rows_wanted, store.notices()), (0, Vec::new()), "a torn sample is none");
}

#[test]
fn copies_of_a_store_have_nothing_of_its_hot_table() {
    let (fixture, store) = Fixture::new();
    store.flush().unwrap();
    assert!(fixture.path("store").join(KEYS).exists());
    store.checkpoint(&fixture.path("copy"), CheckpointFiles::Copied).unwrap();
    let backups = Backups::create(&fixture.path("backups"), None).unwrap();
    let checkpoint = backups.place_for_checkpoint().unwrap();
    store.checkpoint(&checkpoint, CheckpointFiles::Shared).unwrap();
    backups.add(&checkpoint, store.now()).unwrap();
    backups.clear_checkpoint().unwrap();
    restore(fixture.path("copy"), fixture.path("restored")).unwrap();
    restore_backup(&backups, &backups.find(None).unwrap(), fixture.path("from-backup")).unwrap();
    for name in ["copy", "restored", "from-backup"] {
        let names: Vec<_> = fs::read_dir(fixture.path(name)).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(names.iter().all(|name| !name.to_string_lossy().starts_with("HOT")), "{name}: {names:?}");
    }
    for name in ["restored", "from-backup"] {
        let store = fixture.open(name);
        assert_eq!((stats(&store).rows, store.warming().rows_wanted, values(&store)), (0, 0, vec![1; COUNT as usize]));
    }
}

#[test]
fn an_erased_entity_is_in_no_file_of_the_hot_table() {
    let (fixture, store) = Fixture::new();
    store.flush().unwrap();
    let (v, key) = (view(&store, "v"), key(7));
    let holds = |name: &str| {
        let bytes = fs::read(fixture.path("store").join(name)).unwrap_or_default();
        bytes.windows(key.len()).any(|window| window == key)
    };
    assert!(holds(KEYS));
    store.erase(&[Lookup { view: &v, key: &key }]).unwrap();
    assert!(!fixture.path("store").join(KEYS).exists());
    // It is known not to be there, from now on.
    (0..3).for_each(|_| assert_eq!(value(&store, 7), None));
    store.flush().unwrap();
    assert!(!holds(KEYS) && fixture.path("store").join(KEYS).exists());
    drop(store);
    assert!(!holds(ROWS) && fixture.path("store").join(ROWS).exists());
    let store = fixture.open("store");
    assert_eq!((value(&store, 7), value(&store, 8)), (None, Some(1)));
}

#[test]
fn tables_of_other_sizes_and_none_at_all_take_what_they_can_and_leave_nothing_that_is_old() {
    let (fixture, store) = Fixture::new();
    drop(store);
    let path = fixture.path("store").join(ROWS);
    let kept = fs::read(&path).unwrap();
    let store = fixture.open_with("store", Some(0));
    assert_eq!((store.stats().unwrap().hot, store.warming().is_over, path.exists()), (None, true, false));
    put(&store, "v", 7, 2);
    drop(store);
    assert!(!path.exists());
    fs::write(&path, kept).unwrap();
    let store = fixture.open("store");
    assert_eq!(value(&store, 7), Some(2));
    values(&store);
    drop(store);
    let store = fixture.open_with("store", Some(8 << 10));
    let Warming { is_over, rows, rows_wanted } = store.warming();
    assert!(is_over && rows > 5 && rows < rows_wanted && rows_wanted == COUNT as u64, "{:?}", store.warming());
    assert_eq!((stats(&store).rows, stats(&store).evictions), (rows, 0));
    assert_eq!(values(&store).iter().sum::<i64>(), COUNT + 1);
}

#[test]
fn the_sign_that_a_store_is_closed_comes_when_its_rows_are_kept_and_it_can_be_opened_again() {
    let (fixture, store) = Fixture::new();
    let closed = store.closed();
    assert!(!closed.wait(Duration::ZERO));
    // Somebody else is the last to let go of it, as a thread of a sidecar may be.
    let other = std::thread::spawn(move || drop(store));
    assert!(closed.wait(Duration::from_secs(600)) && closed.clone().wait(Duration::ZERO));
    assert!(fixture.path("store").join(ROWS).exists());
    assert_eq!(stats(&fixture.open("store")).misses, 0);
    other.join().unwrap();
}
