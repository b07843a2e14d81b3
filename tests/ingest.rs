//! Ingest: whole or not at all, once, and again where it was left off.

use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Float32Array, Int64Array, ListArray, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{Field, Int64Type};
use asofdb::{
    Definitions, Durability, ErrorKind, FeatureDefinition, INGEST_CHUNK_BYTES_MIN, IngestOptions, IngestReport, Input,
    InputFormat, ManualClock, Options, Result, ScalarType, Session, Store, Timestamp, Value, read_definitions,
};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::common::{NOW, TestStore, batch, entity, files, hours_ago, in_memory, int, repository, times, users, view};
use crate::ipc;

fn ingest(store: &Store, view: &str, paths: &[&Path], options: &IngestOptions) -> Result<IngestReport> {
    let inputs = paths.iter().map(|path| Input::Path(path.to_path_buf())).collect();
    store.ingest(view, inputs, options, &mut |_| {})
}

fn counts(report: &IngestReport) -> [u64; 4] {
    [report.rows_read, report.rows_written, report.rows_rejected, report.rows_resumed]
}

fn visits(store: &Store, user: i64) -> Vec<Option<Value>> {
    let history = store.history("profile", &[("user_id", Value::Int64(user))], 10).unwrap();
    history.into_iter().map(|row| row.values[1].clone()).collect()
}

/// Rows of the view `profile` for the users `0..rows`.
fn profiles(rows: i64) -> RecordBatch {
    let ids: Vec<i64> = (0..rows).collect();
    batch(vec![
        ("user_id", Arc::new(Int64Array::from(ids.clone()))),
        ("event_timestamp", times(ids.iter().map(|id| Some(hours_ago(1 + id % 10))))),
        ("created", times(ids.iter().map(|_| Some(hours_ago(0))))),
        ("score", Arc::new(ids.iter().map(|id| Some(*id as f32)).collect::<Float32Array>())),
        ("visits", Arc::new(ids.iter().map(|id| Some(id * 3)).collect::<Int64Array>())),
        ("name", Arc::new(ids.iter().map(|id| (id % 2 == 0).then(|| format!("n{id}"))).collect::<StringArray>())),
        ("ignored", Arc::new(Int64Array::from(ids))),
    ])
}

const HEADER: &str = "user_id,event_timestamp,score,visits,name\n";

#[test]
fn rows_of_every_format_are_read_back() {
    let directory = TempDir::new().unwrap();
    let path = |name: &str| directory.path().join(name);
    let rows = profiles(1_000);
    let text: String = (0..1_000).map(|id| format!("{id},{},{id},{},\n", hours_ago(1), id * 3)).collect();
    let json: String = (0..1_000)
        .map(|id| format!("{}\n", json!({"user_id": id, "event_timestamp": hours_ago(1).as_micros(), "score": id, "visits": id * 3, "name": null})))
        .collect();
    let paths = [
        files::parquet(path("a.parquet"), &rows, 300),
        ipc::file(path("a.arrow"), &[rows]),
        files::text(path("a.csv"), &format!("{HEADER}{text}")),
        files::text(path("a.ndjson"), &json),
    ];
    for path in paths {
        let store = in_memory(&users());
        let report = ingest(&store, "profile", &[&path], &IngestOptions::default()).unwrap();
        assert_eq!(counts(&report), [1_000, 1_000, 0, 0], "{path:?}");
        for id in [0, 1, 500, 999] {
            assert_eq!(visits(&store, id), [int(id * 3)], "{path:?}");
        }
    }
}

#[test]
fn rows_without_a_created_timestamp_get_that_of_the_commit() {
    let directory = TempDir::new().unwrap();
    let text = format!("{HEADER}1,{},1,1,\n", hours_ago(2));
    let path = files::text(directory.path().join("a.csv"), &text);
    let store = in_memory(&users());
    ingest(&store, "profile", &[&path], &IngestOptions::default()).unwrap();
    let history = store.history("profile", &[("user_id", Value::Int64(1))], 10).unwrap();
    assert_eq!((history[0].version.event, history[0].version.created), (hours_ago(2), NOW));
}

#[test]
fn columns_of_json_with_a_role_are_looked_for_in_every_row() {
    let directory = TempDir::new().unwrap();
    let row =
        |user: i64| json!({"user_id": user, "event_timestamp": hours_ago(3).to_string(), "visits": user, "name": null});
    let mut last = row(20_000);
    last["created"] = json!(hours_ago(2).to_string());
    last["score"] = json!(0.5);
    let text: String = (0..20_000).map(row).chain([last]).map(|row| format!("{row}\n")).collect();
    let path = files::text(directory.path().join("a.ndjson"), &text);
    let store = in_memory(&users());
    ingest(&store, "profile", &[&path], &IngestOptions::default()).unwrap();
    let found = |user| store.history("profile", &[("user_id", Value::Int64(user))], 10).unwrap().remove(0);
    assert_eq!((found(0).version.created, found(0).values[0].clone()), (NOW, None));
    assert_eq!(
        (found(20_000).version.created, found(20_000).values[0].clone()),
        (hours_ago(2), Some(Value::Float32(0.5)))
    );
}

#[test]
fn what_was_ingested_is_known_again_by_its_content() {
    let directory = TempDir::new().unwrap();
    let test = TestStore::new(&users());
    let first = files::parquet(directory.path().join("a.parquet"), &profiles(100), 30);
    let second = directory.path().join("moved.parquet");
    fs::copy(&first, &second).unwrap();
    let options = IngestOptions::default();
    assert_eq!(counts(&ingest(&test.store, "profile", &[&first], &options).unwrap()), [100, 100, 0, 0]);
    let batches = test.store.stats().unwrap().batches;
    let again = ingest(&test.store, "profile", &[&first, &second], &options).unwrap();
    assert_eq!(counts(&again), [0, 0, 0, 200]);
    assert_eq!(test.store.stats().unwrap().batches, batches);
    let scratch = IngestOptions { from_scratch: true, ..options };
    assert_eq!(counts(&ingest(&test.store, "profile", &[&second], &scratch).unwrap()), [100, 100, 0, 0]);
    assert_eq!(visits(&test.store, 7), [int(21)]);
}

#[test]
fn a_view_with_a_new_feature_takes_its_files_anew() {
    let directory = TempDir::new().unwrap();
    let mut definitions = users();
    let added = definitions.views[0].features.pop().unwrap();
    let store = in_memory(&definitions);
    let path = files::parquet(directory.path().join("a.parquet"), &profiles(10), 10);
    ingest(&store, "profile", &[&path], &IngestOptions::default()).unwrap();
    definitions.views[0].features.push(added);
    store.apply(&definitions, false).unwrap();
    let report = ingest(&store, "profile", &[&path], &IngestOptions::default()).unwrap();
    assert_eq!(counts(&report), [10, 10, 0, 0]);
    let history = store.history("profile", &[("user_id", Value::Int64(2))], 10).unwrap();
    assert_eq!(history[0].values[2], Some(Value::String("n2".into())));
    assert_eq!(history.len(), 1);
}

#[test]
fn the_first_bad_row_of_any_file_refuses_everything() {
    let directory = TempDir::new().unwrap();
    let test = TestStore::new(&users());
    // Several chunks of the good file would be written before the bad row is reached.
    let good = files::parquet(directory.path().join("good.parquet"), &profiles(20_000), 5_000);
    let old = hours_ago(1);
    let cases = [
        (format!("1,{old},1,1,\n2,{old},x,1,\n"), "line 3 (row 2): column \"score\" is no float32: \"x\""),
        (format!(",{old},1,1,\n"), "line 2 (row 1): a join key cannot be null"),
        (
            "1,,1,1,\n".to_owned(),
            "line 2 (row 1): column \"event_timestamp\" is null: every row has an event timestamp",
        ),
        (
            "1,1717200000,1,1,\n".to_owned(),
            "line 2 (row 1): column \"event_timestamp\": timestamps are microseconds since 1970, this looks like seconds: \
             1717200000",
        ),
        (
            "1,2025-01-01,1,1,\n".to_owned(),
            "line 2 (row 1): event timestamp is more than max_future_skew (3600s) in the future: 2025-01-01T00:00:00Z",
        ),
        (format!("1,{old},1,1,{}\n", "x".repeat(2 << 20)), "line 2 (row 1): a row has at most 1048576 bytes: 2097173"),
    ];
    let options = IngestOptions { chunk_bytes: INGEST_CHUNK_BYTES_MIN, ..IngestOptions::default() };
    for (text, expected) in cases {
        let bad = files::text(directory.path().join("bad.csv"), &format!("{HEADER}{text}"));
        let error = ingest(&test.store, "profile", &[&good, &bad], &options).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert_eq!(error.to_string(), format!("view \"profile\", file {bad:?}, {expected}"));
        assert_eq!(test.store.verify().unwrap().versions, 0);
    }
    assert_eq!(counts(&ingest(&test.store, "profile", &[&good], &options).unwrap()), [20_000, 20_000, 0, 0]);
    assert_eq!(test.store.verify().unwrap().versions, 20_000);
}

#[test]
fn files_that_do_not_suit_the_view_are_refused() {
    let directory = TempDir::new().unwrap();
    let store = in_memory(&users());
    let path = |name: &str| directory.path().join(name);
    let wrong_type = batch(
        profiles(3)
            .schema()
            .fields()
            .iter()
            .zip(profiles(3).columns())
            .map(|(field, array)| match field.name().as_str() {
                "visits" => ("visits", Arc::new(StringArray::from(vec!["1", "2", "3"])) as ArrayRef),
                "user_id" => ("user_id", array.clone()),
                "event_timestamp" => ("event_timestamp", array.clone()),
                "score" => ("score", array.clone()),
                "created" => ("created", array.clone()),
                "ignored" => ("ignored", array.clone()),
                _ => ("name", array.clone()),
            })
            .collect(),
    );
    let cases = [
        (
            files::text(path("a.csv"), "user_id,event_timestamp,scores,visits,name\n1,2,3,4,5\n"),
            "has no column for feature \"score\" of view \"profile\"; did you mean \"scores\"?",
        ),
        (
            files::text(path("b.csv"), "event_timestamp,score,visits,name\n2,3,4,5\n"),
            "has no column for join key \"user_id\" of view \"profile\"",
        ),
        (
            files::text(path("c.csv"), "user_id,score,visits,name\n2,3,4,5\n"),
            "has no column for timestamp \"event_timestamp\" of view \"profile\"",
        ),
        (files::parquet(path("a.parquet"), &wrong_type, 10), "column \"visits\" must be int64, not Utf8"),
    ];
    for (path, expected) in cases {
        let error = format!("{:#}", ingest(&store, "profile", &[&path], &IngestOptions::default()).unwrap_err());
        assert!(error.starts_with(&format!("file {path:?}")) && error.ends_with(expected), "{error}");
    }
    let good = files::parquet(path("b.parquet"), &profiles(1), 1);
    let error = ingest(&store, "profil", &[&good], &IngestOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let error = ingest(&store, "profile", &[], &IngestOptions::default()).unwrap_err();
    assert_eq!(error.to_string(), "nothing to ingest: name at least one file");
    let tiny = IngestOptions { chunk_bytes: 1, ..IngestOptions::default() };
    assert_eq!(ingest(&store, "profile", &[&good], &tiny).unwrap_err().kind(), ErrorKind::Invalid);
}

#[test]
fn a_damaged_file_writes_nothing_of_any_file() {
    let directory = TempDir::new().unwrap();
    let store = in_memory(&users());
    let good = files::parquet(directory.path().join("good.parquet"), &profiles(10), 10);
    let bad = files::parquet(directory.path().join("bad.parquet"), &profiles(20_000), 5_000);
    let mut bytes = fs::read(&bad).unwrap();
    let (from, to) = (bytes.len() / 2, bytes.len() * 3 / 4);
    bytes[from..to].fill(0xaa);
    fs::write(&bad, &bytes).unwrap();
    let error = ingest(&store, "profile", &[&good, &bad], &IngestOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error:?}");
    assert!(error.to_string().contains("bad.parquet"), "{error}");
    assert!(visits(&store, 1).is_empty());
}

#[test]
fn bad_rows_are_set_aside_on_request() {
    let directory = TempDir::new().unwrap();
    let store = in_memory(&users());
    let old = hours_ago(1);
    let text = format!("{HEADER}1,{old},1,1,a\n2,{old},x,2,b\n,{old},3,3,c\n4,{old},4,4,\"d\nd\"\n5,{old}\n");
    let path = files::text(directory.path().join("a.csv"), &text);
    let rejects = directory.path().join("rejects.ndjson");
    let options = IngestOptions { rejects: Some(rejects.clone()), ..IngestOptions::default() };
    let report = ingest(&store, "profile", &[&path], &options).unwrap();
    assert_eq!(counts(&report), [5, 2, 3, 0]);
    assert_eq!(report.rejects.as_deref(), Some(rejects.as_path()));
    assert_eq!((visits(&store, 1), visits(&store, 4), visits(&store, 2)), (vec![int(1)], vec![int(4)], vec![]));
    let lines: Vec<Json> =
        fs::read_to_string(&rejects).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let file = format!("{path:?}");
    let expected = [
        json!({"file": file, "row": 2, "line": 3, "reason": "column \"score\" is no float32: \"x\"",
            "values": {"user_id": "2", "event_timestamp": old.to_string(), "score": "x", "visits": "2", "name": "b"}}),
        json!({"file": file, "row": 3, "line": 4, "reason": "a join key cannot be null",
            "values": {"user_id": null, "event_timestamp": old.to_string(), "score": 3.0, "visits": 3, "name": "c"}}),
        json!({"file": file, "row": 5, "line": 7, "reason": "it has 2 cells where there are 5 columns",
            "values": {"user_id": "5", "event_timestamp": old.to_string()}}),
    ];
    assert_eq!(lines, expected);

    let error = ingest(&store, "profile", &[&path], &options).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains("rejects.ndjson"), "{error}");
    // The bad rows of what an earlier run has read are found again.
    let again = directory.path().join("again.ndjson");
    let options = IngestOptions { rejects: Some(again.clone()), ..IngestOptions::default() };
    assert_eq!(counts(&ingest(&store, "profile", &[&path], &options).unwrap()), [0, 0, 3, 5]);
    assert_eq!(fs::read_to_string(&again).unwrap(), fs::read_to_string(&rejects).unwrap());
}

#[test]
fn times_of_bad_rows_are_set_aside_whatever_their_zone_also_in_lists() {
    let directory = TempDir::new().unwrap();
    let logins = view("logins", &["user"], &[("first", "timestamp"), ("all", "list<timestamp>")]);
    let definitions = Definitions {
        entities: vec![entity("user", &[("user_id", ScalarType::Int64)])],
        views: vec![logins],
        services: vec![],
    };
    for zone in ["UTC", "Europe/Oslo", "+02:00"] {
        let micros = |time: Option<Timestamp>| {
            let micros = TimestampMicrosecondArray::from(vec![time.map(Timestamp::as_micros)]);
            Arc::new(micros.with_timezone(zone)) as ArrayRef
        };
        let items = micros(Some(hours_ago(3)));
        let item = Arc::new(Field::new_list_field(items.data_type().clone(), true));
        let list = ListArray::new(item, OffsetBuffer::from_lengths([1]), items, None);
        let rows = batch(vec![
            ("user_id", Arc::new(Int64Array::from(vec![None]))),
            ("event_timestamp", micros(Some(hours_ago(1)))),
            ("first", micros(None)),
            ("all", Arc::new(list)),
        ]);
        let path = files::parquet(directory.path().join("a.parquet"), &rows, 10);
        let rejects = directory.path().join(format!("{}.ndjson", zone.replace('/', "-")));
        let options = IngestOptions { rejects: Some(rejects.clone()), ..IngestOptions::default() };
        let report = ingest(&in_memory(&definitions), "logins", &[&path], &options).unwrap();
        assert_eq!(counts(&report), [1, 0, 1, 0]);
        let line: Json = serde_json::from_str(&fs::read_to_string(rejects).unwrap()).unwrap();
        let (event, all) = ("2024-05-31T23:00:00Z", ["2024-05-31T21:00:00Z"]);
        let expected = json!({"user_id": null, "event_timestamp": event, "first": null, "all": all});
        assert_eq!(line["values"], expected, "{zone}");
    }
}

#[test]
fn there_is_no_rejects_file_without_rejects() {
    let directory = TempDir::new().unwrap();
    let store = in_memory(&users());
    let path = files::parquet(directory.path().join("a.parquet"), &profiles(10), 10);
    let rejects = directory.path().join("rejects.ndjson");
    let options = IngestOptions { rejects: Some(rejects), ..IngestOptions::default() };
    let report = ingest(&store, "profile", &[&path], &options).unwrap();
    assert_eq!(report.rejects, None);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn readers_need_a_format_and_are_known_again_by_their_content() {
    let store = in_memory(&users());
    let text = format!("{HEADER}1,{},1,1,a\n", hours_ago(1));
    let input =
        || Input::Reader { name: "standard input".into(), reader: Box::new(std::io::Cursor::new(text.clone())) };
    let error = store.ingest("profile", vec![input()], &IngestOptions::default(), &mut |_| {}).unwrap_err();
    assert!(error.to_string().starts_with("the format of standard input must be given"), "{error}");
    let options = IngestOptions { input_format: Some(InputFormat::Csv), ..IngestOptions::default() };
    for expected in [[1, 1, 0, 0], [0, 0, 0, 1]] {
        let report = store.ingest("profile", vec![input()], &options, &mut |_| {}).unwrap();
        assert_eq!(counts(&report), expected);
        assert_eq!(report.files[0].name, "standard input");
    }
}

#[test]
fn progress_counts_the_bytes_that_are_checked_encoded_and_written() {
    let directory = TempDir::new().unwrap();
    let test = TestStore::new(&users());
    let path = files::parquet(directory.path().join("a.parquet"), &profiles(30_000), 5_000);
    let options = IngestOptions { chunk_bytes: INGEST_CHUNK_BYTES_MIN, ..IngestOptions::default() };
    let mut seen = Vec::new();
    let inputs = vec![Input::Path(path.clone())];
    test.store.ingest("profile", inputs, &options, &mut |progress| seen.push(progress)).unwrap();
    let total = 3 * fs::metadata(&path).unwrap().len();
    assert!(seen.iter().all(|progress| progress.total == Some(total)));
    assert!(seen.is_sorted_by_key(|progress| progress.done) && seen.is_sorted_by_key(|progress| progress.rows));
    let last = seen.last().unwrap();
    assert_eq!((last.rows, last.done), (30_000, total));
}

#[test]
fn an_ingest_of_more_than_fits_into_memory_is_one_step_and_leaves_nothing_else_on_disk() {
    let directory = TempDir::new().unwrap();
    let (in_one, in_steps) = (TestStore::new(&users()), TestStore::new(&users()));
    let path = files::parquet(directory.path().join("a.parquet"), &profiles(30_000), 5_000);
    let options = IngestOptions { chunk_bytes: INGEST_CHUNK_BYTES_MIN, ..IngestOptions::default() };
    let small = IngestOptions { step_bytes: INGEST_CHUNK_BYTES_MIN as u64, ..options.clone() };
    for (test, options) in [(&in_one, &options), (&in_steps, &small)] {
        assert_eq!(counts(&ingest(&test.store, "profile", &[&path], options).unwrap()), [30_000, 30_000, 0, 0]);
        assert_eq!(test.store.verify().unwrap().versions, 30_000);
        assert_eq!(counts(&ingest(&test.store, "profile", &[&path], options).unwrap()), [0, 0, 0, 30_000]);
    }
    assert_eq!(in_one.store.stats().unwrap().batches, 1);
    assert!(in_steps.store.stats().unwrap().batches > 1);
    for user in [1, 7, 29_999] {
        assert_eq!(visits(&in_one.store, user), visits(&in_steps.store, user));
    }
}

#[test]
fn the_flights_data_is_ingested_as_it_is() {
    let directory = repository("examples/flights");
    let definitions = read_definitions(directory.join("definitions.toml")).unwrap();
    let test = TestStore::new(&definitions);
    for (view, file, rows) in [
        ("airport_weather_v1", "weather", 26_115),
        ("route_daily_v1", "routes", 63_815),
        ("plane_v1", "planes", 3_322),
        ("departures_v1", "departures", 328_521),
    ] {
        let path = directory.join(file).with_extension("parquet");
        let report = ingest(&test.store, view, &[&path], &IngestOptions::default()).unwrap();
        assert_eq!(counts(&report), [rows, rows, 0, 0], "{view}");
    }
    assert_eq!(test.store.verify().unwrap().versions, 26_115 + 63_815 + 3_322 + 328_521);
}

/// Rows and chunks of the kill test: large enough for chunks that go into files of their own.
const KILLED_ROWS: i64 = 400_000;
const KILLED_CHUNK_BYTES: usize = 2 << 20;
/// The variable in which the child finds the directory of its store and input.
const CHILD: &str = "ASOFDB_TEST_INGEST_CHILD";

fn numbers() -> Definitions {
    let mut numbers = view("numbers", &["user"], &[("visits", "int64")]);
    numbers.features.push(FeatureDefinition::new("double", "int64".parse().unwrap()));
    Definitions {
        entities: vec![entity("user", &[("user_id", ScalarType::Int64)])],
        views: vec![numbers],
        services: vec![],
    }
}

fn open(directory: &Path) -> Store {
    let options = Options { memory_budget_bytes: 64 << 20, ..Options::default() };
    let store = Store::open_with(directory.join("store"), options, ManualClock::new(NOW), Durability::Os).unwrap();
    store.apply(&numbers(), false).unwrap();
    store
}

fn ingest_numbers(directory: &Path, progress: &mut dyn FnMut(u64)) -> IngestReport {
    let step_bytes = KILLED_CHUNK_BYTES as u64;
    let options = IngestOptions { chunk_bytes: KILLED_CHUNK_BYTES, step_bytes, ..IngestOptions::default() };
    let inputs = vec![Input::Path(directory.join("numbers.parquet"))];
    open(directory).ingest("numbers", inputs, &options, &mut |done| progress(done.rows)).unwrap()
}

/// Not a test of its own: what the next test starts and kills.
#[test]
fn child_that_is_killed() {
    if let Some(directory) = std::env::var_os(CHILD) {
        ingest_numbers(&PathBuf::from(directory), &mut |rows| println!("rows {rows}"));
    }
}

/// Starts an ingest and kills it once it has come to `rows` rows.
fn kill_at(directory: &Path, rows: u64) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "ingest::child_that_is_killed", "--nocapture"])
        .env(CHILD, directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let reached = |line: String| line.strip_prefix("rows ").is_some_and(|done| done.parse::<u64>().unwrap() >= rows);
    assert!(lines.into_iter().any(reached), "the child ended before it was killed");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn an_ingest_that_is_killed_goes_on_where_it_was() {
    let directory = TempDir::new().unwrap();
    let ids: Vec<i64> = (0..KILLED_ROWS).map(|row| (row * 7_919) % KILLED_ROWS).collect();
    let rows = batch(vec![
        ("user_id", Arc::new(Int64Array::from(ids.clone()))),
        ("event_timestamp", times(ids.iter().map(|id| Some(hours_ago(1 + id % 100))))),
        ("created", times(ids.iter().map(|_| Some(hours_ago(0))))),
        ("visits", Arc::new(ids.iter().map(|id| Some(id * 3)).collect::<Int64Array>())),
        ("double", Arc::new(ids.iter().map(|id| Some(id * 2)).collect::<Int64Array>())),
    ]);
    files::parquet(directory.path().join("numbers.parquet"), &rows, 50_000);
    let random = |kill: u64| RandomState::new().hash_one(kill) % (KILLED_ROWS as u64 / 6);
    for kill in 0..5 {
        // Later and later in the file; what an earlier run has done is not counted again.
        kill_at(directory.path(), random(kill));
    }
    let report = ingest_numbers(directory.path(), &mut |_| {});
    assert_eq!(report.rows_read + report.rows_resumed, KILLED_ROWS as u64);
    assert_eq!(report.rows_read, report.rows_written);
    let store = open(directory.path());
    let verified = store.verify().unwrap();
    assert_eq!((verified.versions, verified.problems.as_slice()), (KILLED_ROWS as u64, [].as_slice()));
    every_number_is_there(&store);
    let again = ingest_numbers_again(&store, directory.path());
    assert_eq!(counts(&again), [0, 0, 0, KILLED_ROWS as u64]);
}

fn ingest_numbers_again(store: &Store, directory: &Path) -> IngestReport {
    ingest(store, "numbers", &[&directory.join("numbers.parquet")], &IngestOptions::default()).unwrap()
}

fn every_number_is_there(store: &Store) {
    let request = store.prepare(&["numbers:*"]).unwrap();
    let mut entities = request.entity_rows();
    (0..KILLED_ROWS).for_each(|id| entities.push(&[int(id)]).unwrap());
    let answer = store.latest(&request, &entities).unwrap();
    for (feature, factor) in [(0, 3), (1, 2)] {
        let column = answer.column(feature).unwrap();
        let expected: Int64Array = (0..KILLED_ROWS).map(|id| Some(id * factor)).collect();
        assert!(column.as_primitive::<Int64Type>() == &expected, "feature {feature}");
    }
}
