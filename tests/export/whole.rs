//! An export is there whole or not at all: outputs that exist, failures and kills.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, Int64Array, StringArray};
use asofdb::{ErrorKind, ExportOptions, Manifest, PartitionBy, Session, Store};

use super::{names, versions};
use crate::common::{NOW, batch, in_memory, times, users};

/// Tells the child processes of these tests where to export to.
const CHILD_TARGET: &str = "ASOF_TEST_EXPORT_TARGET";

/// Users whose names do not compress: about 6 MB of files.
fn store() -> Store {
    const ROWS: i64 = 100_000;
    let store = in_memory(&users());
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..ROWS));
    let names = (0..ROWS as u64).map(|n| (0..4).map(|k| format!("{:x}", noise(n * 4 + k))).collect::<String>());
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("user_id", ids.clone()),
        ("event_timestamp", times((0..ROWS).map(|_| Some(NOW)))),
        ("score", Arc::new(Float32Array::from_iter_values((0..ROWS).map(|n| n as f32)))),
        ("visits", ids),
        ("name", Arc::new(StringArray::from_iter_values(names))),
    ];
    store.write("profile", &batch(columns)).unwrap();
    store
}

/// SplitMix64.
fn noise(n: u64) -> u64 {
    let mut z = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[test]
fn an_output_that_exists_is_refused_by_name_and_untouched() {
    let store = in_memory(&users());
    let parent = tempfile::tempdir().unwrap();
    let (file, directory) = (parent.path().join("file"), parent.path().join("directory"));
    fs::write(&file, "mine").unwrap();
    fs::create_dir(&directory).unwrap();
    for out in [&file, &directory] {
        let error = store.export("profile", out, &versions(), &mut |_| ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        let expected = format!("the output exists; remove it or choose another name: {}", out.display());
        assert_eq!(error.to_string(), expected);
    }
    assert_eq!(fs::read(&file).unwrap(), b"mine");
    assert!(names(&directory).is_empty());
    assert_eq!(names(parent.path()), ["directory", "file"]);
}

/// Runs this test binary again for one of the `child_` tests below, through `sh` with `setup` before it.
fn child(test: &str, setup: &str, target: &Path) -> Command {
    let mut command = Command::new("sh");
    let run = format!("{setup}exec \"$0\" \"$@\"");
    command.args(["-c", &run]).arg(std::env::current_exe().unwrap());
    command.args([&format!("export::whole::{test}"), "--exact", "--nocapture", "--test-threads=1"]);
    command.env(CHILD_TARGET, target);
    command
}

fn child_target() -> Option<PathBuf> {
    std::env::var_os(CHILD_TARGET).map(PathBuf::from)
}

/// The child: exports, and when all files are written waits to be killed.
#[test]
fn child_that_waits_to_be_killed() {
    let Some(target) = child_target() else { return };
    let result = store().export("profile", &target, &versions(), &mut |progress| {
        if progress.total == Some(progress.done) {
            println!("\nready");
            std::io::stdout().flush().unwrap();
            std::thread::sleep(std::time::Duration::from_secs(600));
        }
    });
    panic!("not killed: {result:?}");
}

#[test]
fn a_killed_export_leaves_nothing_that_looks_complete_and_the_next_one_removes_it() {
    let parent = tempfile::tempdir().unwrap();
    let target = parent.path().join("out");
    let mut child = child("child_that_waits_to_be_killed", "", &target).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "ready"));
    // While it lives, nobody else may write the same output.
    let store = in_memory(&users());
    let error = store.export("profile", &target, &versions(), &mut |_| ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().starts_with("another run is writing this output"), "{error}");
    child.kill().unwrap();
    child.wait().unwrap();

    assert!(!target.exists());
    let left = names(parent.path());
    assert_eq!(left.len(), 1);
    assert!(left[0].starts_with(".out.asof-tmp-"), "{left:?}");
    assert_eq!(Manifest::read(&parent.path().join(&left[0])).unwrap_err().kind(), ErrorKind::NotFound);

    store.export("profile", &target, &versions(), &mut |_| ()).unwrap();
    assert_eq!(names(parent.path()), ["out"]);
}

/// The child whose files may not grow large: exports and prints the error.
#[test]
fn child_whose_files_are_cut_short() {
    let Some(target) = child_target() else { return };
    let store = store();
    for partition_by in [None, Some(PartitionBy::Day)] {
        let options = ExportOptions { partition_by, ..versions() };
        let error = store.export("profile", &target, &options, &mut |_| ()).unwrap_err();
        println!("\nfailed {} {error:#}", error.kind());
    }
}

#[test]
fn an_export_that_cannot_write_leaves_nothing_and_names_the_output() {
    let parent = tempfile::tempdir().unwrap();
    let target = parent.path().join("out");
    // A limit on the size of files fails writes as a full disk does, without one.
    let output = child("child_whose_files_are_cut_short", "trap '' XFSZ; ulimit -f 64; ", &target).output().unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    let failures: Vec<_> = output.lines().filter(|line| line.starts_with("failed ")).collect();
    assert_eq!(failures.len(), 2, "{output}");
    for failure in failures {
        let expected = format!("failed unavailable cannot write {}: ", target.display());
        assert!(failure.starts_with(&expected), "{failure}");
    }
    assert!(names(parent.path()).is_empty());
}

#[test]
fn an_export_into_a_directory_that_does_not_exist_is_refused() {
    let store = in_memory(&users());
    let parent = tempfile::tempdir().unwrap();
    let error = store.export("profile", &parent.path().join("no/out"), &versions(), &mut |_| ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(names(parent.path()).is_empty());
}
