//! Windows, derived features and values of a request over HTTP: in our own routes and in Feast's dialect.

use serde_json::{Value as Json, json};

use super::client::Target;
use super::sidecar::Sidecar;
use crate::common::hours_ago;

/// Writes two purchases of user 7, half an hour and three hours ago.
fn write_purchases(sidecar: &Sidecar) {
    let row = |order: i64, minutes: i64, price: f64| {
        let at = hours_ago(0).minus(asofdb::Span::from_secs(minutes * 60)).to_string();
        json!({"user_id": 7, "event_timestamp": at, "order_id": order, "shop": "a", "price": price})
    };
    sidecar.tcp.post("/v1/write/purchases", &json!([row(1, 30, 30.0), row(2, 180, 10.0)])).ok();
}

fn latest(target: &Target, asked: &Json) -> Vec<Json> {
    let answers = target.post("/v1/latest", asked).ok();
    answers.as_array().unwrap().iter().map(|answer| answer["features"].clone()).collect()
}

fn feature(value: &Json, status: &str) -> Json {
    json!({"value": value, "status": status})
}

/// The value and the status of a feature.
fn of(features: &Json, name: &str) -> Json {
    json!({"value": features[name]["value"], "status": features[name]["status"]})
}

#[test]
fn values_of_a_request_come_beside_the_entities_one_an_entity() {
    let sidecar = Sidecar::start();
    write_purchases(&sidecar);
    let asked = json!({
        "features": ["spending:n_1h", "spending:mean_24h", "offer:times_mean", "offer:place"],
        "entities": [{"user_id": 7}, {"user_id": 8}, {"user_id": null}],
        "request": {"amount": [50, 2.5, 1e300], "shop": ["Zoë", null, "b"]},
    });
    for target in [&sidecar.tcp, &sidecar.unix] {
        let rows = latest(target, &asked);
        assert_eq!(of(&rows[0], "spending:n_1h"), feature(&json!(1), "present"));
        assert_eq!(of(&rows[0], "spending:mean_24h"), feature(&json!(20.0), "present"));
        assert_eq!(of(&rows[0], "offer:times_mean"), feature(&json!(2.5), "present"));
        assert_eq!(of(&rows[0], "offer:place"), feature(&json!("Zoë"), "present"));
        for (row, place) in [(1, "nowhere"), (2, "b")] {
            assert_eq!(of(&rows[row], "spending:n_1h"), feature(&Json::Null, "missing"));
            assert_eq!(of(&rows[row], "offer:times_mean"), feature(&Json::Null, "missing"));
            assert_eq!(of(&rows[row], "offer:place"), feature(&json!(place), "present"));
        }
        assert_eq!(rows[0]["spending:mean_24h"]["event_timestamp"], json!("2024-05-31T23:30:00Z"));
        assert_eq!(rows[0]["offer:place"]["event_timestamp"], json!(hours_ago(0).to_string()));
    }
    let mut before = asked.clone();
    before["at"] = json!(hours_ago(2).to_string());
    let found = sidecar.unix.post("/v1/as_of", &before).ok();
    assert_eq!(of(&found[0]["features"], "offer:times_mean"), feature(&json!(5.0), "present"));
    assert_eq!(of(&found[0]["features"], "spending:n_1h"), feature(&json!(0), "present"));
}

#[test]
fn a_value_that_may_be_left_out_is_null_and_features_of_the_request_alone_need_no_entity() {
    let sidecar = Sidecar::start();
    let asked = json!({"features": ["offer:place"], "entities": [{}], "request": {"amount": [1.0]}});
    assert_eq!(of(&latest(&sidecar.unix, &asked)[0], "offer:place"), feature(&json!("nowhere"), "present"));
    let asked = json!({"features": ["calendar:year"], "entities": [{}, {}]});
    let rows = latest(&sidecar.unix, &asked);
    assert_eq!(rows.len(), 2);
    assert_eq!(of(&rows[1], "calendar:year"), feature(&json!(2024), "present"));
}

#[test]
fn values_of_a_request_that_break_a_rule_are_refused_with_it() {
    let sidecar = Sidecar::start();
    let refused = |request: &Json| {
        let entities = json!([{"user_id": 7}, {"user_id": 8}]);
        let asked = json!({"features": ["offer:times_mean"], "entities": entities, "request": request});
        sidecar.tcp.post("/v1/latest", &asked).error(422, "invalid")
    };
    for (request, expected) in [
        (json!({}), "the request needs a value for \"amount\" (float64)"),
        (
            json!({"amont": [1, 2]}),
            "no feature of the request takes a request value \"amont\"; did you mean \"amount\"?",
        ),
        (json!({"amount": [1]}), "`request` has one value an entity: \"amount\" has 1, and there are 2 entities"),
        (
            json!({"amount": [1, 2], "shop": []}),
            "`request` has one value an entity: \"shop\" has 0, and there are 2 entities",
        ),
        (json!({"amount": [1, "2"]}), "`request`, row 1: column \"amount\" is float64, not a string: \"2\""),
        (json!({"amount": [true, 2]}), "`request`, row 0: column \"amount\" is no float64: \"true\""),
        (json!({"amount": [1, 2], "shop": ["a", 5]}), "`request`, row 1: column \"shop\" is no string: \"5\""),
        (json!({"amount": [1, null]}), "the request needs a value for \"amount\" (float64)"),
        (json!({"amount": ["NaN", 1]}), "request value \"amount\" cannot be NaN"),
    ] {
        assert_eq!(refused(&request), expected, "{request}");
    }
    let post = |body: &str| sidecar.tcp.send("POST", "/v1/latest", &[], body.as_bytes());
    let body = |request: &str| format!("{{\"features\":[\"offer\"],\"entities\":[],\"request\":{request}}}");
    for (request, expected) in [
        ("[]", "an object of lists, one a column"),
        ("{\"amount\": 1}", "expected a list of values"),
        ("{\"amount\": [], \"amount\": []}", "column \"amount\" is given twice"),
    ] {
        let message = post(&body(request)).error(400, "invalid");
        assert!(message.contains(expected), "{message}");
    }
    // Features that take no value of a request refuse one.
    let asked = json!({"features": ["spending:n_1h"], "entities": [{"user_id": 7}], "request": {"amount": [1]}});
    let message = sidecar.tcp.post("/v1/latest", &asked).error(422, "invalid");
    assert_eq!(message, "no feature of the request takes a request value \"amount\"");
}

#[test]
fn in_the_dialect_values_of_a_request_are_columns_of_the_entities() {
    let sidecar = Sidecar::start();
    write_purchases(&sidecar);
    let asked = json!({
        "features": ["offer:times_mean", "spending:n_1h", "spending:mean_24h"],
        "entities": {"amount": [50.0, 1], "user_id": [7, 8]},
    });
    let post = |asked: &Json| sidecar.tcp.post("/get-online-features", asked);
    let found = post(&asked).ok();
    assert_eq!(found["metadata"]["feature_names"], json!(["user_id", "times_mean", "n_1h", "mean_24h"]));
    let results = &found["results"];
    assert_eq!(results[0]["values"], json!([7, 8]));
    assert_eq!(results[1]["values"], json!([2.5, null]));
    assert_eq!(results[1]["statuses"], json!(["PRESENT", "NOT_FOUND"]));
    assert_eq!(results[2]["values"], json!([1, null]));
    assert_eq!(results[3]["values"], json!([20.0, null]));
    // Features of one view that is computed have times of their own.
    let place = json!({"features": ["offer:place", "offer:times_mean"], "entities": asked["entities"]});
    let results = &post(&place).ok()["results"];
    assert_eq!(results[1]["event_timestamps"][0], json!(hours_ago(0).to_string()));
    assert_eq!(results[2]["event_timestamps"][0], json!("2024-05-31T23:30:00Z"));
    let lacking = json!({"features": ["offer:place"], "entities": {}});
    let message = post(&lacking).feast_error(422, "RequestDataNotFoundInEntityRowsException");
    assert_eq!(message, "`entities` has no column for the request value \"amount\" (float64)");
    let unknown = json!({"features": ["offer:times_mean"], "entities": {"user_id": [7], "amount": [1], "shp": ["a"]}});
    let message = post(&unknown).feast_error(422, "FeastError");
    assert!(
        message.contains("no join key and no request value") && message.contains("did you mean \"shop\"?"),
        "{message}"
    );
    let short = json!({"features": ["offer:times_mean"], "entities": {"user_id": [7, 8], "amount": [1]}});
    let message = post(&short).feast_error(422, "FeastError");
    assert_eq!(message, "all columns have one length: \"user_id\" has 2 values, \"amount\" has 1");
}

#[test]
fn events_are_deleted_by_their_identity() {
    let sidecar = Sidecar::start();
    write_purchases(&sidecar);
    let asked = json!({"features": ["spending:n_24h"], "entities": [{"user_id": 7}]});
    let count = || of(&latest(&sidecar.unix, &asked)[0], "spending:n_24h")["value"].clone();
    assert_eq!(count(), json!(2));
    let event = json!({"user_id": 7, "event_timestamp": hours_ago(3).to_string(), "order_id": 2});
    let deleted = sidecar.tcp.post("/v1/delete_events/purchases?durability=os", &json!([event])).ok();
    assert_eq!((&deleted["view"], &deleted["events"]), (&json!("purchases"), &json!(1)));
    // The purchases were written at the store's present.
    assert_eq!(deleted["created_timestamp"], json!(sidecar.store.now().plus(asofdb::Span::from_micros(1)).to_string()));
    assert_eq!(count(), json!(1));
    // One that never came does not count when it comes late, with its time of before.
    let lines = format!("{{\"user_id\":7,\"event_timestamp\":\"{}\",\"order_id\":9}}\n", hours_ago(4));
    let ndjson = [("Content-Type", "application/x-ndjson")];
    sidecar.tcp.send("POST", "/v1/delete_events/purchases", &ndjson, lines.as_bytes()).ok();
    let error = |view: &str, rows: Json, status, kind| {
        sidecar.tcp.post(&format!("/v1/delete_events/{view}"), &rows).error(status, kind)
    };
    let lacking = json!({"user_id": 7, "event_timestamp": hours_ago(3).to_string()});
    assert_eq!(
        error("purchases", json!([lacking]), 422, "invalid"),
        "row 0: column \"order_id\" (int64) is missing; write null where there is no value"
    );
    let message = error("stats", json!([event]), 422, "invalid");
    assert_eq!(message, "\"stats\" is a feature view: its rows are deleted by their entity");
    assert!(error("spending", json!([event]), 422, "invalid").contains("is computed from the events of \"purchases\""));
    assert!(error("purchase", json!([event]), 404, "not_found").contains("did you mean \"purchases\"?"));
    let durability = sidecar.tcp.post("/v1/delete_events/purchases?durability=maybe", &json!([])).error(422, "invalid");
    assert_eq!(durability, "`durability` is sync or os: \"maybe\"");
    assert_eq!(count(), json!(1));
}

#[test]
fn deletions_of_events_are_limited_as_writes_are() {
    let limits = "[[view]]\nname = \"purchases\"\nrows_per_second = 2\n";
    let sidecar = Sidecar::with(limits, asofdb_sidecar::HttpOptions::default());
    let event = |order: i64| json!({"user_id": 7, "event_timestamp": hours_ago(3).to_string(), "order_id": order});
    let delete = |rows: Json| sidecar.tcp.post("/v1/delete_events/purchases", &rows);
    assert!(delete(json!([event(1), event(2), event(3)])).error(422, "invalid").contains("purchases"));
    delete(json!([event(1), event(2)])).ok();
    let message = delete(json!([event(3)])).error(429, "limited");
    assert!(message.contains("purchases"), "{message}");
    let metrics = sidecar.tcp.get("/metrics");
    let line = "asof_rows_total{operation=\"delete\",consumer=\"http\",view=\"purchases\"} 2";
    assert!(metrics.text().lines().any(|found| found == line), "{}", metrics.text());
}

#[test]
fn nulls_that_an_expression_makes_itself_are_counted_by_feature_and_reason() {
    let sidecar = Sidecar::start();
    let count = |reason: &str| {
        let reply = sidecar.tcp.get("/metrics");
        let start = format!("asof_expression_nulls_total{{feature=\"offer:times_mean\",reason=\"{reason}\"}} ");
        reply.text().lines().find_map(|line| line.strip_prefix(&start)).map(str::to_owned)
    };
    let free =
        json!({"user_id": 7, "event_timestamp": hours_ago(1).to_string(), "order_id": 1, "shop": "a", "price": 0});
    sidecar.tcp.post("/v1/write/purchases", &json!([free])).ok();
    let asked = |user: i64| {
        json!({
            "features": ["offer:times_mean"], "entities": [{"user_id": user}, {"user_id": user}], "request": {"amount": [1, 2]},
        })
    };
    // Nobody knows user 8: the null is that of an input, and counts nothing.
    assert_eq!(of(&latest(&sidecar.tcp, &asked(8))[0], "offer:times_mean"), feature(&Json::Null, "missing"));
    assert_eq!(count("division"), None);
    for counted in ["2", "4"] {
        assert_eq!(of(&latest(&sidecar.tcp, &asked(7))[1], "offer:times_mean"), feature(&Json::Null, "null"));
        assert_eq!(count("division").as_deref(), Some(counted));
        assert_eq!(count("overflow").as_deref(), Some("0"));
    }
}

#[test]
fn the_catalog_has_the_views_that_are_computed() {
    let sidecar = Sidecar::start();
    let catalog = sidecar.unix.get("/v1/catalog").ok();
    let names =
        |list: &str| catalog[list].as_array().unwrap().iter().map(|view| view["name"].clone()).collect::<Json>();
    assert_eq!(names("window_views"), json!(["spending"]));
    assert_eq!(names("derived_views"), json!(["calendar", "offer"]));
    let spending = sidecar.unix.get("/v1/views/spending").ok();
    assert_eq!((&spending["kind"], &spending["from"]), (&json!("window_view"), &json!("purchases")));
    let offer = sidecar.unix.get("/v1/views/offer").ok();
    assert_eq!(offer["features"][0]["expression"], json!("amount / spending:mean_24h"));
    assert_eq!(offer["request"][1], json!({"name": "shop", "type": "string", "required": false, "description": ""}));
}

#[test]
fn lineage_tells_what_features_are_computed_from_down_to_events_and_values_of_the_request() {
    let sidecar = Sidecar::start();
    let lineage = sidecar.unix.get("/v1/lineage/offer").ok();
    let told = |one: &Json| (one["feature"].clone(), one["kind"].clone());
    let features: Vec<_> = lineage.as_array().unwrap().iter().map(told).collect();
    let expected =
        [("offer:times_mean", "derived_view"), ("spending:mean_24h", "window_view"), ("offer:place", "derived_view")];
    assert_eq!(features, expected.map(|(feature, kind)| (json!(feature), json!(kind))));
    let inputs = json!([
        {"name": "amount", "type": "float64", "kind": "request", "required": true},
        {"name": "spending:mean_24h", "type": "float64", "kind": "window_view"},
    ]);
    assert_eq!(lineage[0]["inputs"], inputs);
    assert_eq!(lineage[0]["expression"], json!("amount / spending:mean_24h"));
    assert_eq!((&lineage[1]["from"], &lineage[1]["of"]), (&json!("purchases"), &json!("price")));
    assert_eq!(lineage[1]["window"], json!("24h"));
    let of_service = sidecar.unix.get("/v1/lineage/ranker_v1").ok();
    assert_eq!(
        of_service[0],
        json!({"feature": "stats:score", "kind": "feature_view", "type": "float32", "default": null})
    );
    assert_eq!(sidecar.unix.get("/v1/lineage/offer:place").ok().as_array().unwrap().len(), 1);
    let nothing = sidecar.unix.get("/v1/lineage/ofer").error(404, "not_found");
    assert!(nothing.contains("did you mean \"offer\"?"), "{nothing}");
    let events = sidecar.unix.get("/v1/lineage/purchases").error(422, "invalid");
    assert!(events.contains("purchases"), "{events}");
}
