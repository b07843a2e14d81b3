//! Checks of views: conditions that no row may break.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use asofdb::{Definitions, ErrorKind, IngestOptions, Input, ScalarType, Session, Store, Value, parse_definitions};

use crate::common::{TestStore, batch, entity, files, hours_ago, in_memory, times, view};

/// Orders of users whose amount is not below zero and whose status is known.
fn orders(check: &str) -> Definitions {
    let mut orders = view("orders", &["user"], &[("amount", "float64"), ("status", "string")]);
    orders.check = Some(check.to_owned());
    Definitions {
        entities: vec![entity("user", &[("user_id", ScalarType::Int64)])],
        views: vec![orders],
        services: vec![],
    }
}

fn rows(rows: &[(i64, Option<f64>, &str)]) -> RecordBatch {
    let statuses: ArrayRef = Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.2)));
    batch(vec![
        ("user_id", Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.0)))),
        ("event_timestamp", times(rows.iter().map(|_| Some(hours_ago(1))))),
        ("amount", Arc::new(rows.iter().map(|row| row.1).collect::<Float64Array>())),
        ("status", statuses),
    ])
}

fn written(store: &Store, user: i64) -> usize {
    store.history("orders", &[("user_id", Value::Int64(user))], 10).unwrap().len()
}

const CHECK: &str = "amount >= 0 and status in ['paid', 'open']";

#[test]
fn a_row_that_breaks_the_check_refuses_the_batch_by_row_and_rule() {
    let store = in_memory(&orders(CHECK));
    let error = store.write("orders", &rows(&[(1, Some(5.0), "paid"), (2, Some(-1.0), "paid")])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let rule = format!("view \"orders\", row 1: the check of the view is false: {CHECK}");
    assert!(format!("{error:#}").contains(&rule), "{error:#}");
    assert_eq!((written(&store, 1), written(&store, 2)), (0, 0));
    store.write("orders", &rows(&[(1, Some(5.0), "paid"), (2, Some(0.0), "open")])).unwrap();
    assert_eq!((written(&store, 1), written(&store, 2)), (1, 1));
}

#[test]
fn a_check_that_is_null_is_not_broken() {
    let store = in_memory(&orders("amount >= 0"));
    store.write("orders", &rows(&[(1, None, "paid")])).unwrap();
    assert_eq!(written(&store, 1), 1);
    let store = in_memory(&orders("not is_null(amount) and amount >= 0"));
    store.write("orders", &rows(&[(1, None, "paid")])).unwrap_err();
}

#[test]
fn join_keys_and_the_event_timestamp_can_be_checked_and_now_is_the_event() {
    let store = in_memory(&orders("user_id > 0 and event_timestamp == now and year(now) == 2024"));
    store.write("orders", &rows(&[(1, None, "paid")])).unwrap();
    store.write("orders", &rows(&[(-1, None, "paid")])).unwrap_err();
}

#[test]
fn more_rows_than_are_tried_at_once_are_all_tried() {
    let store = in_memory(&orders("amount >= 0"));
    let many: Vec<_> = (0..3_000).map(|user| (user, Some(if user == 2_500 { -1.0 } else { 1.0 }), "paid")).collect();
    let error = store.write("orders", &rows(&many)).unwrap_err();
    assert!(format!("{error:#}").contains("row 2500: the check of the view is false"), "{error:#}");
}

#[test]
fn an_ingest_sets_rows_aside_that_break_the_check_with_the_rule() {
    let test = TestStore::new(&orders(CHECK));
    let directory = test.directory.path();
    let path =
        files::parquet(directory.join("orders.parquet"), &rows(&[(1, Some(1.0), "paid"), (2, Some(1.0), "lost")]), 10);
    let rejects = directory.join("rejects.jsonl");
    let options = IngestOptions { rejects: Some(rejects.clone()), ..IngestOptions::default() };
    let report = test.store.ingest("orders", vec![Input::Path(path)], &options, &mut |_| {}).unwrap();
    assert_eq!((report.rows_written, report.rows_rejected), (1, 1));
    let text = std::fs::read_to_string(rejects).unwrap();
    assert!(text.contains("the check of the view is false: amount >= 0 and status in"), "{text}");
}

#[test]
fn a_check_can_be_changed_and_dropped() {
    let store = in_memory(&orders("amount >= 0"));
    let plan = store.apply(&orders("amount > 0"), false).unwrap();
    assert_eq!(plan.changes[0].to_string(), "~ feature_view orders: check \"amount >= 0\" -> \"amount > 0\"");
    store.write("orders", &rows(&[(1, Some(0.0), "paid")])).unwrap_err();
    let mut without = orders("");
    without.views[0].check = None;
    store.apply(&without, false).unwrap();
    store.write("orders", &rows(&[(1, Some(-5.0), "paid")])).unwrap();
}

const FILE: &str = r#"
[[entity]]
name = "user"
join_keys = [{ name = "user_id", type = "int64" }]

[[feature_view]]
name = "orders"
entities = ["user"]
check = "amount >= 0"
feature = [{ name = "amount", type = "float64" }]
"#;

#[test]
fn a_wrong_check_is_refused_where_it_stands_in_the_file_with_the_place_in_it() {
    let cases = [
        (
            "amont >= 0",
            "shop.toml:9:9: the check of view \"orders\": no input is named `amont`; did you mean `amount`?\n  --> line 1, column 1\n1 | amont >= 0\n  | ^^^^^",
        ),
        ("amount + 'x' > 0", "shop.toml:9:9: the check of view \"orders\": `+` "),
        (
            "amount + 1",
            "shop.toml:9:9: the check of view \"orders\": a condition is true or false: got float64; compare with a value",
        ),
        ("amount >=", "shop.toml:9:9: the check of view \"orders\": "),
    ];
    for (check, message) in cases {
        let error = parse_definitions(&FILE.replace("amount >= 0", check), "shop.toml").unwrap_err();
        assert!(error.to_string().starts_with(message), "{error}\n{message}");
        let error = in_memory(&Definitions::default()).apply(&orders(check), false).unwrap_err();
        assert!(error.to_string().starts_with("the check of view \"orders\": "), "{error}");
    }
    assert_eq!(parse_definitions(FILE, "shop.toml").unwrap().views[0].check.as_deref(), Some("amount >= 0"));
}

#[test]
fn the_check_in_the_documentation_is_one() {
    let page = std::fs::read_to_string(crate::common::repository("docs/computed.md")).unwrap();
    let (_, rest) = page.split_once("## Checks").unwrap();
    let (_, rest) = rest.split_once("```toml\n").unwrap();
    let (view, _) = rest.split_once("```").unwrap();
    let entity = "[[entity]]\nname = \"user\"\njoin_keys = [{ name = \"user_id\", type = \"int64\" }]\n";
    let store = in_memory(&parse_definitions(&format!("{entity}{view}"), "docs/computed.md").unwrap());
    store.write("orders_v1", &rows(&[(1, Some(1.0), "paid")])).unwrap();
    store.write("orders_v1", &rows(&[(1, Some(1.0), "lost")])).unwrap_err();
}
