//! Training sets from file to file: complete or not there.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array, ArrayRef, AsArray, Float32Array, Int64Array, RecordBatch, StringArray};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Float32Type, TimeUnit};
use asofdb::{AnswerColumns, ErrorKind, JoinOptions, JoinReport, Result, Session, Store, TrainingSetOptions};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::common::{TestStore, batch, files, hours_ago, times, users};

fn filled() -> TestStore {
    let test = TestStore::new(&users());
    let rows = batch(vec![
        ("user_id", Arc::new(Int64Array::from(vec![1, 1, 2])) as ArrayRef),
        ("event_timestamp", times([Some(hours_ago(5)), Some(hours_ago(1)), Some(hours_ago(1))])),
        ("score", Arc::new(Float32Array::from(vec![Some(1.0), Some(2.0), None]))),
        ("visits", Arc::new(Int64Array::from(vec![1, 2, 3]))),
        ("name", Arc::new(StringArray::from(vec!["a", "b", "c"]))),
    ]);
    test.store.write("profile", &rows).expect("good rows");
    test
}

fn training_set(store: &Store, spine: &Path, out: &Path, columns: AnswerColumns) -> Result<JoinReport> {
    let join = JoinOptions { columns, ..JoinOptions::default() };
    let options = TrainingSetOptions { join, ..TrainingSetOptions::default() };
    store.training_set(&["profile:score", "profile:name"], spine, out, &options, &mut |_| {})
}

fn read(path: &Path) -> RecordBatch {
    let file = std::fs::File::open(path).expect("the training set");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet").build().expect("a reader");
    let batches: Vec<_> = reader.collect::<std::result::Result<_, _>>().expect("good batches");
    concat_batches(&batches[0].schema(), &batches).expect("batches of one schema")
}

#[test]
fn a_spine_in_text_becomes_a_typed_training_set() {
    let test = filled();
    let directory = test.directory.path();
    let spine = directory.join("spine.csv");
    let text = format!(
        "label,user_id,event_timestamp\nyes,1,{}\nno,2,{}\nno,,{}\nyes,1,{}\n",
        hours_ago(0),
        hours_ago(0),
        hours_ago(0),
        hours_ago(3),
    );
    std::fs::write(&spine, text).unwrap();
    let out = directory.join("out.parquet");
    let columns = AnswerColumns { statuses: true, event_timestamps: true, full_names: true };
    let report = training_set(&test.store, &spine, &out, columns).unwrap();
    assert_eq!((report.rows, report.null_rows), (4, 1));
    let result = read(&out);
    let names: Vec<_> = result.schema().fields().iter().map(|field| field.name().clone()).collect();
    let expected = [
        "label",
        "user_id",
        "event_timestamp",
        "profile__score",
        "profile__score__status",
        "profile__name",
        "profile__name__status",
        "profile__event_timestamp",
    ];
    assert_eq!(names, expected);
    let micros = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    assert_eq!(result.column(2).data_type(), &micros);
    let scores: Vec<_> = result.column(3).as_primitive::<Float32Type>().iter().collect();
    assert_eq!(scores, [Some(2.0), None, None, Some(1.0)]);
    let statuses = arrow::compute::cast(result.column(4), &DataType::Utf8).unwrap();
    let statuses: Vec<_> = statuses.as_string::<i32>().iter().flatten().collect();
    assert_eq!(statuses, ["present", "null", "missing", "present"]);
    assert!(result.column(7).is_null(2));
}

#[test]
fn what_a_spine_of_text_only_carries_along_stays_as_it_is_written() {
    let test = filled();
    let directory = test.directory.path();
    let spines = [
        (
            "spine.csv",
            format!(
                "zip,id,user_id,event_timestamp\n00501,12345678901234567890,1,{0}\n12E5,1.10,2,{0}\n",
                hours_ago(0)
            ),
        ),
        (
            "spine.ndjson",
            format!(
                "{{\"zip\":\"00501\",\"id\":12345678901234567890,\"user_id\":1,\"event_timestamp\":\"{0}\"}}\n\
             {{\"zip\":\"12E5\",\"id\":1.10,\"user_id\":2,\"event_timestamp\":\"{0}\"}}\n",
                hours_ago(0)
            ),
        ),
    ];
    for (name, text) in spines {
        let (spine, out) = (files::text(directory.join(name), &text), directory.join(format!("{name}.parquet")));
        training_set(&test.store, &spine, &out, AnswerColumns::default()).unwrap();
        let result = read(&out);
        let texts = |column: usize| result.column(column).as_string::<i32>().iter().flatten().collect::<Vec<_>>();
        assert_eq!((texts(0), texts(1)), (vec!["00501", "12E5"], vec!["12345678901234567890", "1.10"]), "{name}");
        assert_eq!(result.column(2).as_primitive::<arrow::datatypes::Int64Type>().values(), &[1, 2]);
        assert_eq!(result.column(4).as_primitive::<Float32Type>().iter().collect::<Vec<_>>(), [Some(2.0), None]);
    }
}

#[test]
fn an_output_that_exists_is_refused_and_stays() {
    let test = filled();
    let spine = test.directory.path().join("spine.csv");
    std::fs::write(&spine, "user_id,event_timestamp\n1,2024-05-31\n").unwrap();
    let out = test.directory.path().join("out.parquet");
    std::fs::write(&out, "mine").unwrap();
    let error = training_set(&test.store, &spine, &out, AnswerColumns::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains("out.parquet"), "{error}");
    assert_eq!(std::fs::read(&out).unwrap(), b"mine");
}

#[test]
fn a_spine_that_breaks_off_leaves_nothing() {
    let test = filled();
    let directory = test.directory.path();
    let out = directory.join("out.parquet");
    for (name, text, rule) in [
        ("cell.csv", "user_id,event_timestamp\n1,2024-05-31\nx,2024-05-31\n", "user_id"),
        ("empty.parquet", "", "empty"),
        ("cut.parquet", "PAR1PAR", "cut.parquet"),
        ("no_key.csv", "event_timestamp\n2024-05-31\n", "user_id"),
    ] {
        let spine = directory.join(name);
        std::fs::write(&spine, text).unwrap();
        let error = training_set(&test.store, &spine, &out, AnswerColumns::default()).unwrap_err();
        assert!(format!("{error:#}").contains(rule), "{name}: {error:#}");
        let left: Vec<_> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(!left.iter().any(|name| name.to_string_lossy().contains("out.parquet")), "{name}: {left:?}");
    }
}

/// Tells the child process of the next test where its training set goes.
const CHILD: &str = "ASOFDB_TEST_TRAINING_SET_CHILD";

/// The child whose files may not grow large: more batches than wait for the writer, and the error.
#[test]
fn child_whose_training_set_is_cut_short() {
    let Some(out) = std::env::var_os(CHILD).map(PathBuf::from) else { return };
    let test = filled();
    let spine = out.with_file_name("spine.parquet");
    let error = training_set(&test.store, &spine, &out, AnswerColumns::default()).unwrap_err();
    println!("\nfailed {} {error:#}", error.kind());
}

#[test]
fn a_training_set_whose_writer_fails_is_an_error_at_once_and_leaves_nothing() {
    const ROWS: i64 = 400_000;
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("out.parquet");
    let spine = batch(vec![
        ("user_id", Arc::new(Int64Array::from_iter_values((0..ROWS).map(|row| row.wrapping_mul(0x9e37_79b9) % 7)))),
        ("event_timestamp", times((0..ROWS).map(|_| Some(hours_ago(0))))),
        (
            "noise",
            // Neighbours that differ by the same would be written in next to no bytes.
            Arc::new(Int64Array::from_iter_values(
                (1..=ROWS).map(|row| row.wrapping_mul(0x9e37_79b9_7f4a_7c15_u64 as i64)).map(|row| row ^ (row >> 29)),
            )),
        ),
    ]);
    files::parquet(directory.path().join("spine.parquet"), &spine, 50_000);
    // A limit on the size of files fails writes as a full disk does. The store's own files are small.
    let mut child = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 256; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["training_set::child_whose_training_set_is_cut_short", "--exact", "--nocapture"])
        .env(CHILD, &out)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let ended = (0..600).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        child.try_wait().unwrap().is_some()
    });
    if !ended {
        child.kill().unwrap();
    }
    let output = child.wait_with_output().unwrap();
    assert!(ended, "it waits for a writer that is gone");
    let output = String::from_utf8(output.stdout).unwrap();
    let expected = format!("\nfailed unavailable cannot write {}: ", out.display());
    assert!(output.contains(&expected), "{output}");
    let left: Vec<_> = std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["spine.parquet"]);
}
