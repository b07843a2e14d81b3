//! Disks that are full or read-only, through the library: an error that says so, and nothing half done.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, Int64Array, RecordBatch, StringArray};
use asofdb::{
    Durability, ErrorKind, IngestOptions, Input, ManualClock, Options, Result, Session, Store, TrainingSetOptions,
    Value,
};

use crate::common::disk::Disk;
use crate::common::{NOW, TestStore, batch, files, hours_ago, int, times, users};

/// Users with names that do not compress, of about 200 bytes a row.
pub(crate) fn profiles(users: i64) -> RecordBatch {
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..users));
    let mut random = 1_u64;
    let mut word = || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        format!("{:016x}", random ^ (random >> 29))
    };
    let names: Vec<String> = (0..users).map(|_| (0..12).map(|_| word()).collect()).collect();
    batch(vec![
        ("user_id", ids.clone()),
        ("event_timestamp", times((0..users).map(|_| Some(hours_ago(1))))),
        ("score", Arc::new(Float32Array::from_iter_values((0..users).map(|user| user as f32)))),
        ("visits", ids),
        ("name", Arc::new(StringArray::from(names))),
    ])
}

pub(crate) fn open(path: &Path) -> Store {
    let options = Options { memory_budget_bytes: 64 << 20, ..Options::default() };
    let store = Store::open_with(path, options, ManualClock::new(NOW), Durability::Os).unwrap();
    store.apply(&users(), false).unwrap();
    store
}

fn ingest(store: &Store, path: &Path) -> Result<u64> {
    let inputs = vec![Input::Path(path.to_owned())];
    store.ingest("profile", inputs, &IngestOptions::default(), &mut |_| {}).map(|report| report.rows_written)
}

#[test]
fn an_ingest_onto_a_full_disk_writes_nothing_and_can_be_repeated_when_there_is_room() {
    let files = tempfile::tempdir().unwrap();
    // One through the write buffers and one in files of its own.
    for rows in [40_000, 90_000] {
        let Some(disk) = Disk::small(96) else { return };
        let source = files::parquet(files.path().join(format!("{rows}.parquet")), &profiles(rows), 10_000);
        let store = open(&disk.path().join("store"));
        let ballast = disk.fill_up_to(1 << 20);
        let error = ingest(&store, &source).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(format!("{error:#}").contains("the disk is full; free some space and try again"), "{error:#}");
        assert_eq!(store.history("profile", &[("user_id", Value::Int64(1))], 10).unwrap(), []);
        fs::remove_file(ballast).unwrap();
        drop(store);
        let store = open(&disk.path().join("store"));
        assert_eq!(store.verify().unwrap().versions, 0, "{rows}");
        assert_eq!(ingest(&store, &source).unwrap(), rows as u64);
        let verified = store.verify().unwrap();
        assert_eq!((verified.versions, verified.problems.as_slice()), (rows as u64, [].as_slice()));
    }
}

#[test]
fn a_training_set_and_an_export_onto_a_full_disk_name_it_and_leave_nothing() {
    let Some(disk) = Disk::small(4) else { return };
    let test = TestStore::new(&users());
    let spine = files::parquet(test.directory.path().join("rows.parquet"), &profiles(90_000), 10_000);
    ingest(&test.store, &spine).unwrap();
    let (set, export) = (disk.path().join("set.parquet"), disk.path().join("export"));
    let options = TrainingSetOptions::default();
    let made = test.store.training_set(&["profile:visits"], &spine, &set, &full_names(options), &mut |_| {});
    let exported = test.store.export("profile", &export, &asofdb::ExportOptions::default(), &mut |_| {});
    for (error, out) in [(made.unwrap_err(), set), (exported.unwrap_err(), export)] {
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        let expected = format!("the disk is full: cannot write {}", out.display());
        assert!(error.to_string().starts_with(&expected), "{error}");
    }
    assert_eq!(fs::read_dir(disk.path()).unwrap().count(), 0);
}

/// Writes one user with these visits.
pub(crate) fn write_user(store: &Store, user: i64, visits: i64) -> Result<()> {
    let columns = vec![
        ("user_id", Arc::new(Int64Array::from(vec![user])) as ArrayRef),
        ("event_timestamp", times([Some(hours_ago(1))])),
        ("score", Arc::new(Float32Array::from(vec![0.5]))),
        ("visits", Arc::new(Int64Array::from(vec![visits]))),
        ("name", Arc::new(StringArray::from(vec!["x"]))),
    ];
    store.write("profile", &batch(columns)).map(drop)
}

/// The visits of a user now.
pub(crate) fn visits(store: &Store, user: i64) -> Option<Value> {
    let request = store.prepare(&["profile:visits"]).unwrap();
    let mut entities = request.entity_rows();
    entities.push(&[int(user)]).unwrap();
    store.latest(&request, &entities).unwrap().value(0, 0).unwrap()
}

fn open_synced(path: &Path) -> Store {
    let options = Options { memory_budget_bytes: 64 << 20, ..Options::default() };
    Store::open_with(path, options, ManualClock::new(NOW), Durability::Sync).unwrap()
}

/// Every way to write, and what each says of a store that is read-only.
fn every_write(store: &Store, files: &Path) -> Vec<asofdb::Error> {
    let source = files::parquet(files.join("source.parquet"), &profiles(90_000), 10_000);
    let key = [("user_id", Value::Int64(1))];
    vec![
        write_user(store, 3, 3).unwrap_err(),
        store.delete(&["profile"], &key, NOW).map(drop).unwrap_err(),
        store.erase(&["profile"], &key).map(drop).unwrap_err(),
        store.apply(&asofdb::Definitions::default(), true).map(drop).unwrap_err(),
        ingest(store, &source).map(drop).unwrap_err(),
        store.flush().unwrap_err(),
        store.compact().unwrap_err(),
    ]
}

#[test]
fn a_failed_sync_leaves_the_outcome_unknown_and_the_store_read_only_until_it_is_opened_again() {
    let Some(disk) = Disk::journaled(256) else { return };
    let files = tempfile::tempdir().unwrap();
    let path = disk.path().join("store");
    let store = open_synced(&path);
    store.apply(&users(), false).unwrap();
    write_user(&store, 1, 10).unwrap();
    assert_eq!(store.read_only(), None);
    if disk.fail().is_none() {
        return;
    }
    let error = write_user(&store, 2, 20).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.message().starts_with("it is unknown whether the write is on disk"), "{error}");
    assert!(format!("{error:#}").contains("Input/output error"), "{error:#}");
    let reason = store.read_only().unwrap();
    assert!(reason.contains(".log: Input/output error"), "{reason}");
    for error in every_write(&store, files.path()) {
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        let text = format!("{error:#}");
        assert!(text.contains("nothing was written: the store is read-only") && text.contains(&reason), "{text}");
    }
    assert_eq!((visits(&store, 1), visits(&store, 2)), (int(10), None), "reads go on");
    assert!(store.stats().unwrap().background_error.unwrap().contains(&reason));
    drop(store);
    disk.recover();
    let store = open_synced(&path);
    assert_eq!((store.read_only(), visits(&store, 1)), (None, int(10)));
    write_user(&store, 2, 21).unwrap();
    assert_eq!(visits(&store, 2), int(21));
    assert_eq!(store.verify().unwrap().problems, Vec::<String>::new());
}

#[test]
fn background_work_that_failed_for_a_while_is_said_at_once_and_survived_by_opening_the_store_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let store = open(&path);
    write_user(&store, 1, 10).unwrap();
    let Some(mounted) = Disk::read_only(&path) else { return };
    // Its log is open already; the table that a flush makes is not.
    let error = store.flush().unwrap_err();
    assert!(format!("{error:#}").contains("Read-only file system"), "{error:#}");
    let reason = store.read_only().unwrap();
    assert!(reason.contains("Read-only file system"), "{reason}");
    drop(mounted);
    let error = write_user(&store, 2, 20).unwrap_err();
    assert!(error.message().starts_with("nothing was written: the store is read-only"), "{error}");
    assert_eq!(visits(&store, 1), int(10));
    drop(store);
    let store = open_synced(&path);
    assert_eq!((store.read_only(), visits(&store, 1), visits(&store, 2)), (None, int(10), None));
    write_user(&store, 2, 20).unwrap();
    store.flush().unwrap();
}

#[test]
fn a_full_disk_makes_no_store_read_only() {
    let Some(disk) = Disk::small(64) else { return };
    let store = open(&disk.path().join("store"));
    let ballast = disk.fill_up_to(0);
    let files = tempfile::tempdir().unwrap();
    let source = files::parquet(files.path().join("source.parquet"), &profiles(40_000), 10_000);
    let error = ingest(&store, &source).unwrap_err();
    assert!(format!("{error:#}").contains("the disk is full; free some space and try again"), "{error:#}");
    assert_eq!(store.read_only(), None);
    fs::remove_file(ballast).unwrap();
    let recovered = (0..1_200).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        write_user(&store, 1, 10).is_ok()
    });
    assert!(recovered, "RocksDB does not resume");
    assert_eq!((visits(&store, 1), store.read_only()), (int(10), None));
}

/// Names that differ from the spine's.
fn full_names(mut options: TrainingSetOptions) -> TrainingSetOptions {
    options.join.columns.full_names = true;
    options
}

#[test]
fn a_read_only_store_says_that_reading_needs_writing_too() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    drop(open(&path));
    let names = || fs::read_dir(&path).unwrap().count();
    let before = names();
    let Some(_mounted) = Disk::read_only(&path) else { return };
    let Err(error) = Store::open(&path) else { panic!("it opened") };
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let expected = format!("the store cannot be written, and reading needs that too: {}", path.display());
    assert!(error.to_string().starts_with(&expected), "{error}");
    assert_eq!(names(), before);
    let Err(error) = Store::open(path.join("new")) else { panic!("it was made") };
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("cannot create"), "{error}");
}
