//! Event views: facts that are counted, each once.

use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use asofdb::{
    Definitions, ErrorKind, FeatureDefinition, IngestOptions, Input, ScalarType, Session, Span, Store, Timestamp,
    Value, parse_definitions,
};
use asofdb_storage::{Found, RowPlan, key};

use crate::common::{NOW, TestStore, batch, entity, files, hours_ago, in_memory, int, times, users, view};

/// Purchases of users. Their id is the order where `by_order`, else all columns together.
fn purchases(by_order: bool) -> Definitions {
    let mut purchases =
        view("purchases", &["user"], &[("order_id", "int64"), ("shop", "string"), ("amount", "float64")]);
    purchases.event_id = Some(if by_order { vec!["order_id".to_owned()] } else { Vec::new() });
    purchases.keep_newest = false;
    Definitions {
        entities: vec![entity("user", &[("user_id", ScalarType::Int64)])],
        views: vec![purchases],
        services: vec![],
    }
}

/// A purchase: user, hours ago, order, shop, amount.
type Purchase<'a> = (i64, i64, Option<i64>, &'a str, f64);

fn bought(rows: &[Purchase<'_>]) -> RecordBatch {
    let shops: ArrayRef = Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.3)));
    batch(vec![
        ("user_id", Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.0)))),
        ("event_timestamp", times(rows.iter().map(|row| Some(hours_ago(row.1))))),
        ("order_id", Arc::new(rows.iter().map(|row| row.2).collect::<Int64Array>())),
        ("shop", shops),
        ("amount", Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row.4)))),
    ])
}

/// The order and the amount of each event of a user that counts, newest first, as it was known then.
fn counted(store: &Store, user: i64, known_at: Option<Timestamp>) -> Vec<(i64, f64)> {
    let catalog = store.catalog();
    let view = catalog.view("purchases").unwrap();
    let of = |name: &str| RowPlan::new(view, &[view.feature(name).unwrap().id]).unwrap();
    let (orders, amounts) = (of("order_id"), of("amount"));
    let mut events = Vec::new();
    each_event(store, user, known_at, &mut |row| {
        let order = eight_bytes(&orders, row).map_or(0, i64::from_le_bytes);
        events.push((order, eight_bytes(&amounts, row).map(f64::from_le_bytes).unwrap()));
    });
    events
}

fn each_event(store: &Store, user: i64, known_at: Option<Timestamp>, take: &mut dyn FnMut(&[u8])) {
    let catalog = store.catalog();
    let mut entity_key = Vec::new();
    key::encode_value(&Value::Int64(user), &mut entity_key).unwrap();
    let snapshot = store.backend().snapshot();
    let mut cursor = snapshot.cursor(catalog.view("purchases").unwrap()).unwrap();
    let mut visit = |found: Found<'_>| {
        take(found.row);
        Ok(ControlFlow::Continue(()))
    };
    cursor.each_event(&entity_key, Timestamp::MIN..=Timestamp::MAX, known_at, &mut visit).unwrap();
}

/// The one value of eight bytes that a plan reads; `None` for null.
fn eight_bytes(plan: &RowPlan, row: &[u8]) -> Option<[u8; 8]> {
    plan.open(row).unwrap().unwrap().get(0).unwrap().map(|bytes| bytes.try_into().unwrap())
}

#[test]
fn an_event_counts_once_however_often_it_is_delivered() {
    let store = TestStore::new(&purchases(true)).store;
    let rows = bought(&[(1, 3, Some(7), "a", 5.0), (1, 3, Some(8), "a", 5.0), (2, 3, Some(7), "a", 1.0)]);
    for _ in 0..3 {
        store.write("purchases", &rows).unwrap();
    }
    assert_eq!(counted(&store, 1, None), [(7, 5.0), (8, 5.0)]);
    assert_eq!(counted(&store, 2, None), [(7, 1.0)]);
    assert_eq!(store.history("purchases", &[("user_id", Value::Int64(1))], 100).unwrap().len(), 6);
}

#[test]
fn without_a_named_id_all_columns_together_make_an_event_the_same() {
    let store = TestStore::new(&purchases(false)).store;
    let rows = bought(&[(1, 3, None, "a", 5.0), (1, 3, None, "a", 6.0), (1, 2, None, "a", 5.0)]);
    store.write("purchases", &rows).unwrap();
    store.write("purchases", &rows).unwrap();
    let mut amounts: Vec<_> = counted(&store, 1, None).into_iter().map(|(_, amount)| amount).collect();
    amounts.sort_by(f64::total_cmp);
    assert_eq!(amounts, [5.0, 5.0, 6.0]);
}

#[test]
fn a_column_that_is_added_later_leaves_the_events_of_before_what_they_are() {
    let test = TestStore::new(&purchases(false));
    let rows = bought(&[(1, 3, None, "a", 5.0)]);
    test.store.write("purchases", &rows).unwrap();
    let mut grown = purchases(false);
    grown.views[0].features.push(FeatureDefinition::new("colour", "string".parse().unwrap()));
    test.store.apply(&grown, false).unwrap();
    let mut columns: Vec<(&str, ArrayRef)> =
        rows.schema_ref().fields().iter().map(|field| field.name().as_str()).zip(rows.columns().to_vec()).collect();
    let colours: ArrayRef = Arc::new(StringArray::from(vec![None::<&str>]));
    columns.push(("colour", colours));
    test.store.write("purchases", &batch(columns)).unwrap();
    assert_eq!(counted(&test.store, 1, None), [(0, 5.0)]);
}

#[test]
fn a_correction_counts_from_when_it_is_known_and_a_deletion_removes_the_event() {
    let test = TestStore::new(&purchases(true));
    let first =
        test.store.write("purchases", &bought(&[(1, 3, Some(7), "a", 5.0), (1, 2, Some(8), "a", 1.0)])).unwrap();
    let second = test.store.write("purchases", &bought(&[(1, 3, Some(7), "a", 50.0)])).unwrap();
    let identity = batch(vec![
        ("user_id", Arc::new(Int64Array::from(vec![1]))),
        ("event_timestamp", times([Some(hours_ago(2))])),
        ("order_id", Arc::new(Int64Array::from(vec![8]))),
    ]);
    let third = test.store.delete_events("purchases", &identity).unwrap();
    let before = Timestamp::from_micros(first.created.as_micros() - 1);
    assert_eq!(counted(&test.store, 1, Some(before)), []);
    assert_eq!(counted(&test.store, 1, Some(first.created)), [(8, 1.0), (7, 5.0)]);
    assert_eq!(counted(&test.store, 1, Some(second.created)), [(8, 1.0), (7, 50.0)]);
    assert_eq!(counted(&test.store, 1, Some(third.created)), [(7, 50.0)]);
    assert_eq!(counted(&test.store, 1, None), [(7, 50.0)]);
}

#[test]
fn an_event_without_its_id_is_refused_by_row_and_column_and_nothing_is_written() {
    let store = in_memory(&purchases(true));
    let error = store.write("purchases", &bought(&[(1, 3, Some(7), "a", 5.0), (1, 3, None, "a", 5.0)])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let rule = "view \"purchases\", row 1: column \"order_id\" is null: every event has its event id";
    assert!(format!("{error:#}").contains(rule), "{error:#}");
    assert_eq!(counted(&store, 1, None), []);
}

#[test]
fn erasing_an_entity_removes_all_of_its_events_and_nobody_elses() {
    let test = TestStore::new(&purchases(true));
    for store in [&test.store, &in_memory(&purchases(true))] {
        store.write("purchases", &bought(&[(1, 3, Some(7), "a", 5.0), (2, 3, Some(7), "a", 2.0)])).unwrap();
        store.write("purchases", &bought(&[(1, 3, Some(7), "a", 6.0), (1, 1, Some(9), "a", 1.0)])).unwrap();
        let erased = store.erase(&["purchases"], &[("user_id", Value::Int64(1))]).unwrap();
        assert_eq!((erased[0].view.as_str(), erased[0].versions), ("purchases", 3));
        assert_eq!(counted(store, 1, None), []);
        assert_eq!(counted(store, 2, None), [(7, 2.0)]);
        let verified = store.verify().unwrap();
        assert_eq!((verified.versions, verified.entities, verified.problems.len()), (1, 1, 0));
    }
}

#[test]
fn the_freshness_of_an_event_view_counts_entities_and_not_events() {
    let store = in_memory(&purchases(true));
    let rows =
        [(1, 3, Some(1), "a", 1.0), (1, 2, Some(2), "a", 1.0), (2, 5, Some(3), "a", 1.0), (1, 3, Some(4), "a", 1.0)];
    store.write("purchases", &bought(&rows)).unwrap();
    let fresh = store.freshness("purchases").unwrap();
    assert_eq!((fresh.entities, fresh.expired, fresh.newest), (2, 0, Some(hours_ago(2))));
}

#[test]
fn events_behind_the_retention_do_not_count_and_are_reclaimed() {
    let mut definitions = purchases(true);
    definitions.views[0].retention = Some(Span::from_secs(10 * 3_600));
    let test = TestStore::new(&definitions);
    test.store.write("purchases", &bought(&[(1, 10, Some(1), "a", 1.0), (1, 11, Some(2), "a", 2.0)])).unwrap();
    assert_eq!(counted(&test.store, 1, None), [(1, 1.0)]);
    test.store.flush().unwrap();
    test.store.compact().unwrap();
    assert_eq!(test.store.verify().unwrap().versions, 1);
}

#[test]
fn columns_of_events_are_no_features() {
    let store = in_memory(&purchases(true));
    for reference in ["purchases", "purchases:*", "purchases:amount"] {
        let error = store.prepare(&[reference]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        let message = "\"purchases\" is an event view, which has no features: read its events by history or an export";
        assert_eq!(error.to_string(), message);
    }
    let error = store.delete(&["purchases"], &[("user_id", Value::Int64(1))], NOW).unwrap_err();
    assert!(
        error.to_string().starts_with("\"purchases\" is an event view, whose events are deleted one by one"),
        "{error}"
    );
}

#[test]
fn deleting_events_of_a_feature_view_is_refused() {
    let store = in_memory(&users());
    let error = store.delete_events("profile", &bought(&[(1, 1, Some(1), "a", 1.0)])).unwrap_err();
    assert_eq!(error.to_string(), "\"profile\" is a feature view: its rows are deleted by their entity");
}

#[test]
fn a_large_load_of_events_counts_them_as_a_commit_does() {
    let test = TestStore::new(&purchases(true));
    let rows: Vec<Purchase<'_>> = (0..120_000).map(|n| (n % 50, n / 5_000, Some(n), "a", n as f64)).collect();
    let path = files::parquet(test.directory.path().join("purchases.parquet"), &bought(&rows), 50_000);
    for _ in 0..2 {
        let options = IngestOptions { from_scratch: true, ..IngestOptions::default() };
        let report = test.store.ingest("purchases", vec![Input::Path(path.clone())], &options, &mut |_| ()).unwrap();
        assert_eq!(report.rows_written, 120_000);
    }
    assert_eq!(counted(&test.store, 7, None).len(), 2_400);
    assert_eq!(test.store.verify().unwrap().problems, Vec::<String>::new());
}

#[test]
fn neither_kind_nor_event_id_of_a_view_can_change() {
    let store = in_memory(&purchases(true));
    let error = store.apply(&purchases(false), false).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(
        error.to_string(),
        "the event id of an event view cannot change: \"purchases\"; define \"purchases_v2\""
    );
    let mut features = purchases(true);
    (features.views[0].event_id, features.views[0].keep_newest) = (None, true);
    let error = store.apply(&features, true).unwrap_err();
    assert_eq!(
        error.to_string(),
        "\"purchases\" is event_view and cannot become feature_view; define \"purchases_v2\""
    );
}

const FILE: &str = r#"
[[entity]]
name = "user"
join_keys = [{ name = "user_id", type = "int64" }]

[[event_view]]
name = "purchases"
entities = ["user"]
event_id = ["order_id"]
retention = "30d"
columns = [
    { name = "order_id", type = "int64" },
    { name = "amount", type = "float64", description = "In euros" },
]
"#;

#[test]
fn a_definitions_file_has_event_views() {
    let definitions = parse_definitions(FILE, "shop.toml").unwrap();
    let [view] = definitions.views.as_slice() else { panic!("one view") };
    assert_eq!(view.event_id.as_deref(), Some(&["order_id".to_owned()][..]));
    assert_eq!((view.keep_newest, view.retention), (false, Some(Span::from_secs(30 * 86_400))));
    let plan = in_memory(&Definitions::default()).plan(&definitions).unwrap();
    assert_eq!(plan.changes[1].to_string(), "+ event_view purchases (2 columns, retention 30d)");
}

#[test]
fn wrong_event_views_are_refused_where_they_are_wrong() {
    let cases = [
        (
            "event_id = [\"order_id\"]",
            "event_id = [\"order\"]",
            "9:13: event view \"purchases\": its event id is of an unknown column: \"order\"; did you mean \"order_id\"?",
        ),
        (
            "event_id = [\"order_id\"]",
            "event_id = []",
            "9:12: event_id names at least one column; leave it out for all of them together",
        ),
        ("event_id = [\"order_id\"]", "ttl = \"1d\"", "9:1: an event view has no key \"ttl\""),
        (
            "event_id = [\"order_id\"]",
            "event_id = [\"order_id\", \"order_id\"]",
            "9:25: event view \"purchases\" lists a column of its event id twice: \"order_id\"",
        ),
        (
            "type = \"int64\" },\n    {",
            "type = \"list<int64>\" },\n    {",
            "9:13: event view \"purchases\": an event id is of single values, not a list: \"order_id\"",
        ),
        ("name = \"amount\", type", "name = \"amount\", default = 1.0, type", "13:24: a column has no key \"default\""),
    ];
    for (good, bad, message) in cases {
        assert!(FILE.contains(good), "{good}");
        let error = parse_definitions(&FILE.replace(good, bad), "shop.toml").unwrap_err();
        assert!(error.to_string().starts_with(&format!("shop.toml:{message}")), "{error}\n{message}");
    }
}

#[test]
fn a_service_cannot_name_an_event_view() {
    let text = format!("{FILE}\n[[feature_service]]\nname = \"model\"\nfeatures = [\"purchases:amount\"]\n");
    let error = parse_definitions(&text, "shop.toml").unwrap_err();
    assert!(
        error.to_string().ends_with(
            "feature service \"model\": \"purchases\" is an event view, which has no features: \"purchases:amount\""
        ),
        "{error}"
    );
}

#[test]
fn the_value_of_an_event_reads_back_in_its_history() {
    let store = in_memory(&purchases(true));
    store.write("purchases", &bought(&[(1, 3, Some(7), "a", 5.0)])).unwrap();
    let history = store.history("purchases", &[("user_id", Value::Int64(1))], 10).unwrap();
    assert_eq!(history.len(), 1);
    assert_eq!(history[0].version.event, hours_ago(3));
    let shop = Some(Value::String("a".to_owned()));
    assert_eq!(history[0].values, [int(7), shop, Some(Value::Float64(5.0))]);
}

#[test]
fn the_definitions_in_the_documentation_are_as_it_says() {
    let page = std::fs::read_to_string(crate::common::repository("docs/computed.md")).unwrap();
    let (_, rest) = page.split_once("```toml\n").unwrap();
    let (text, _) = rest.split_once("```").unwrap();
    let definitions = parse_definitions(text, "docs/computed.md").unwrap();
    let store = in_memory(&definitions);
    let rows = batch(vec![
        ("user_id", Arc::new(Int64Array::from(vec![7, 7]))),
        ("bought_at", times([Some(hours_ago(2)), Some(hours_ago(2))])),
        ("order_id", Arc::new(Int64Array::from(vec![1, 1]))),
        ("shop", Arc::new(StringArray::from(vec!["a", "a"]))),
        ("amount", Arc::new(Float64Array::from(vec![5.0, 6.0]))),
    ]);
    store.write("purchases_v1", &rows).unwrap();
    let history = store.history("purchases_v1", &[("user_id", Value::Int64(7))], 10).unwrap();
    let amounts: Vec<_> = history.iter().map(|row| row.values[2].clone()).collect();
    assert_eq!(amounts, [Some(Value::Float64(6.0))], "of two in one batch the later counts");
}
