//! The dialect of Feast's feature server.

use asofdb::Timestamp;
use serde_json::{Value as Json, json};

use super::sidecar::Sidecar;
use crate::common::{NOW, hours_ago};

const EPOCH: &str = "1970-01-01T00:00:00Z";

/// A data frame of `stats` for users and clicks, an hour old.
fn stats_frame(rows: &[(i64, Json)], event: Timestamp) -> Json {
    let column = |value: Json| vec![value; rows.len()];
    json!({
        "user_id": rows.iter().map(|(user, _)| json!(user)).collect::<Vec<_>>(),
        "clicks": rows.iter().map(|(_, clicks)| clicks.clone()).collect::<Vec<_>>(),
        "level": column(json!(3)), "score": column(json!(0.1)), "rate": column(Json::Null),
        "active": column(json!(false)), "name": column(json!("n")), "photo": column(json!("AP8=")),
        "seen": column(json!(1_714_521_600)), "embedding": column(json!([0.5, 2])),
        "event_timestamp": column(json!(event.to_string())), "created": column(Json::Null),
    })
}

fn get(sidecar: &Sidecar, body: &Json) -> Json {
    sidecar.tcp.post("/get-online-features", body).ok()
}

#[test]
fn vectors_have_values_statuses_and_times_join_keys_first() {
    let sidecar = Sidecar::start();
    let frame = stats_frame(&[(1001, json!(9_007_199_254_740_993_i64)), (1002, Json::Null)], hours_ago(1));
    let pushed = sidecar.tcp.post("/push", &json!({"push_source_name": "stats", "df": frame, "to": "online"}));
    assert_eq!((pushed.status, pushed.text()), (200, ""));
    let old = stats_frame(&[(1003, json!(5))], hours_ago(25));
    let written = sidecar.tcp.post("/write-to-online-store", &json!({"feature_view_name": "stats", "df": old}));
    assert_eq!((written.status, written.text()), (200, "null"));
    let asked = json!({
        "features": ["stats:clicks", "stats:rate"],
        "entities": {"user_id": [1001, 1002, 1003, 9999]},
    });
    let event = hours_ago(1).to_string();
    assert_eq!(
        get(&sidecar, &asked),
        json!({
            "results": [
                {"values": [1001, 1002, 1003, 9999], "statuses": ["PRESENT", "PRESENT", "PRESENT", "PRESENT"],
                    "event_timestamps": [EPOCH, EPOCH, EPOCH, EPOCH]},
                {"values": [9_007_199_254_740_993_i64, null, null, null],
                    "statuses": ["PRESENT", "NULL_VALUE", "OUTSIDE_MAX_AGE", "NOT_FOUND"],
                    "event_timestamps": [event, event, hours_ago(25).to_string(), EPOCH]},
                {"values": [0.5, 0.5, 0.5, 0.5],
                    "statuses": ["NULL_VALUE", "NULL_VALUE", "OUTSIDE_MAX_AGE", "NOT_FOUND"],
                    "event_timestamps": [event, event, hours_ago(25).to_string(), EPOCH]},
            ],
            "metadata": {"feature_names": ["user_id", "clicks", "rate"]},
        })
    );
}

#[test]
fn every_type_keeps_its_value_and_timestamps_are_whole_seconds() {
    let sidecar = Sidecar::start();
    let frame = stats_frame(&[(1, json!(i64::MIN))], hours_ago(1));
    sidecar.unix.post("/write-to-online-store", &json!({"feature_view_name": "stats", "df": frame})).ok();
    let features: Vec<_> = ["clicks", "level", "score", "active", "name", "photo", "seen", "embedding"]
        .iter()
        .map(|name| format!("stats:{name}"))
        .collect();
    let found = get(&sidecar, &json!({"features": features, "entities": {"user_id": [1]}}));
    let values: Vec<_> =
        found["results"].as_array().unwrap().iter().map(|vector| vector["values"][0].clone()).collect();
    assert_eq!(
        values,
        [
            json!(1),
            json!(i64::MIN),
            json!(3),
            json!(0.1),
            json!(false),
            json!("n"),
            json!("AP8="),
            json!(1_714_521_600),
            json!([0.5, 2.0])
        ]
    );
}

/// Feast's client writes it for a timestamp that it has not.
#[test]
fn the_least_int64_is_null_among_timestamps_alone() {
    let sidecar = Sidecar::start();
    let mut frame = stats_frame(&[(1, json!(i64::MIN)), (2, json!(7))], hours_ago(1));
    frame["seen"] = json!([i64::MIN, 1_714_521_600]);
    frame["created"] = json!([i64::MIN, null]);
    let pushed = sidecar.tcp.post("/push", &json!({"push_source_name": "stats", "df": frame}));
    assert_eq!((pushed.status, pushed.text()), (200, ""));
    let asked = json!({"features": ["stats:seen", "stats:clicks"], "entities": {"user_id": [1, 2]}});
    let found = get(&sidecar, &asked);
    assert_eq!(found["results"][1]["values"], json!([null, 1_714_521_600]));
    assert_eq!(found["results"][1]["statuses"], json!(["NULL_VALUE", "PRESENT"]));
    assert_eq!(found["results"][2]["values"], json!([i64::MIN, 7]));
    let mut frame = stats_frame(&[(1, json!(1))], hours_ago(1));
    frame["event_timestamp"] = json!([i64::MIN]);
    let refused = sidecar.tcp.post("/push", &json!({"push_source_name": "stats", "df": frame}));
    let message = refused.feast_error(422, "FeastError");
    assert!(message.contains("event_timestamp") && message.contains("null"), "{message}");
}

#[test]
fn whole_numbers_are_seconds_and_another_unit_is_named() {
    let sidecar = Sidecar::start();
    let push = |name: &str, value: Json| {
        let mut frame = stats_frame(&[(1, json!(1))], hours_ago(1));
        frame[name] = json!([value]);
        sidecar.tcp.post("/push", &json!({"push_source_name": "stats", "df": frame}))
    };
    for name in ["event_timestamp", "created", "seen"] {
        for (number, unit) in [(1_717_196_400_000_i64, "milliseconds"), (1_717_196_400_000_000, "microseconds")] {
            let message = push(name, json!(number)).feast_error(422, "FeastError");
            let expected = format!("whole numbers are seconds since 1970, this looks like {unit}: {number}");
            assert!(message.contains(&expected), "{message}");
        }
    }
    // A birthday before 1970 is no other unit.
    assert_eq!(push("seen", json!(-14_182_940)).status, 200);
    let found = get(&sidecar, &json!({"features": ["stats:seen"], "entities": {"user_id": [1]}}));
    assert_eq!(found["results"][1]["values"], json!([-14_182_940]));
}

#[test]
fn services_full_names_and_the_metadata_of_views() {
    let sidecar = Sidecar::start();
    let asked = json!({
        "feature_service": "ranker_v1", "entities": {"shop": ["a"], "user_id": [1]},
        "full_feature_names": true, "include_feature_view_version_metadata": true, "features": [],
    });
    let found = get(&sidecar, &asked);
    assert_eq!(
        found["metadata"],
        json!({
            "feature_names": ["shop", "user_id", "stats__score", "clicks_by_shop__clicks"],
            "feature_view_metadata": [{"name": "stats"}, {"name": "clicks_by_shop"}],
        })
    );
    assert_eq!(found["results"][0]["values"], json!(["a"]));
    assert_eq!(found["results"].as_array().unwrap().len(), 4);
    let collision =
        json!({"features": ["stats:clicks", "clicks_by_shop:clicks"], "entities": {"shop": [], "user_id": []}});
    let message = sidecar.tcp.post("/get-online-features", &collision).feast_error(422, "FeatureNameCollisionError");
    assert_eq!(message, "two features have one name; set full_feature_names: \"clicks\"");
}

#[test]
fn entities_are_checked_by_name_type_and_length() {
    let sidecar = Sidecar::start();
    let error = |entities: Json| {
        let asked = json!({"features": ["clicks_by_shop:clicks"], "entities": entities});
        sidecar.tcp.post("/get-online-features", &asked).feast_error(422, "FeastError")
    };
    assert_eq!(error(json!({"user_id": [1]})), "`entities` has no column for join key \"shop\" (string)");
    assert_eq!(
        error(json!({"user_id": [1], "shop": ["a", "b"]})),
        "all columns have one length: \"user_id\" has 1 values, \"shop\" has 2"
    );
    assert_eq!(
        error(json!({"user_id": [1, "x"], "shop": ["a", "b"]})),
        "row 1: column \"user_id\" is int64, not a string: \"x\""
    );
    assert_eq!(
        error(json!({"user_id": [1], "shop": ["a"], "shops": ["a"]})),
        "`entities` has a column that is no join key of the features asked for: \"shops\"; did you mean \"shop\"?"
    );
    let null_key = json!({"features": ["clicks_by_shop:clicks"], "entities": {"user_id": [null], "shop": ["a"]}});
    let found = get(&sidecar, &null_key);
    assert_eq!(found["results"][0]["statuses"], json!(["NULL_VALUE"]));
    assert_eq!(found["results"][2]["statuses"], json!(["NOT_FOUND"]));
}

#[test]
fn a_push_source_feeds_every_view_that_names_it_in_one_step() {
    let sidecar = Sidecar::start();
    let mut frame = stats_frame(&[(1, json!(4))], hours_ago(1));
    let push = |frame: &Json| {
        sidecar
            .tcp
            .post("/push", &json!({"push_source_name": "user_events", "df": frame, "allow_registry_cache": true}))
    };
    let message = push(&frame).feast_error(422, "FeastError");
    assert_eq!(
        message,
        "view \"clicks_by_shop\": column \"shop\" is missing in `df`; a row is written whole, with null where there is no value"
    );
    let asked = json!({
        "features": ["stats:score", "clicks_by_shop:clicks"],
        "entities": {"user_id": [1], "shop": ["a"]},
    });
    assert_eq!(get(&sidecar, &asked)["results"][2]["statuses"], json!(["NOT_FOUND"]));
    frame["shop"] = json!(["a"]);
    assert_eq!(push(&frame).status, 200);
    let found = get(&sidecar, &asked);
    assert_eq!(found["results"][2]["values"], json!([0.1]));
    assert_eq!(found["results"][3]["values"], json!([4]));
    assert_eq!(found["results"][3]["event_timestamps"], json!([hours_ago(1).to_string()]));
}

#[test]
fn created_timestamps_are_kept_and_times_without_offset_are_utc() {
    let sidecar = Sidecar::start();
    let naive = |time: Timestamp| time.to_string().trim_end_matches('Z').to_owned();
    let write = |clicks: i64, created: Json| {
        let mut frame = stats_frame(&[(1, json!(clicks))], hours_ago(1));
        frame["event_timestamp"] = json!([naive(hours_ago(1))]);
        frame["created"] = json!([created]);
        sidecar.tcp.post("/write-to-online-store", &json!({"feature_view_name": "stats", "df": frame})).ok();
    };
    write(2, json!(naive(hours_ago(0))));
    write(1, json!(naive(hours_ago(1))));
    let history = sidecar.tcp.get("/v1/history/stats?user_id=1").ok();
    let created: Vec<_> =
        history.as_array().unwrap().iter().map(|version| version["created_timestamp"].clone()).collect();
    assert_eq!(created, [json!(NOW.to_string()), json!(hours_ago(1).to_string())]);
    let asked = json!({"features": ["stats:clicks"], "entities": {"user_id": [1]}});
    assert_eq!(get(&sidecar, &asked)["results"][1]["values"], json!([2]));
}

#[test]
fn a_view_may_call_its_timestamps_by_its_own_names() {
    let sidecar = Sidecar::start();
    let write = |frame: Json| {
        sidecar.tcp.post("/write-to-online-store", &json!({"feature_view_name": "clicks_by_shop", "df": frame}))
    };
    let (event, known) = (hours_ago(2).to_string(), hours_ago(1).to_string());
    write(json!({"user_id": [1], "shop": ["a"], "clicks": [1], "at": [event], "known": [known]})).ok();
    write(json!({"user_id": [2], "shop": ["a"], "clicks": [2], "event_timestamp": [event], "created": [known]})).ok();
    for user in [1, 2] {
        let history = sidecar.tcp.get(&format!("/v1/history/clicks_by_shop?user_id={user}&shop=a")).ok();
        assert_eq!(history[0]["event_timestamp"], json!(event));
        assert_eq!(history[0]["created_timestamp"], json!(known));
    }
    let lacking = write(json!({"user_id": [1], "shop": ["a"], "clicks": [1]})).feast_error(422, "FeastError");
    assert!(lacking.contains("column \"at\" is missing in `df`"), "{lacking}");
}

#[test]
fn errors_are_exceptions_of_feasts_client_and_never_tell_it_to_try_again() {
    let sidecar = Sidecar::start();
    let post = |path: &str, body: Json| sidecar.tcp.post(path, &body);
    let entities = json!({"user_id": [1]});
    let found = post("/get-online-features", json!({"features": ["stat:clicks"], "entities": entities}));
    assert!(found.feast_error(404, "FeatureViewNotFoundException").contains("did you mean \"stats\"?"));
    let found = post("/get-online-features", json!({"feature_service": "ranker", "entities": entities}));
    assert!(found.feast_error(404, "FeatureServiceNotFoundException").contains("did you mean \"ranker_v1\"?"));
    let found = post("/get-online-features", json!({"entities": entities}));
    assert_eq!(found.feast_error(422, "FeastError"), "a request names `features` or a `feature_service`");
    let found = post("/get-online-features", json!({"features": [], "entities": []}));
    assert!(found.feast_error(400, "FeastError").contains("an object of lists"));
    let found = post("/push", json!({"push_source_name": "user_event", "df": {}}));
    assert!(found.feast_error(422, "PushSourceNotFoundException").contains("did you mean \"user_events\"?"));
    let found = post("/push", json!({"push_source_name": "stats", "df": {}, "to": "nowhere"}));
    assert_eq!(found.feast_error(422, "FeastError"), "`to` is one of online, offline, online_and_offline: \"nowhere\"");
    let found = post("/write-to-online-store", json!({"feature_view_name": "stat", "df": {}}));
    found.feast_error(404, "FeatureViewNotFoundException");
    let mut frame = stats_frame(&[(1, json!(1))], hours_ago(1));
    frame["level"] = json!([1.5]);
    let found = post("/write-to-online-store", json!({"feature_view_name": "stats", "df": frame}));
    assert_eq!(found.feast_error(422, "FeastError"), "view \"stats\", row 0: column \"level\" is no int32: \"1.5\"");
}

#[test]
fn health_has_no_body() {
    let sidecar = Sidecar::start();
    let healthy = sidecar.tcp.get("/health");
    assert_eq!((healthy.status, healthy.text()), (200, ""));
    sidecar.service.start_draining();
    assert_eq!(sidecar.tcp.get("/health").status, 503);
}
