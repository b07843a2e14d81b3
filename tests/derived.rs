//! Derived views: features that are computed from others and from values of the request, the same in every read.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{Float64Type, Int64Type};
use asofdb::{
    Allow, AnswerColumns, Definitions, EntityRows, ErrorKind, JoinOptions, Prepared, Session, Span, Status, Store,
    Timestamp, Value, parse_definitions,
};

use crate::common::{NOW, TestStore, batch, hours_ago, in_memory, int, times};

const USERS: &str = r#"
[[entity]]
name = "user"
join_keys = [{ name = "user_id", type = "int64" }]

[[feature_view]]
name = "profile"
entities = ["user"]
ttl = "1d"
feature = [
    { name = "birth_year", type = "int32" },
    { name = "limit", type = "float64", default = 50.0 },
]

[[event_view]]
name = "purchases"
entities = ["user"]
columns = [{ name = "amount", type = "float64" }]

[[window_view]]
name = "spending"
from = "purchases"
windows = ["24h"]
feature = [
    { name = "mean", aggregate = "mean", of = "amount" },
    { name = "n", aggregate = "count" },
]

[[derived_view]]
name = "user_derived"

[[derived_view.request]]
name = "amount"
type = "float64"

[[derived_view.request]]
name = "shop"
type = "string"
required = false

[[derived_view.feature]]
name = "age"
type = "int64"
expression = "year(now) - profile:birth_year"

[[derived_view.feature]]
name = "times_mean"
type = "float64"
expression = "amount / spending:mean_24h"

[[derived_view.feature]]
name = "is_dear"
type = "bool"
expression = "user_derived:times_mean > 2.0 or amount > profile:limit"

[[derived_view.feature]]
name = "shop_or_none"
type = "string"
default = "none"
expression = "shop"
"#;

fn users() -> Definitions {
    parse_definitions(USERS, "users.toml").unwrap()
}

/// Writes a profile an hour ago, and two purchases.
fn write(store: &Store) {
    let profile = batch(vec![
        ("user_id", Arc::new(Int64Array::from(vec![1, 2]))),
        ("event_timestamp", times([Some(hours_ago(1)), Some(hours_ago(30))])),
        ("birth_year", Arc::new(Int64Array::from(vec![1990, 1980]))),
        ("limit", Arc::new(Float64Array::from(vec![Some(100.0), None]))),
    ]);
    store.write("profile", &profile).unwrap();
    let bought = batch(vec![
        ("user_id", Arc::new(Int64Array::from(vec![1, 1]))),
        ("event_timestamp", times([Some(hours_ago(2)), Some(hours_ago(3))])),
        ("amount", Arc::new(Float64Array::from(vec![10.0, 30.0]))),
    ]);
    store.write("purchases", &bought).unwrap();
}

fn rows(request: &Prepared, rows: &[(i64, f64, Option<&str>)]) -> EntityRows {
    let mut entities = request.entity_rows();
    for (user, amount, shop) in rows {
        let shop = shop.map(|shop| Value::String(shop.to_owned()));
        entities.push_with(&[int(*user)], &[Some(Value::Float64(*amount)), shop]).unwrap();
    }
    entities
}

const FEATURES: [&str; 4] =
    ["user_derived:age", "user_derived:times_mean", "user_derived:is_dear", "user_derived:shop_or_none"];

#[test]
fn features_are_computed_from_rows_windows_request_values_and_each_other() {
    for store in [TestStore::new(&users()).store, in_memory(&users())] {
        write(&store);
        let request = store.prepare(&FEATURES).unwrap();
        assert_eq!(request.join_keys().len(), 1, "those of the inputs");
        let values: Vec<_> = request.request_values().into_iter().map(|value| (value.name, value.required)).collect();
        assert_eq!(values, [("amount".to_owned(), true), ("shop".to_owned(), false)]);
        let entities = rows(&request, &[(1, 50.0, Some("a")), (1, 10.0, None), (2, 60.0, None), (3, 60.0, None)]);
        let answer = store.latest(&request, &entities).unwrap();
        let values = |row| (0..4).map(|feature| answer.value(row, feature).unwrap()).collect::<Vec<_>>();
        let text = |text: &str| Some(Value::String(text.to_owned()));
        let float = |value| Some(Value::Float64(value));
        let truth = |value| Some(Value::Bool(value));
        assert_eq!(values(0), [int(34), float(2.5), truth(true), text("a")]);
        assert_eq!(values(1), [int(34), float(0.5), truth(false), text("none")]);
        // The profile of user 2 is too old, and its limit of the definition stands in for it.
        assert_eq!(values(2), [None, None, truth(true), text("none")]);
        let statuses = |row| (0..4).map(|feature| answer.status(row, feature)).collect::<Vec<_>>();
        assert_eq!(statuses(0), [Status::Present; 4]);
        assert_eq!(statuses(1)[3], Status::Null, "the value of the request was not given");
        assert_eq!(statuses(2), [Status::Expired, Status::Missing, Status::Present, Status::Null]);
        assert_eq!(statuses(3)[..2], [Status::Missing, Status::Missing]);
        assert_eq!(answer.event_timestamp(0, 0), Some(hours_ago(1)));
        assert_eq!(answer.event_timestamp(0, 2), Some(hours_ago(2)), "the oldest of the inputs that were read");
        assert_eq!(answer.event_timestamp(0, 3), Some(NOW), "values of the request are of the time asked about");
    }
}

#[test]
fn now_is_the_time_asked_about_and_a_training_row_is_the_same_bits() {
    let store = TestStore::new(&users()).store;
    write(&store);
    let at = NOW.minus(Span::from_secs(1_800));
    let features = ["user_derived:*", "profile:limit", "spending:n_24h"];
    let request = store.prepare(&features).unwrap();
    let columns = AnswerColumns { statuses: true, event_timestamps: true, ..AnswerColumns::default() };
    let asked = [(1, 50.0, Some("a")), (2, 0.0, None), (3, 60.0, None)];
    let online = store.as_of(&request, &rows(&request, &asked), at, None).unwrap().to_record_batch(columns).unwrap();
    let spine = batch(vec![
        ("user_id", Arc::new(Int64Array::from_iter_values(asked.iter().map(|row| row.0)))),
        ("event_timestamp", times(asked.iter().map(|_| Some(at)))),
        ("amount", Arc::new(Float64Array::from_iter_values(asked.iter().map(|row| row.1)))),
        ("shop", Arc::new(StringArray::from_iter(asked.iter().map(|row| row.2))) as ArrayRef),
    ]);
    let options = JoinOptions { columns, ..JoinOptions::default() };
    let joined = join(&store, &features, spine, &options);
    for field in online.schema().fields() {
        let name = field.name();
        assert_eq!(joined.column_by_name(name), online.column_by_name(name), "{name}");
    }
    let ago = |years: i64| NOW.minus(Span::from_secs(years * 365 * 86_400));
    let earlier = store.as_of(&request, &rows(&request, &asked[..1]), ago(1), None).unwrap();
    assert_eq!(earlier.status(0, 0), Status::Missing, "nothing was known then");
}

fn join(store: &Store, features: &[&str], spine: RecordBatch, options: &JoinOptions) -> RecordBatch {
    let schema = spine.schema();
    let mut joined = store.point_in_time_join(features, schema, [Ok(spine)].into_iter(), options).unwrap();
    joined.next().unwrap().unwrap()
}

#[test]
fn every_row_of_a_spine_has_a_now_of_its_own_and_one_without_a_time_has_no_value() {
    let store = TestStore::new(&users()).store;
    write(&store);
    let spine = batch(vec![
        ("user_id", Arc::new(Int64Array::from(vec![1, 1, 1]))),
        ("event_timestamp", times([Some(NOW), None, Some(NOW.plus(Span::from_secs(200 * 86_400)))])),
        ("amount", Arc::new(Float64Array::from(vec![1.0, 1.0, 1.0]))),
    ]);
    let features = ["user_derived:age", "user_derived:shop_or_none"];
    let options = JoinOptions { columns: AnswerColumns { statuses: true, ..Default::default() }, ..Default::default() };
    let joined = join(&store, &features, spine, &options);
    let ages = joined.column_by_name("age").unwrap().as_primitive::<Int64Type>();
    assert_eq!(ages.iter().collect::<Vec<_>>(), [Some(34), None, None]);
    let status = joined.column_by_name("age__status").unwrap();
    let status = arrow::compute::cast(status, &arrow::datatypes::DataType::Utf8).unwrap();
    let status: Vec<_> = status.as_string::<i32>().iter().flatten().collect();
    assert_eq!(status, ["present", "missing", "expired"], "the profile is more than a day old by then");
}

#[test]
fn a_spine_or_a_request_without_a_required_value_is_refused_before_anything_is_read() {
    let store = TestStore::new(&users()).store;
    let request = store.prepare(&FEATURES).unwrap();
    let mut entities = request.entity_rows();
    let message = "the request needs a value for \"amount\" (float64)";
    assert_eq!(entities.push(&[int(1)]).unwrap_err().message(), message);
    let wrong = entities.push_with(&[int(1)], &[int(5), None]).unwrap_err();
    assert_eq!(wrong.message(), "request value \"amount\" is float64, not int64");
    let user = [("user_id", Value::Int64(1))];
    let unknown = entities.push_named_with(&user, &[("amont", Value::Float64(1.0))]).unwrap_err();
    assert_eq!(
        unknown.message(),
        "no feature of the request takes a request value \"amont\"; did you mean \"amount\"?"
    );
    assert!(entities.is_empty());
    entities.push_named_with(&user, &[("amount", Value::Float64(1.0))]).unwrap();
    assert_eq!(entities.len(), 1);
    let spine = batch(vec![("user_id", Arc::new(Int64Array::from(vec![1]))), ("event_timestamp", times([Some(NOW)]))]);
    let (schema, spine) = (spine.schema(), [Ok(spine)].into_iter());
    let refused = store.point_in_time_join(&FEATURES, schema, spine, &JoinOptions::default());
    let message = "there is no column for the request value \"amount\" (float64)";
    assert_eq!(refused.err().unwrap().message(), message);
}

#[test]
fn a_view_of_request_values_alone_needs_no_entities() {
    let text = "[[derived_view]]\nname = \"d\"\nrequest = [{ name = \"x\", type = \"int64\" }]\n\
                feature = [{ name = \"twice\", type = \"int64\", expression = \"x * 2\" }]";
    let store = in_memory(&parse_definitions(text, "d.toml").unwrap());
    let request = store.prepare(&["d:twice"]).unwrap();
    let mut entities = request.entity_rows();
    entities.push_with(&[], &[int(4)]).unwrap();
    entities.push_with(&[], &[int(i64::MAX)]).unwrap();
    let answer = store.latest(&request, &entities).unwrap();
    assert_eq!(answer.value(0, 0).unwrap(), int(8));
    assert_eq!((answer.value(1, 0).unwrap(), answer.status(1, 0)), (None, Status::Null), "an overflow is null");
    let mut matrix = [0.0; 2];
    let matrix_of = asofdb::F32Matrix { values: &mut matrix, statuses: None, fill: -1.0 };
    store.latest_f32(&request, &entities, matrix_of).unwrap();
    assert_eq!(matrix, [8.0, -1.0]);
    let counted = store.expression_nulls();
    let [(feature, nulls)] = counted.as_slice() else { panic!("one feature: {counted:?}") };
    assert_eq!((feature.as_str(), nulls.overflow, nulls.total()), ("d:twice", 2, 2), "in both reads");
}

#[test]
fn expressions_that_cannot_be_computed_are_refused_with_their_place() {
    let refused = |from: &str, to: &str, message: &str| {
        let text = USERS.replacen(from, to, 1);
        assert_ne!(text, USERS, "{from}");
        let error = parse_definitions(&text, "u.toml").unwrap_err();
        assert!(error.message().contains(message), "{message:?} in {error}");
        assert!(error.message().starts_with("u.toml:"), "{error}");
    };
    refused("profile:birth_year\"", "profile:birth_yaer\"", "no input is named `profile:birth_yaer`; did you mean");
    refused("type = \"int64\"\nexpression", "type = \"string\"\nexpression", "feature user_derived:age: ");
    refused("user_derived:times_mean > 2.0", "user_derived:is_dear", "user_derived:is_dear is computed from itself");
    refused("name = \"shop\"", "name = \"age\"", "a request value is also a feature: \"age\"");
    refused("expression = \"shop\"\n", "", "a derived feature needs the key \"expression\"");
}

#[test]
fn another_expression_is_a_redefinition() {
    let store = TestStore::new(&users()).store;
    let changed = parse_definitions(&USERS.replace("> 2.0", "> 3.0"), "u.toml").unwrap();
    let error = store.apply(&changed, false).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.message().ends_with("feature user_derived:is_dear"), "{error}");
    store.apply_to(&changed, Allow { redefine: true, ..Allow::default() }, None).unwrap();
    // One more value of a request changes no feature that is there.
    let request = "[[derived_view.request]]\nname = \"shop\"";
    let more = format!("[[derived_view.request]]\nname = \"more\"\ntype = \"int64\"\nrequired = false\n\n{request}");
    let more = USERS.replace("> 2.0", "> 3.0").replace(request, &more);
    let plan = store.apply(&parse_definitions(&more, "u.toml").unwrap(), false).unwrap();
    let changes: Vec<_> = plan.changes.iter().map(ToString::to_string).collect();
    assert_eq!(changes, ["~ derived_view user_derived: request"]);
}

#[test]
fn views_that_are_computed_survive_a_restart() {
    let test = TestStore::new(&users());
    write(&test.store);
    let (path, clock) = (test.directory.path().join("store"), test.clock.clone());
    let before = test.store.catalog();
    drop(test.store);
    let store = Store::open_with(path, asofdb::Options::default(), clock, asofdb::Durability::Os).unwrap();
    let after = store.catalog();
    for name in ["spending", "user_derived"] {
        assert_eq!(format!("{:?}", after.view(name)), format!("{:?}", before.view(name)));
    }
    let request = store.prepare(&["spending:mean_24h"]).unwrap();
    let mut entities = request.entity_rows();
    entities.push(&[int(1)]).unwrap();
    let answer = store.latest(&request, &entities).unwrap();
    assert_eq!(answer.column(0).unwrap().as_primitive::<Float64Type>().value(0), 20.0);
    assert_eq!(answer.column(0).unwrap().null_count(), 0);
    assert!(after.revision() > 0 && Timestamp::EPOCH < NOW);
}
