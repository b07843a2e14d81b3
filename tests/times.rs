//! Times mean the same wherever they come in: typed ones are what they say, plain numbers are microseconds or refused.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, TimestampMillisecondArray, TimestampSecondArray};
use arrow::datatypes::TimestampMicrosecondType;
use asofdb::{
    Definitions, ErrorKind, IngestOptions, Input, Result, ScalarType, Session, Source, Store, TextOptions, Timestamp,
    TrainingSetOptions, Value,
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::json;
use tempfile::TempDir;

use crate::common::{batch, entity, files, hours_ago, in_memory, times, view};
use crate::int96;

/// People with a birthday, a list of visits, and a view whose join key is a time.
fn people() -> Definitions {
    let features = [("born", "timestamp"), ("visits", "list<timestamp>")];
    Definitions {
        entities: vec![
            entity("person", &[("person_id", ScalarType::Int64)]),
            entity("moment", &[("moment", ScalarType::Timestamp)]),
        ],
        views: vec![view("people", &["person"], &features), view("moments", &["moment"], &[("n", "int64")])],
        services: vec![],
    }
}

fn ingest(store: &Store, view: &str, path: &Path) -> Result<u64> {
    let inputs = vec![Input::Path(path.to_path_buf())];
    store.ingest(view, inputs, &IngestOptions::default(), &mut |_| {}).map(|report| report.rows_written)
}

fn born(store: &Store, person: i64) -> Option<Value> {
    store.history("people", &[("person_id", Value::Int64(person))], 1).unwrap()[0].values[0].clone()
}

/// A time in another unit than microseconds, and what it looks like.
const OTHER_UNITS: [(i64, &str); 3] =
    [(1_717_196_400, "seconds"), (1_717_196_400_000, "milliseconds"), (1_717_196_400_000_000_000, "nanoseconds")];

#[test]
fn a_spine_of_text_in_another_unit_is_refused_by_the_unit_it_looks_like() {
    let (store, directory) = (in_memory(&people()), TempDir::new().unwrap());
    let path = |name: &str| directory.path().join(name);
    for (time, unit) in OTHER_UNITS {
        for spine in [
            files::text(path("spine.csv"), &format!("person_id,event_timestamp\n1,{time}\n")),
            files::text(path("spine.ndjson"), &format!("{}\n", json!({"person_id": 1, "event_timestamp": time}))),
        ] {
            let out = path("out.parquet");
            let options = TrainingSetOptions::default();
            let error = store.training_set(&["people:born"], &spine, &out, &options, &mut |_| {}).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid);
            let expected = format!(
                "(row 1): column \"event_timestamp\": timestamps are microseconds since 1970, \
                 this looks like {unit}: {time}"
            );
            assert!(error.message().ends_with(&expected), "{error}");
            assert!(!out.exists());
        }
    }
}

#[test]
fn a_spine_of_whole_numbers_in_arrow_is_refused_by_the_unit_it_looks_like() {
    let store = in_memory(&people());
    for (time, unit) in OTHER_UNITS {
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![None, Some(time)]));
        let ids: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
        let spine = batch(vec![("person_id", ids), ("event_timestamp", numbers)]);
        let mut join = store
            .point_in_time_join(&["people"], spine.schema(), [Ok(spine)].into_iter(), &asofdb::JoinOptions::default())
            .unwrap();
        let error = join.next().unwrap().unwrap_err().to_string();
        assert!(error.ends_with(&format!("does not say its unit, and this looks like {unit}: {time}")), "{error}");
    }
}

#[test]
fn features_lists_keys_and_created_timestamps_in_another_unit_are_refused() {
    let (store, directory) = (in_memory(&people()), TempDir::new().unwrap());
    let path = |name: &str| directory.path().join(name);
    let good = hours_ago(1).as_micros();
    for (time, unit) in OTHER_UNITS {
        let row = |name: &str| {
            let mut row = json!({"person_id": 1, "event_timestamp": good, "created": good, "born": good, "visits": []});
            row[name] = if name == "visits" { json!([good, time]) } else { json!(time) };
            format!("{row}\n")
        };
        for name in ["event_timestamp", "created", "born", "visits"] {
            let error = ingest(&store, "people", &files::text(path("a.ndjson"), &row(name))).unwrap_err();
            let expected = format!("column \"{name}\": timestamps are microseconds since 1970, this looks like {unit}");
            assert!(error.message().contains(&expected), "{error}");
        }
        let keys = files::text(path("b.csv"), &format!("moment,event_timestamp,n\n{time},{good},1\n"));
        let error = ingest(&store, "moments", &keys).unwrap_err();
        assert!(
            error.message().contains(&format!(
                "column \"moment\": timestamps are microseconds since 1970, this looks like {unit}"
            )),
            "{error}"
        );
    }
    assert_eq!(store.verify().unwrap().versions, 0);
}

#[test]
fn whole_numbers_in_arrow_are_no_features_and_no_keys() {
    let store = in_memory(&people());
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1_717_196_400]));
    let rows =
        batch(vec![("moment", numbers.clone()), ("event_timestamp", times([Some(hours_ago(1))])), ("n", numbers)]);
    let error = store.write("moments", &rows).unwrap_err().to_string();
    assert!(error.contains("column \"moment\" must be timestamp, not Int64"), "{error}");
    assert!(error.ends_with("this looks like seconds: 1717196400"), "{error}");
}

#[test]
fn typed_times_of_any_date_are_features() {
    let (store, directory) = (in_memory(&people()), TempDir::new().unwrap());
    let path = |name: &str| directory.path().join(name);
    let landed: Timestamp = "1969-07-20T20:17:40Z".parse().unwrap();
    let seconds = landed.as_micros() / 1_000_000;
    let rows = |born: ArrayRef| {
        batch(vec![
            ("person_id", Arc::new(Int64Array::from(vec![1])) as ArrayRef),
            ("event_timestamp", times([Some(hours_ago(1))])),
            ("born", born),
            ("visits", arrow::array::new_null_array(&arrow::datatypes::DataType::Null, 1)),
        ])
    };
    for born_at in [
        Arc::new(TimestampSecondArray::from(vec![seconds])) as ArrayRef,
        Arc::new(TimestampMillisecondArray::from(vec![seconds * 1_000])),
        times([Some(landed)]),
    ] {
        store.write("people", &rows(born_at)).unwrap();
        assert_eq!(born(&store, 1), Some(Value::Timestamp(landed)));
    }
    let text = format!(
        "{}\n",
        json!({"person_id": 2, "event_timestamp": hours_ago(1).as_micros(), "born": landed.to_string(), "visits": null})
    );
    ingest(&store, "people", &files::text(path("a.ndjson"), &text)).unwrap();
    assert_eq!(born(&store, 2), Some(Value::Timestamp(landed)));
    // An event of 1970 stays what it was: a unit that was mistaken, whatever its type.
    let mut columns = rows(times([Some(landed)])).columns().to_vec();
    columns[1] = times([Some(Timestamp::from_micros(1_717_196_400))]);
    let mistaken = arrow::array::RecordBatch::try_new(rows(times([None])).schema(), columns).unwrap();
    let error = store.write("people", &mistaken).unwrap_err().to_string();
    assert!(
        error.contains("event timestamp: timestamps are microseconds since 1970, this looks like seconds"),
        "{error}"
    );
}

#[test]
fn the_last_moment_of_9999_comes_in_everywhere_and_goes_out_as_it_was() {
    let (store, directory) = (in_memory(&people()), TempDir::new().unwrap());
    let path = |name: &str| directory.path().join(name);
    let open = ["9999-12-31T00:00:00Z", "9999-12-31T23:59:59.999999Z"];
    let good = hours_ago(1);
    for text in open {
        let end: Timestamp = text.parse().unwrap();
        let rows = batch(vec![
            ("person_id", Arc::new(Int64Array::from(vec![1])) as ArrayRef),
            ("event_timestamp", times([Some(good)])),
            ("born", times([Some(end)])),
            ("visits", arrow::array::new_null_array(&arrow::datatypes::DataType::Null, 1)),
        ]);
        let json = json!({"person_id": 1, "event_timestamp": good.to_string(), "born": text, "visits": [text]});
        let number =
            json!({"person_id": 1, "event_timestamp": good.to_string(), "born": end.as_micros(), "visits": null});
        for file in [
            files::parquet(path("a.parquet"), &rows, 1),
            files::text(path("a.ndjson"), &format!("{json}\n")),
            files::text(path("b.ndjson"), &format!("{number}\n")),
        ] {
            ingest(&store, "people", &file).unwrap();
            assert_eq!(born(&store, 1).map(|born| born.to_string()).as_deref(), Some(text), "{file:?}");
        }
        // Such a time is a good one to ask about, too.
        let spine = files::text(path("spine.csv"), &format!("person_id,event_timestamp\n1,{text}\n"));
        let out = path(&format!("out-{}.parquet", end.as_micros()));
        store.training_set(&["people:born"], &spine, &out, &TrainingSetOptions::default(), &mut |_| {}).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(&out).unwrap()).unwrap();
        let joined = reader.build().unwrap().next().unwrap().unwrap();
        for column in [1, 2] {
            assert_eq!(joined.column(column).as_primitive::<TimestampMicrosecondType>().value(0), end.as_micros());
        }
    }
    let moments = batch(vec![
        ("moment", times([Some(Timestamp::LAST)])),
        ("event_timestamp", times([Some(good)])),
        ("n", Arc::new(Int64Array::from(vec![7]))),
    ]);
    store.write("moments", &moments).unwrap();
    let found = store.history("moments", &[("moment", Value::Timestamp(Timestamp::LAST))], 1).unwrap();
    assert_eq!(found[0].values, [Some(Value::Int64(7))]);
}

#[test]
fn times_outside_the_years_1_to_9999_are_refused_from_every_source() {
    let store = in_memory(&people());
    for micros in [Timestamp::LAST.as_micros() + 1, Timestamp::FIRST.as_micros() - 1, i64::MAX] {
        let rows = batch(vec![
            ("person_id", Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef),
            ("event_timestamp", times([Some(hours_ago(1)), Some(hours_ago(1))])),
            ("born", times([None, Some(Timestamp::from_micros(micros))])),
            ("visits", arrow::array::new_null_array(&arrow::datatypes::DataType::Null, 2)),
        ]);
        let error = store.write("people", &rows).unwrap_err().to_string();
        let expected = format!("row 1: column \"born\" has a time outside the years 1 to 9999: {micros}us");
        assert!(error.ends_with(&expected), "{error}");
    }
}

#[test]
fn int96_of_parquet_holds_every_year() {
    let mut people = people();
    people.entities[0].join_keys[0].name = "id".into();
    people.views[0].features.truncate(1);
    let (store, directory) = (in_memory(&people), TempDir::new().unwrap());
    let path = |name: &str| directory.path().join(name);
    let written: Vec<Timestamp> =
        ["0001-01-01", "1677-09-20", "1969-07-20T20:17:40Z", "2262-04-12", "9999-12-31T23:59:59.999999Z"]
            .map(|text| text.parse().unwrap())
            .to_vec();
    let ids: Vec<i64> = (0..5).collect();
    // A column that a spine only carries along, and one that is asked about.
    let spine = batch(vec![
        ("id", Arc::new(Int64Array::from(ids.clone())) as ArrayRef),
        ("event_timestamp", times(ids.iter().map(|_| Some(hours_ago(0))))),
    ]);
    let source =
        Source::open(int96::file(path("a.parquet"), &ids, "born", &written, 0), None, TextOptions::default()).unwrap();
    let read = source.batches().unwrap().next().unwrap().unwrap();
    let micros: Vec<i64> = written.iter().map(|time| time.as_micros()).collect();
    assert_eq!(read.column(1).as_primitive::<TimestampMicrosecondType>().values(), &micros);
    // And one that is a feature.
    let rows = batch(vec![
        ("id", read.column(0).clone()),
        ("event_timestamp", spine.column(1).clone()),
        ("born", read.column(1).clone()),
    ]);
    store.write("people", &rows).unwrap();
    for (id, time) in ids.iter().zip(&written) {
        let found = store.history("people", &[("id", Value::Int64(*id))], 1).unwrap();
        assert_eq!(found[0].values[0], Some(Value::Timestamp(*time)));
    }
    let asked = int96::file(
        path("spine.parquet"),
        &ids,
        "event_timestamp",
        &[hours_ago(0), written[4], hours_ago(1), written[2], hours_ago(0)],
        0,
    );
    let out = path("out.parquet");
    store.training_set(&["people:born"], &asked, &out, &TrainingSetOptions::default(), &mut |_| {}).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(&out).unwrap()).unwrap();
    let joined = reader.build().unwrap().next().unwrap().unwrap();
    let born: Vec<_> = joined.column(2).as_primitive::<TimestampMicrosecondType>().iter().collect();
    assert_eq!(born, [Some(micros[0]), Some(micros[1]), None, None, Some(micros[4])]);
}

#[test]
fn int96_below_a_microsecond_is_refused_and_not_cut_off() {
    let directory = TempDir::new().unwrap();
    let written = ["2024-05-01", "9999-12-31T23:59:59.999999Z"].map(|text| text.parse::<Timestamp>().unwrap());
    let path = int96::file(directory.path().join("a.parquet"), &[1, 2], "born", &written, 100);
    let source = Source::open(&path, None, TextOptions::default()).unwrap();
    let error = source.batches().unwrap().next().unwrap().unwrap_err().to_string();
    let expected = "row 1: column \"born\" has a time that is no whole microsecond: after 2024-05-01T00:00:00Z";
    assert!(error.ends_with(expected), "{error}");
}
