//! Tests of who may open a store, and of its copies: checkpoints and what is restored from them.
#![cfg(feature = "rocksdb")]

#[allow(dead_code, unused_imports, unused_macros, reason = "it serves several test binaries, each using some of it")]
mod common;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Barrier};

use asofdb_storage::{
    Catalogs, CheckpointFiles, Durability, Error, ErrorKind, FeatureView, History, KeyRange, ManualClock, Options,
    Restored, Result, RocksBackend, Upkeep, WriteBatch, restore,
};
use common::{START, at, definitions, kept, scan, text_key, value_row};

/// Tells the test binary to open a store once, and where it is.
const OPENER: &str = "ASOFDB_OPEN_ONCE";

/// Bytes that a store without rows may take on disk.
const FRESH_BYTES_MAX: u64 = 1 << 20;

fn options() -> Options {
    Options { memory_budget_bytes: 16 << 20, ..Options::default() }
}

fn open_with(path: &Path, options: Options) -> Result<RocksBackend> {
    RocksBackend::open(path, options, ManualClock::new(START))
}

fn open(path: &Path) -> RocksBackend {
    open_with(path, options()).unwrap()
}

fn refusal(path: &Path, options: Options) -> Error {
    open_with(path, options).err().expect("the store opened")
}

fn view(store: &RocksBackend) -> Arc<FeatureView> {
    store.catalog().view("v").unwrap().clone()
}

/// A store with rows in files and in the log, and a directory for copies of it.
struct Fixture {
    directory: tempfile::TempDir,
    store: RocksBackend,
}

impl Fixture {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = open(&directory.path().join("store"));
        let plan = store.catalog().plan(&definitions(&[kept("v")]), store.now()).unwrap();
        store.set_catalog(plan.into_catalog()).unwrap();
        let fixture = Fixture { directory, store };
        fixture.put(0..2_000);
        fixture.store.flush().unwrap();
        fixture.put(2_000..2_100);
        fixture
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn put(&self, keys: std::ops::Range<i64>) {
        let view = view(&self.store);
        let mut batch = WriteBatch::new();
        for key in keys {
            let row = value_row(&view, key);
            batch.put(&view, &text_key(&key.to_string()), at(-1), None, &row, self.store.now()).unwrap();
        }
        self.store.commit(batch, Durability::Os).unwrap();
    }

    fn checkpoint(&self, name: &str, files: CheckpointFiles) -> PathBuf {
        let path = self.path(name);
        self.store.checkpoint(&path, files).unwrap();
        path
    }

    fn restore(&self, checkpoint: &Path, name: &str) -> Result<Restored> {
        let restored = restore(checkpoint, self.path(name));
        let left = fs::read_dir(self.directory.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let left: Vec<_> = left.filter(|name| name.to_string_lossy().contains("asof-tmp")).collect();
        assert!(left.is_empty(), "{left:?}");
        assert_eq!(restored.is_ok(), self.path(name).exists());
        restored
    }
}

fn rows(store: &RocksBackend) -> usize {
    assert_eq!(store.verify().unwrap().problems, Vec::<String>::new());
    scan(&*store.snapshot(), &view(store), &KeyRange::default()).len()
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn inodes(directory: &Path) -> BTreeSet<u64> {
    let files = files(directory).into_iter().filter(|path| path.is_file());
    files.map(|path| fs::metadata(path).unwrap().ino()).collect()
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o777
}

fn data_file(directory: &Path) -> PathBuf {
    let is_data = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "sst");
    let size = |path: &PathBuf| fs::metadata(path).unwrap().len();
    files(directory).into_iter().filter(is_data).max_by_key(size).expect("a data file")
}

/// Gives the file a life of its own, so that what happens to it does not happen to the store.
fn own(path: &Path) -> Vec<u8> {
    let bytes = fs::read(path).unwrap();
    fs::remove_file(path).unwrap();
    fs::write(path, &bytes).unwrap();
    bytes
}

#[test]
fn of_many_checkpoints_to_one_target_one_is_made_and_it_is_whole() {
    let fixture = Fixture::new();
    for round in 0..12 {
        let target = fixture.path(&format!("copy{round}"));
        let start = Barrier::new(6);
        let copy = || {
            start.wait();
            fixture.store.checkpoint(&target, CheckpointFiles::Shared)
        };
        let made: Vec<_> = std::thread::scope(|scope| {
            let copies: Vec<_> = (0..6).map(|_| scope.spawn(copy)).collect();
            copies.into_iter().map(|copy| copy.join().unwrap()).collect()
        });
        assert_eq!(made.iter().filter(|made| made.is_ok()).count(), 1, "{made:?}");
        let refused = made.iter().filter_map(|made| made.as_ref().err());
        assert!(refused.clone().all(|error| error.kind() == ErrorKind::Conflict), "{made:?}");
        fixture.restore(&target, &format!("restored{round}")).unwrap();
        assert_eq!(rows(&open(&fixture.path(&format!("restored{round}")))), 2_100);
    }
    assert_eq!(fs::read_dir(fixture.directory.path()).unwrap().count(), 1 + 2 * 12, "nothing else is left");
}

#[test]
fn a_checkpoint_never_removes_what_another_is_writing() {
    let fixture = Fixture::new();
    let partial = fixture.path(".copy.partial");
    fs::create_dir(&partial).unwrap();
    fs::write(partial.join("theirs"), "precious").unwrap();
    fixture.checkpoint("copy", CheckpointFiles::Shared);
    fixture.restore(&fixture.path("copy"), "restored").unwrap();
    assert_eq!(fs::read(partial.join("theirs")).unwrap(), b"precious");
}

/// Starts processes that open a store once, and collects what they say.
fn opened_by_processes(path: &Path, count: usize) -> Vec<String> {
    let start = |_| -> Child {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "opener", "--nocapture", "--test-threads=1"])
            .env(OPENER, path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let children: Vec<_> = (0..count).map(start).collect();
    let said = children.into_iter().map(|child| child.wait_with_output().unwrap().stdout);
    let said = said.map(|text| String::from_utf8(text).unwrap());
    said.map(|text| text.lines().find_map(|line| line.strip_prefix("said: ")).unwrap_or("died").to_owned()).collect()
}

/// Not a test: what the other processes run.
#[test]
fn opener() {
    let Some(path) = std::env::var_os(OPENER) else { return };
    let said = match open_with(Path::new(&path), options()) {
        Ok(store) => format!("opened {}", store.catalog().views().count()),
        Err(error) => format!("{:?} {error:#}", error.kind()),
    };
    println!("\nsaid: {said}");
}

#[test]
fn a_store_that_other_processes_are_opening_or_making_is_open_elsewhere_and_nothing_worse() {
    let directory = tempfile::tempdir().unwrap();
    for round in 0..6 {
        let path = directory.path().join(format!("store{round}"));
        // Made by whoever is first, and then opened.
        for _ in 0..2 {
            let said = opened_by_processes(&path, 10);
            let good = said.iter().filter(|said| *said == "opened 0").count();
            assert!(good >= 1, "{said:?}");
            let told = said.iter().filter(|said| said.starts_with("Unavailable another process has the store open"));
            assert_eq!(told.count() + good, said.len(), "{said:?}");
        }
        drop(open_with(&path, Options { create: false, ..options() }).unwrap());
    }
}

#[test]
fn a_store_that_other_threads_are_opening_or_making_is_open_already_and_nothing_worse() {
    let directory = tempfile::tempdir().unwrap();
    for round in 0..6 {
        let path = directory.path().join(format!("store{round}"));
        let start = Barrier::new(6);
        let open = || {
            start.wait();
            open_with(&path, options()).map(drop)
        };
        let opened: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..6).map(|_| scope.spawn(open)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(opened.iter().any(Result::is_ok), "{opened:?}");
        let refused = opened.iter().filter_map(|opened| opened.as_ref().err()).map(ToString::to_string);
        for error in refused {
            assert!(error.starts_with("the store is already open in this process"), "{error}");
        }
    }
}

#[test]
fn a_lock_is_not_lost_when_somebody_copies_the_directory() {
    let fixture = Fixture::new();
    for file in files(&fixture.path("store")) {
        // Opening and closing RocksDB's own lock file lets go of its lock.
        drop(fs::read(file));
    }
    let said = opened_by_processes(&fixture.path("store"), 1);
    let (prefix, me) = ("Unavailable another process has the store open: pid", std::process::id());
    assert!(said[0].starts_with(&format!("{prefix} {me};")), "{said:?}");
}

#[test]
fn a_store_without_rows_takes_little_disk() {
    let fixture = tempfile::tempdir().unwrap();
    let path = fixture.path().join("store");
    let store = open_with(&path, Options::default()).unwrap();
    let plan = store.catalog().plan(&definitions(&[kept("v")]), store.now()).unwrap();
    store.set_catalog(plan.into_catalog()).unwrap();
    let taken = || files(&path).iter().map(|file| fs::metadata(file).unwrap().blocks() * 512).sum::<u64>();
    assert!(taken() < FRESH_BYTES_MAX, "{} bytes", taken());
    store.flush().unwrap();
    assert!(taken() < FRESH_BYTES_MAX, "{} bytes", taken());
}

#[test]
fn a_store_and_its_copies_are_their_owner_s_alone() {
    let fixture = Fixture::new();
    let copy = fixture.checkpoint("copy", CheckpointFiles::Copied);
    fixture.restore(&copy, "restored").unwrap();
    drop(open(&fixture.path("restored")));
    for name in ["store", "copy", "restored"] {
        assert_eq!(mode(&fixture.path(name)), 0o700, "{name}");
    }
    let loose = |path: &PathBuf| path.is_file() && mode(path) & 0o077 != 0;
    for name in ["copy", "restored"] {
        assert_eq!(files(&fixture.path(name)).into_iter().filter(loose).collect::<Vec<_>>(), Vec::<PathBuf>::new());
    }
}

#[test]
fn a_directory_of_another_user_that_is_open_to_others_is_refused_unless_it_shall_be_shared() {
    let fixture = Fixture::new();
    let path = fixture.path("other");
    drop(open(&path));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o750)).unwrap();
    if std::os::unix::fs::chown(&path, Some(4_000_000), None).is_err() {
        return println!("skipped: only root can give a directory to another user");
    }
    let error = refusal(&path, options());
    assert_eq!((error.kind(), error.hint()), (ErrorKind::Invalid, Some(asofdb_storage::Hint::SharedStore)));
    assert!(error.to_string().contains("open to others and belongs to the user 4000000"), "{error}");
    drop(open_with(&path, Options { shared: true, ..options() }).unwrap());
    assert_eq!(mode(&path), 0o750);
}

#[test]
fn a_checkpoint_shares_its_data_files_or_nothing_and_what_is_restored_shares_nothing() {
    let fixture = Fixture::new();
    let shared = fixture.checkpoint("shared", CheckpointFiles::Shared);
    let copied = fixture.checkpoint("copied", CheckpointFiles::Copied);
    let store = inodes(&fixture.path("store"));
    assert!(store.contains(&fs::metadata(data_file(&shared)).unwrap().ino()));
    assert!(store.is_disjoint(&inodes(&copied)));
    let restored = fixture.restore(&shared, "restored").unwrap();
    assert_eq!(restored.versions_read, None);
    assert!(inodes(&fixture.path("restored")).is_disjoint(&inodes(&shared)));
    for name in ["restored", "copied"] {
        assert_eq!(rows(&open(&fixture.path(name))), 2_100, "{name}");
    }
    assert_eq!(rows(&fixture.store), 2_100);
}

#[test]
fn a_checkpoint_that_is_not_what_it_was_is_refused_by_the_name_of_the_file() {
    type Damage = fn(&Path);
    let damages: [(&str, &str, Damage); 7] = [
        ("missing", "a file is missing", |file| fs::remove_file(file).unwrap()),
        ("short", "a file has", |file| fs::write(file, &own(file)[1..]).unwrap()),
        ("flipped", "another checksum", |file| {
            let mut bytes = own(file);
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(file, bytes).unwrap();
        }),
        ("empty", "a file has 0 bytes and should have", |file| drop((own(file), fs::write(file, "").unwrap()))),
        ("linked", "a link or no file", |file| {
            let elsewhere = file.with_file_name("../elsewhere.sst");
            fs::rename(file, &elsewhere).unwrap();
            symlink(elsewhere, file).unwrap();
        }),
        ("directory", "a link or no file", |file| drop((own(file), fs::remove_file(file), fs::create_dir(file)))),
        ("extra", "does not belong to it", |file| {
            fs::copy(file, file.with_file_name("999999.sst")).unwrap();
        }),
    ];
    let fixture = Fixture::new();
    for (name, fault, damage) in damages {
        let copy = fixture.checkpoint(name, CheckpointFiles::Copied);
        let file = data_file(&copy);
        damage(&file);
        let error = fixture.restore(&copy, "restored").unwrap_err();
        let file = if name == "extra" { file.with_file_name("999999.sst") } else { file };
        let text = format!("{error:#}");
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{text}");
        assert!(text.contains(fault) && text.ends_with(&*file.to_string_lossy()), "{name}: {text}");
    }
    assert_eq!(rows(&fixture.store), 2_100, "the store is none the worse for it");
}

#[test]
fn every_file_of_a_checkpoint_counts() {
    let fixture = Fixture::new();
    let copy = fixture.checkpoint("copy", CheckpointFiles::Copied);
    for file in files(&copy).into_iter().filter(|file| fs::metadata(file).unwrap().len() > 0) {
        let whole = fs::read(&file).unwrap();
        let mut bytes = whole.clone();
        let last = bytes.len() - 1;
        bytes[last] ^= 0x80;
        fs::write(&file, bytes).unwrap();
        let error = fixture.restore(&copy, "restored").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{}: {error:#}", file.display());
        fs::write(&file, whole).unwrap();
    }
    fixture.restore(&copy, "restored").unwrap();
}

#[test]
fn a_data_file_that_was_damaged_in_the_store_is_found_by_the_next_copy() {
    let fixture = Fixture::new();
    let first = fixture.checkpoint("first", CheckpointFiles::Shared);
    let file = fixture.path("store").join(data_file(&first).file_name().unwrap());
    let mut bytes = fs::read(&file).unwrap();
    bytes[100] ^= 1;
    fs::write(&file, bytes).unwrap();
    let error = fixture.store.checkpoint(&fixture.path("second"), CheckpointFiles::Copied).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error:#}");
    assert!(format!("{error:#}").ends_with(&*file.file_name().unwrap().to_string_lossy()), "{error:#}");
    assert_eq!(fixture.restore(&first, "restored").unwrap_err().kind(), ErrorKind::Corrupt, "they share the file");
}

#[test]
fn a_checkpoint_of_an_earlier_version_is_restored_by_reading_it() {
    let fixture = Fixture::new();
    let copy = fixture.checkpoint("copy", CheckpointFiles::Copied);
    fs::remove_file(copy.join("ASOFDB.files")).unwrap();
    assert_eq!(fixture.restore(&copy, "restored").unwrap().versions_read, Some(2_100));
    let file = data_file(&copy);
    let mut bytes = own(&file);
    bytes[100] ^= 1;
    fs::write(&file, bytes).unwrap();
    let error = fixture.restore(&copy, "other").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error:#}");
    fs::remove_file(&file).unwrap();
    symlink(data_file(&fixture.path("restored")), &file).unwrap();
    let error = fixture.restore(&copy, "other").unwrap_err();
    assert!(format!("{error:#}").contains("is a link"), "{error:#}");
}

#[test]
fn what_is_no_checkpoint_is_not_restored() {
    let fixture = Fixture::new();
    let error = fixture.restore(&fixture.path("store"), "restored").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error:#}");
    assert_eq!(fixture.restore(&fixture.path("none"), "restored").unwrap_err().kind(), ErrorKind::NotFound);
    let empty = fixture.path("empty");
    fs::create_dir(&empty).unwrap();
    assert_eq!(fixture.restore(&empty, "restored").unwrap_err().kind(), ErrorKind::NotFound);
    fs::copy(fixture.path("store/ASOFDB"), empty.join("ASOFDB")).unwrap();
    assert_eq!(fixture.restore(&empty, "restored").unwrap_err().kind(), ErrorKind::Corrupt, "a marker alone");
    let error = refusal(&empty, Options { create: false, ..options() });
    assert_eq!(error.kind(), ErrorKind::Corrupt, "nor is it a fresh store: {error:#}");
    let opened = fixture.checkpoint("opened", CheckpointFiles::Copied);
    drop(open(&opened));
    assert_eq!(fixture.restore(&opened, "restored").unwrap_err().kind(), ErrorKind::Conflict);
    let whole = fixture.checkpoint("whole", CheckpointFiles::Shared);
    let (taken, vacant) = (fixture.path("taken"), fixture.path("vacant"));
    fs::create_dir_all(taken.join("something")).unwrap();
    fs::create_dir(&vacant).unwrap();
    assert_eq!(restore(&whole, &taken).unwrap_err().kind(), ErrorKind::Conflict);
    restore(&whole, &vacant).unwrap();
}

/// Loads done while checkpoints are made of the store.
const LOADS: i64 = 150;

/// Rows of each.
const ROWS_A_LOAD: i64 = 20;

#[test]
fn a_checkpoint_has_all_of_a_bulk_load_that_is_being_taken_over_or_none_of_it() {
    let fixture = Fixture::new();
    let view = view(&fixture.store);
    std::thread::scope(|scope| {
        let loads = scope.spawn(|| {
            for load in 1..=LOADS {
                let mut batch = WriteBatch::bulk();
                for number in 0..ROWS_A_LOAD {
                    let key = text_key(&format!("load-{load}-{number}"));
                    let row = value_row(&view, number);
                    batch.put(&view, &key, at(-1), None, &row, fixture.store.now()).unwrap();
                }
                batch.note(b"loads".to_vec(), Some(load.to_le_bytes().to_vec()));
                fixture.store.bulk_load(batch).unwrap();
            }
        });
        let mut made = 0;
        while !loads.is_finished() || made == 0 {
            let path = fixture.path("copied");
            fixture.store.checkpoint(&path, CheckpointFiles::Shared).unwrap();
            let copy = open(&path);
            let noted = copy.note(b"loads").unwrap().map_or(0, |note| i64::from_le_bytes(note.try_into().unwrap()));
            let rows = scan(&*copy.snapshot(), &view, &KeyRange::default());
            let rows = rows.iter().filter(|(key, ..)| key.starts_with("load-")).count() as i64;
            assert_eq!(rows, noted * ROWS_A_LOAD, "rows of {noted} loads that are noted");
            assert_eq!(copy.verify().unwrap().problems, Vec::<String>::new());
            drop(copy);
            fs::remove_dir_all(&path).unwrap();
            made += 1;
        }
    });
}
