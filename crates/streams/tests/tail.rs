//! Tests of streams from files: each line becomes a row once, whatever becomes of the file and of the process.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use asofdb::{ErrorKind, HistoryRow, Result, Session, Stop, Store, Value, parse_definitions};
use asofdb_streams::{Begin, LINE_BYTES_MAX, OnBadRecord, Pipe, Stream, StreamOptions, StreamState, source};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

const DEFINITIONS: &str = r#"
[[entity]]
name = "user"
join_keys = [{ name = "user_id", type = "int64" }]
[[feature_view]]
name = "activity"
entities = ["user"]
[[feature_view.feature]]
name = "clicks"
type = "int64"
"#;

/// A store beside a log of lines.
struct Fixture {
    directory: TempDir,
}

impl Fixture {
    fn new() -> Self {
        let fixture = Fixture { directory: TempDir::new().unwrap() };
        fixture.store().apply(&parse_definitions(DEFINITIONS, "definitions.toml").unwrap(), false).unwrap();
        fixture
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn log(&self) -> PathBuf {
        self.path("log.ndjson")
    }

    fn store(&self) -> Store {
        Store::open(self.path("store")).unwrap()
    }

    fn stream(&self, options: StreamOptions) -> Result<Stream> {
        Stream::open(self.store(), source(self.log().to_str().unwrap())?, options)
    }

    /// Reads what is there, in a store that is opened for it.
    fn run(&self) -> Result<()> {
        self.run_with(options())
    }

    fn run_with(&self, options: StreamOptions) -> Result<()> {
        self.stream(options)?.run(&Stop::new())
    }

    /// The numbers of all versions of all rows, in their order.
    fn numbers(&self) -> Vec<i64> {
        numbers(&self.store())
    }

    fn append(&self, numbers: impl IntoIterator<Item = i64>) {
        append(&self.log(), numbers);
    }

    fn rename(&self, to: &str) {
        fs::rename(self.log(), self.path(to)).unwrap();
    }

    fn rejects(&self) -> Vec<Json> {
        let text = fs::read_to_string(self.path("bad.ndjson")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn setting_aside(&self) -> StreamOptions {
        StreamOptions { on_bad_record: OnBadRecord::SetAside(self.path("bad.ndjson")), ..options() }
    }
}

fn options() -> StreamOptions {
    StreamOptions { until_end: true, rows_max: 7, ..StreamOptions::new("activity") }
}

fn numbers(store: &Store) -> Vec<i64> {
    let rows = Session::history(store, "activity", &[("user_id", Value::Int64(7))], usize::MAX).unwrap();
    let number = |row: &HistoryRow| match row.values[0] {
        Some(Value::Int64(number)) => number,
        ref other => panic!("{other:?}"),
    };
    let mut numbers: Vec<_> = rows.iter().map(number).collect();
    numbers.sort_unstable();
    numbers
}

/// Appends a line for each number, at a time of its own.
fn append(path: &Path, numbers: impl IntoIterator<Item = i64>) {
    let lines: String = numbers.into_iter().map(line).collect();
    write(path, &lines);
}

fn write(path: &Path, text: &str) {
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

fn line(number: i64) -> String {
    format!("{{\"user_id\": 7, \"event_timestamp\": \"2024-05-01T12:00:00.{number:06}Z\", \"clicks\": {number}}}\n")
}

fn upto(count: i64) -> Vec<i64> {
    (0..count).collect()
}

#[test]
fn each_line_becomes_a_row_once_over_any_number_of_starts() {
    let fixture = Fixture::new();
    fixture.run().unwrap();
    for (from, to) in [(0, 20), (20, 20), (20, 41), (41, 42)] {
        fixture.append(from..to);
        fixture.run().unwrap();
        assert_eq!(fixture.numbers(), upto(to));
    }
    let stream = fixture.stream(options()).unwrap();
    let figures = stream.status().figures();
    assert_eq!((figures.rows, figures.rejected), (42, 0));
    assert_eq!(
        (stream.status().name(), stream.status().view()),
        (&*format!("file:{}", fixture.log().display()), "activity")
    );
}

#[test]
fn a_line_without_its_end_waits_for_the_rest() {
    let fixture = Fixture::new();
    let last = line(2);
    let (begin, rest) = last.split_at(20);
    fixture.append(0..2);
    write(&fixture.log(), begin);
    fixture.run().unwrap();
    assert_eq!(fixture.numbers(), upto(2));
    write(&fixture.log(), rest);
    fixture.run().unwrap();
    assert_eq!(fixture.numbers(), upto(3));
}

#[test]
fn a_file_that_was_renamed_is_read_to_its_end_before_the_next_one_is_begun() {
    let fixture = Fixture::new();
    fixture.append(0..10);
    fixture.run().unwrap();
    // Of a file that nobody was there for.
    fixture.append(10..20);
    fixture.rename("log.ndjson.2");
    fixture.append(20..30);
    fixture.rename("log.ndjson.1");
    fixture.append(30..40);
    fixture.run().unwrap();
    assert_eq!(fixture.numbers(), upto(40));
    fixture.append(40..50);
    fixture.run().unwrap();
    assert_eq!(fixture.numbers(), upto(50));
}

#[test]
fn the_writer_of_a_file_that_was_renamed_may_still_add_to_it_until_the_next_one_has_a_line() {
    let fixture = Fixture::new();
    fixture.append(0..3);
    fixture.run().unwrap();
    fixture.rename("log.ndjson.1");
    File::create(fixture.log()).unwrap();
    fixture.run().unwrap();
    append(&fixture.path("log.ndjson.1"), 3..5);
    // The last line has no end, and never will have.
    write(&fixture.path("log.ndjson.1"), line(5).trim_end());
    fixture.run().unwrap();
    assert_eq!(fixture.numbers(), upto(5));
    fixture.append(6..8);
    fixture.run().unwrap();
    assert_eq!(fixture.numbers(), upto(8));
}

#[test]
fn a_file_that_was_copied_and_cut_is_read_to_its_end_in_the_copy() {
    let fixture = Fixture::new();
    fixture.append(0..50);
    fixture.run().unwrap();
    fixture.append(50..60);
    fs::copy(fixture.log(), fixture.path("log.ndjson-20240501")).unwrap();
    File::create(fixture.log()).unwrap();
    // It has grown beyond what was read of it.
    fixture.append(60..200);
    fixture.run().unwrap();
    assert_eq!(fixture.numbers(), upto(200));
}

#[test]
fn what_can_no_longer_be_read_is_told_with_the_ways_to_go_on() {
    let fixture = Fixture::new();
    fixture.append(0..20);
    fixture.run().unwrap();
    let length = fs::metadata(fixture.log()).unwrap().len();
    File::create(fixture.log()).unwrap();
    fixture.append(20..22);
    let error = fixture.run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    let cut = fs::metadata(fixture.log()).unwrap().len();
    assert!(error.message().contains(&format!("was cut to {cut} bytes, and {length} were read of it")), "{error}");
    fs::remove_file(fixture.log()).unwrap();
    let error = fixture.run().unwrap_err();
    assert!(error.message().contains("is neither") && error.message().contains("--anew --begin latest"), "{error}");
    assert_eq!(fixture.numbers(), upto(20));
    fixture.append(20..23);
    assert!(fixture.run().is_err(), "another file of the name is not gone on with");
    fixture.run_with(StreamOptions { anew: true, ..options() }).unwrap();
    assert_eq!(fixture.numbers(), upto(23));
    fixture.run().unwrap();
    assert_eq!(fixture.numbers(), upto(23));
}

#[test]
fn a_file_that_was_compressed_before_it_was_read_is_not_passed_over() {
    let fixture = Fixture::new();
    fixture.append(0..5);
    fixture.run().unwrap();
    fixture.rename("log.ndjson.2");
    fs::write(fixture.path("log.ndjson.1.gz"), "no lines").unwrap();
    fixture.append(10..15);
    let error = fixture.run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.message().contains("log.ndjson.1.gz follows"), "{error}");
    assert_eq!(fixture.numbers(), upto(5));
}

#[test]
fn a_stream_that_begins_with_the_latest_goes_on_from_where_it_was_opened() {
    let fixture = Fixture::new();
    fixture.append(100..110);
    let latest = || StreamOptions { begin: Begin::Latest, ..options() };
    fixture.run_with(latest()).unwrap();
    assert_eq!(fixture.numbers(), upto(0));
    fixture.append(0..5);
    fixture.run_with(latest()).unwrap();
    assert_eq!(fixture.numbers(), upto(5));
}

#[test]
fn a_bad_record_ends_the_stream_with_its_offset_and_the_rule_and_nothing_of_its_batch_is_written() {
    let fixture = Fixture::new();
    fixture.append(0..7);
    let good = fs::metadata(fixture.log()).unwrap().len();
    fixture.append(7..9);
    let offset = fs::metadata(fixture.log()).unwrap().len();
    write(&fixture.log(), "{\"user_id\": null, \"event_timestamp\": \"2024-05-01\", \"clicks\": 1}\n");
    for _ in 0..2 {
        let error = fixture.run().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        let wanted = format!("partition lines, offset {offset}: not written to view \"activity\": ");
        assert!(error.message().contains(&wanted) && error.message().contains("a join key cannot be null"), "{error}");
        assert_eq!(fixture.numbers(), upto(7));
    }
    assert!(good < offset);
    fixture.run_with(fixture.setting_aside()).unwrap();
    assert_eq!(fixture.numbers(), upto(9));
}

#[test]
fn bad_records_are_set_aside_with_partition_offset_and_rule_and_each_once() {
    let fixture = Fixture::new();
    fixture.append(0..3);
    let offset = fs::metadata(fixture.log()).unwrap().len();
    write(&fixture.log(), "{broken\n");
    write(&fixture.log(), "{\"user_id\": 7, \"event_timestamp\": \"2024-05-01\", \"clicks\": \"x\"}\n");
    write(&fixture.log(), &format!("{{\"x\": \"{}\"}}\n", "x".repeat(LINE_BYTES_MAX)));
    fixture.append(3..5);
    fixture.run_with(fixture.setting_aside()).unwrap();
    assert_eq!(fixture.numbers(), upto(5));
    let rejects = fixture.rejects();
    assert_eq!(rejects.len(), 3);
    assert_eq!((&rejects[0]["partition"], &rejects[0]["offset"]), (&json!("lines"), &json!(offset)));
    assert_eq!((&rejects[0]["value"], &rejects[1]["value"]["clicks"]), (&json!("{broken"), &json!("x")));
    assert!(rejects[1]["reason"].as_str().unwrap().contains("clicks"), "{}", rejects[1]);
    assert!(rejects[2]["reason"].as_str().unwrap().contains(&LINE_BYTES_MAX.to_string()), "{}", rejects[2]);
    // As a process leaves it that is killed before its step is written.
    write(&fixture.path("bad.ndjson"), "{\"partition\": \"lines\", \"offs");
    write(&fixture.log(), "[]\n");
    fixture.run_with(fixture.setting_aside()).unwrap();
    assert_eq!(fixture.rejects().len(), 4);
    assert_eq!(fixture.rejects()[3]["value"], json!([]));
    let figures = fixture.stream(fixture.setting_aside()).unwrap().status().figures();
    assert_eq!((figures.rows, figures.rejected), (5, 4));
}

#[test]
fn what_a_process_has_set_aside_before_its_first_step_was_written_is_cut_off_and_what_others_wrote_is_not() {
    let fixture = Fixture::new();
    write(&fixture.path("bad.ndjson"), "{\"of\": \"another\"}\n");
    drop(fixture.stream(fixture.setting_aside()).unwrap());
    // As it is when the process is killed here.
    write(&fixture.path("bad.ndjson"), "{\"partition\": \"lines\", \"offset\": 0}\n");
    write(&fixture.log(), "{broken\n");
    fixture.run_with(fixture.setting_aside()).unwrap();
    let rejects = fixture.rejects();
    assert_eq!((rejects.len(), &rejects[0]["of"], &rejects[1]["value"]), (2, &json!("another"), &json!("{broken")));
}

#[test]
fn a_file_of_bad_records_that_was_emptied_while_the_stream_runs_is_gone_on_with_at_its_end() {
    let fixture = Fixture::new();
    write(&fixture.log(), "{one\n");
    let mut stream = fixture.stream(fixture.setting_aside()).unwrap();
    stream.run(&Stop::new()).unwrap();
    File::create(fixture.path("bad.ndjson")).unwrap();
    write(&fixture.log(), "{two\n");
    stream.run(&Stop::new()).unwrap();
    let values: Vec<_> = fixture.rejects().iter().map(|reject| reject["value"].clone()).collect();
    assert_eq!(values, [json!("{two")]);
}

#[test]
fn a_stream_takes_features_that_were_added_and_ends_with_its_view() {
    let fixture = Fixture::new();
    fixture.append(0..1);
    let mut stream = fixture.stream(options()).unwrap();
    stream.run(&Stop::new()).unwrap();
    assert_eq!(stream.status().figures().state, StreamState::Ended);
    assert_eq!(stream.status().figures().behind, Some(0));
    drop(stream);
    let store = fixture.store();
    let more = format!("{DEFINITIONS}[[feature_view.feature]]\nname = \"more\"\ntype = \"int64\"\n");
    let mut stream = Stream::open(store.clone(), source(fixture.log().to_str().unwrap()).unwrap(), options()).unwrap();
    stream.run(&Stop::new()).unwrap();
    store.apply(&parse_definitions(&more, "definitions.toml").unwrap(), false).unwrap();
    write(&fixture.log(), &line(1).replace('}', ", \"more\": 5}"));
    stream.run(&Stop::new()).unwrap();
    let rows = Session::history(&store, "activity", &[("user_id", Value::Int64(7))], 1).unwrap();
    assert_eq!(rows[0].values, [Some(Value::Int64(1)), Some(Value::Int64(5))]);
    store.apply(&parse_definitions("", "definitions.toml").unwrap(), true).unwrap();
    fixture.append(2..3);
    assert_eq!(stream.run(&Stop::new()).unwrap_err().kind(), ErrorKind::NotFound);
    assert!(matches!(stream.status().figures().state, StreamState::Failed(reason) if reason.contains("activity")));
}

#[test]
fn lines_of_a_pipe_are_written_as_they_come_and_not_remembered() {
    let fixture = Fixture::new();
    let store = fixture.store();
    for _ in 0..2 {
        let text: String = upto(20).into_iter().map(line).collect();
        let pipe = Pipe::new("a pipe", std::io::Cursor::new(text.trim_end().to_owned().into_bytes())).unwrap();
        let options = StreamOptions { until_end: false, ..options() };
        Stream::open(store.clone(), Box::new(pipe), options).unwrap().run(&Stop::new()).unwrap();
    }
    let twice: Vec<i64> = upto(20).into_iter().flat_map(|number| [number; 2]).collect();
    assert_eq!(numbers(&store), twice);
}
