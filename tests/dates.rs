//! Dates: days without a time of day, before and after 1970, in every form in which rows come and go.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, Date32Builder, Date64Array, Int64Array, ListBuilder, RecordBatch,
    TimestampMicrosecondArray, TimestampSecondArray,
};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Date32Type};
use asofdb::{
    AsJson, Date, Definitions, ErrorKind, F32Matrix, IngestOptions, Input, JoinOptions, ScalarType, Session, Status,
    Store, Value, parse_definitions, parse_join_key,
};
use tempfile::TempDir;

use crate::common::{NOW, TestStore, batch, files, hours_ago, in_memory, times};
use crate::ipc;

const DEFINITIONS: &str = r#"
    [[entity]]
    name = "day"
    join_keys = [{ name = "day", type = "date" }]
    [[feature_view]]
    name = "calendar"
    entities = ["day"]
    [[feature_view.feature]]
    name = "next"
    type = "date"
    default = 9999-12-31
    [[feature_view.feature]]
    name = "holidays"
    type = "list<date>"
    default = ["1970-01-01"]
"#;

/// The days of the keys, and of `next` of each: 1 day later.
const DAYS: [&str; 5] = ["0001-01-01", "1969-12-31", "1970-01-01", "2024-02-28", "9999-12-30"];
const NEXT: [&str; 5] = ["0001-01-02", "1970-01-01", "1970-01-02", "2024-02-29", "9999-12-31"];

fn definitions() -> Definitions {
    parse_definitions(DEFINITIONS, "d.toml").unwrap()
}

fn date(text: &str) -> Value {
    Value::Date(text.parse().unwrap())
}

fn days(text: &str) -> i32 {
    text.parse::<Date>().unwrap().as_days()
}

fn column(texts: &[&str]) -> ArrayRef {
    Arc::new(Date32Array::from_iter_values(texts.iter().map(|text| days(text))))
}

/// A row a day: the holidays are the day and the next one.
fn calendar() -> RecordBatch {
    let mut holidays = ListBuilder::new(Date32Builder::new());
    for (day, next) in DAYS.iter().zip(NEXT) {
        holidays.append_value([Some(days(day)), Some(days(next))]);
    }
    batch(vec![
        ("day", column(&DAYS)),
        ("event_timestamp", times(DAYS.map(|_| Some(hours_ago(1))))),
        ("next", column(&NEXT)),
        ("holidays", Arc::new(holidays.finish())),
    ])
}

fn latest(store: &Store, day: &str) -> (Option<Value>, Option<Value>, Status) {
    let request = store.prepare(&["calendar"]).unwrap();
    let mut rows = request.entity_rows();
    rows.push(&[Some(date(day))]).unwrap();
    let answer = store.latest(&request, &rows).unwrap();
    (answer.value(0, 0).unwrap(), answer.value(0, 1).unwrap(), answer.status(0, 0))
}

fn check_calendar(store: &Store) {
    for (day, next) in DAYS.iter().zip(NEXT) {
        let holidays = Value::List(ScalarType::Date, vec![date(day), date(next)]);
        assert_eq!(latest(store, day), (Some(date(next)), Some(holidays), Status::Present), "{day}");
    }
    let default = Value::List(ScalarType::Date, vec![date("1970-01-01")]);
    assert_eq!(latest(store, "2000-01-01"), (Some(date("9999-12-31")), Some(default), Status::Missing));
}

#[test]
fn dates_are_keys_features_lists_and_defaults_in_memory_on_disk_and_after_reopening() {
    let memory = in_memory(&definitions());
    memory.write("calendar", &calendar()).unwrap();
    check_calendar(&memory);
    let TestStore { store, clock, directory } = TestStore::new(&definitions());
    store.write("calendar", &calendar()).unwrap();
    check_calendar(&store);
    drop(store);
    let path = directory.path().join("store");
    let store = Store::open_with(path, asofdb::Options::default(), clock, asofdb::Durability::Os).unwrap();
    check_calendar(&store);
    assert_eq!(store.verify().unwrap().problems, Vec::<String>::new());
}

#[test]
fn a_scan_gives_the_days_in_order_and_history_what_was_written() {
    let store = in_memory(&definitions());
    store.write("calendar", &calendar()).unwrap();
    let directory = TempDir::new().unwrap();
    let out = directory.path().join("export");
    let options = asofdb::ExportOptions::default();
    let manifest = store.export("calendar", &out, &options, &mut |_| {}).unwrap();
    assert_eq!(manifest.rows, 5);
    let exported: Vec<_> = manifest.files.iter().map(|file| out.join(&file.path)).collect();
    let source = asofdb::Source::open(&exported[0], None, asofdb::TextOptions::default()).unwrap();
    assert_eq!(source.schema().field_with_name("day").unwrap().data_type(), &DataType::Date32);
    let batches: Vec<_> = source.batches().unwrap().map(Result::unwrap).collect();
    let rows = concat_batches(&source.schema(), &batches).unwrap();
    let read = rows.column_by_name("day").unwrap().as_primitive::<Date32Type>().values().to_vec();
    assert_eq!(read, DAYS.map(days), "sorted by day, before 1970 first");

    // There and back.
    let copy = in_memory(&definitions());
    let inputs = exported.into_iter().map(Input::Path).collect();
    copy.ingest("calendar", inputs, &IngestOptions::default(), &mut |_| {}).unwrap();
    check_calendar(&copy);
    let key = [("day", date("1969-12-31"))];
    assert_eq!(copy.history("calendar", &key, 10).unwrap(), store.history("calendar", &key, 10).unwrap());
}

#[test]
fn every_format_of_files_gives_the_same_dates() {
    let directory = TempDir::new().unwrap();
    let path = |name: &str| directory.path().join(name);
    let rows = calendar();
    let event = hours_ago(1);
    let line = |(day, next): (&&str, &str)| {
        format!(r#"{{"day":"{day}","event_timestamp":"{event}","next":"{next}","holidays":["{day}","{next}"]}}"#)
    };
    let ndjson: Vec<String> = DAYS.iter().zip(NEXT).map(line).collect();
    let inputs = [
        files::parquet(path("a.parquet"), &rows, 2),
        ipc::file(path("a.arrow"), std::slice::from_ref(&rows)),
        files::text(path("a.ndjson"), &ndjson.join("\n")),
    ];
    for input in inputs {
        let store = in_memory(&definitions());
        store.ingest("calendar", vec![Input::Path(input)], &IngestOptions::default(), &mut |_| {}).unwrap();
        check_calendar(&store);
    }
    // CSV has no lists.
    let mut definitions = definitions();
    definitions.views[0].features.truncate(1);
    let store = in_memory(&definitions);
    let lines = DAYS.iter().zip(NEXT).map(|(day, next)| format!("{day},{event},{next}\n"));
    let csv = files::text(path("a.csv"), &format!("day,event_timestamp,next\n{}", lines.collect::<String>()));
    store.ingest("calendar", vec![Input::Path(csv)], &IngestOptions::default(), &mut |_| {}).unwrap();
    for (day, next) in DAYS.iter().zip(NEXT) {
        let rows = store.history("calendar", &[("day", date(day))], 2).unwrap();
        assert_eq!(rows[0].values, [Some(date(next))], "{day}");
    }
}

fn one(day: ArrayRef, next: ArrayRef) -> RecordBatch {
    let mut holidays = ListBuilder::new(Date32Builder::new());
    (0..day.len()).for_each(|_| holidays.append_null());
    let events = times((0..day.len()).map(|_| Some(hours_ago(1))));
    batch(vec![("day", day), ("event_timestamp", events), ("next", next), ("holidays", Arc::new(holidays.finish()))])
}

#[test]
fn midnights_and_date64_are_dates_and_what_has_a_time_of_day_is_refused() {
    const DAY: i64 = 86_400_000_000;
    let store = in_memory(&definitions());
    let micros: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![-DAY]));
    let millis: ArrayRef = Arc::new(Date64Array::from(vec![19_781 * 86_400_000]));
    store.write("calendar", &one(micros.clone(), millis)).unwrap();
    assert_eq!(latest(&store, "1969-12-31").0, Some(date("2024-02-28")));
    let seconds: ArrayRef = Arc::new(TimestampSecondArray::from(vec![86_400]));
    store.write("calendar", &one(micros.clone(), seconds)).unwrap();
    assert_eq!(latest(&store, "1969-12-31").0, Some(date("1970-01-02")));

    let refused = |next: ArrayRef| format!("{:#}", store.write("calendar", &one(micros.clone(), next)).unwrap_err());
    let noon: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![-DAY / 2]));
    let wanted = "column \"next\" has a time of day, which a date cannot hold, on 1969-12-31";
    assert!(refused(noon).contains(wanted));
    for outside in [days("0001-01-01") - 1, days("9999-12-31") + 1] {
        let outside: ArrayRef = Arc::new(Date32Array::from(vec![outside]));
        assert!(refused(outside).contains("column \"next\" has a date that is not from 0001-01-01 to 9999-12-31"));
    }
    // A number says no unit.
    assert!(refused(Arc::new(Int64Array::from(vec![19_781]))).contains("column \"next\" must be date, not Int64"));
}

#[test]
fn texts_and_numbers_that_are_no_dates_are_refused_by_name() {
    let directory = TempDir::new().unwrap();
    let store = in_memory(&definitions());
    let event = hours_ago(1);
    for (name, value, says) in [
        ("a", "\"2023-02-29\"", "column \"next\" is no date (YYYY-MM-DD): \"2023-02-29\""),
        ("b", "\"2024-02-28T00:00:00Z\"", "column \"next\" is no date (YYYY-MM-DD)"),
        ("c", "19781", "column \"next\" is no date (YYYY-MM-DD): \"19781\""),
    ] {
        let line = format!(r#"{{"day":"1970-01-01","event_timestamp":"{event}","next":{value},"holidays":null}}"#);
        let file = files::text(directory.path().join(name).with_extension("ndjson"), &line);
        let error =
            store.ingest("calendar", vec![Input::Path(file)], &IngestOptions::default(), &mut |_| {}).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(format!("{error:#}").contains(says), "{error:#}");
    }
    let key = asofdb::JoinKey { name: "day".into(), ty: ScalarType::Date };
    assert_eq!(parse_join_key(&key, "1969-12-31").unwrap(), date("1969-12-31"));
    let error = parse_join_key(&key, "31.12.1969").unwrap_err().to_string();
    assert_eq!(error, "join key \"day\" is date (YYYY-MM-DD): \"31.12.1969\"");
    assert_eq!(AsJson(&date("1969-12-31")).to_bytes().unwrap(), b"\"1969-12-31\"");
}

#[test]
fn spines_join_by_date_and_matrices_take_none() {
    let store = in_memory(&definitions());
    store.write("calendar", &calendar()).unwrap();
    let spine = batch(vec![
        ("day", column(&["2024-02-28", "1969-12-31", "2000-01-01"])),
        ("event_timestamp", times([Some(NOW), Some(NOW), Some(NOW)])),
    ]);
    let batches = [Ok(spine.clone())].into_iter();
    let mut join =
        store.point_in_time_join(&["calendar:next"], spine.schema(), batches, &JoinOptions::default()).unwrap();
    let parts: Vec<_> = join.by_ref().collect::<Result<_, _>>().unwrap();
    let joined = parts[0].column_by_name("next").unwrap().as_primitive::<Date32Type>().values().to_vec();
    assert_eq!(joined, ["2024-02-29", "1970-01-01", "9999-12-31"].map(days));

    let request = store.prepare(&["calendar:next"]).unwrap();
    let mut rows = request.entity_rows();
    rows.push(&[Some(date("1970-01-01"))]).unwrap();
    let matrix = F32Matrix { values: &mut [0.0], statuses: None, fill: 0.0 };
    let error = store.latest_f32(&request, &rows, matrix).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.to_string().contains("date"), "{error}");
}
