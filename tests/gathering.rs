//! Large ingests, whose rows are gathered on disk: what a full disk does to them, and to the store beside them.

use std::fs;
use std::path::Path;

use asofdb::{ErrorKind, INGEST_CHUNK_BYTES_MIN, IngestOptions, IngestReport, Input, Result, Session, Store};

use crate::common::disk::Disk;
use crate::common::{files, int};
use crate::disks::{open, profiles, visits, write_user};

/// Rows of about 240 bytes: 3 MB of them when they are gathered, and twice the bytes of the rows in the store.
const ROWS: i64 = 12_000;

/// The user that a writer beside the ingests has.
const OTHER: i64 = 1_000_000;

/// Rows are gathered after 64 KiB, and a step has `step_bytes`.
fn options(step_bytes: u64) -> IngestOptions {
    IngestOptions { chunk_bytes: INGEST_CHUNK_BYTES_MIN, step_bytes, ..IngestOptions::default() }
}

fn ingest(store: &Store, path: &Path, options: &IngestOptions) -> Result<IngestReport> {
    store.ingest("profile", vec![Input::Path(path.to_owned())], options, &mut |_| {})
}

/// The number of files that loads have left in a store.
fn files_of_loads(store: &Path) -> usize {
    fs::read_dir(store.join("loads")).map_or(0, Iterator::count)
}

/// What an ingest says that does not find enough room.
fn is_of_the_full_disk(error: &asofdb::Error) -> String {
    let text = format!("{error:#}");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{text}");
    assert!(text.contains("the disk is full; free some space and try again"), "{text}");
    text
}

#[test]
fn a_disk_that_fills_wherever_a_step_is_loses_nothing_else_and_the_next_run_loads_all_of_it() {
    let sources = tempfile::tempdir().unwrap();
    let source = files::parquet(sources.path().join("rows.parquet"), &profiles(ROWS), 1_000);
    let (mut gathering, mut writing) = (0, 0);
    for kilobytes in (256..).step_by(768) {
        let Some(disk) = Disk::small(96) else { return };
        let path = disk.path().join("store");
        let store = open(&path);
        write_user(&store, OTHER, 1).unwrap();
        let ballast = disk.fill_up_to(kilobytes << 10);
        let Err(error) = ingest(&store, &source, &options(1 << 30)) else {
            assert_eq!(store.verify().unwrap().versions, ROWS as u64 + 1);
            break;
        };
        let text = is_of_the_full_disk(&error);
        gathering += usize::from(text.contains("cannot write the rows of a bulk load to a temporary file"));
        writing += usize::from(text.contains("cannot write the files of a bulk load"));
        assert_eq!(files_of_loads(&path), 0, "{kilobytes} KiB: {text}");
        // What was gathered has gone, so that others have its room again, at once and while the disk is as full.
        assert_eq!(store.read_only(), None, "{text}");
        write_user(&store, OTHER, 2).unwrap();
        assert_eq!((visits(&store, OTHER), visits(&store, 1)), (int(2), None));
        fs::remove_file(ballast).unwrap();
        let report = ingest(&store, &source, &options(1 << 30)).unwrap();
        assert_eq!((report.rows_written, report.rows_resumed), (ROWS as u64, 0));
        let verified = store.verify().unwrap();
        assert_eq!((verified.versions, verified.problems.as_slice()), (ROWS as u64 + 2, [].as_slice()));
    }
    assert!(gathering > 0 && writing > 0, "{gathering} failed while they gathered, {writing} while they wrote");
}

#[test]
fn a_disk_that_fills_after_some_steps_keeps_them_and_the_next_run_goes_on_behind_them() {
    let sources = tempfile::tempdir().unwrap();
    let source = files::parquet(sources.path().join("rows.parquet"), &profiles(ROWS), 1_000);
    let Some(disk) = Disk::small(96) else { return };
    let path = disk.path().join("store");
    let store = open(&path);
    let ballast = disk.fill_up_to(4 << 20);
    is_of_the_full_disk(&ingest(&store, &source, &options(512 << 10)).unwrap_err());
    assert_eq!(files_of_loads(&path), 0);
    let loaded = store.verify().unwrap().versions;
    assert!((1..ROWS as u64).contains(&loaded), "{loaded}");
    fs::remove_file(ballast).unwrap();
    drop(store);
    let store = open(&path);
    let report = ingest(&store, &source, &options(512 << 10)).unwrap();
    assert_eq!((report.rows_written, report.rows_resumed), (ROWS as u64 - loaded, loaded));
    let verified = store.verify().unwrap();
    assert_eq!((verified.versions, verified.problems.as_slice()), (ROWS as u64, [].as_slice()));
    assert_eq!((visits(&store, 0), visits(&store, ROWS - 1)), (int(0), int(ROWS - 1)));
}
