//! Tests of backups: what they share, what they survive, and what is restored from them.
#![cfg(feature = "rocksdb")]

#[allow(dead_code, unused_imports, unused_macros, reason = "it serves several test binaries, each using some of it")]
mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use asofdb_storage::{
    BackedUp, BackupKey, Backups, Catalogs, CheckpointFiles, Durability, ErrorKind, History, KeepPolicy, KeyRange,
    ManualClock, Options, Result, RocksBackend, Span, Upkeep, WriteBatch, restore_backup,
};
use common::{DAY, START, at, definitions, kept, scan, text_key, value_row};

/// Backups that are taken while rows are written.
const BACKUPS: i64 = 6;

fn open(path: &Path) -> RocksBackend {
    let options = Options { memory_budget_bytes: 16 << 20, ..Options::default() };
    RocksBackend::open(path, options, ManualClock::new(START)).unwrap()
}

struct Fixture {
    directory: tempfile::TempDir,
    store: RocksBackend,
    key: Option<BackupKey>,
}

impl Fixture {
    fn new(key: Option<BackupKey>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = open(&directory.path().join("store"));
        let plan = store.catalog().plan(&definitions(&[kept("v"), kept("w")]), store.now()).unwrap();
        store.set_catalog(plan.into_catalog()).unwrap();
        let fixture = Fixture { directory, store, key };
        fixture.put(0..3_000);
        fixture.store.flush().unwrap();
        fixture
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes rows of both views in one batch.
    fn put(&self, keys: std::ops::Range<i64>) {
        let mut batch = WriteBatch::new();
        for name in ["v", "w"] {
            let view = self.store.catalog().view(name).unwrap().clone();
            for key in keys.clone() {
                let row = value_row(&view, key);
                batch.put(&view, &text_key(&key.to_string()), at(-1), None, &row, self.store.now()).unwrap();
            }
        }
        self.store.commit(batch, Durability::Os).unwrap();
    }

    fn backups(&self) -> Backups {
        Backups::create(&self.path("backups"), self.key.clone()).unwrap()
    }

    fn back_up(&self, day: i64) -> Result<BackedUp> {
        let backups = self.backups();
        let checkpoint = backups.place_for_checkpoint().unwrap();
        self.store.checkpoint(&checkpoint, CheckpointFiles::Shared).unwrap();
        let added = backups.add(&checkpoint, at(day * DAY));
        backups.clear_checkpoint().unwrap();
        added
    }

    /// Restores a backup, and counts the rows of both views.
    fn restored(&self, backup: Option<&str>, name: &str) -> Result<[usize; 2]> {
        let backups = Backups::open(&self.path("backups"), self.key.clone()).unwrap();
        restore_backup(&backups, &backups.find(backup)?, self.path(name))?;
        let store = open(&self.path(name));
        assert_eq!(store.verify().unwrap().problems, Vec::<String>::new());
        let view = |name| store.catalog().view(name).unwrap().clone();
        Ok(["v", "w"].map(|name| scan(&*store.snapshot(), &view(name), &KeyRange::default()).len()))
    }

    fn objects(&self) -> Vec<PathBuf> {
        let mut objects: Vec<_> =
            fs::read_dir(self.path("backups/objects")).unwrap().map(|entry| entry.unwrap().path()).collect();
        objects.sort_by_key(|path| fs::metadata(path).unwrap().len());
        objects
    }
}

fn keys() -> [Option<BackupKey>; 2] {
    [None, Some(BackupKey::new([7; 32]))]
}

#[test]
fn every_backup_is_restored_as_the_store_was_when_it_was_taken() {
    for key in keys() {
        let fixture = Fixture::new(key);
        let first = fixture.back_up(0).unwrap();
        fixture.put(3_000..3_100);
        let second = fixture.back_up(1).unwrap();
        assert_eq!(fixture.restored(Some(&first.name), "first").unwrap(), [3_000; 2]);
        assert_eq!(fixture.restored(Some("2024-01-01T13:00:00Z"), "between").unwrap(), [3_000; 2]);
        assert_eq!(fixture.restored(Some(&second.name), "second").unwrap(), [3_100; 2]);
        assert_eq!(fixture.restored(None, "newest").unwrap(), [3_100; 2]);
        let before = fixture.restored(Some("2023-12-31T00:00:00Z"), "before").unwrap_err();
        assert_eq!(before.kind(), ErrorKind::NotFound);
    }
}

#[test]
fn contents_that_a_backup_has_are_not_written_again() {
    for key in keys() {
        let fixture = Fixture::new(key);
        let first = fixture.back_up(0).unwrap();
        // The two statements of the floor are the same, and so one content.
        assert_eq!(first.files, first.new_files + 1);
        assert!(first.new_bytes < first.bytes && first.bytes - first.new_bytes < 1_000, "{first:?}");
        fixture.put(3_000..3_001);
        let second = fixture.back_up(1).unwrap();
        assert!(second.new_bytes < first.bytes / 2, "{second:?} after {first:?}");
        assert!(second.new_files < second.files, "{second:?}");
        assert_eq!(fixture.objects().len() as u64, first.new_files + second.new_files);
    }
}

#[test]
fn expired_backups_go_with_what_only_they_have() {
    let fixture = Fixture::new(None);
    for day in 0..4 {
        fixture.put(3_000 + day..3_001 + day);
        fixture.back_up(day).unwrap();
    }
    let (all, backups) = (fixture.objects().len(), fixture.backups());
    let policy = KeepPolicy { newest: Some(1), within: Some(Span::from_micros(DAY)) };
    let expired = backups.expire(&policy, Some(at(4 * DAY))).unwrap();
    assert_eq!(expired, ["2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z"]);
    assert_eq!(backups.list().unwrap().len(), 2);
    drop(backups);
    assert!(fixture.objects().len() < all);
    assert_eq!(fixture.restored(Some("2024-01-03T00:00:00Z"), "third").unwrap(), [3_003; 2]);
    assert_eq!(fixture.restored(None, "fourth").unwrap(), [3_004; 2]);
}

#[test]
fn a_wrong_clock_neither_expires_a_backup_that_should_stay_nor_makes_one_the_newest_for_ever() {
    let fixture = Fixture::new(None);
    let [first, second] = [0, 1].map(|day| fixture.back_up(day).unwrap().name);
    // The clock was ten years ahead, and is right again.
    let ahead = fixture.back_up(3_650).unwrap().name;
    let by_age = KeepPolicy { newest: None, within: Some(Span::from_micros(2 * DAY)) };
    let expire = |policy: &KeepPolicy, believed| fixture.backups().expire(policy, believed).unwrap();
    assert_eq!(
        expire(&by_age, Some(at(DAY))),
        Vec::<String>::new(),
        "nothing is too old by a time that is not believed"
    );
    assert_eq!(expire(&by_age, None), Vec::<String>::new());
    fixture.put(3_000..3_001);
    let third = fixture.back_up(2).unwrap().name;
    assert_eq!(fixture.restored(None, "newest").unwrap(), [3_001; 2], "the newest was taken last");
    let names: Vec<_> = fixture.backups().list().unwrap().iter().map(asofdb_storage::Backup::name).collect();
    assert_eq!(names, [&*first, &*second, &*ahead, &*third]);
    let two = KeepPolicy { newest: Some(2), within: None };
    assert_eq!(expire(&two, Some(at(2 * DAY))), [&*first, &*second]);
    // The clock is years behind: what is backed up now is the newest all the same.
    let behind = fixture.back_up(-3_650).unwrap().name;
    assert_eq!(expire(&two, Some(at(2 * DAY))), [ahead]);
    assert_eq!(expire(&by_age, Some(at(2 * DAY))), Vec::<String>::new());
    assert_eq!(expire(&KeepPolicy { newest: Some(1), within: None }, None), [third]);
    assert_eq!(fixture.backups().find(None).unwrap().name(), behind);
}

#[test]
fn a_backup_that_was_interrupted_is_none_and_leaves_nothing_after_the_next() {
    let fixture = Fixture::new(None);
    let first = fixture.back_up(0).unwrap();
    let backups = fixture.path("backups");
    // As a run leaves it that was killed while it wrote its last object, and one that wrote its record.
    fs::write(backups.join("objects/0123"), "half").unwrap();
    fs::create_dir(backups.join("checkpoint")).unwrap();
    fs::write(backups.join("checkpoint/000001.sst"), "x").unwrap();
    fs::write(backups.join(".2023-01-02T00:00:00Z.backup.asof-tmp-4000000-0"), "half").unwrap();
    assert_eq!(fixture.backups().list().unwrap().len(), 1);
    let second = fixture.back_up(1).unwrap();
    assert_eq!(fixture.objects().len() as u64, first.new_files + second.new_files);
    assert_eq!(fs::read_dir(&backups).unwrap().count(), 5, "marker, lock, objects and two backups");
}

#[test]
fn a_checkpoint_that_is_finished_late_is_in_nobodys_way() {
    let fixture = Fixture::new(None);
    fixture.back_up(0).unwrap();
    let backups = fixture.backups();
    let (given_up, place) = (backups.place_for_checkpoint().unwrap(), backups.place_for_checkpoint().unwrap());
    // Whoever asked for the first has gone, and a sidecar finishes it after the second was chosen.
    fs::create_dir_all(&given_up).unwrap();
    assert!(!place.exists() && given_up != place);
    backups.clear_checkpoint().unwrap();
    assert!(!given_up.exists());
}

#[test]
fn an_object_that_was_damaged_is_named_by_the_restore_and_one_that_is_gone_is_written_again() {
    for key in keys() {
        let fixture = Fixture::new(key);
        fixture.back_up(0).unwrap();
        let object = fixture.objects().pop().unwrap();
        let whole = fs::read(&object).unwrap();
        let mut bytes = whole.clone();
        bytes[100] ^= 1;
        for damage in [&bytes[..], &whole[..whole.len() - 1]] {
            fs::write(&object, damage).unwrap();
            let error = fixture.restored(None, "restored").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{error:#}");
            assert!(format!("{error:#}").contains(&*object.to_string_lossy()), "{error:#}");
            assert!(!fixture.path("restored").exists());
        }
        // It has another size, so the next backup sees that it cannot be what it was.
        assert!(fixture.back_up(1).unwrap().new_files > 0);
        assert_eq!(fixture.restored(None, "restored").unwrap(), [3_000; 2]);
    }
}

#[test]
fn encrypted_backups_want_their_key() {
    let key = BackupKey::new([7; 32]);
    let fixture = Fixture::new(Some(key.clone()));
    fixture.back_up(0).unwrap();
    let path = fixture.path("backups");
    let open = |key| Backups::open(&path, key).and_then(|backups| backups.list().map(|backups| backups.len()));
    assert_eq!(open(Some(key)).unwrap(), 1);
    assert_eq!(open(None).unwrap_err().kind(), ErrorKind::Invalid);
    let error = open(Some(BackupKey::new([8; 32]))).unwrap_err();
    assert!(error.kind() == ErrorKind::Corrupt && error.to_string().contains("another key"), "{error}");
    let plain = Fixture::new(None);
    plain.back_up(0).unwrap();
    let error = Backups::create(&plain.path("backups"), Some(BackupKey::new([7; 32]))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

#[test]
fn backups_are_worked_with_by_one_who_writes_or_many_who_read() {
    let fixture = Fixture::new(None);
    fixture.back_up(0).unwrap();
    let path = fixture.path("backups");
    let readers = [Backups::open(&path, None).unwrap(), Backups::open(&path, None).unwrap()];
    assert_eq!(Backups::create(&path, None).unwrap_err().kind(), ErrorKind::Unavailable);
    drop(readers);
    let _writer = fixture.backups();
    assert_eq!(Backups::open(&path, None).unwrap_err().kind(), ErrorKind::Unavailable);
    fs::write(fixture.path("note"), "mine").unwrap();
    assert_eq!(Backups::create(fixture.directory.path(), None).unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(Backups::open(fixture.directory.path(), None).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn backups_under_load_are_of_one_state_each() {
    let fixture = Fixture::new(None);
    let ends = Arc::new(AtomicBool::new(false));
    let taken = std::thread::scope(|scope| {
        let (writing, fixture) = (ends.clone(), &fixture);
        scope.spawn(move || {
            // Batches of both views, each batch the same keys in both.
            for batch in 0.. {
                if writing.load(Ordering::Relaxed) {
                    break;
                }
                fixture.put(10_000 + batch * 7..10_007 + batch * 7);
            }
        });
        let taken: Vec<_> = (0..BACKUPS).map(|round| fixture.back_up(round).map(|backup| backup.name)).collect();
        ends.store(true, Ordering::Relaxed);
        taken
    });
    let mut before = 0;
    for (round, name) in taken.into_iter().enumerate() {
        let [v, w] = fixture.restored(Some(&name.unwrap()), &format!("restored{round}")).unwrap();
        assert_eq!((v, v % 7), (w, 3_000 % 7), "batches are whole");
        assert!(v >= before, "and none is lost again");
        before = v;
    }
}
