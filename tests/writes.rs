//! Writes: refused whole with the view, the row, the column and the rule, or not at all.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, Float64Array, Int64Array, RecordBatch, StringArray, new_null_array};
use arrow::datatypes::{DataType, TimeUnit};
use asofdb::{Definitions, ErrorKind, ScalarType, Session, Span, Store, Timestamp, Value};

use crate::common::{NOW, batch, entity, files, hours_ago, in_memory, int, times, users, view};
use crate::ipc;

/// Three good rows, with one column replaced.
fn rows(replaced: Option<(&str, ArrayRef)>) -> RecordBatch {
    let mut columns: Vec<(&str, ArrayRef)> = vec![
        ("user_id", Arc::new(Int64Array::from(vec![1, 2, 3]))),
        ("event_timestamp", times([Some(hours_ago(3)), Some(hours_ago(2)), Some(hours_ago(1))])),
        ("score", Arc::new(Float32Array::from(vec![1.0, 2.0, 3.0]))),
        ("visits", Arc::new(Int64Array::from(vec![1, 2, 3]))),
        ("name", Arc::new(StringArray::from(vec!["a", "b", "c"]))),
    ];
    if let Some((name, array)) = replaced {
        columns.iter_mut().filter(|(known, _)| *known == name).for_each(|column| column.1 = array.clone());
    }
    batch(columns)
}

fn nothing_was_written(store: &Store) {
    for id in 1..=3 {
        assert!(store.history("profile", &[("user_id", Value::Int64(id))], 1).unwrap().is_empty());
    }
}

#[test]
fn bad_rows_are_refused_whole_with_row_column_and_rule() {
    let long: Vec<String> = vec!["x".repeat(2 << 20), String::new(), String::new()];
    let cases: [(&str, ArrayRef, &str); 9] = [
        (
            "user_id",
            Arc::new(Int64Array::from(vec![Some(1), None, Some(3)])),
            "view \"profile\", row 1: a join key cannot be null",
        ),
        (
            "event_timestamp",
            times([Some(NOW), None, Some(NOW)]),
            "view \"profile\", row 1: column \"event_timestamp\" is null: every row has an event timestamp",
        ),
        (
            "event_timestamp",
            Arc::new(Int64Array::from(vec![1_700_000_000, 1, 2])),
            "view \"profile\", row 0: event timestamp: timestamps are microseconds since 1970, this looks like seconds: 1700000000",
        ),
        (
            "event_timestamp",
            times([Some(NOW), Some(NOW), Some(NOW.plus(Span::from_secs(3_601)))]),
            "view \"profile\", row 2: event timestamp is more than max_future_skew (3600s) in the future: 2024-06-01T01:00:01Z",
        ),
        (
            "visits",
            Arc::new(Float64Array::from(vec![1.0, 2.5, 3.0])),
            "view \"profile\", row 1: column \"visits\" does not fit int64 without loss; round it at the source or declare a wider type: 2.5",
        ),
        (
            "score",
            Arc::new(Float64Array::from(vec![0.5, 0.25, 0.1])),
            "view \"profile\", row 2: column \"score\" does not fit float32 without loss; round it at the source or declare a wider type: 0.1",
        ),
        ("name", Arc::new(StringArray::from(long)), "view \"profile\", row 0: a row has at most 1048576 bytes"),
        ("visits", Arc::new(StringArray::from(vec!["1", "2", "3"])), "column \"visits\" must be int64, not Utf8"),
        ("name", Arc::new(Int64Array::from(vec![1, 2, 3])), "column \"name\" must be string, not Int64"),
    ];
    for (column, array, message) in cases {
        let store = in_memory(&users());
        let error = store.write("profile", &rows(Some((column, array)))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{message}");
        let text = format!("{error:#}");
        assert!(text.contains(message), "{text:?} does not say {message:?}");
        nothing_was_written(&store);
    }
}

#[test]
fn a_batch_over_its_limits_of_rows_or_bytes_is_refused_with_the_way_out() {
    let of = |rows: usize, name_bytes: usize| {
        let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(1..=rows as i64));
        batch(vec![
            ("user_id", ids.clone()),
            ("event_timestamp", times((0..rows).map(|_| Some(NOW)))),
            ("score", new_null_array(&DataType::Float32, rows)),
            ("visits", ids),
            ("name", Arc::new(StringArray::from(vec!["x".repeat(name_bytes); rows]))),
        ])
    };
    let store = in_memory(&users());
    for (rows, rule) in [
        (of(1_000_001, 0), "row 1000000: a batch has at most 1000000 rows; ingest cuts larger loads"),
        (of(70, 1_000_000), "row 67: a batch has at most 67108864 bytes; ingest cuts larger loads"),
    ] {
        let error = store.write("profile", &rows).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert_eq!(error.to_string(), format!("view \"profile\", {rule}"));
        nothing_was_written(&store);
    }
}

#[test]
fn keys_over_their_limit_are_refused_by_row() {
    let definitions = Definitions {
        entities: vec![entity("page", &[("url", ScalarType::String)])],
        views: vec![view("hits", &["page"], &[("hits", "int64")])],
        services: vec![],
    };
    let store = in_memory(&definitions);
    let rows = batch(vec![
        ("url", Arc::new(StringArray::from(vec!["a".to_owned(), "b".repeat(1_023)]))),
        ("event_timestamp", times([Some(NOW), Some(NOW)])),
        ("hits", Arc::new(Int64Array::from(vec![1, 2]))),
    ]);
    let error = store.write("hits", &rows).unwrap_err();
    assert_eq!(error.to_string(), "view \"hits\", row 1: an entity key has at most 1024 bytes: 1025");
    assert!(store.history("hits", &[("url", Value::String("a".into()))], 1).unwrap().is_empty());
}

#[test]
fn values_that_lose_nothing_are_taken_from_other_types() {
    let store = in_memory(&users());
    let dictionary = arrow::compute::cast(
        &StringArray::from(vec!["a", "b", "c"]),
        &DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Utf8)),
    );
    for (column, array) in [
        ("visits", Arc::new(Float64Array::from(vec![Some(1.0), None, Some(3.0)])) as ArrayRef),
        ("visits", Arc::new(arrow::array::UInt8Array::from(vec![1, 2, 3]))),
        ("score", Arc::new(Float64Array::from(vec![0.5, f64::NAN, f64::INFINITY]))),
        ("name", dictionary.unwrap()),
        ("name", new_null_array(&DataType::Null, 3)),
        ("user_id", Arc::new(arrow::array::Int32Array::from(vec![1, 2, 3]))),
    ] {
        store.write("profile", &rows(Some((column, array)))).unwrap_or_else(|error| panic!("{column}: {error:#}"));
    }
}

#[test]
fn times_of_every_unit_and_zone_are_the_same_instant() {
    for (unit, zone) in [
        (TimeUnit::Second, None),
        (TimeUnit::Millisecond, Some("Europe/Berlin")),
        (TimeUnit::Microsecond, None),
        (TimeUnit::Nanosecond, Some("+02:00")),
    ] {
        let store = in_memory(&users());
        let micros = times([Some(hours_ago(3)), Some(hours_ago(2)), Some(hours_ago(1))]);
        let to = DataType::Timestamp(unit, None);
        let array = arrow::compute::cast(&micros, &to).unwrap();
        let array = arrow::array::make_array(
            array.to_data().into_builder().data_type(DataType::Timestamp(unit, zone.map(Into::into))).build().unwrap(),
        );
        store.write("profile", &rows(Some(("event_timestamp", array)))).unwrap();
        let history = store.history("profile", &[("user_id", Value::Int64(1))], 1).unwrap();
        assert_eq!(history[0].version.event, hours_ago(3), "{unit:?} {zone:?}");
    }
    let store = in_memory(&users());
    let nanos = arrow::array::TimestampNanosecondArray::from(vec![1_717_000_000_000_000_001; 3]);
    let error = store.write("profile", &rows(Some(("event_timestamp", Arc::new(nanos))))).unwrap_err();
    assert!(error.to_string().contains("no whole microsecond: 1717000000000000001"), "{error}");
}

#[test]
fn a_missing_column_is_named_with_the_one_that_was_meant() {
    let store = in_memory(&users());
    let good = rows(None);
    let renamed = batch(
        good.schema()
            .fields()
            .iter()
            .zip(good.columns())
            .map(|(field, column)| {
                (if field.name() == "score" { "scores" } else { field.name().as_str() }, column.clone())
            })
            .collect(),
    );
    let error = store.write("profile", &renamed).unwrap_err();
    assert_eq!(
        error.to_string(),
        "view \"profile\": the input has no column for feature \"score\"; did you mean \"scores\"?"
    );
}

#[test]
fn a_batch_over_several_views_is_refused_as_a_whole() {
    let store = in_memory(&users());
    let good = rows(None);
    let bad = rows(Some(("user_id", Arc::new(Int64Array::from(vec![None, Some(1), Some(2)])))));
    let both = [("profile", &good), ("profile", &bad)];
    assert!(store.write_all(&both, asofdb::Durability::Os).is_err());
    nothing_was_written(&store);
    assert_eq!(store.write("profiles", &good).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn rows_without_a_created_timestamp_are_known_from_their_commit_on() {
    let store = in_memory(&users());
    let created = store.write("profile", &rows(None)).unwrap().created;
    assert!(created >= NOW);
    let request = store.prepare(&["profile:score"]).unwrap();
    let mut entities = request.entity_rows();
    entities.push(&[int(1)]).unwrap();
    let known =
        |known_at: Timestamp| store.as_of(&request, &entities, NOW, Some(known_at)).unwrap().value(0, 0).unwrap();
    assert_eq!(known(created), Some(Value::Float32(1.0)));
    assert_eq!(known(created.minus(Span::from_micros(1))), None);
}

#[test]
fn erase_and_delete_need_the_views_own_keys() {
    let store = in_memory(&users());
    let error = store.delete(&["profile"], &[("userid", Value::Int64(1))], NOW).unwrap_err();
    assert_eq!(error.to_string(), "view \"profile\" has no join key \"userid\"; did you mean \"user_id\"?");
    let error = store.erase(&["profile"], &[]).unwrap_err();
    assert_eq!(error.to_string(), "view \"profile\" needs join key \"user_id\"");
}

/// The batch with a second column `name`, of other values.
fn with_twice(rows: &RecordBatch, name: &str) -> RecordBatch {
    let position = rows.schema().index_of(name).unwrap();
    let mut fields = rows.schema().fields().to_vec();
    let mut columns = rows.columns().to_vec();
    fields.push(fields[position].clone());
    columns.push(arrow::array::new_null_array(columns[position].data_type(), rows.num_rows()));
    RecordBatch::try_new(Arc::new(arrow::datatypes::Schema::new(fields)), columns).unwrap()
}

#[test]
fn a_name_that_two_columns_have_is_refused_where_it_is_asked_for() {
    let store = in_memory(&users());
    let rows = batch(vec![
        ("user_id", Arc::new(Int64Array::from(vec![1])) as ArrayRef),
        ("event_timestamp", times([Some(hours_ago(1))])),
        ("created", times([Some(hours_ago(1))])),
        ("score", Arc::new(Float32Array::from(vec![1.0]))),
        ("visits", Arc::new(Int64Array::from(vec![1]))),
        ("name", Arc::new(StringArray::from(vec!["a"]))),
        ("other", Arc::new(Int64Array::from(vec![1]))),
    ]);
    let directory = tempfile::TempDir::new().unwrap();
    for name in ["user_id", "event_timestamp", "created", "score"] {
        let twice = with_twice(&rows, name);
        let expected = format!("two columns are named {name:?}; rename one of them");
        let error = store.write("profile", &twice).unwrap_err();
        assert_eq!(error.to_string(), format!("view \"profile\": {expected}"));
        let paths = [
            files::parquet(directory.path().join("a.parquet"), &twice, 1),
            ipc::file(directory.path().join("a.arrow"), &[twice]),
        ];
        for path in paths {
            let input = vec![asofdb::Input::Path(path.clone())];
            let error = store.ingest("profile", input, &asofdb::IngestOptions::default(), &mut |_| {}).unwrap_err();
            assert_eq!(error.to_string(), format!("file {path:?}: {expected}"));
        }
    }
    assert_eq!(store.verify().unwrap().versions, 0);
    let prepared = store.prepare(&["profile"]).unwrap();
    let error = prepared.entity_rows_from(&with_twice(&rows, "user_id")).unwrap_err();
    assert_eq!(error.to_string(), "two columns are named \"user_id\"; rename one of them");
    // A name that nobody asks for is nobody's concern.
    store.write("profile", &with_twice(&rows, "other")).unwrap();
}

/// The values of the features of user 1 after writing one row of `array` as the feature `f` of type `ty`.
fn written(ty: &str, array: ArrayRef) -> Result<Option<Value>, String> {
    let definitions = Definitions {
        entities: vec![entity("user", &[("user_id", ScalarType::Int64)])],
        views: vec![view("v", &["user"], &[("f", ty)])],
        services: vec![],
    };
    let store = in_memory(&definitions);
    let rows = batch(vec![
        ("user_id", Arc::new(Int64Array::from(vec![1])) as ArrayRef),
        ("event_timestamp", times([Some(hours_ago(1))])),
        ("f", array),
    ]);
    store.write("v", &rows).map_err(|error| error.to_string())?;
    Ok(store.history("v", &[("user_id", Value::Int64(1))], 1).unwrap()[0].values[0].clone())
}

#[test]
fn dates_in_milliseconds_are_times_if_they_are_whole_days() {
    let date = |millis| written("timestamp", Arc::new(arrow::array::Date64Array::from(vec![millis])));
    let noon: Timestamp = "1969-07-20".parse().unwrap();
    assert_eq!(date(noon.as_micros() / 1_000), Ok(Some(Value::Timestamp(noon))));
    let last: Timestamp = "9999-12-31".parse().unwrap();
    assert_eq!(date(last.as_micros() / 1_000), Ok(Some(Value::Timestamp(last))));
    assert!(date(1).unwrap_err().ends_with("column \"f\" has a time that is no whole day: 1"));
    assert!(date(i64::MAX / 86_400_000 * 86_400_000).unwrap_err().contains("outside the years 1 to 9999"));
    for days in [i32::MAX, i32::MIN] {
        let error = written("timestamp", Arc::new(arrow::array::Date32Array::from(vec![days]))).unwrap_err();
        assert!(error.contains("outside the years 1 to 9999"), "{error}");
    }
}

#[test]
fn list_views_are_lists() {
    let lists = arrow::array::ListArray::from_iter_primitive::<arrow::datatypes::Float32Type, _, _>(vec![
        Some(vec![Some(9.0)]),
        Some(vec![Some(0.5), Some(1.0)]),
    ]);
    let item = Arc::new(arrow::datatypes::Field::new_list_field(DataType::Float32, true));
    let expected = Value::List(ScalarType::Float32, vec![Value::Float32(0.5), Value::Float32(1.0)]);
    for ty in [DataType::ListView(item.clone()), DataType::LargeListView(item)] {
        let views = arrow::compute::cast(&lists, &ty).unwrap();
        assert_eq!(written("list<float32>", views.slice(1, 1)), Ok(Some(expected.clone())), "{ty}");
    }
}

#[test]
fn runs_are_read_as_their_values() {
    let runs: arrow::array::RunArray<arrow::datatypes::Int32Type> = ["a", "b", "b"].into_iter().collect();
    assert_eq!(written("string", Arc::new(runs.slice(2, 1))), Ok(Some(Value::String("b".into()))));
    let ends = arrow::array::Int16Array::from(vec![1, 3]);
    let runs = arrow::array::RunArray::try_new(&ends, &Int64Array::from(vec![Some(1), None])).unwrap();
    let runs: ArrayRef = Arc::new(runs);
    assert_eq!(written("int64", runs.slice(1, 1)), Ok(None));
    assert_eq!(written("int64", runs.slice(0, 1)), Ok(Some(Value::Int64(1))));
}

#[test]
fn an_unsigned_number_that_no_type_holds_says_what_would() {
    let error = written("int64", Arc::new(arrow::array::UInt64Array::from(vec![u64::MAX]))).unwrap_err();
    assert!(error.ends_with("declare string or bytes and write it as such: 18446744073709551615"), "{error}");
    assert_eq!(written("int64", Arc::new(arrow::array::UInt64Array::from(vec![5]))), Ok(Some(Value::Int64(5))));
}
