//! Window views: what windows over events give, at every time, as it was known.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{Float64Type, Int64Type};
use asofdb::{
    Allow, AnswerColumns, Definitions, EntityRows, ErrorKind, JOIN_MEMORY_BYTES_MIN, JoinOptions, KnownAt, Prepared,
    Session, Span, Status, Store, Timestamp, Value, parse_definitions,
};

use crate::common::{NOW, TestStore, batch, hours_ago, in_memory, int, times};

/// Users and their purchases.
macro_rules! events {
    () => {
        r#"
[[entity]]
name = "user"
join_keys = [{ name = "user_id", type = "int64" }]

[[event_view]]
name = "purchases"
entities = ["user"]
event_id = ["order_id"]
created_timestamp = "created"
columns = [
    { name = "order_id", type = "int64" },
    { name = "shop", type = "string" },
    { name = "amount", type = "float64" },
]

"#
    };
}

mod export;
mod random;
mod tiles;

/// Purchases of users, and windows over them.
const PURCHASES: &str = concat!(
    events!(),
    r#"
[[window_view]]
name = "spending"
from = "purchases"
windows = ["1h", "24h"]

[[window_view.feature]]
name = "purchases"
aggregate = "count"

[[window_view.feature]]
name = "spent"
aggregate = "sum"
of = "amount"

[[window_view.feature]]
name = "mean"
aggregate = "mean"
of = "amount"

[[window_view.feature]]
name = "shops"
aggregate = "last_k"
of = "shop"
k = 2
distinct = true
windows = ["24h"]

[[window_view.feature]]
name = "at"
aggregate = "count_by"
of = "shop"
values = ["a", "b"]
windows = ["24h"]

[[window_view.feature]]
name = "dear"
aggregate = "count"
where = "amount > 10.0"
windows = ["24h"]
"#
);

fn purchases() -> Definitions {
    parse_definitions(PURCHASES, "purchases.toml").unwrap()
}

/// A purchase: user, event, created, order, shop, amount.
type Purchase<'a> = (i64, Timestamp, Timestamp, i64, &'a str, Option<f64>);

fn bought(rows: &[Purchase<'_>]) -> RecordBatch {
    let shops: ArrayRef = Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.4)));
    batch(vec![
        ("user_id", Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.0)))),
        ("event_timestamp", times(rows.iter().map(|row| Some(row.1)))),
        ("created", times(rows.iter().map(|row| Some(row.2)))),
        ("order_id", Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.3)))),
        ("shop", shops),
        ("amount", Arc::new(rows.iter().map(|row| row.5).collect::<Float64Array>())),
    ])
}

/// A purchase by user 1, known when it happened.
fn purchase(event: Timestamp, order: i64, shop: &str, amount: f64) -> Purchase<'_> {
    (1, event, event, order, shop, Some(amount))
}

fn entities(request: &Prepared, users: &[i64]) -> EntityRows {
    let mut rows = request.entity_rows();
    users.iter().for_each(|user| rows.push(&[int(*user)]).unwrap());
    rows
}

/// The values of features of user 1 as of a time.
fn values(store: &Store, features: &[&str], at: Timestamp, known_at: Option<Timestamp>) -> Vec<Option<Value>> {
    let request = store.prepare(features).unwrap();
    let answer = store.as_of(&request, &entities(&request, &[1]), at, known_at).unwrap();
    (0..features.len()).map(|feature| answer.value(0, feature).unwrap()).collect()
}

fn float(value: f64) -> Option<Value> {
    Some(Value::Float64(value))
}

fn texts(values: &[&str]) -> Option<Value> {
    let items = values.iter().map(|text| Value::String((*text).to_owned())).collect();
    Some(Value::List(asofdb::ScalarType::String, items))
}

const MICROSECOND: Span = Span::from_micros(1);

#[test]
fn windows_have_the_events_up_to_the_time_and_none_that_are_as_old_as_the_window() {
    let store = TestStore::new(&purchases()).store;
    let t = hours_ago(10);
    let hour_before = t.minus(Span::from_secs(3_600));
    let rows = [
        purchase(t.plus(MICROSECOND), 1, "a", 100.0),
        purchase(t, 2, "a", 1.0),
        purchase(hour_before.plus(MICROSECOND), 3, "b", 20.0),
        purchase(hour_before, 4, "c", 300.0),
    ];
    store.write("purchases", &bought(&rows)).unwrap();
    let features = ["spending:purchases_1h", "spending:spent_1h", "spending:spent_24h", "spending:mean_1h"];
    assert_eq!(values(&store, &features, t, None), [int(2), float(21.0), float(321.0), float(10.5)]);
    let features = ["spending:shops_24h", "spending:at_a_24h", "spending:at_b_24h", "spending:dear_24h"];
    assert_eq!(values(&store, &features, t, None), [texts(&["a", "b"]), int(1), int(1), int(2)]);
}

#[test]
fn nothing_in_a_window_is_a_value_where_the_aggregate_has_one_and_null_where_not() {
    let store = TestStore::new(&purchases()).store;
    store.write("purchases", &bought(&[purchase(hours_ago(30), 1, "a", 5.0)])).unwrap();
    let features = ["spending:purchases_24h", "spending:spent_24h", "spending:mean_24h", "spending:shops_24h"];
    let request = store.prepare(&features).unwrap();
    let answer = store.latest(&request, &entities(&request, &[1, 2])).unwrap();
    let statuses = |row| (0..4).map(|feature| answer.status(row, feature)).collect::<Vec<_>>();
    assert_eq!(statuses(0), [Status::Present, Status::Present, Status::Null, Status::Present]);
    assert_eq!(answer.value(0, 0).unwrap(), int(0));
    assert_eq!(answer.value(0, 1).unwrap(), float(0.0));
    assert_eq!(answer.value(0, 3).unwrap(), texts(&[]));
    assert_eq!(answer.event_timestamp(0, 0), Some(hours_ago(30)), "the newest event, in the window or not");
    assert_eq!(statuses(1), [Status::Missing; 4], "nothing is known of user 2");
    assert_eq!(answer.event_timestamp(1, 0), None);
    let before = store.as_of(&request, &entities(&request, &[1]), hours_ago(31), None).unwrap();
    assert_eq!(before.status(0, 0), Status::Missing, "nothing was known of user 1 then");
}

#[test]
fn late_events_count_from_when_they_were_known_and_deliveries_again_count_once() {
    let store = TestStore::new(&purchases()).store;
    let event = hours_ago(5);
    let (early, late) = (hours_ago(4), hours_ago(2));
    store.write("purchases", &bought(&[(1, event, early, 1, "a", Some(5.0))])).unwrap();
    for _ in 0..3 {
        store.write("purchases", &bought(&[(1, event, late, 2, "a", Some(7.0))])).unwrap();
    }
    let features = ["spending:purchases_24h", "spending:spent_24h"];
    let known = |known_at| values(&store, &features, hours_ago(1), known_at);
    assert_eq!(known(None), [int(2), float(12.0)]);
    assert_eq!(known(Some(late)), [int(2), float(12.0)]);
    assert_eq!(known(Some(late.minus(MICROSECOND))), [int(1), float(5.0)]);
    assert_eq!(known(Some(early.minus(MICROSECOND))), [None, None], "nothing was known of the user");
    // A correction takes the place of what was known before.
    store.write("purchases", &bought(&[(1, event, hours_ago(1), 2, "a", Some(8.0))])).unwrap();
    assert_eq!(known(None), [int(2), float(13.0)]);
    assert_eq!(known(Some(late)), [int(2), float(12.0)]);
}

#[test]
fn an_event_that_is_deleted_leaves_the_windows_it_was_in() {
    let test = TestStore::new(&purchases());
    let store = &test.store;
    let rows = bought(&[purchase(hours_ago(3), 1, "a", 5.0), purchase(hours_ago(2), 2, "b", 7.0)]);
    store.write("purchases", &rows).unwrap();
    store.delete_events("purchases", &rows.slice(1, 1).project(&[0, 1, 3]).unwrap()).unwrap();
    let features = ["spending:purchases_24h", "spending:spent_24h", "spending:shops_24h"];
    assert_eq!(values(store, &features, NOW, None), [int(1), float(5.0), texts(&["a"])]);
    assert_eq!(values(store, &features, NOW, Some(hours_ago(2)))[0], int(2), "it was known then");
    store.erase(&["purchases"], &[("user_id", Value::Int64(1))]).unwrap();
    assert_eq!(values(store, &features, NOW, None), [None, None, None]);
}

#[test]
fn offset_and_step_move_the_end_of_a_window() {
    let moved =
        PURCHASES.replace("windows = [\"1h\", \"24h\"]", "windows = [\"1h\"]\nevery = \"5m\"\noffset = \"1us\"");
    let store = TestStore::new(&parse_definitions(&moved, "moved.toml").unwrap()).store;
    // A whole hour, and with it a multiple of five minutes.
    let hour = hours_ago(10);
    store.write("purchases", &bought(&[purchase(hour, 1, "a", 5.0)])).unwrap();
    let count = |at| values(&store, &["spending:purchases_1h"], at, None).remove(0);
    assert_eq!(count(hour), None, "the event at the time itself is not seen");
    assert_eq!(count(hour.plus(MICROSECOND)), int(1));
    let hour_later = hour.plus(Span::from_secs(3_600));
    assert_eq!(count(hour_later), int(1), "the window ends five minutes before");
    assert_eq!(count(hour_later.plus(MICROSECOND)), int(0));
}

#[test]
fn a_window_that_retention_may_have_cut_is_missing_and_shorter_ones_are_not() {
    let kept =
        PURCHASES.replace("created_timestamp = \"created\"", "created_timestamp = \"created\"\nretention = \"30h\"");
    let test = TestStore::new(&parse_definitions(&kept, "kept.toml").unwrap());
    test.store.write("purchases", &bought(&[purchase(hours_ago(2), 1, "a", 5.0)])).unwrap();
    let features = ["spending:purchases_1h", "spending:purchases_24h"];
    assert_eq!(values(&test.store, &features, NOW, None), [int(0), int(1)]);
    // As of ten hours ago the longer window begins before all that is kept.
    assert_eq!(values(&test.store, &features, hours_ago(10), None), [None, None]);
    test.store.write("purchases", &bought(&[purchase(hours_ago(12), 2, "a", 5.0)])).unwrap();
    assert_eq!(values(&test.store, &features, hours_ago(10), None), [int(0), None]);
    let shorter = kept.replace("30h", "23h");
    let error = parse_definitions(&shorter, "kept.toml").unwrap_err();
    assert!(error.message().contains("at least the longest window"), "{error}");
    assert!(error.message().starts_with("kept.toml:21:8: "), "{error}");
}

#[test]
fn the_present_a_past_time_and_a_training_row_are_the_same_bits() {
    for store in [TestStore::new(&purchases()).store, in_memory(&purchases())] {
        let amount = |n: i64| 0.1 * (n * n % 97) as f64;
        let rows: Vec<_> =
            (0..2_000).map(|n| purchase(NOW.minus(Span::from_secs(n * 47)), n, "a", amount(n))).collect();
        store.write("purchases", &bought(&rows)).unwrap();
        let features = ["spending:*"];
        let request = store.prepare(&features).unwrap();
        let latest = store.latest(&request, &entities(&request, &[1, 2])).unwrap();
        let as_of = store.as_of(&request, &entities(&request, &[1, 2]), NOW, None).unwrap();
        let columns = AnswerColumns { statuses: true, event_timestamps: true, ..AnswerColumns::default() };
        let latest = latest.to_record_batch(columns).unwrap();
        assert_eq!(latest, as_of.to_record_batch(columns).unwrap());
        let spine = batch(vec![
            ("user_id", Arc::new(Int64Array::from(vec![1, 2]))),
            ("event_timestamp", times([Some(NOW), Some(NOW)])),
        ]);
        let options = JoinOptions { columns, known_at: KnownAt::OwnTime, ..JoinOptions::default() };
        let schema = spine.schema();
        let joined = store.point_in_time_join(&features, schema, [Ok(spine)].into_iter(), &options).unwrap();
        let joined: Vec<_> = joined.collect::<Result<_, _>>().unwrap();
        let names: Vec<_> = latest.schema().fields().iter().map(|field| field.name().clone()).collect();
        for name in names {
            assert_eq!(joined[0].column_by_name(&name), latest.column_by_name(&name), "{name}");
        }
        assert_eq!(latest.column_by_name("purchases_1h").unwrap().as_primitive::<Int64Type>().value(0), 77);
        let spent = latest.column_by_name("spent_24h").unwrap().as_primitive::<Float64Type>().value(0);
        let plain: f64 = rows.iter().take_while(|row| row.1 > hours_ago(24)).filter_map(|row| row.5).sum();
        assert!((spent - plain).abs() < 1e-9, "{spent} and {plain}");
    }
}

#[test]
fn a_join_gives_the_same_values_where_the_events_of_an_entity_do_not_fit_into_its_memory() {
    let store = TestStore::new(&purchases()).store;
    // 300 texts of 10 KB are more than the least memory of a join has room for.
    let shop = "s".repeat(10_000);
    let rows: Vec<_> = (0..300).map(|n| purchase(NOW.minus(Span::from_secs(n * 200)), n, &shop, n as f64)).collect();
    store.write("purchases", &bought(&rows)).unwrap();
    let joined = |memory_bytes| {
        let spine = batch(vec![
            ("user_id", Arc::new(Int64Array::from(vec![1, 1, 1]))),
            ("event_timestamp", times([hours_ago(0), hours_ago(5), hours_ago(20)].map(Some))),
        ]);
        let options = JoinOptions { memory_bytes, ..JoinOptions::default() };
        let schema = spine.schema();
        let features = ["spending:spent_24h", "spending:shops_24h", "spending:purchases_1h"];
        let mut joined = store.point_in_time_join(&features, schema, [Ok(spine)].into_iter(), &options).unwrap();
        joined.next().unwrap().unwrap()
    };
    let narrow = joined(JOIN_MEMORY_BYTES_MIN);
    assert_eq!(narrow, joined(JoinOptions::default().memory_bytes));
    assert_eq!(narrow.column_by_name("purchases_1h").unwrap().as_primitive::<Int64Type>().values(), &[18, 18, 0]);
}

#[test]
fn a_matrix_of_windows_has_the_values_and_the_statuses_of_an_answer() {
    let store = TestStore::new(&purchases()).store;
    store.write("purchases", &bought(&[purchase(hours_ago(2), 1, "a", 5.0)])).unwrap();
    let request = store.prepare(&["spending:spent_24h", "spending:mean_1h"]).unwrap();
    let (mut values, mut statuses) = ([0.0; 4], [Status::Expired; 4]);
    let matrix = asofdb::F32Matrix { values: &mut values, statuses: Some(&mut statuses), fill: -1.0 };
    store.latest_f32(&request, &entities(&request, &[1, 2]), matrix).unwrap();
    assert_eq!(values, [5.0, -1.0, -1.0, -1.0]);
    assert_eq!(statuses, [Status::Present, Status::Null, Status::Missing, Status::Missing]);
}

#[test]
fn a_window_over_events_that_are_there_is_right_at_once() {
    let test = TestStore::new(&purchases());
    test.store.write("purchases", &bought(&[purchase(hours_ago(40), 1, "a", 5.0)])).unwrap();
    let wider = PURCHASES.replace("windows = [\"1h\", \"24h\"]", "windows = [\"1h\", \"24h\", \"48h\"]");
    test.store.apply(&parse_definitions(&wider, "wider.toml").unwrap(), false).unwrap();
    assert_eq!(values(&test.store, &["spending:purchases_48h"], NOW, None), [int(1)]);
}

#[test]
fn a_feature_is_computed_in_another_way_only_where_that_is_allowed() {
    let store = TestStore::new(&purchases()).store;
    store.write("purchases", &bought(&[purchase(hours_ago(2), 1, "a", 5.0)])).unwrap();
    let changed = PURCHASES.replace("amount > 10.0", "amount > 1.0");
    let changed = parse_definitions(&changed, "changed.toml").unwrap();
    let error = store.apply(&changed, false).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.message().ends_with("allow redefinitions: feature spending:dear_24h"), "{error}");
    assert_eq!(values(&store, &["spending:dear_24h"], NOW, None), [int(0)]);
    let plan = store.apply_to(&changed, Allow { redefine: true, ..Allow::default() }, None).unwrap();
    let changes: Vec<_> = plan.changes.iter().map(ToString::to_string).collect();
    assert_eq!(changes, ["! feature spending:dear_24h: computed in another way"]);
    assert_eq!(values(&store, &["spending:dear_24h"], NOW, None), [int(1)]);
}

#[test]
fn nothing_is_written_to_a_window_view_and_it_has_no_rows_to_list() {
    let store = TestStore::new(&purchases()).store;
    let rows = bought(&[purchase(hours_ago(2), 1, "a", 5.0)]);
    let expected =
        "\"spending\" is computed from the events of \"purchases\" when it is read: it has no rows of its own";
    let user = [("user_id", Value::Int64(1))];
    let errors = [
        store.write("spending", &rows).unwrap_err(),
        store.delete(&["spending"], &user, NOW).unwrap_err(),
        store.erase(&["spending"], &user).unwrap_err(),
        Session::history(&store, "spending", &user, 10).unwrap_err(),
    ];
    for error in errors {
        assert_eq!((error.kind(), error.message()), (ErrorKind::Invalid, expected));
    }
    store.write("purchases", &rows).unwrap();
    let freshness = store.freshness("spending").unwrap();
    assert_eq!((freshness.view.as_str(), freshness.newest), ("purchases", Some(hours_ago(2))));
}

#[test]
fn a_view_of_windows_that_breaks_a_rule_is_refused_with_the_place() {
    let refused = |from: &str, to: &str, message: &str| {
        let text = PURCHASES.replacen(from, to, 1);
        assert_ne!(text, PURCHASES, "{from}");
        let error = parse_definitions(&text, "w.toml").unwrap_err();
        assert!(error.message().contains(message), "{message:?} in {error}");
        assert!(error.message().starts_with("w.toml:"), "{error}");
    };
    refused("from = \"purchases\"", "from = \"purchase\"", "over an unknown event view: \"purchase\"; did you mean");
    refused("aggregate = \"sum\"", "aggregate = \"summ\"", "there is no aggregate \"summ\"; did you mean \"sum\"?");
    refused("of = \"amount\"", "of = \"amout\"", "has no column \"amout\"; did you mean \"amount\"?");
    refused("of = \"amount\"", "of = \"shop\"", "feature spending:spent: sum is of numbers: got string");
    refused("of = \"amount\"", "of = \"amount\"\nk = 3", "sum takes no \"k\"");
    refused("windows = [\"1h\", \"24h\"]", "windows = [\"1h\", \"60m\"]", "spending:purchases has a window twice: 60m");
    refused(
        "windows = [\"1h\", \"24h\"]",
        "windows = [\"1 day\"]",
        "a window is a whole number of minutes, hours or days",
    );
    refused(
        "amount > 10.0",
        "amout > 10.0",
        "a condition of window view \"spending\": no input is named `amout`; did you mean `amount`?",
    );
    refused("amount > 10.0", "amount", "a condition is true or false: got float64");
    refused("name = \"mean\"", "name = \"spent\"", "window view \"spending\" has a feature twice: \"spent_1h\"");
    refused("k = 2\n", "", "a window feature needs the key \"k\"");
    refused("values = [\"a\", \"b\"]\n", "", "count_by needs either values");
    refused("aggregate = \"count\"", "aggregate = \"count\"\ndefault = 1.5", "default is not int64");
}
