//! Windows, derived features and values of a request on the command line.

use std::fs::File;
use std::io::Write;
use std::process::Stdio;

use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value as Json, json};

use super::Cli;

const COMPUTED: &str = r#"
[[entity]]
name = "user"
join_keys = [{ name = "user_id", type = "int64" }]

[[feature_view]]
name = "profile"
entities = ["user"]
feature = [{ name = "limit", type = "float64", default = 50.0, description = "Euros a day" }]

[[event_view]]
name = "purchases"
entities = ["user"]
event_id = ["order_id"]
columns = [
    { name = "order_id", type = "int64" },
    { name = "shop", type = "string" },
    { name = "price", type = "float64" },
]

[[window_view]]
name = "spending"
from = "purchases"
where = "price > 0.0"
windows = ["24h"]
every = "5m"
offset = "1us"
description = "What users spend"
feature = [
    { name = "mean", aggregate = "mean", of = "price", description = "Euros" },
    { name = "shops", aggregate = "last_k", of = "shop", k = 2, where = "shop != 'x'" },
]

[[derived_view]]
name = "offer"
request = [
    { name = "amount", type = "float64" },
    { name = "tags", type = "list<string>", required = false },
]
feature = [
    { name = "times_mean", type = "float64", expression = "amount / spending:mean_24h" },
    { name = "is_dear", type = "bool", expression = "offer:times_mean > 2.0 or amount > profile:limit" },
    { name = "has_tags", type = "bool", expression = "not is_null(tags) and len(tags) > 1" },
]

[[derived_view]]
name = "calendar"
feature = [{ name = "year", type = "int64", expression = "year(now)" }]
"#;

const PURCHASES: &str = "user_id,event_timestamp,order_id,shop,price\n\
    7,2024-05-01T10:00:00Z,1,a,10\n7,2024-05-01T11:00:00Z,2,b,30\n8,2024-05-01T11:00:00Z,3,x,5\n";

/// A directory with a store of the views above and three purchases.
fn filled() -> Cli {
    let cli = Cli::new();
    cli.write("features.toml", COMPUTED);
    cli.write("purchases.csv", PURCHASES);
    cli.succeeds("apply features.toml");
    cli.succeeds("ingest purchases purchases.csv");
    cli
}

/// The value and the status of the only feature of each row.
fn values(answers: &Json) -> Vec<(Json, String)> {
    let rows = answers.as_array().unwrap().iter();
    let only = |row: &Json| row["features"].as_object().unwrap().values().next().unwrap().clone();
    rows.map(only).map(|found| (found["value"].clone(), found["status"].as_str().unwrap().to_owned())).collect()
}

const NOON: &str = "--at 2024-05-01T12:00:00Z";

#[test]
fn features_are_read_with_values_of_the_request() {
    let cli = filled();
    let get = |line: &str| values(&cli.json(&format!("get {line} {NOON}")));
    let present = |value: Json| (value, "present".to_owned());
    assert_eq!(get("spending:mean_24h --entity user_id=7"), [present(json!(20.0))]);
    let both = "offer:times_mean --entity user_id=7 --entity user_id=9 --request amount=50";
    assert_eq!(get(both), [present(json!(2.5)), (Json::Null, "missing".to_owned())]);
    assert_eq!(get("offer:is_dear --entity user_id=7 --request amount=26.5"), [present(json!(false))]);
    assert_eq!(get("offer:has_tags --request amount=1 --request tags=[\"a\",\"b\"]"), [present(json!(true))]);
    assert_eq!(get("offer:has_tags --request amount=1"), [present(json!(false))]);
    assert_eq!(get("calendar:year"), [present(json!(2024))]);
    let text = cli.succeeds(&format!("get calendar:year {NOON}"));
    assert!(text.starts_with('╭'), "no entity stands above: {text}");
    let csv = cli
        .succeeds(&format!("get offer:times_mean --entity user_id=7 --request amount:float64=50 {NOON} --format csv"));
    assert!(csv.ends_with("7,offer:times_mean,2.5,present,false,2024-05-01T11:00:00Z\n"), "{csv}");
    for (line, expected) in [
        ("offer:times_mean --entity user_id=7", "the request needs a value for \"amount\" (float64)"),
        (
            "offer:times_mean --entity user_id=7 --request amont=5",
            "no feature of the request takes a request value \"amont\"; did you mean \"amount\"?",
        ),
        ("offer:times_mean --entity user_id=7 --request amount=x", "request value \"amount\" is float64: \"x\""),
        (
            "offer:times_mean --entity user_id=7 --request amount:int64=5",
            "request value \"amount\" is float64, not int64",
        ),
        (
            "offer:has_tags --request amount=1 --request tags=a",
            "request value \"tags\" is list<string>, in JSON: \"a\"",
        ),
        (
            "offer:times_mean --entity user_id=7 --request amount=1 --request amount=2",
            "a request has each value once: \"amount\"",
        ),
    ] {
        assert_eq!(cli.fails(1, &format!("get {line}")), expected);
    }
    let usage = cli.fails(2, "get offer:times_mean --request amount=5");
    assert_eq!(usage, "the features are of entities: give their join keys (user_id) by --entity");
}

#[test]
fn views_that_are_computed_are_listed_described_and_searched_with_what_they_are_computed_from() {
    let cli = filled();
    let kinds: Vec<Json> = cli.json("views").as_array().unwrap().iter().map(|view| view["kind"].clone()).collect();
    assert_eq!(kinds, ["derived_view", "derived_view", "feature_view", "event_view", "window_view"]);
    let text = cli.succeeds("views");
    assert!(text.contains("│ spending  │ windows     │") && text.contains("│ offer     │ expressions │"), "{text}");
    let text = cli.succeeds("describe spending");
    for part in [
        "window view spending",
        "  computed from      events of purchases",
        "  where              price > 0.0",
        "  every              5m",
        "mean of price in purchases over 24h, where price > 0.0, every 5m, offset 1us",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let text = cli.succeeds("describe offer");
    for part in [
        "derived view offer",
        "  join keys          user_id int64",
        "  computed from      events of purchases, request value amount, request value tags, rows of profile",
        "  request value      tags list<string>, may be left out",
        "amount / spending:mean_24h",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let offer = cli.json("describe offer");
    assert_eq!(offer["kind"], "derived_view");
    let lineage: Vec<Json> = offer["lineage"].as_array().unwrap().iter().map(|one| one["feature"].clone()).collect();
    let expected = ["offer:times_mean", "spending:mean_24h", "offer:is_dear", "profile:limit", "offer:has_tags"];
    assert_eq!(lineage, expected);
    let text = cli.succeeds("describe offer:is_dear");
    let tree = "
  offer:times_mean: float64, amount / spending:mean_24h
    amount: float64, a value of the request
    spending:mean_24h: float64, mean of price in purchases over 24h, where price > 0.0, every 5m, offset 1us
      events of purchases
  amount: float64, a value of the request
  profile:limit: float64, stored
";
    assert!(text.contains(tree), "{text}");
    let described = cli.json("describe profile:limit");
    assert_eq!((&described["kind"], &described["default"]), (&json!("feature"), &json!(50.0)));
    assert!(cli.fails(1, "describe offer:is_deer").contains("did you mean \"is_dear\"?"));
    assert!(cli.fails(1, "describe purchases:price").contains("is an event view, which has no features"));
    let hits = cli.json("search mean purchases kind:feature");
    assert_eq!((hits.as_array().unwrap().len(), &hits[0]["name"]), (1, &json!("spending:mean_24h")));
    assert_eq!((&hits[0]["description"], &hits[0]["computed_from"]), (&json!("Euros"), &json!(["purchases"])));
    assert_eq!(
        hits[0]["matched"],
        json!([
            {"word": "mean", "found": "mean", "in": "name", "how": "exact"},
            {"word": "purchases", "found": "purchases", "in": "computation", "how": "exact"},
        ])
    );
    let hits = cli.json("search amount");
    let names: Vec<Json> = hits.as_array().unwrap().iter().map(|hit| hit["name"].clone()).collect();
    assert_eq!(names, ["offer:times_mean", "offer:is_dear"]);
    assert_eq!(cli.json("search price")[0]["kind"], "column", "columns of events are no features");
}

#[test]
fn a_feature_is_explained_with_its_inputs_its_plan_and_the_sql_that_means_the_same() {
    let cli = filled();
    let explained = cli.json("explain offer:is_dear");
    let of = |number: usize| &explained[number];
    assert_eq!(of(0)["expression"], "offer:times_mean > 2.0 or amount > profile:limit");
    assert_eq!(
        of(0)["inputs"],
        json!([
            {"name": "offer:times_mean", "type": "float64", "kind": "derived_view"},
            {"name": "amount", "type": "float64", "kind": "request", "required": true},
            {"name": "profile:limit", "type": "float64", "kind": "feature_view"},
        ])
    );
    assert!(of(0)["sql"].as_str().unwrap().contains("offer:times_mean"), "{}", of(0)["sql"]);
    assert!(of(0)["plan"].as_array().unwrap().len() >= 3);
    assert_eq!(of(1)["expression"], "amount / spending:mean_24h");
    assert_eq!(
        *of(2),
        json!({"feature": "spending:mean_24h", "kind": "window_view", "type": "float64", "default": null,
            "from": "purchases", "aggregate": "mean", "settings": {}, "of": "price", "where": ["price > 0.0"],
            "window": "24h", "every": "5m", "offset": "1us"})
    );
    assert_eq!(*of(3), json!({"feature": "profile:limit", "kind": "feature_view", "type": "float64", "default": 50.0}));
    let shops = cli.json("explain spending:shops_24h");
    assert_eq!(shops[0]["settings"], json!({"k": 2, "distinct": false}));
    assert_eq!(shops[0]["where"], json!(["price > 0.0", "shop != 'x'"]));
    let text = cli.succeeds("explain spending:shops_24h");
    for part in [
        "  aggregate: last_k(k=2, distinct=false)\n",
        "  where: (price > 0.0) and (shop != 'x')\n",
        "  window: 24h\n  every: 5m\n  offset: 1us\n",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let text = cli.succeeds("explain offer:times_mean");
    assert!(text.contains("offer:times_mean:\n  expression: amount / spending:mean_24h\n  type: float64\n"), "{text}");
    assert!(text.contains("\n  plan:\n") && text.contains("\n  sql: "), "{text}");
    assert!(cli.fails(1, "explain offer:none").contains("has no feature \"none\""));
}

#[test]
fn a_training_set_takes_values_of_the_request_from_columns_of_the_spine() {
    let cli = filled();
    cli.write(
        "spine.csv",
        "user_id,event_timestamp,amount,label\n7,2024-05-01T12:00:00Z,50,1\n9,2024-05-01T12:00:00Z,60,0\n",
    );
    let report =
        cli.json("training-set offer:times_mean offer:is_dear offer:has_tags --spine spine.csv --out set.parquet");
    assert_eq!(report["features"]["offer:times_mean"]["present"], 1);
    assert_eq!(report["features"]["offer:is_dear"]["present"], 2);
    let file = File::open(cli.path("set.parquet")).unwrap();
    let rows = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap().next().unwrap().unwrap();
    let floats = |name: &str| {
        let column = rows.column_by_name(name).unwrap();
        arrow::array::AsArray::as_primitive::<arrow::datatypes::Float64Type>(column).iter().collect::<Vec<_>>()
    };
    assert_eq!(floats("times_mean"), [Some(2.5), None]);
    assert_eq!(floats("amount"), [Some(50.0), Some(60.0)], "the spine is carried along");
    cli.write("lacking.csv", "user_id,event_timestamp\n7,2024-05-01T12:00:00Z\n");
    let message = cli.fails(1, "training-set offer:times_mean --spine lacking.csv --out lacking.parquet");
    assert_eq!(message, "there is no column for the request value \"amount\" (float64)");
    cli.write("bad.ndjson", "{\"user_id\":7,\"event_timestamp\":\"2024-05-01T12:00:00Z\",\"amount\":\"much\"}\n");
    let message = cli.fails(1, "training-set offer:times_mean --spine bad.ndjson --out bad.parquet");
    assert!(message.contains("amount") && message.contains("much"), "{message}");
    assert!(!cli.path("bad.parquet").exists());
}

#[test]
fn events_are_deleted_by_a_file_of_their_identities() {
    let cli = filled();
    let mean = || values(&cli.json(&format!("get spending:mean_24h --entity user_id=7 {NOON}")));
    assert_eq!(mean(), [(json!(20.0), "present".to_owned())]);
    cli.write("cancelled.csv", "order_id,user_id,event_timestamp,why\n2,7,2024-05-01T11:00:00Z,fraud\n");
    assert_eq!(cli.json("delete-events purchases cancelled.csv"), json!({"view": "purchases", "events": 1}));
    assert_eq!(mean(), [(json!(10.0), "present".to_owned())]);
    let again = cli.succeeds("delete-events purchases cancelled.csv");
    assert!(again.contains("deleted 1 event; what was known before is kept"), "{again}");
    let mut piped = cli.command("delete-events purchases - --input-format ndjson");
    let mut child = piped.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let event = "{\"user_id\":7,\"event_timestamp\":\"2024-05-01T10:00:00Z\",\"order_id\":1}\n";
    child.stdin.take().unwrap().write_all(event.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(mean(), [(Json::Null, "missing".to_owned())], "nothing is known of the user any more");
    cli.write("lacking.csv", "user_id,event_timestamp\n7,2024-05-01T11:00:00Z\n");
    assert!(cli.fails(1, "delete-events purchases lacking.csv").contains("has no column \"order_id\""));
    let message = cli.fails(1, "delete-events profile cancelled.csv");
    assert_eq!(message, "\"profile\" is a feature view: its rows are deleted by their entity");
    assert!(cli.fails(1, "delete-events spending cancelled.csv").contains("is computed from the events of"));
    let message = cli.fails(1, "delete-events purchases -");
    assert!(message.ends_with("must be given: parquet, ipc, csv or ndjson (--input-format)"), "{message}");
}
