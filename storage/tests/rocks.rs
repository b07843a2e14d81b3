//! Tests of what is particular to the store on disk: its directory, its lock, damage, full disks, and physical removal.
#![cfg(feature = "rocksdb")]

#[allow(dead_code, unused_imports, unused_macros, reason = "it serves several test binaries, each using some of it")]
mod common;

use std::fs;
use std::io::ErrorKind::NotFound;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use asofdb_storage::{
    AsOfLookup, Catalogs, CheckpointFiles, Clock, ClockClaim, Definitions, Durability, EntityDefinition, Error,
    ErrorKind, FeatureDefinition, FeatureView, Found, History, JoinKey, KeyRange, LookedUp, Lookup, ManualClock,
    NewestRow, Online, Options, Reading, RocksBackend, RocksOnline, ScalarType, Span, Timekeeping, Timestamp, Upkeep,
    ValueType, Version, ViewDefinition, WriteBatch,
};
use common::{DAY, HOUR, START, aged, at, kept, text_key, value_row};

/// Tells the test binary to hold a store open, and where it is.
const HOLDER: &str = "ASOFDB_HOLD_OPEN";

fn options() -> Options {
    Options { memory_budget_bytes: 16 << 20, stall_patience: Duration::from_secs(2), ..Options::default() }
}

fn open(path: &Path) -> asofdb_storage::Result<RocksBackend> {
    RocksBackend::open(path, options(), ManualClock::new(START))
}

fn refusal(path: &Path, options: Options) -> Error {
    match RocksBackend::open(path, options, ManualClock::new(START)) {
        Ok(_) => panic!("the store opened"),
        Err(error) => error,
    }
}

/// A store with one view, in a directory of its own.
struct Fixture {
    directory: tempfile::TempDir,
    clock: Arc<ManualClock>,
}

impl Fixture {
    fn new(view: ViewDefinition) -> (Self, RocksBackend) {
        let fixture = Fixture { directory: tempfile::tempdir().unwrap(), clock: ManualClock::new(START) };
        let store = fixture.open();
        store.confirm_clock().unwrap();
        define(&store, vec![view]);
        (fixture, store)
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("store")
    }

    fn open(&self) -> RocksBackend {
        RocksBackend::open(self.path(), options(), self.clock.clone()).unwrap()
    }
}

fn define(store: &RocksBackend, views: Vec<ViewDefinition>) {
    let entity = EntityDefinition {
        name: "user".to_owned(),
        join_keys: vec![JoinKey { name: "user_id".to_owned(), ty: ScalarType::String }],
        ..EntityDefinition::default()
    };
    let definitions = Definitions { entities: vec![entity], views, services: Vec::new() };
    store.set_catalog(store.catalog().plan(&definitions, store.now()).unwrap().into_catalog()).unwrap();
}

fn view(store: &RocksBackend, name: &str) -> Arc<FeatureView> {
    store.catalog().view(name).unwrap().clone()
}

fn batch(store: &RocksBackend, rows: &[(&str, i64, i64)]) -> WriteBatch {
    let view = view(store, "v");
    let mut batch = WriteBatch::new();
    for (key, event, value) in rows {
        batch.put(&view, &text_key(key), at(*event), None, &value_row(&view, *value), store.now()).unwrap();
    }
    batch
}

fn put(store: &RocksBackend, key: &str, event: i64, value: i64) {
    store.commit(batch(store, &[(key, event, value)]), Durability::Os).unwrap();
}

/// The events of the newest versions, by `latest` and by `as_of` alike.
fn newest(store: &RocksBackend, keys: &[&str]) -> Vec<Option<Timestamp>> {
    let view = view(store, "v");
    let keys: Vec<_> = keys.iter().map(|key| text_key(key)).collect();
    let (mut latest, mut as_of) = (vec![None; keys.len()], vec![None; keys.len()]);
    let lookups: Vec<_> = keys.iter().map(|key| Lookup { view: &view, key }).collect();
    let questions: Vec<_> = keys.iter().map(|key| AsOfLookup { view: &view, key, at: store.now() }).collect();
    let keep = |seen: &mut Vec<Option<Timestamp>>, index: usize, found: Option<Found<'_>>| {
        seen[index] = found.map(|found| found.version.event);
        Ok(())
    };
    store.latest(&lookups, store.now(), &mut |index, found| keep(&mut latest, index, found)).unwrap();
    store.as_of(&questions, None, &mut |index, found| keep(&mut as_of, index, found)).unwrap();
    assert_eq!(latest, as_of);
    latest
}

fn count(store: &RocksBackend) -> u64 {
    store.verify().unwrap().versions
}

fn is_root() -> bool {
    // What root made, others cannot forbid root to write.
    fs::metadata("/proc/self").map(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0).unwrap_or(false)
}

#[test]
fn a_directory_that_is_no_store_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("thesis.doc"), "precious").unwrap();
    let error = refusal(directory.path(), options());
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains("not an asofdb store"), "{error}");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn a_missing_store_is_created_only_when_asked() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("none");
    let error = refusal(&path, Options { create: false, ..options() });
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("asof apply"), "{error}");
    assert!(!path.exists());
    drop(open(&path).unwrap());
    RocksBackend::open(&path, Options { create: false, ..options() }, ManualClock::new(START)).unwrap();
}

#[test]
fn options_that_cannot_work_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    for (bad, name) in [
        (Options { memory_budget_bytes: 1000, ..options() }, "memory_budget_bytes is at least 16777216: 1000"),
        (Options { background_jobs: 0, ..options() }, "background_jobs is from 1 to 64: 0"),
        (
            Options { background_bytes_per_second: Some(1 << 19), ..options() },
            "background_bytes_per_second is from 1048576 to 1099511627776: 524288",
        ),
        (Options { background_niceness: 20, ..options() }, "background_niceness is from 0 to 19: 20"),
    ] {
        let refused = refusal(&directory.path().join("store"), bad);
        assert_eq!((refused.kind(), refused.message()), (ErrorKind::Invalid, name));
    }
}

#[test]
fn a_store_is_open_once_in_a_process() {
    let (fixture, _store) = Fixture::new(kept("v"));
    let error = refusal(&fixture.path(), options());
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("already open in this process"), "{error}");
}

#[test]
fn a_store_is_open_once_in_a_process_whatever_it_is_called() {
    let (fixture, _store) = Fixture::new(kept("v"));
    let (path, elsewhere) = (fixture.path(), tempfile::tempdir().unwrap());
    let link = elsewhere.path().join("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let name = path.file_name().unwrap();
    for other in [link, path.join(""), path.join("."), path.join("..").join(name)] {
        let error = refusal(&other, options());
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{}", other.display());
        assert!(error.to_string().contains("already open in this process"), "{error}");
    }
}

#[test]
fn a_store_that_another_process_has_open_says_so() {
    let (fixture, store) = Fixture::new(kept("v"));
    drop(store);
    let mut holder = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "holder", "--nocapture", "--test-threads=1"])
        .env(HOLDER, fixture.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(holder.stdout.take().unwrap()).lines();
    assert!(lines.by_ref().map_while(Result::ok).any(|line| line == "holding"));
    let error = refusal(&fixture.path(), options());
    drop(holder.stdin.take());
    // Read to its end, so that the other process can say all it has to say.
    assert!(lines.all(|line| line.is_ok()));
    holder.wait().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(
        error.to_string().contains(&format!("another process has the store open: pid {};", holder.id())),
        "{error}"
    );
    assert!(error.to_string().contains(&*fixture.path().to_string_lossy()), "{error}");
    drop(fixture.open());
}

/// Not a test: what the other process runs, until its input ends.
#[test]
fn holder() {
    let Some(path) = std::env::var_os(HOLDER) else { return };
    let _store = open(Path::new(&path)).unwrap();
    writeln!(std::io::stdout(), "\nholding").unwrap();
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

#[test]
fn a_directory_that_cannot_be_written_is_unavailable() {
    use std::os::unix::fs::PermissionsExt;
    let (fixture, store) = Fixture::new(kept("v"));
    drop(store);
    if is_root() {
        return println!("skipped: modes do not keep root from writing; the read-only mounts of tests/disks.rs do");
    }
    fs::set_permissions(fixture.path(), fs::Permissions::from_mode(0o555)).unwrap();
    let error = refusal(&fixture.path(), options());
    fs::set_permissions(fixture.path(), fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[test]
fn a_store_of_a_newer_format_is_refused() {
    let (fixture, store) = Fixture::new(kept("v"));
    drop(store);
    fs::write(fixture.path().join("ASOFDB"), "asofdb store, format 2\n").unwrap();
    let error = refusal(&fixture.path(), options());
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains("newer asofdb"), "{error}");
}

#[test]
fn a_damaged_current_file_is_corruption_that_names_the_store() {
    let (fixture, store) = Fixture::new(kept("v"));
    put(&store, "a", -1, 1);
    store.flush().unwrap();
    drop(store);
    for damage in [Some("MANIFEST-999999\n"), Some("nonsense"), None] {
        let current = fixture.path().join("CURRENT");
        match damage {
            Some(text) => fs::write(&current, text).unwrap(),
            None => fs::remove_file(&current).unwrap(),
        }
        let error = refusal(&fixture.path(), options());
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error:#}");
        assert!(error.to_string().contains(&*fixture.path().to_string_lossy()), "{error}");
    }
}

#[test]
fn damaged_data_is_corruption_and_verify_tells_of_it() {
    let (fixture, store) = Fixture::new(kept("v"));
    let rows: Vec<_> = (0..5000).map(|number| (number.to_string(), -number - 1, number)).collect();
    let rows: Vec<_> = rows.iter().map(|(key, event, value)| (key.as_str(), *event, *value)).collect();
    store.commit(batch(&store, &rows), Durability::Os).unwrap();
    store.compact().unwrap();
    drop(store);
    for file in fs::read_dir(fixture.path()).unwrap().map(|file| file.unwrap().path()) {
        let bytes = file.metadata().unwrap().len();
        if file.extension().is_some_and(|ending| ending == "sst") && bytes > 10_000 {
            let mut file = fs::OpenOptions::new().write(true).open(file).unwrap();
            file.seek(SeekFrom::Start(bytes / 3)).unwrap();
            file.write_all(&[0xff; 64]).unwrap();
        }
    }
    let store = fixture.open();
    let problems = store.verify().unwrap().problems;
    assert!(problems.iter().any(|problem| problem.starts_with("history: ")), "{problems:?}");
    let snapshot = store.snapshot();
    let view = view(&store, "v");
    let mut scan = snapshot.scan(&view, &KeyRange::default()).unwrap();
    let error = loop {
        match scan.next() {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the damage was overlooked"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error:#}");
}

#[test]
fn retention_is_reclaimed_by_compaction() {
    let (fixture, store) = Fixture::new(aged("v", true));
    for day in 0..8 {
        put(&store, "old", -day * DAY, day);
        put(&store, "new", -day * DAY, day);
    }
    fixture.clock.set(at(5 * DAY));
    put(&store, "new", 5 * DAY, 9);
    store.compact().unwrap();
    assert_eq!(count(&store), 6 + 7, "those older than ten days are gone");
    fixture.clock.set(at(100 * DAY));
    store.compact().unwrap();
    assert_eq!(count(&store), 2, "of each entity the newest is kept");
    assert_eq!(newest(&store, &["old", "new"]), [Some(at(0)), Some(at(5 * DAY))]);
}

#[test]
fn rows_that_compaction_took_from_one_family_only_are_no_problem() {
    let (fixture, store) = Fixture::new(aged("v", false));
    put(&store, "a", -9 * DAY, 1);
    fixture.clock.set(at(2 * DAY));
    // The first version is hidden by now, and the late one even more so, whichever of them is still on disk.
    store.compact().unwrap();
    put(&store, "a", -20 * DAY, 2);
    store.flush().unwrap();
    assert_eq!(newest(&store, &["a"]), [None]);
    assert_eq!(store.verify().unwrap().problems, Vec::<String>::new());
}

#[test]
fn a_snapshot_holds_retention_until_it_is_dropped() {
    let (fixture, store) = Fixture::new(aged("v", false));
    put(&store, "a", -9 * DAY, 1);
    let snapshot = store.snapshot();
    fixture.clock.set(at(100 * DAY));
    store.compact().unwrap();
    let v = view(&store, "v");
    assert!(snapshot.scan(&v, &KeyRange::default()).unwrap().next().unwrap().is_some());
    assert_eq!(count(&store), 1);
    drop(snapshot);
    store.compact().unwrap();
    assert_eq!(count(&store), 0);
}

#[test]
fn what_is_the_newest_for_a_snapshot_stays_when_newer_rows_are_written_and_compacted() {
    let (_fixture, store) = Fixture::new(aged("v", true));
    put(&store, "a", -20 * DAY, 1);
    let snapshot = store.snapshot();
    put(&store, "a", -1, 2);
    store.compact().unwrap();
    let v = view(&store, "v");
    let events = |snapshot: &dyn asofdb_storage::Snapshot| {
        let mut scan = snapshot.scan(&v, &KeyRange::default()).unwrap();
        std::iter::from_fn(|| scan.next().unwrap().map(|row| row.version.event)).collect::<Vec<_>>()
    };
    assert_eq!(events(&*snapshot), [at(-20 * DAY)]);
    drop(snapshot);
    assert_eq!(events(&*store.snapshot()), [at(-1)]);
    store.compact().unwrap();
    assert_eq!(count(&store), 1, "without a snapshot it is reclaimed");
}

#[test]
fn a_clock_that_stands_before_the_last_opening_brings_nothing_back() {
    let (fixture, store) = Fixture::new(aged("v", false));
    put(&store, "a", -HOUR, 1);
    fixture.clock.set(at(20 * DAY));
    put(&store, "b", 20 * DAY, 1);
    drop(store);
    fixture.clock.set(START);
    let store = fixture.open();
    assert_eq!(store.now(), at(20 * DAY));
    assert_eq!(newest(&store, &["a", "b"]), [None, Some(at(20 * DAY))]);
}

#[test]
fn dropped_views_are_reclaimed_by_compaction() {
    let (_fixture, store) = Fixture::new(kept("v"));
    let rows: Vec<_> = (0..2000).map(|number| (number.to_string(), -1, number)).collect();
    let rows: Vec<_> = rows.iter().map(|(key, event, value)| (key.as_str(), *event, *value)).collect();
    store.commit(batch(&store, &rows), Durability::Os).unwrap();
    store.flush().unwrap();
    define(&store, Vec::new());
    store.compact().unwrap();
    let families = store.stats().unwrap().families;
    for name in ["latest", "history"] {
        let family = families.iter().find(|family| family.name == name).unwrap();
        assert_eq!((family.rows_estimate, family.disk_bytes), (0, 0), "{name}");
    }
}

#[test]
fn erased_bytes_are_on_disk_no_more() {
    const VALUE: i64 = 0x1f83_d9ab_fb41_bd6b;
    let holds = |path: &Path| {
        let files = fs::read_dir(path).unwrap().map(|file| file.unwrap().path()).filter(|file| file.is_file());
        // A file that the store removes meanwhile has none.
        let read = files.map(fs::read).filter(|read| !matches!(read, Err(error) if error.kind() == NotFound));
        read.into_iter().any(|bytes| bytes.unwrap().windows(8).any(|window| window == VALUE.to_le_bytes()))
    };
    let (fixture, store) = Fixture::new(kept("v"));
    put(&store, "a", -2, VALUE);
    put(&store, "b", -2, 1);
    store.flush().unwrap();
    put(&store, "a", -1, VALUE);
    assert_eq!(newest(&store, &["a", "b"]), [Some(at(-1)), Some(at(-2))]);
    assert!(holds(&fixture.path()));
    let v = view(&store, "v");
    let receipts = store.erase(&[Lookup { view: &v, key: &text_key("a") }]).unwrap();
    assert_eq!(receipts[0].versions, 2);
    assert!(!holds(&fixture.path()));
    assert_eq!(newest(&store, &["a", "b"]), [None, Some(at(-2))]);
}

#[test]
fn a_few_lookups_of_rows_that_are_there_and_not_are_answered_in_any_order() {
    let (_fixture, store) = Fixture::new(kept("v"));
    for key in ["a", "c", "e", "g"] {
        put(&store, key, -1, 1);
    }
    let there = Some(at(-1));
    for _ in 0..2 {
        assert_eq!(newest(&store, &["a", "b", "c", "d"]), [there, None, there, None]);
        assert_eq!(newest(&store, &["b", "c", "a", "h", "e"]), [None, there, there, None, there]);
        let many = ["h", "a", "b", "g", "c", "f", "d", "e", "a", "a"];
        let expected = [None, there, None, there, there, None, None, there, there, there];
        assert_eq!(newest(&store, &many), expected);
        store.compact().unwrap();
    }
}

#[test]
fn the_parts_of_a_split_are_about_equal_and_complete() {
    let (_fixture, store) = Fixture::new(kept("v"));
    // Keys that are far from evenly spread, as texts.
    let keys: Vec<_> = (0..60_000_i64).map(|number| format!("{}-{number}", number % 7)).collect();
    for rows in keys.chunks(20_000) {
        let rows: Vec<_> = rows.iter().map(|key| (key.as_str(), -1, 1)).collect();
        store.commit(batch(&store, &rows), Durability::Os).unwrap();
    }
    store.compact().unwrap();
    let (snapshot, view) = (store.snapshot(), view(&store, "v"));
    let parts = snapshot.split(&view, 4).unwrap();
    assert_eq!(parts.len(), 4);
    let rows = parts.iter().map(|part| {
        let mut scan = snapshot.scan(&view, part).unwrap();
        std::iter::from_fn(|| scan.next().unwrap().map(|_| ())).count()
    });
    let rows: Vec<_> = rows.collect();
    assert_eq!(rows.iter().sum::<usize>(), keys.len());
    assert!(rows.iter().all(|rows| (10_000..20_000).contains(rows)), "{rows:?}");
}

#[test]
fn a_checkpoint_is_a_store_of_its_own() {
    let (fixture, store) = Fixture::new(kept("v"));
    put(&store, "a", -1, 1);
    let target = fixture.directory.path().join("copies/monday");
    store.checkpoint(&target, CheckpointFiles::Shared).unwrap();
    put(&store, "b", -1, 1);
    assert_eq!(store.checkpoint(&target, CheckpointFiles::Shared).unwrap_err().kind(), ErrorKind::Conflict);
    let copy = RocksBackend::open(&target, Options { create: false, ..options() }, ManualClock::new(START)).unwrap();
    assert_eq!(newest(&copy, &["a", "b"]), [Some(at(-1)), None]);
    assert_eq!(copy.verify().unwrap().problems, Vec::<String>::new());
    assert_eq!(fs::read_dir(target.parent().unwrap()).unwrap().count(), 1);
}

#[test]
fn many_writers_share_commits_and_no_two_get_one_stamp() {
    let (_fixture, store) = Fixture::new(kept("v"));
    let mut stamps = std::thread::scope(|scope| {
        let write = |writer: i64| {
            let store = &store;
            move || {
                let commit = |number: i64| {
                    let rows = [("shared", -1 - writer, number), ("other", -1 - number, writer)];
                    let durability = if number % 7 == 0 { Durability::Sync } else { Durability::Os };
                    store.commit(batch(store, &rows), durability).unwrap().created
                };
                (0..50).map(commit).collect::<Vec<_>>()
            }
        };
        let writers: Vec<_> = (0..8).map(|writer| scope.spawn(write(writer))).collect();
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect::<Vec<_>>()
    });
    stamps.sort_unstable();
    stamps.dedup();
    assert_eq!(stamps.len(), 400);
    assert_eq!(newest(&store, &["shared", "other"]), [Some(at(-1)), Some(at(-1))]);
    assert_eq!((store.stats().unwrap().batches, count(&store)), (400, 800));
}

#[test]
fn memory_stays_within_its_budget() {
    let (_fixture, store) = Fixture::new(kept("v"));
    for number in 0..40_i64 {
        let keys: Vec<_> = (0..2000).map(|row| format!("{}", row * 40 + number)).collect();
        let rows: Vec<_> = keys.iter().map(|key| (key.as_str(), -1, number)).collect();
        store.commit(batch(&store, &rows), Durability::Os).unwrap();
    }
    newest(&store, &["1", "79999"]);
    let stats = store.stats().unwrap();
    assert_eq!(stats.memory_budget_bytes, 16 << 20);
    assert!(stats.memory_bytes <= stats.memory_budget_bytes, "{stats:?}");
    assert_eq!(stats.background_error, None);
}

/// A small file system that can be filled, where this process may make one.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn new(megabytes: usize) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let size = format!("size={megabytes}m");
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(directory.path())
            .stderr(Stdio::null())
            .status();
        mount.is_ok_and(|status| status.success()).then_some(SmallDisk(directory))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_refuses_writes_loses_nothing_and_writing_resumes_when_there_is_room() {
    let Some(disk) = SmallDisk::new(48) else {
        return println!("skipped: this process may not mount a file system to fill");
    };
    let ballast = disk.0.path().join("ballast");
    fs::write(&ballast, vec![1; 16 << 20]).unwrap();
    let path = disk.0.path().join("store");
    let store = open(&path).unwrap();
    define(&store, vec![ViewDefinition { features: wide(), ..kept("v") }]);
    let mut written = Vec::new();
    let error = loop {
        let keys: Vec<_> = (0..500).map(|row| format!("{}-{row}", written.len())).collect();
        match store.commit(bulky(&store, &keys, written.len()), Durability::Sync) {
            Ok(_) => written.push(keys),
            Err(error) => break error,
        }
        assert!(written.len() < 1000, "the disk never filled");
    };
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(format!("{error:#}").contains("disk is full"), "{error:#}");
    assert!(store.stats().unwrap().background_error.is_some());
    let all: Vec<_> = written.iter().flatten().map(String::as_str).collect();
    assert!(newest(&store, &all).iter().all(Option::is_some), "a full disk keeps answering");
    let refused = format!("{}-0", written.len());
    assert_eq!(newest(&store, &[&refused]), [None]);
    fs::remove_file(&ballast).unwrap();
    let resumed = (0..120).any(|_| {
        std::thread::sleep(Duration::from_millis(250));
        store.commit(batch(&store, &[("after", -1, 1)]), Durability::Sync).is_ok()
    });
    assert!(resumed, "there is room again, but writing did not resume");
    drop(store);
    let store = open(&path).unwrap();
    assert!(newest(&store, &all).iter().all(Option::is_some));
    assert_eq!(newest(&store, &["after"]), [Some(at(-1))]);
    assert_eq!(store.verify().unwrap().problems, Vec::<String>::new());
}

/// The integer that other helpers read, and bytes to fill a disk with.
fn wide() -> Vec<FeatureDefinition> {
    let filling = FeatureDefinition::new("filling", ValueType::Scalar(ScalarType::Bytes));
    vec![FeatureDefinition::new("value", ValueType::Scalar(ScalarType::Int64)), filling]
}

/// Rows of a kilobyte that does not compress.
fn bulky(store: &RocksBackend, keys: &[String], seed: usize) -> WriteBatch {
    let view = view(store, "v");
    let layout = view.current_layout();
    let mut batch = WriteBatch::new();
    let mut random = seed as u64 + 0x9e37_79b9_7f4a_7c15;
    for key in keys {
        let mut filling = || {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 40) as u8
        };
        let filling: Vec<u8> = (0..1000).map(|_| filling()).collect();
        let values = [Some(asofdb_storage::Value::Int64(1)), Some(asofdb_storage::Value::Bytes(filling))];
        let mut row = Vec::new();
        asofdb_storage::row::encode(&layout, &values, &mut row);
        batch.put(&view, &text_key(key), at(-1), None, &row, store.now()).unwrap();
    }
    batch
}

#[test]
fn the_present_comes_from_the_clock_that_was_given() {
    let (fixture, store) = Fixture::new(kept("v"));
    fixture.clock.advance(asofdb_storage::Span::from_secs(5));
    assert_eq!(store.now(), fixture.clock.now());
}

#[test]
fn a_closed_time_is_believed_when_the_clock_was_consistent_over_two_more() {
    let (fixture, store) = Fixture::new(aged("v", true));
    drop(store);
    let believed = |day: i64| {
        fixture.clock.step(at(day * DAY));
        let store = fixture.open();
        assert_eq!(store.now(), at(day * DAY));
        store.clock().believed.unwrap()
    };
    assert_eq!([10, 11, 11, 12].map(believed), [at(0), at(0), at(0), at(10 * DAY)]);
    fixture.clock.step(at(11 * DAY));
    let store = fixture.open();
    let claim = store.clock().claim;
    assert_eq!(claim.map(|claim| claim.agreed), Some(Span::ZERO), "it went back from the twelfth day");
}

#[test]
fn the_agreement_of_the_clock_is_on_record() {
    let (fixture, store) = Fixture::new(aged("v", true));
    fixture.clock.step(at(DAY));
    store.now();
    fixture.clock.advance(Span::from_secs(2_000));
    drop(store);
    let store = fixture.open();
    let agreed = |store: &RocksBackend| store.clock().claim.map(|ClockClaim { agreed, .. }| agreed);
    assert_eq!(agreed(&store), Some(Span::from_secs(2_000)));
    fixture.clock.advance(Span::from_secs(1_599));
    assert_eq!(agreed(&store), Some(Span::from_secs(3_599)));
    fixture.clock.advance(Span::from_secs(1));
    assert_eq!((agreed(&store), store.believed()), (None, at(DAY + HOUR)));
}

#[test]
fn a_new_store_is_not_bound_by_the_clock_of_its_first_hour() {
    let directory = tempfile::tempdir().unwrap();
    let clock = ManualClock::new(at(3_650 * DAY));
    let open = || RocksBackend::open(directory.path().join("store"), options(), clock.clone()).unwrap();
    let store = open();
    define(&store, vec![aged("v", false)]);
    assert_eq!((store.now(), store.believed()), (at(3_650 * DAY), Timestamp::MIN));
    put(&store, "a", 0, 1);
    store.compact().unwrap();
    assert_eq!(count(&store), 1, "nothing is reclaimed yet");
    drop(store);
    clock.step(START);
    let store = open();
    assert_eq!(store.now(), START);
    assert_eq!(newest(&store, &["a"]), [Some(at(0))]);
}

/// A clock that counts how often it is asked.
struct CountedClock(AtomicUsize);

impl Clock for CountedClock {
    fn now(&self) -> Timestamp {
        self.0.fetch_add(1, Ordering::Relaxed);
        START
    }

    fn reading(&self) -> Reading {
        Reading { system: START, elapsed: Span::ZERO }
    }
}

#[test]
fn a_read_of_the_present_asks_the_clock_no_more_than_its_caller_did() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(CountedClock(AtomicUsize::new(0)));
    let store = RocksBackend::open(directory.path().join("store"), options(), clock.clone()).unwrap();
    define(&store, ["v", "w", "x", "y"].map(kept).to_vec());
    // The second row waits for its time, so that `history` must answer.
    store.commit(batch(&store, &[("a", -1, 1), ("b", -1, 1), ("b", HOUR, 2)]), Durability::Os).unwrap();
    let views = ["v", "w", "x", "y"].map(|name| view(&store, name));
    let (a, b) = (text_key("a"), text_key("b"));
    let row = |view, key| Lookup { view, key };
    let reads = [
        vec![row(&views[0], &a)],
        vec![row(&views[0], &a), row(&views[1], &b)],
        views.iter().map(|view| row(view, &a)).collect(),
        vec![row(&views[0], &b)],
    ];
    for lookups in reads {
        let (before, now) = (clock.0.load(Ordering::Relaxed), store.now());
        let mut found = 0;
        let visit = &mut |_: usize, version: Option<Found<'_>>| {
            found += version.map_or(0, |version| i32::from(version.version.event == at(-1)));
            Ok(())
        };
        store.latest(&lookups, now, visit).unwrap();
        assert_eq!((found, clock.0.load(Ordering::Relaxed) - before), (1, 1), "{} lookups", lookups.len());
    }
}

#[test]
fn a_read_that_took_its_time_before_a_write_sees_nothing_older_than_what_compaction_took() {
    let (fixture, store) = Fixture::new(aged("v", false));
    put(&store, "a", -DAY, 1);
    let taken = store.now();
    fixture.clock.set(at(9 * DAY + 1));
    store.compact().unwrap();
    assert_eq!(count(&store), 0, "compaction has taken the newest version");
    put(&store, "a", -2 * DAY, 2);
    let (view, key) = (view(&store, "v"), text_key("a"));
    let mut seen = 0;
    let visit = &mut |_: usize, found: Option<Found<'_>>| {
        seen += usize::from(found.is_some());
        Ok(())
    };
    store.latest(&[Lookup { view: &view, key: &key }], taken, visit).unwrap();
    assert_eq!(seen, 0, "the older version must not come out from under the newer one");
}

/// Returns what a table has of one row.
fn in_table(table: &RocksOnline, view: &FeatureView, key: &str) -> Option<(Timestamp, Vec<u8>)> {
    let (key, mut seen) = (text_key(key), None);
    let visit = &mut |_: usize, found: Option<Found<'_>>| {
        seen = found.map(|found| (found.version.event, found.row.to_vec()));
        Ok(())
    };
    let looked_up = table.look_up(&[Lookup { view, key: &key }], START, visit).unwrap();
    assert_eq!(looked_up, LookedUp::Answered);
    seen
}

#[test]
fn a_table_by_itself_follows_a_store() {
    let (fixture, store) = Fixture::new(kept("v"));
    put(&store, "a", -2, 1);
    put(&store, "gone", -2, 1);
    let table = Arc::new(RocksOnline::create(fixture.directory.path().join("table"), 16 << 20).unwrap());
    store.observe(table.clone()).unwrap();
    let (view, gone) = (view(&store, "v"), text_key("gone"));
    assert_eq!(in_table(&table, &view, "gone"), Some((at(-2), value_row(&view, 1))));
    put(&store, "a", -1, 2);
    put(&store, "a", -3, 3);
    store.erase(&[Lookup { view: &view, key: &gone }]).unwrap();
    assert_eq!(in_table(&table, &view, "a"), Some((at(-1), value_row(&view, 2))));
    assert_eq!(in_table(&table, &view, "gone"), None);
    define(&store, Vec::new());
    assert_eq!(in_table(&table, &view, "a"), None);
}

#[test]
fn a_table_by_itself_is_made_anew_and_nothing_else_is_taken_for_one() {
    let (fixture, store) = Fixture::new(kept("v"));
    let (view, key) = (view(&store, "v"), text_key("a"));
    let row = value_row(&view, 7);
    let newest =
        NewestRow { of: Lookup { view: &view, key: &key }.row_key(), version: Version::new(at(-1), at(0)), row: &row };
    let path = fixture.directory.path().join("table");
    let create = |path: &Path| RocksOnline::create(path, 16 << 20);
    let table = create(&path).unwrap();
    table.put(&[newest]).unwrap();
    assert_eq!(in_table(&table, &view, "a"), Some((at(-1), row.clone())));
    assert_eq!(create(&path).err().map(|error| error.kind()), Some(ErrorKind::Unavailable), "it is open");
    assert_eq!(in_table(&table, &view, "a"), Some((at(-1), row.clone())));
    drop(table);
    assert_eq!(in_table(&create(&path).unwrap(), &view, "a"), None, "it may have missed an erasure");
    assert_eq!(refusal(&path, options()).kind(), ErrorKind::Conflict, "nor is a table taken for a store");
    drop(store);
    let thesis = fixture.directory.path().join("thesis");
    fs::create_dir(&thesis).unwrap();
    fs::write(thesis.join("thesis.doc"), "precious").unwrap();
    for other in [fixture.path(), thesis.clone()] {
        let error = create(&other).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    }
    assert_eq!(fs::read_dir(&thesis).unwrap().count(), 1);
    drop(fixture.open());
    assert_eq!(RocksOnline::create(&path, 1).err().map(|error| error.kind()), Some(ErrorKind::Invalid));
}
