//! Writes: refused whole with the view, the row, the column and the rule, or not at all.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, Float64Array, Int64Array, RecordBatch, StringArray, new_null_array};
use arrow::datatypes::{DataType, TimeUnit};
use asofdb::{Definitions, ErrorKind, ScalarType, Span, Store, Timestamp, Value};

use crate::common::{NOW, batch, entity, hours_ago, in_memory, int, times, users, view};

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
