//! Small files that become large: what they become is bounded, and memory with it.
//!
//! Each case runs in a process of its own, whose peak of memory is its own.

use std::process::Command;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, DictionaryArray, FixedSizeListArray, Float32Array, Int32Array, Int64Array, NullArray, RecordBatch,
    RecordBatchOptions, StringArray,
};
use arrow::datatypes::{DataType, Field, Int32Type, Schema};
use asofdb::{ErrorKind, IngestOptions, Input, Session, Source, TextOptions};
use tempfile::TempDir;

use crate::common::{batch, files, hours_ago, in_memory, times, users};
use crate::ipc;

/// The name of the variable that says to a child what to do.
const CASE: &str = "ASOF_HOSTILE_CASE";

/// Most memory of a case: far less than what the files become, some times what a piece takes.
const MEMORY_BYTES_MAX: u64 = 320 << 20;

/// Runs a case in a child; returns what it says.
fn run(case: &str) {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "hostile::child", "--ignored", "--nocapture"])
        .env(CASE, case)
        .output()
        .unwrap();
    let (out, error) = (String::from_utf8_lossy(&child.stdout), String::from_utf8_lossy(&child.stderr));
    assert!(child.status.success(), "{case}: {out}{error}");
    let peak = out.lines().find_map(|line| line.strip_prefix("peak ")).and_then(|bytes| bytes.parse::<u64>().ok());
    let peak = peak.unwrap_or_else(|| panic!("{case} says no peak: {out}{error}"));
    assert!(peak < MEMORY_BYTES_MAX, "{case}: {peak} bytes");
}

#[test]
#[ignore = "run by the tests of this module, in a process of its own"]
fn child() {
    let Ok(case) = std::env::var(CASE) else { return };
    match case.as_str() {
        "parquet" => parquet_dictionary(),
        "ipc" => ipc_dictionary(),
        "nulls" => list_of_nulls(),
        "write" => write_of_a_dictionary(),
        other => panic!("no case is named {other}"),
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kib: u64 = peak.split_whitespace().next().unwrap().parse().unwrap();
    println!("\npeak {}", kib << 10);
}

#[test]
fn a_small_parquet_file_of_large_values_is_decoded_in_bounded_memory() {
    run("parquet");
}

/// 8,192 rows of one text of 256 KiB are 2 GiB, in a file of some kilobytes.
fn parquet_dictionary() {
    let directory = TempDir::new().unwrap();
    let text = "x".repeat(256 << 10);
    let values = Arc::new(StringArray::from(vec![text.as_str()]));
    let one = DictionaryArray::<Int32Type>::new(Int32Array::from(vec![0; 8_192]), values);
    // As plain text: the reader is not told to keep the dictionary.
    let path = directory.path().join("large.parquet");
    let options = parquet::arrow::arrow_writer::ArrowWriterOptions::new().with_skip_arrow_metadata(true);
    let properties = parquet::file::properties::WriterProperties::builder()
        .set_compression(parquet::basic::Compression::SNAPPY)
        .set_statistics_enabled(parquet::file::properties::EnabledStatistics::None)
        .set_dictionary_page_size_limit(1 << 20)
        .build();
    let rows = batch(vec![("name", Arc::new(one) as ArrayRef)]);
    let file = std::fs::File::create(&path).unwrap();
    let options = options.with_properties(properties);
    let mut writer = parquet::arrow::ArrowWriter::try_new_with_options(file, rows.schema(), options).unwrap();
    writer.write(&rows).unwrap();
    writer.close().unwrap();
    assert!(std::fs::metadata(&path).unwrap().len() < 64 << 10);
    let source = Source::open(&path, None, TextOptions::default()).unwrap();
    let mut count = 0;
    for rows in source.batches().unwrap() {
        let rows = rows.unwrap();
        assert!(rows.num_rows() <= 256, "{}", rows.num_rows());
        assert_eq!(rows.column(0).data_type(), &DataType::Utf8);
        let names = rows.column(0).as_any().downcast_ref::<StringArray>().unwrap();
        assert!(names.iter().all(|name| name == Some(text.as_str())));
        count += rows.num_rows();
    }
    assert_eq!(count, 8_192);
}

/// Rows whose name is one text of 900 KB, in a dictionary.
fn large_names(rows: usize, with_times: bool) -> RecordBatch {
    let values = Arc::new(StringArray::from(vec!["x".repeat(900_000)]));
    let names = DictionaryArray::<Int32Type>::new(Int32Array::from(vec![0; rows]), values);
    batch(vec![
        ("user_id", Arc::new((0..rows as i64).collect::<Int64Array>())),
        ("event_timestamp", times((0..rows).map(|_| with_times.then(|| hours_ago(1))))),
        ("score", Arc::new((0..rows).map(|_| Some(1.0)).collect::<Float32Array>())),
        ("visits", Arc::new((0..rows as i64).collect::<Int64Array>())),
        ("name", Arc::new(names)),
    ])
}

#[test]
fn a_small_ipc_file_of_a_dictionary_is_decoded_in_bounded_memory() {
    run("ipc");
}

/// 5,000 rows of a text of 900 KB are 4.5 GB. None of them has a time, so the first is refused.
fn ipc_dictionary() {
    let directory = TempDir::new().unwrap();
    let store = in_memory(&users());
    for write in [ipc::file, ipc::stream] {
        let path = write(directory.path().join("large.arrow"), &[large_names(5_000, false)]);
        assert!(std::fs::metadata(&path).unwrap().len() < 2 << 20);
        let inputs = vec![Input::Path(path)];
        let error = store.ingest("profile", inputs, &IngestOptions::default(), &mut |_| {}).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.message().contains("row 1: column \"event_timestamp\" is null"), "{error}");
    }
    let path = files::parquet(directory.path().join("large.parquet"), &large_names(100, false), 100);
    let inputs = vec![Input::Path(path)];
    let error = store.ingest("profile", inputs, &IngestOptions::default(), &mut |_| {}).unwrap_err();
    assert!(error.message().contains("row 1: column \"event_timestamp\" is null"), "{error}");
}

#[test]
fn a_list_of_nulls_of_a_few_kilobytes_is_refused() {
    run("nulls");
}

/// One column of lists of half a million nulls each, which take no bytes at all.
fn list_of_nulls() {
    let directory = TempDir::new().unwrap();
    let item = Arc::new(Field::new_list_field(DataType::Null, true));
    let lists = FixedSizeListArray::new(item, 1 << 19, Arc::new(NullArray::new(1_000 << 19)), None);
    let schema = Arc::new(Schema::new(vec![Field::new("name", lists.data_type().clone(), true)]));
    let options = RecordBatchOptions::new().with_row_count(Some(1_000));
    let rows = RecordBatch::try_new_with_options(schema, vec![Arc::new(lists)], &options).unwrap();
    for write in [ipc::file, ipc::stream] {
        let path = write(directory.path().join("nulls.arrow"), std::slice::from_ref(&rows));
        assert!(std::fs::metadata(&path).unwrap().len() < 16 << 10);
        let error = Source::open(&path, None, TextOptions::default()).map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.message().contains("has at most 1000000 values: 524288000 with"), "{error}");
    }
}

#[test]
fn a_write_that_becomes_too_large_is_refused_before_it_is_made_plain() {
    run("write");
}

fn write_of_a_dictionary() {
    let store = in_memory(&users());
    let error = store.write("profile", &large_names(2_000, true)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let message = format!("{error:#}");
    assert!(message.contains("view \"profile\""), "{message}");
    assert!(
        message.contains("take at most 268435456 bytes once dictionaries, runs and nulls are written out"),
        "{message}"
    );
    // A dictionary that becomes little is written.
    store.write("profile", &large_names(10, true)).unwrap();
}

#[test]
fn columns_of_a_file_are_bounded_and_found_without_comparing_each_with_each() {
    let directory = TempDir::new().unwrap();
    let header = |count: usize| (0..count).map(|n| format!("c{n}")).collect::<Vec<_>>().join(",");
    let path = files::text(directory.path().join("wide.csv"), &format!("{}\n", header(200_000)));
    let error = Source::open(&path, None, TextOptions::default()).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.message().ends_with("line 1: a file has at most 16384 columns: 200000"), "{error}");
    let path = files::text(directory.path().join("most.csv"), &format!("{}\n", header(16_384)));
    assert_eq!(Source::open(&path, None, TextOptions::default()).unwrap().schema().fields().len(), 16_384);
    let twice = format!("{},c7\n", header(16_000));
    let path = files::text(directory.path().join("twice.csv"), &twice);
    let error = Source::open(&path, None, TextOptions::default()).map(drop).unwrap_err();
    assert!(error.message().ends_with("two columns are named \"c7\""), "{error}");
    let row = (0..20_000).map(|n| format!("\"c{n}\":1")).collect::<Vec<_>>().join(",");
    let path = files::text(directory.path().join("wide.ndjson"), &format!("{{{row}}}\n"));
    let error = Source::open(&path, None, TextOptions::default()).map(drop).unwrap_err();
    assert!(error.message().ends_with("the rows of a file have at most 16384 columns"), "{error}");
}

#[test]
fn references_become_no_more_features_than_there_are() {
    let store = in_memory(&users());
    let references = vec!["profile:*"; 100_000];
    let error = store.prepare(&references).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.message().starts_with("a request names each feature once: profile:"), "{error}");
}
