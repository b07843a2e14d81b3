//! Latest and as-of reads: one answer in every form, with the reason for every hole.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float32Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{Float32Type, Int64Type};
use asofdb::{
    AnswerColumns, Definitions, ErrorKind, F32Matrix, FeatureDefinition, ScalarType, Session, Span, Status, Store,
    Timestamp, Value, ValueType,
};

use crate::common::{NOW, TestStore, batch, entity, hours_ago, in_memory, int, times, users, view};

fn profile(id: i64, event: Timestamp, score: Option<f32>, visits: Option<i64>) -> RecordBatch {
    batch(vec![
        ("user_id", Arc::new(Int64Array::from(vec![id])) as ArrayRef),
        ("event_timestamp", times([Some(event)])),
        ("score", Arc::new(Float32Array::from(vec![score]))),
        ("visits", Arc::new(Int64Array::from(vec![visits]))),
        ("name", Arc::new(StringArray::from(vec![Some("x")]))),
    ])
}

fn latest(store: &Store, reference: &str, id: i64) -> (Option<Value>, Status, Option<Timestamp>) {
    let request = store.prepare(&[reference]).unwrap();
    let mut rows = request.entity_rows();
    rows.push(&[int(id)]).unwrap();
    let answer = store.latest(&request, &rows).unwrap();
    (answer.value(0, 0).unwrap(), answer.status(0, 0), answer.event_timestamp(0, 0))
}

#[test]
fn null_missing_expired_and_zero_never_look_alike() {
    for store in [in_memory(&users()), TestStore::new(&users()).store] {
        store.write("profile", &profile(1, hours_ago(1), Some(0.0), None)).unwrap();
        store.write("profile", &profile(2, hours_ago(25), Some(2.0), Some(2))).unwrap();
        let event = Some(hours_ago(1));
        assert_eq!(latest(&store, "profile:score", 1), (Some(Value::Float32(0.0)), Status::Present, event));
        assert_eq!(latest(&store, "profile:visits", 1), (None, Status::Null, event));
        assert_eq!(latest(&store, "profile:score", 2), (None, Status::Expired, Some(hours_ago(25))));
        assert_eq!(latest(&store, "profile:score", 3), (None, Status::Missing, None));
        store.delete(&["profile"], &[("user_id", Value::Int64(1))], NOW).unwrap();
        assert_eq!(latest(&store, "profile:score", 1), (None, Status::Missing, None));
    }
}

#[test]
fn an_entity_asked_for_in_several_rows_is_answered_in_each() {
    for store in [in_memory(&users()), TestStore::new(&users()).store] {
        store.write("profile", &profile(1, hours_ago(1), Some(1.5), Some(7))).unwrap();
        let request = store.prepare(&["profile:visits"]).unwrap();
        let mut rows = request.entity_rows();
        (0..5).for_each(|_| rows.push(&[int(1)]).unwrap());
        let answer = store.latest(&request, &rows).unwrap();
        let values: Vec<_> = (0..5).map(|row| answer.value(row, 0).unwrap()).collect();
        assert_eq!(values, vec![Some(Value::Int64(7)); 5]);
    }
}

#[test]
fn late_data_never_hides_a_newer_row() {
    let test = TestStore::new(&users());
    test.store.write("profile", &profile(1, hours_ago(1), Some(2.0), None)).unwrap();
    test.store.write("profile", &profile(1, hours_ago(3), Some(1.0), None)).unwrap();
    assert_eq!(latest(&test.store, "profile:score", 1).0, Some(Value::Float32(2.0)));
    let request = test.store.prepare(&["profile:score"]).unwrap();
    let mut rows = request.entity_rows();
    rows.push(&[int(1)]).unwrap();
    let at = |at| test.store.as_of(&request, &rows, at, None).unwrap().value(0, 0).unwrap();
    assert_eq!(at(hours_ago(2)), Some(Value::Float32(1.0)));
    assert_eq!(at(hours_ago(3)), Some(Value::Float32(1.0)), "the time asked is inclusive");
    assert_eq!(at(hours_ago(4)), None);
}

#[test]
fn a_row_dated_in_the_future_is_not_served_before_its_time() {
    let test = TestStore::new(&users());
    test.store.write("profile", &profile(1, hours_ago(1), Some(1.0), None)).unwrap();
    let soon = NOW.plus(Span::from_secs(60));
    test.store.write("profile", &profile(1, soon, Some(2.0), None)).unwrap();
    assert_eq!(latest(&test.store, "profile:score", 1).0, Some(Value::Float32(1.0)));
    test.clock.set(soon);
    assert_eq!(latest(&test.store, "profile:score", 1).0, Some(Value::Float32(2.0)));
}

#[test]
fn matrices_hold_the_values_the_defaults_and_the_fill_in_the_order_asked() {
    let mut definitions = users();
    definitions.views[0].features[1].default = Some(Value::Int64(-7));
    definitions.views.push(view("flags", &["user"], &[("on", "bool"), ("small", "int32"), ("big", "float64")]));
    for store in [in_memory(&definitions), TestStore::new(&definitions).store] {
        store.write("profile", &profile(1, hours_ago(1), Some(1.5), None)).unwrap();
        let flags = batch(vec![
            ("user_id", Arc::new(Int64Array::from(vec![1])) as ArrayRef),
            ("event_timestamp", times([Some(hours_ago(2))])),
            ("on", Arc::new(arrow::array::BooleanArray::from(vec![true]))),
            ("small", Arc::new(arrow::array::Int32Array::from(vec![3]))),
            ("big", Arc::new(arrow::array::Float64Array::from(vec![0.25]))),
        ]);
        store.write("flags", &flags).unwrap();
        // The views' features are interleaved on purpose.
        let request =
            store.prepare(&["flags:big", "profile:visits", "flags:on", "profile:score", "flags:small"]).unwrap();
        let mut rows = request.entity_rows();
        [int(1), None, int(2)].into_iter().for_each(|id| rows.push(&[id]).unwrap());
        let (mut values, mut statuses) = (vec![f32::INFINITY; 15], vec![Status::Present; 15]);
        let matrix = F32Matrix { values: &mut values, statuses: Some(&mut statuses), fill: -1.0 };
        store.latest_f32(&request, &rows, matrix).unwrap();
        assert_eq!(values[..5], [0.25, -7.0, 1.0, 1.5, 3.0]);
        let hole = [-1.0, -7.0, -1.0, -1.0, -1.0];
        assert_eq!((&values[5..10], &values[10..]), (&hole[..], &hole[..]));
        assert_eq!(statuses[..5], [Status::Present, Status::Null, Status::Present, Status::Present, Status::Present]);
        assert_eq!(statuses[5..], [Status::Missing; 10]);
        let expired = |store: &Store| {
            let (mut values, mut statuses) = (vec![0.0; 15], vec![Status::Present; 15]);
            let matrix = F32Matrix { values: &mut values, statuses: Some(&mut statuses), fill: -1.0 };
            store.as_of_f32(&request, &rows, NOW.plus(Span::from_secs(30 * 3_600)), None, matrix).unwrap();
            (values[..5].to_vec(), statuses[..5].to_vec())
        };
        let (values, statuses) = expired(&store);
        assert_eq!(values, [0.25, -7.0, 1.0, -1.0, 3.0]);
        assert_eq!(statuses[3], Status::Expired);
    }
}

#[test]
fn entity_rows_outlive_a_change_of_the_catalog_and_serve_no_other_request() {
    let mut definitions = users();
    definitions.entities.push(entity("item", &[("sku", ScalarType::Int64)]));
    definitions.views.push(view("stock", &["item"], &[("left", "int64")]));
    let store = in_memory(&definitions);
    store.write("profile", &profile(1, hours_ago(1), Some(1.5), None)).unwrap();
    let request = store.prepare(&["profile:score"]).unwrap();
    let mut rows = request.entity_rows();
    rows.push(&[int(1)]).unwrap();
    let score = || store.latest(&request, &rows).unwrap().value(0, 0).unwrap();
    assert_eq!(score(), Some(Value::Float32(1.5)));
    definitions.views[0].features.insert(0, asofdb::FeatureDefinition::new("added", "float32".parse().unwrap()));
    store.apply(&definitions, false).unwrap();
    assert_eq!(score(), Some(Value::Float32(1.5)));
    let other = store.prepare(&["stock:left"]).unwrap();
    let error = store.latest(&other, &rows).unwrap_err();
    assert_eq!(error.kind(), asofdb::ErrorKind::Conflict);
    let message = "the entity rows belong to another request, or its join keys changed; build them again";
    assert_eq!(error.to_string(), message);
}

#[test]
fn text_does_not_go_into_a_matrix_and_sizes_must_fit() {
    let store = in_memory(&users());
    let read = |reference: &str, room: usize| {
        let request = store.prepare(&[reference]).unwrap();
        let mut rows = request.entity_rows();
        rows.push(&[int(1)]).unwrap();
        let matrix = F32Matrix { values: &mut vec![0.0; room], statuses: None, fill: f32::NAN };
        store.latest_f32(&request, &rows, matrix).unwrap_err().to_string()
    };
    assert_eq!(read("profile:name", 1), "only numbers and bools go into a matrix: profile:name is string");
    assert_eq!(read("profile:score", 3), "the matrix has 1 rows of 1 features: got room for 3 values");
}

#[test]
fn one_request_spans_views_and_entities() {
    let definitions = Definitions {
        entities: vec![
            entity("user", &[("user_id", ScalarType::Int64)]),
            entity("item", &[("shop", ScalarType::String), ("sku", ScalarType::Int32)]),
        ],
        views: vec![
            view("u", &["user"], &[("a", "int64")]),
            view("i", &["item"], &[("b", "int64")]),
            view("ui", &["user", "item"], &[("c", "int64")]),
        ],
        services: vec![],
    };
    for store in [in_memory(&definitions), TestStore::new(&definitions).store] {
        let user: ArrayRef = Arc::new(Int64Array::from(vec![1]));
        let shop: ArrayRef = Arc::new(StringArray::from(vec!["s\0hop"]));
        let sku: ArrayRef = Arc::new(arrow::array::Int32Array::from(vec![-5]));
        let value = |n| Arc::new(Int64Array::from(vec![n])) as ArrayRef;
        let at = || times([Some(hours_ago(1))]);
        let u = batch(vec![("user_id", user.clone()), ("event_timestamp", at()), ("a", value(1))]);
        let i = batch(vec![("shop", shop.clone()), ("sku", sku.clone()), ("event_timestamp", at()), ("b", value(2))]);
        let ui = batch(vec![
            ("user_id", user.clone()),
            ("shop", shop.clone()),
            ("sku", sku.clone()),
            ("event_timestamp", at()),
            ("c", value(3)),
        ]);
        store.write_all(&[("u", &u), ("i", &i), ("ui", &ui)], asofdb::Durability::Sync).unwrap();
        let request = store.prepare(&["ui:c", "u:a", "i:b"]).unwrap();
        let names: Vec<_> = request.join_keys().into_iter().map(|key| key.name).collect();
        assert_eq!(names, ["user_id", "shop", "sku"]);
        let rows = request.entity_rows_from(&batch(vec![("sku", sku), ("user_id", user), ("shop", shop)])).unwrap();
        let answer = store.latest(&request, &rows).unwrap().to_record_batch(AnswerColumns::default()).unwrap();
        let values: Vec<_> = answer.columns().iter().map(|c| c.as_primitive::<Int64Type>().value(0)).collect();
        assert_eq!(values, [3, 1, 2]);
    }
}

#[test]
fn a_prepared_request_follows_the_catalog() {
    let test = TestStore::new(&users());
    let request = test.store.prepare(&["profile:score"]).unwrap();
    test.store.write("profile", &profile(1, hours_ago(2), Some(1.0), Some(4))).unwrap();
    let mut rows = request.entity_rows();
    rows.push(&[int(1)]).unwrap();
    let mut definitions = users();
    let mut added = FeatureDefinition::new("added", ValueType::Scalar(ScalarType::Int64));
    added.default = Some(Value::Int64(9));
    definitions.views[0].features.insert(0, added);
    test.store.apply(&definitions, false).unwrap();
    let answer = test.store.latest(&request, &rows).unwrap();
    assert_eq!(answer.value(0, 0).unwrap(), Some(Value::Float32(1.0)), "rows of the older schema stay readable");
    let (value, status, _) = latest(&test.store, "profile:added", 1);
    assert_eq!((value, status), (Some(Value::Int64(9)), Status::Null), "an older row lacks the feature");
    let mut newer = profile(1, hours_ago(1), Some(2.0), Some(5)).columns().to_vec();
    newer.push(Arc::new(Int64Array::from(vec![7])));
    let names = ["user_id", "event_timestamp", "score", "visits", "name", "added"];
    test.store.write("profile", &batch(names.into_iter().zip(newer).collect())).unwrap();
    let answer = test.store.latest(&request, &rows).unwrap();
    assert_eq!(answer.column(0).unwrap().as_primitive::<Float32Type>().value(0), 2.0);
    assert_eq!(latest(&test.store, "profile:added", 1).0, Some(Value::Int64(7)));

    definitions.views[0].features.retain(|feature| feature.name != "score");
    test.store.apply(&definitions, true).unwrap();
    let error = test.store.latest(&request, &rows).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn unknown_names_are_refused_with_a_suggestion() {
    let store = in_memory(&users());
    let message = |reference: &str| {
        let error = store.prepare(&[reference]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        error.to_string()
    };
    assert_eq!(message("profil:score"), "no feature view is named \"profil\"; did you mean \"profile\"?");
    assert_eq!(message("profile:scores"), "view \"profile\" has no feature \"scores\"; did you mean \"score\"?");
    assert_eq!(message("nothing"), "no feature view or service is named \"nothing\"; `asof views` lists them");
    let twice = store.prepare(&["profile:score", "profile"]).unwrap_err();
    assert_eq!(twice.to_string(), "a request names each feature once: profile:score");
    assert_eq!(store.prepare::<&str>(&[]).unwrap_err().kind(), ErrorKind::Invalid);
}

#[test]
fn wrong_entity_rows_are_refused_and_leave_the_rows_as_they_were() {
    let store = in_memory(&users());
    let request = store.prepare(&["profile:score"]).unwrap();
    let mut rows = request.entity_rows();
    rows.push(&[int(1)]).unwrap();
    let wrong = rows.push(&[Some(Value::String("1".into()))]).unwrap_err();
    assert_eq!(wrong.to_string(), "join key \"user_id\" is int64, not string");
    assert!(rows.push(&[]).unwrap_err().to_string().contains("user_id"));
    assert_eq!(rows.len(), 1);
    assert_eq!(store.latest(&request, &rows).unwrap().rows(), 1);
}

#[test]
fn history_lists_every_version_newest_first() {
    let test = TestStore::new(&users());
    test.store.write("profile", &profile(1, hours_ago(3), Some(1.0), None)).unwrap();
    test.store.write("profile", &profile(1, hours_ago(1), Some(2.0), Some(3))).unwrap();
    test.store.delete(&["profile"], &[("user_id", Value::Int64(1))], NOW).unwrap();
    let rows = test.store.history("profile", &[("user_id", Value::Int64(1))], 10).unwrap();
    let seen: Vec<_> = rows.iter().map(|row| (row.version.event, row.deleted, row.values.first().cloned())).collect();
    let value = |v| Some(Some(Value::Float32(v)));
    assert_eq!(seen, [(NOW, true, None), (hours_ago(1), false, value(2.0)), (hours_ago(3), false, value(1.0))]);
    assert_eq!(test.store.history("profile", &[("user_id", Value::Int64(1))], 2).unwrap().len(), 2);
    assert!(test.store.history("profile", &[("user_id", Value::Int64(2))], 2).unwrap().is_empty());
    let erased = test.store.erase(&["profile"], &[("user_id", Value::Int64(1))]).unwrap();
    assert_eq!(erased[0].versions, 3);
    assert!(test.store.history("profile", &[("user_id", Value::Int64(1))], 10).unwrap().is_empty());
}
