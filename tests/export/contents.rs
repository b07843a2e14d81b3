//! Contents of an export's columns: every type, every null, and what the metadata say about them.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Float32Array, Float64Array, Int32Array, Int64Array, ListBuilder,
    PrimitiveBuilder, RecordBatch, StringArray, StringBuilder,
};
use arrow::array::{BinaryBuilder, BooleanBuilder};
use arrow::datatypes::{Date32Type, Float32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use asofdb::{Definitions, ExportRows, ScalarType, Value, ViewDefinition, arrow_type, timestamp_type};

use super::{events, export, ints, rows_of, texts, versions};
use crate::common::{NOW, batch, entity, hours_ago, in_memory, times, users, view};

const TYPES: [&str; 9] = ["bool", "int32", "int64", "float32", "float64", "string", "bytes", "timestamp", "date"];

/// Two rows whose key has every type, and features of every type and list of it: values, then nulls.
fn every_type() -> (Definitions, RecordBatch) {
    let key_names: Vec<String> = TYPES.iter().map(|ty| format!("k_{ty}")).collect();
    let keys: Vec<(&str, ScalarType)> =
        key_names.iter().zip(TYPES).map(|(name, ty)| (name.as_str(), ty.parse().unwrap())).collect();
    let lists = TYPES.map(|ty| format!("list<{ty}>"));
    let feature_names: Vec<String> = TYPES.iter().map(|ty| format!("f_{ty}")).collect();
    let list_names: Vec<String> = TYPES.iter().map(|ty| format!("l_{ty}")).collect();
    let mut features: Vec<(&str, &str)> = feature_names.iter().map(String::as_str).zip(TYPES).collect();
    features.extend(list_names.iter().map(String::as_str).zip(lists.iter().map(String::as_str)));
    let definitions = Definitions {
        entities: vec![entity("thing", &keys)],
        views: vec![view("things", &["thing"], &features)],
        services: vec![],
    };
    let mut columns: Vec<(String, ArrayRef)> = key_names.iter().cloned().zip(scalars(false)).collect();
    columns.push(("event_timestamp".into(), times([Some(hours_ago(2)), Some(hours_ago(1))])));
    columns.push(("created".into(), times([Some(hours_ago(1)), Some(hours_ago(1))])));
    columns.extend(feature_names.iter().cloned().zip(scalars(true)));
    columns.extend(list_names.iter().cloned().zip(list_arrays()));
    let rows = batch(columns.iter().map(|(name, array)| (name.as_str(), array.clone())).collect());
    (definitions, rows)
}

/// A value of each type, then a null or a greater value.
fn scalars(with_null: bool) -> Vec<ArrayRef> {
    fn second<T>(with_null: bool, value: T) -> Option<T> {
        (!with_null).then_some(value)
    }
    vec![
        Arc::new(BooleanArray::from(vec![Some(false), second(with_null, true)])),
        Arc::new(Int32Array::from(vec![Some(i32::MIN), second(with_null, 7)])),
        Arc::new(Int64Array::from(vec![Some(-1), second(with_null, i64::MAX)])),
        Arc::new(Float32Array::from(vec![Some(-0.5), second(with_null, f32::INFINITY)])),
        Arc::new(Float64Array::from(vec![Some(0.0), second(with_null, f64::MIN_POSITIVE)])),
        Arc::new(StringArray::from(vec![Some(""), second(with_null, "a\0b\u{ff}")])),
        Arc::new(BinaryArray::from(vec![Some(&b"\0\xff"[..]), second(with_null, &b"z"[..])])),
        times([Some(hours_ago(50)), second(with_null, hours_ago(49))]),
        Arc::new(Date32Array::from(vec![Some(-1), second(with_null, 2_932_896)])),
    ]
}

/// Two items in a list of each type, then a null list; of strings and bytes one item is empty.
fn list_arrays() -> Vec<ArrayRef> {
    fn primitive<T: arrow::datatypes::ArrowPrimitiveType>(items: [T::Native; 2], ty: ScalarType) -> ArrayRef {
        let item = PrimitiveBuilder::<T>::new().with_data_type(arrow_type(asofdb::ValueType::Scalar(ty)));
        let mut lists = ListBuilder::new(item);
        lists.append_value(items.map(Some));
        lists.append_null();
        Arc::new(lists.finish())
    }
    let mut bools = ListBuilder::new(BooleanBuilder::new());
    bools.append_value([Some(true), Some(false)]);
    bools.append_null();
    let mut strings = ListBuilder::new(StringBuilder::new());
    strings.append_value([Some(""), Some("é")]);
    strings.append_null();
    let mut bytes = ListBuilder::new(BinaryBuilder::new());
    bytes.append_value([Some(b"\0"), Some(b"x")]);
    bytes.append_null();
    vec![
        Arc::new(bools.finish()),
        primitive::<Int32Type>([1, -2], ScalarType::Int32),
        primitive::<Int64Type>([1, i64::MIN], ScalarType::Int64),
        primitive::<Float32Type>([0.25, f32::MIN], ScalarType::Float32),
        primitive::<Float64Type>([0.25, -1e300], ScalarType::Float64),
        Arc::new(strings.finish()),
        Arc::new(bytes.finish()),
        primitive::<TimestampMicrosecondType>([1, -1], ScalarType::Timestamp),
        primitive::<Date32Type>([-719_162, 1], ScalarType::Date),
    ]
}

#[test]
fn every_type_and_list_of_it_and_every_null_reads_back_from_parquet() {
    let (definitions, rows) = every_type();
    let store = in_memory(&definitions);
    store.write("things", &rows).unwrap();
    for options in [versions(), rows_of(ExportRows::Latest)] {
        let exported = export(&store, "things", &options);
        assert_eq!(exported.rows.num_rows(), 2);
        for (field, column) in rows.schema().fields().iter().zip(rows.columns()) {
            let read = exported.rows.column_by_name(field.name()).unwrap();
            assert_eq!(read, column, "{}", field.name());
        }
    }
}

#[test]
fn an_empty_list_is_a_value() {
    let definitions = Definitions {
        entities: vec![entity("user", &[("user_id", ScalarType::Int64)])],
        views: vec![view("v", &["user"], &[("embedding", "list<float32>")])],
        services: vec![],
    };
    let store = in_memory(&definitions);
    let mut lists = ListBuilder::new(PrimitiveBuilder::<Float32Type>::new());
    lists.append_value([]);
    lists.append_null();
    let lists: ArrayRef = Arc::new(lists.finish());
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    let event = times([Some(NOW), Some(NOW)]);
    store.write("v", &batch(vec![("user_id", ids), ("event_timestamp", event), ("embedding", lists.clone())])).unwrap();
    assert_eq!(export(&store, "v", &versions()).rows.column_by_name("embedding").unwrap(), &lists);
}

#[test]
fn a_row_written_before_a_feature_was_added_has_a_null_there_or_its_default_as_of_a_time() {
    let mut definitions = users();
    let store = in_memory(&definitions);
    store.write("profile", &profiles(&[(1, 1, 5)])).unwrap();
    let mut added = asofdb::FeatureDefinition::new("level", "int64".parse().unwrap());
    added.default = Some(Value::Int64(9));
    definitions.views[0].features.push(added);
    store.apply(&definitions, false).unwrap();
    assert_eq!(ints(&export(&store, "profile", &versions()).rows, "level"), [None]);
    assert_eq!(ints(&export(&store, "profile", &rows_of(ExportRows::Latest)).rows, "level"), [Some(9)]);
}

/// Rows of `users`: id, hours ago, visits.
fn profiles(rows: &[(i64, i64, i64)]) -> RecordBatch {
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.0)));
    let visits: ArrayRef = Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.2)));
    let names: ArrayRef = Arc::new(StringArray::from_iter_values(rows.iter().map(|row| format!("n{}", row.2))));
    let scores: ArrayRef = Arc::new(Float32Array::from_iter_values(rows.iter().map(|row| row.2 as f32 / 2.0)));
    batch(vec![
        ("user_id", ids),
        ("event_timestamp", times(rows.iter().map(|row| Some(hours_ago(row.1))))),
        ("score", scores),
        ("visits", visits),
        ("name", names),
    ])
}

#[test]
fn the_metadata_say_what_each_column_is_and_what_the_statuses_mean() {
    let mut definitions = users();
    definitions.views[0].description = "What users do".into();
    definitions.views[0].features[0].description = "From 0 to 1".into();
    definitions.views[0].features[1].default = Some(Value::Int64(0));
    let store = in_memory(&definitions);
    store.write("profile", &profiles(&[(1, 1, 5)])).unwrap();
    let at = hours_ago(0);
    let exported = export(&store, "profile", &rows_of(ExportRows::AsOf(at)));
    let schema = exported.rows.schema();
    let roles: Vec<(&str, &str)> =
        schema.fields().iter().map(|field| (field.name().as_str(), field.metadata()["asofdb.role"].as_str())).collect();
    assert_eq!(
        roles,
        [
            ("user_id", "join_key"),
            ("event_timestamp", "event_timestamp"),
            ("created", "created_timestamp"),
            ("status", "status"),
            ("score", "feature"),
            ("visits", "feature"),
            ("name", "feature"),
        ]
    );
    assert_eq!(schema.field_with_name("event_timestamp").unwrap().data_type(), &timestamp_type());
    assert_eq!(schema.field_with_name("score").unwrap().metadata()["description"], "From 0 to 1");
    assert_eq!(schema.field_with_name("visits").unwrap().metadata()["asofdb.default"], "0");
    let metadata = schema.metadata();
    assert_eq!(metadata["asofdb.view"], "profile");
    assert_eq!(metadata["description"], "What users do");
    assert_eq!(metadata["asofdb.ttl"], "1d");
    assert_eq!(metadata["asofdb.snapshot"], "2024-06-01T00:00:00Z");
    assert_eq!(metadata["asofdb.rows"], "{\"as_of\":\"2024-06-01T00:00:00Z\"}");
    for status in ["present", "expired", "missing", "null"] {
        assert!(metadata["asofdb.statuses"].contains(&format!("\"{status}\":")), "{status}");
    }
    let texts: Vec<_> = exported.manifest.columns.iter().map(|column| column.ty.as_str()).collect();
    assert_eq!(texts, ["int64", "timestamp", "timestamp", "string", "float32", "int64", "string"]);
}

#[test]
fn columns_of_our_own_give_way_to_names_of_the_view() {
    let v = view("v", &["user"], &[("deleted", "int64"), ("deleted_", "int64"), ("status", "int64")]);
    let definitions = Definitions {
        entities: vec![entity("user", &[("user_id", ScalarType::Int64)])],
        views: vec![ViewDefinition { created_column: None, ..v }],
        services: vec![],
    };
    let store = in_memory(&definitions);
    let column = |value| -> ArrayRef { Arc::new(Int64Array::from(vec![value])) };
    let rows = vec![
        ("user_id", column(1)),
        ("event_timestamp", times([Some(NOW)])),
        ("deleted", column(2)),
        ("deleted_", column(3)),
        ("status", column(4)),
    ];
    store.write("v", &batch(rows)).unwrap();
    for (options, ours) in [(versions(), "deleted__"), (rows_of(ExportRows::Latest), "status_")] {
        let exported = export(&store, "v", &options);
        let names: Vec<_> = exported.manifest.columns.iter().map(|column| column.name.as_str()).collect();
        let expected = ["user_id", "event_timestamp", "created_timestamp", ours, "deleted", "deleted_", "status"];
        assert_eq!(names, expected);
        assert_eq!(events(&exported.rows, "created_timestamp"), [NOW]);
        assert_eq!(texts(&exported.rows, "status"), ["4"]);
    }
}
