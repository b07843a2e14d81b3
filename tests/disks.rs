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
use crate::common::{NOW, TestStore, batch, files, hours_ago, times, users};

/// Users with names that do not compress, of about 200 bytes a row.
fn profiles(users: i64) -> RecordBatch {
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

fn open(path: &Path) -> Store {
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
