//! Our own routes under `/v1/`.

use asofdb::{Session, Stage, parse_definitions};
use serde_json::{Value as Json, json};

use super::client::Target;
use super::sidecar::{DEFINITIONS, Sidecar, stats_row};
use crate::common::hours_ago;

fn post_ndjson(target: &Target, path: &str, body: &str) -> super::client::Reply {
    target.send("POST", path, &[("Content-Type", "application/x-ndjson; charset=utf-8")], body.as_bytes())
}

fn feature(value: Json, status: &str, event: Json) -> Json {
    json!({"value": value, "status": status, "event_timestamp": event})
}

#[test]
fn what_is_written_is_read_with_the_same_digits_and_its_status() {
    let sidecar = Sidecar::start();
    let event = hours_ago(1);
    let written = sidecar.tcp.post("/v1/write/stats", &json!([stats_row(7, event, &json!(9_007_199_254_740_993_i64))]));
    assert_eq!(written.ok(), json!({"view": "stats", "rows": 1, "created_timestamp": sidecar.store.now().to_string()}));
    let asked = json!({"features": ["stats"], "entities": [{"user_id": 7}, {"user_id": 8}, {"user_id": null}]});
    for target in [&sidecar.tcp, &sidecar.unix] {
        let answers = target.post("/v1/latest", &asked).ok();
        let event = json!(event.to_string());
        assert_eq!(answers[0]["entity"], json!({"user_id": 7}));
        let found = &answers[0]["features"];
        for (name, value) in [
            ("clicks", json!(9_007_199_254_740_993_i64)),
            ("level", json!(-7)),
            ("score", json!(0.1)),
            ("rate", json!(1e300)),
            ("active", json!(true)),
            ("name", json!("Zoë \"Z\"")),
            ("photo", json!("AP8=")),
            ("seen", json!("2024-05-01T00:00:00.500000Z")),
            ("embedding", json!([0.1, "NaN", "-Infinity"])),
        ] {
            assert_eq!(found[format!("stats:{name}")], feature(value, "present", event.clone()), "{name}");
        }
        for row in [1, 2] {
            assert_eq!(answers[row]["features"]["stats:clicks"], feature(Json::Null, "missing", Json::Null));
            let rate = &answers[row]["features"]["stats:rate"];
            assert_eq!(*rate, json!({"value": 0.5, "status": "missing", "event_timestamp": null, "defaulted": true}));
        }
        assert_eq!(answers[2]["entity"], json!({"user_id": null}));
    }
}

#[test]
fn the_policy_is_told_kept_and_changes_of_the_catalog_are_logged() {
    let sidecar = Sidecar::start();
    assert_eq!(sidecar.tcp.get("/v1/policy").ok(), json!({"policy": null, "sha256": null}));
    let policy = "[[restricted]]\ntags = { push_source = \"user_events\" }\nconsumers = \"trusted\"\n";
    sidecar.store.apply_policy(policy, "Be careful").unwrap();
    let told = sidecar.tcp.get("/v1/policy").ok();
    assert_eq!(told, json!({"policy": policy, "sha256": asofdb::policy_hash(policy)}));
    let log = sidecar.tcp.get("/v1/log?limit=1").ok();
    assert_eq!((&log[0]["message"], &log[0]["changes"][0]["what"]), (&json!("Be careful"), &json!("policy")));
    assert_eq!(sidecar.tcp.get("/v1/log?name=stats").ok().as_array().unwrap().len(), 1);
    let asked = json!({"features": ["stats:clicks"], "entities": [{"user_id": 7}]}).to_string();
    let ask = |consumer: &str| {
        let headers = [("x-asof-consumer", consumer), ("content-type", "application/json")];
        sidecar.tcp.send("POST", "/v1/latest", &headers, asked.as_bytes())
    };
    let refused = ask("ranker").error(403, "denied");
    assert!(refused.contains("the policy does not let \"ranker\" read stats:clicks"), "{refused}");
    ask("trusted").ok();
    assert_eq!(sidecar.tcp.get("/v1/history/stats?user_id=7").status, 403);
}

#[test]
fn the_past_is_read_as_of_a_time_and_as_it_was_known() {
    let sidecar = Sidecar::start();
    let known_before = sidecar.store.now().to_string();
    sidecar.write_stats(7, hours_ago(30), 1);
    sidecar.clock.clock.advance(asofdb::Span::from_secs(1));
    sidecar.write_stats(7, hours_ago(2), 2);
    let as_of = |at: Json, known_at: Json| {
        let mut asked = json!({"features": ["stats:clicks"], "entities": [{"user_id": 7}]});
        for (name, value) in [("at", at), ("known_at", known_at)] {
            if !value.is_null() {
                asked[name] = value;
            }
        }
        let found = sidecar.unix.post("/v1/as_of", &asked).ok()[0]["features"]["stats:clicks"].clone();
        (found["value"].clone(), found["status"].as_str().unwrap().to_owned())
    };
    assert_eq!(as_of(Json::Null, Json::Null), (json!(2), "present".into()));
    assert_eq!(as_of(json!("now"), Json::Null), (json!(2), "present".into()));
    assert_eq!(as_of(json!(hours_ago(3).to_string()), Json::Null), (Json::Null, "expired".into()));
    assert_eq!(as_of(json!(hours_ago(10).to_string()), Json::Null), (json!(1), "present".into()));
    assert_eq!(as_of(json!(hours_ago(10).as_micros()), Json::Null), (json!(1), "present".into()));
    assert_eq!(as_of(json!("9999-12-31"), Json::Null), (Json::Null, "expired".into()));
    assert_eq!(as_of(json!("2020-01-01"), Json::Null), (Json::Null, "missing".into()));
    assert_eq!(as_of(Json::Null, json!(known_before)), (Json::Null, "expired".into()));
}

#[test]
fn history_gives_the_versions_of_one_entity_newest_first() {
    let sidecar = Sidecar::start();
    for (hours, clicks) in [(3, 1), (1, 3), (2, 2)] {
        sidecar.write_stats(7, hours_ago(hours), clicks);
    }
    let at = hours_ago(0).to_string();
    sidecar.tcp.post("/v1/delete", &json!({"view": "stats", "entity": {"user_id": 7}, "at": at})).ok();
    let versions = sidecar.unix.get("/v1/history/stats?user_id=7").ok();
    let found: Vec<_> =
        versions.as_array().unwrap().iter().map(|version| version["values"]["clicks"].clone()).collect();
    assert_eq!(found, [Json::Null, json!(3), json!(2), json!(1)]);
    assert_eq!(versions[0]["deleted"], json!(true));
    assert_eq!(versions[1]["event_timestamp"], json!(hours_ago(1).to_string()));
    assert_eq!(sidecar.unix.get("/v1/history/stats?limit=2&user_id=7").ok().as_array().unwrap().len(), 2);
    let error = |address: &str, status, kind| sidecar.unix.get(address).error(status, kind);
    assert_eq!(error("/v1/history/stats?limit=0&user_id=7", 422, "invalid"), "`limit` is from 1 to 10000");
    assert_eq!(error("/v1/history/stats", 422, "invalid"), "view \"stats\" needs join key \"user_id\"");
    assert_eq!(error("/v1/history/stats?user_id=x", 422, "invalid"), "join key \"user_id\" is int64: \"x\"");
    assert!(error("/v1/history/stats?user=7", 422, "invalid").contains("did you mean \"user_id\"?"));
    assert!(error("/v1/history/stat?user_id=7", 404, "not_found").contains("did you mean \"stats\"?"));
}

#[test]
fn keys_in_addresses_may_have_any_characters() {
    let sidecar = Sidecar::start();
    let row = json!({"user_id": 1, "shop": "a&b=c é/%", "at": hours_ago(1).to_string(), "clicks": 5});
    sidecar.tcp.post("/v1/write/clicks_by_shop", &json!([row])).ok();
    let found = sidecar.tcp.get("/v1/history/clicks_by_shop?user_id=1&shop=a%26b%3Dc+%C3%A9%2F%25").ok();
    assert_eq!(found[0]["values"], json!({"clicks": 5}));
}

#[test]
fn rows_come_as_a_list_or_as_ndjson_and_created_may_be_left_out() {
    let sidecar = Sidecar::start();
    let at = hours_ago(1).to_string();
    let known = hours_ago(0).to_string();
    let lines = format!(
        "{{\"user_id\":1,\"shop\":\"a\",\"at\":\"{at}\",\"clicks\":5}}\n\n{{\"user_id\":2,\"shop\":\"b\",\"known\":\"{known}\",\"at\":\"{at}\",\"clicks\":null}}"
    );
    let written = post_ndjson(&sidecar.tcp, "/v1/write/clicks_by_shop?durability=sync", &lines).ok();
    assert_eq!(written["rows"], json!(2));
    let asked = json!({"features": ["clicks_by_shop:*"], "entities": [{"shop": "a", "user_id": 1}, {"user_id": 2, "shop": "b"}]});
    let answers = sidecar.tcp.post("/v1/latest", &asked).ok();
    assert_eq!(answers[0]["entity"], json!({"user_id": 1, "shop": "a"}));
    assert_eq!(answers[0]["features"]["clicks_by_shop:clicks"]["value"], json!(5));
    assert_eq!(answers[1]["features"]["clicks_by_shop:clicks"], feature(Json::Null, "null", json!(at)));
}

#[test]
fn bad_rows_are_refused_whole_by_row_column_and_rule() {
    let sidecar = Sidecar::start();
    let event = hours_ago(1);
    let good = stats_row(1, event, &json!(1));
    let with = |name: &str, value: Json| {
        let mut row = stats_row(2, event, &json!(1));
        row[name] = value;
        row
    };
    let mut lacking = good.clone();
    lacking.as_object_mut().unwrap().remove("level");
    for (bad, expected) in [
        (with("clicks", json!(1.5)), "row 1: column \"clicks\" is no int64: \"1.5\""),
        (with("clicks", json!("1")), "row 1: column \"clicks\" is int64, not a string: \"1\""),
        (with("level", json!(3_000_000_000_i64)), "row 1: column \"level\" is no int32: \"3000000000\""),
        (with("photo", json!("00ff0")), "row 1: column \"photo\" is no bytes (base64): \"00ff0\""),
        (with("active", json!(1)), "row 1: column \"active\" is no bool: \"1\""),
        (with("embedding", json!([1, null])), "row 1: column \"embedding\" has a null inside a list"),
        (with("click", json!(1)), "row 1: there is no column \"click\"; did you mean \"clicks\"?"),
        (lacking, "row 1: column \"level\" (int32) is missing; write null where there is no value"),
        (with("user_id", Json::Null), "view \"stats\", row 1: a join key cannot be null"),
        (
            with("event_timestamp", Json::Null),
            "view \"stats\", row 1: column \"event_timestamp\" is null: every row has an event timestamp",
        ),
        (json!([1]), "row 1: it is no JSON object: invalid type: sequence, expected an object (character 0)"),
    ] {
        let reply = sidecar.tcp.post("/v1/write/stats", &json!([good, bad]));
        assert_eq!(reply.error(422, "invalid"), expected);
    }
    let reply = sidecar.tcp.post("/v1/write/stats", &json!([good, with("event_timestamp", json!(1_717_196_400))]));
    assert!(reply.error(422, "invalid").contains("looks like seconds"));
    for (seen, unit) in [(1_717_196_400, "seconds"), (1_717_196_400_000_i64, "milliseconds")] {
        let message =
            sidecar.tcp.post("/v1/write/stats", &json!([good, with("seen", json!(seen))])).error(422, "invalid");
        assert!(message.ends_with(&format!("this looks like {unit}: {seen}")), "{message}");
    }
    let asked = json!({"features": ["stats:clicks"], "entities": [{"user_id": 1}]});
    assert_eq!(sidecar.tcp.post("/v1/latest", &asked).ok()[0]["features"]["stats:clicks"]["status"], "missing");
}

#[test]
fn bad_requests_say_what_is_wrong() {
    let sidecar = Sidecar::start();
    let post = |path: &str, body: &str| sidecar.tcp.send("POST", path, &[], body.as_bytes());
    for (body, status, kind, expected) in [
        ("", 400, "invalid", "the body is no JSON: EOF while parsing a value at line 1 column 0"),
        ("{\"features\":[]", 400, "invalid", "the body is no JSON: EOF while parsing an object at line 1 column 14"),
        (
            "{\"features\":[]}",
            400,
            "invalid",
            "the body is not what this route takes: missing field `entities` at line 1 column 15",
        ),
        (
            "{\"features\":[],\"entities\":[]}",
            422,
            "invalid",
            "a request names at least one feature: view:feature, view:*, a view or a service",
        ),
        (
            "{\"features\":[\"stats:click\"],\"entities\":[]}",
            404,
            "not_found",
            "view \"stats\" has no feature \"click\"; did you mean \"clicks\"?",
        ),
        (
            "{\"features\":[\"stats\"],\"entities\":[{}]}",
            422,
            "invalid",
            "entity 0: column \"user_id\" (int64) is missing; write null where there is no value",
        ),
        (
            "{\"features\":[\"stats\"],\"entities\":[{\"user_id\":true}]}",
            422,
            "invalid",
            "entity 0: column \"user_id\" is no int64: \"true\"",
        ),
        (
            "{\"features\":[\"stats\"],\"entities\":[{\"user_id\":1,\"shop\":\"a\"}]}",
            422,
            "invalid",
            "entity 0: there is no column \"shop\"; known are user_id",
        ),
    ] {
        assert_eq!(post("/v1/latest", body).error(status, kind), expected);
    }
    let unknown = post("/v1/latest", "{\"features\":[\"stats\"],\"entities\":[],\"at\":\"now\"}").error(400, "invalid");
    assert!(unknown.contains("unknown field `at`"), "{unknown}");
    let name = sidecar.tcp.get("/v1/views/%FF").error(400, "invalid");
    assert_eq!(name, "the name in the address is not UTF-8 in percent encoding");
    let time = post("/v1/as_of", "{\"features\":[\"stats\"],\"entities\":[],\"at\":\"soon\"}").error(422, "invalid");
    assert!(time.starts_with("\"at\": a time is RFC 3339"), "{time}");
    for name in ["at", "known_at"] {
        let body = format!("{{\"features\":[\"stats\"],\"entities\":[],\"{name}\":1717196400000}}");
        let message = post("/v1/as_of", &body).error(422, "invalid");
        assert!(message.ends_with("this looks like milliseconds: 1717196400000"), "{message}");
    }
    let body = "{\"entity\":{\"user_id\":1},\"at\":1717196400}";
    assert!(post("/v1/delete", body).error(422, "invalid").ends_with("this looks like seconds: 1717196400"));
    let durability = post("/v1/write/stats?durability=maybe", "[]").error(422, "invalid");
    assert_eq!(durability, "`durability` is sync or os: \"maybe\"");
    assert_eq!(post("/v1/latest", "{\"features\":[\"stats\"],\"entities\":[]}").ok(), json!([]));
}

#[test]
fn the_catalog_is_told_as_by_the_command_line() {
    let sidecar = Sidecar::start();
    let catalog = sidecar.unix.get("/v1/catalog").ok();
    assert_eq!(catalog["revision"], json!(1));
    let views = sidecar.unix.get("/v1/views").ok();
    let kinds = ["feature_view", "event_view", "window_view", "derived_view"];
    for kind in kinds {
        let of_kind = views.as_array().unwrap().iter().filter(|view| view["kind"] == kind).cloned().collect::<Json>();
        assert_eq!(catalog[format!("{kind}s")], of_kind, "{kind}");
    }
    assert_eq!(catalog["feature_services"], sidecar.unix.get("/v1/services").ok());
    assert_eq!(catalog["entities"], sidecar.unix.get("/v1/entities").ok());
    let view = sidecar.unix.get("/v1/views/stats").ok();
    assert_eq!(view, catalog["feature_views"][1]);
    assert_eq!((&view["kind"], &view["ttl"], &view["retention"]), (&json!("feature_view"), &json!("1d"), &Json::Null));
    assert_eq!(
        view["features"][2],
        json!({"name": "score", "type": "float32", "default": null, "description": "From 0 to 1", "tags": {}})
    );
    assert_eq!(view["features"][3]["default"], json!(0.5));
    let service = sidecar.unix.get("/v1/services/ranker_v1").ok();
    assert_eq!(service["features"], json!(["stats:score", "clicks_by_shop:clicks"]));
    assert!(sidecar.unix.get("/v1/views/stat").error(404, "not_found").contains("did you mean \"stats\"?"));
    assert!(sidecar.unix.get("/v1/services/ranker").error(404, "not_found").contains("did you mean \"ranker_v1\"?"));
}

#[test]
fn the_catalog_is_searched_by_words_and_filters() {
    let sidecar = Sidecar::start();
    let hits = |query: &str| sidecar.tcp.get(&format!("/v1/search?q={query}")).ok();
    let names = |query: &str| -> Vec<String> {
        hits(query).as_array().unwrap().iter().map(|hit| hit["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        hits("scor&limit=1"),
        json!([{
            "kind": "feature", "name": "stats:score", "description": "From 0 to 1", "score": hits("scor")[0]["score"],
            "matched": [{"word": "scor", "found": "score", "in": "name", "how": "prefix"}],
        }])
    );
    assert_eq!(names("scroe+type:float32"), ["stats:score"]);
    assert_eq!(names("kind:service"), ["ranker_v1"]);
    assert_eq!(names("average+purchases"), ["spending:mean_1h", "spending:mean_24h"], "a word that means the same");
    assert_eq!(hits("kind:derived_view+amount"), json!([]));
    let error = |address: &str, status| sidecar.tcp.get(address).error(status, "invalid");
    assert_eq!(hits("kind:view+status:stale"), json!([]), "nothing is stale yet");
    let unused = hits("unused:30d+kind:service");
    assert_eq!((unused.as_array().unwrap().len(), &unused[0]["name"]), (1, &json!("ranker_v1")));
    assert!(error("/v1/search?q=unused:30", 422).starts_with("unused: takes days"));
    assert!(error("/v1/search?q=taem:growth", 422).ends_with("did you mean \"team\"?"));
    assert_eq!(error("/v1/search?q=+", 422), "a search needs a word or a filter");
    assert_eq!(error("/v1/search?q=a&limit=0", 422), "`limit` is from 1 to 1000");
    let malformed = "the address has `q`, the query, and may have `limit`, a whole number";
    for address in ["/v1/search", "/v1/search?q=a&limit=x", "/v1/search?q=a&lmit=1"] {
        assert_eq!(error(address, 400), malformed, "{address}");
    }
    // What is defined later is found at once.
    let mut wanted = asofdb::parse_definitions(super::sidecar::DEFINITIONS, "test.toml").unwrap();
    wanted.services[0].description = "Ranks mushrooms".to_owned();
    sidecar.store.apply(&wanted, false).unwrap();
    assert_eq!(names("mushroom"), ["ranker_v1"]);
}

#[test]
fn features_that_are_likely_the_same_are_told_with_the_evidence() {
    let sidecar = Sidecar::start();
    sidecar.write_copies();
    let pairs = sidecar.tcp.get("/v1/duplicates?view=copied").ok();
    assert_eq!(pairs.as_array().unwrap().len(), 1, "{pairs}");
    assert_eq!(
        (&pairs[0]["features"], &pairs[0]["relation"]),
        (&json!(["copied:click_count", "stats:clicks"]), &json!("scaled"))
    );
    let reason = "clicks is 0.6666667 times click_count for 100 % of 100 entities";
    assert_eq!((&pairs[0]["reason"], &pairs[0]["values"]["entities"]), (&json!(reason), &json!(100)));
    assert_eq!(sidecar.unix.get("/v1/duplicates?view=clicks_by_shop").ok(), json!([]));
    // Nothing was there yet.
    assert_eq!(sidecar.tcp.get("/v1/duplicates?view=copied&at=2000-01-01").ok(), json!([]));
    let error = |address: &str, status, kind| sidecar.tcp.get(address).error(status, kind);
    assert!(error("/v1/duplicates?view=stat", 404, "not_found").contains("did you mean \"stats\"?"));
    assert_eq!(error("/v1/duplicates?limit=0", 422, "invalid"), "`limit` is from 1 to 1000");
    error("/v1/duplicates?views=stats", 400, "invalid");
    error("/v1/duplicates?at=yesterday", 422, "invalid");
}

#[test]
fn freshness_tells_the_age_of_the_newest_event() {
    let sidecar = Sidecar::start();
    sidecar.write_stats(7, hours_ago(30), 1);
    let fresh = sidecar.unix.get("/v1/freshness/stats").ok();
    assert_eq!((&fresh["status"], &fresh["stale"]), (&json!("stale"), &json!(true)));
    assert_eq!((&fresh["age_seconds"], &fresh["objective"]["stale"]), (&json!(108_000.0), &json!("1d")));
    assert_eq!((&fresh["entities"], &fresh["share_over_stale"]), (&json!(1), &json!(1.0)));
    let all = sidecar.unix.get("/v1/freshness").ok();
    assert!(all.as_array().unwrap().contains(&fresh), "{all}");
    for wrong in ["exact=maybe", "exacct=true"] {
        sidecar.unix.get(&format!("/v1/freshness/stats?{wrong}")).error(422, "invalid");
    }
    let fresh = sidecar.unix.get("/v1/freshness/stats?exact=true").ok();
    assert_eq!(fresh["stale"], json!(true));
    assert_eq!((&fresh["age_seconds"], &fresh["ttl_seconds"]), (&json!(108_000.0), &json!(86_400.0)));
    assert_eq!((&fresh["entities"], &fresh["expired_entities"]), (&json!(1), &json!(1)));
    sidecar.unix.get("/v1/freshness/stat").error(404, "not_found");
}

#[test]
fn a_deleted_entity_is_missing_from_then_on_and_an_erased_one_always() {
    let sidecar = Sidecar::start();
    sidecar.write_stats(7, hours_ago(2), 1);
    let deleted = sidecar.tcp.post("/v1/delete", &json!({"entity": {"user_id": 7}, "at": hours_ago(1).to_string()}));
    assert_eq!(
        deleted.ok(),
        json!({"entity": {"user_id": 7}, "views": ["stats"], "event_timestamp": hours_ago(1).to_string(),
            "created_timestamp": deleted.json()["created_timestamp"]})
    );
    let status = |at| {
        let asked = json!({"features": ["stats:clicks"], "entities": [{"user_id": 7}], "at": at});
        sidecar.unix.post("/v1/as_of", &asked).ok()[0]["features"]["stats:clicks"]["status"].clone()
    };
    assert_eq!(status("now".to_owned()), "missing");
    assert_eq!(status(hours_ago(2).to_string()), "present");
    let erased = sidecar.unix.post("/v1/erase", &json!({"entity": {"user_id": 7}})).ok();
    let of = |view: &str| {
        let erased = erased["erased"].as_array().unwrap().iter().find(|erased| erased["view"] == view);
        erased.unwrap_or_else(|| panic!("{view}"))["versions"].clone()
    };
    assert_eq!((of("stats"), of("purchases")), (json!(2), json!(0)));
    assert_eq!(erased["not_covered"], json!(["clicks_by_shop"]));
    assert_eq!(status(hours_ago(2).to_string()), "missing");
    let error = |body: &Json, status, kind| sidecar.unix.post("/v1/delete", body).error(status, kind);
    assert!(error(&json!({"entity": {"user": 7}}), 404, "not_found").contains("exactly these join keys"));
    assert_eq!(
        error(&json!({"view": "stats", "entity": {"user_id": null}}), 422, "invalid"),
        "join key \"user_id\" cannot be null"
    );
    error(&json!({"view": "stat", "entity": {"user_id": 7}}), 404, "not_found");
}

#[test]
fn an_answer_is_bounded() {
    let options = asofdb_sidecar::HttpOptions { answer_values_max: 10, ..asofdb_sidecar::HttpOptions::default() };
    let sidecar = Sidecar::with("", options);
    let entities = |count: i64| (0..count).map(|user| json!({"user_id": user})).collect::<Json>();
    let asked = |count| json!({"features": ["stats:clicks", "stats:level"], "entities": entities(count)});
    assert_eq!(sidecar.tcp.post("/v1/latest", &asked(5)).ok().as_array().unwrap().len(), 5);
    assert_eq!(
        sidecar.tcp.post("/v1/latest", &asked(6)).error(422, "invalid"),
        "an answer has at most 10 values; ask for fewer entities at once: 6 entities of 2 features"
    );
}

#[test]
fn answers_tell_what_models_got_and_metrics_by_view_and_status() {
    let sidecar = Sidecar::start();
    sidecar.write_stats(7, hours_ago(2), 1);
    let asked = json!({"features": ["stats:clicks"], "entities": [{"user_id": 7}, {"user_id": 8}, {"user_id": 9}]});
    sidecar.unix.post("/v1/latest", &asked).ok();
    let answers = sidecar.unix.get("/v1/answers?view=stats").ok();
    assert_eq!(answers.as_array().unwrap().len(), 1, "{answers}");
    assert_eq!((&answers[0]["view"], &answers[0]["feature"]), (&json!("stats"), &json!("clicks")));
    let counts = &answers[0]["last_5m"];
    assert_eq!((&counts["values"], &counts["present"], &counts["missing"]), (&json!(3), &json!(1), &json!(2)));
    assert_eq!(sidecar.unix.get("/v1/answers?view=none").ok(), json!([]));
    let metrics = sidecar.unix.get("/metrics");
    let metrics = metrics.text();
    assert!(metrics.contains("asof_answered_values_total{view=\"stats\",status=\"missing\"} 2"), "{metrics}");
}

#[test]
fn usage_tells_who_has_read_what() {
    let sidecar = Sidecar::start();
    sidecar.write_stats(7, hours_ago(2), 1);
    assert_eq!(sidecar.unix.get("/v1/usage").ok(), json!([]));
    let asked = json!({"features": ["stats:clicks"], "entities": [{"user_id": 7}, {"user_id": 8}]});
    sidecar.unix.post("/v1/latest", &asked).ok();
    sidecar.unix.post("/v1/latest", &asked).ok();
    let usage = sidecar.unix.get("/v1/usage?days=1&name=stats").ok();
    assert_eq!(usage.as_array().unwrap().len(), 1);
    let row = &usage[0];
    assert_eq!((&row["of"], &row["name"], &row["day"]), (&json!("view"), &json!("stats"), &json!("2024-06-01")));
    assert_eq!((&row["serving"], &row["values"]), (&json!({"calls": 2, "rows": 4}), &json!({"clicks": 4})));
    assert_eq!(sidecar.unix.get("/v1/usage?name=stat").ok(), json!([]));
    assert_eq!(sidecar.unix.get("/v1/usage?by_day=true&days=1").ok(), usage);
    for parameters in ["days=0", "days=401", "day=1", "days=x", "by_day=1"] {
        let error = sidecar.unix.get(&format!("/v1/usage?{parameters}")).error(422, "invalid");
        assert_eq!(error, "the parameters are `days`, from 1 to 400, `by_day`, true or false, and `name`");
    }
}

#[test]
fn an_answer_of_what_is_deprecated_says_so_in_a_header() {
    let sidecar = Sidecar::start();
    let mut wanted = parse_definitions(DEFINITIONS, "d.toml").unwrap();
    let stats = wanted.views.iter_mut().find(|view| view.name == "stats").unwrap();
    stats.life.status = Some(Stage::Deprecated);
    sidecar.store.apply(&wanted, false).unwrap();
    let asked = |feature: &str| json!({"features": [feature], "entities": [{"user_id": 7}]});
    for target in [&sidecar.tcp, &sidecar.unix] {
        let answer = target.post("/v1/latest", &asked("stats:clicks"));
        assert_eq!(answer.header("x-asof-warning"), Some("view 'stats' is deprecated"));
        let of_feast = json!({"features": ["stats:clicks"], "entities": {"user_id": [7]}});
        let answer = target.post("/get-online-features", &of_feast);
        assert_eq!(answer.header("x-asof-warning"), Some("view 'stats' is deprecated"));
        assert_eq!(target.post("/v1/latest", &asked("calendar:year")).header("x-asof-warning"), None);
    }
}

#[test]
fn feeds_are_told_and_loaded_by_operators() {
    let sidecar = Sidecar::start();
    assert_eq!(sidecar.tcp.get("/v1/feeds").ok(), json!([]));
    assert_eq!(
        sidecar.tcp.get("/v1/feeds?view=stats").error(422, "invalid"),
        "view \"stats\" has no source; say `source` in its definition"
    );
    sidecar.feed_clicks();
    let feed = json!({
        "view": "clicks_by_shop", "path": "clicks.csv", "schedule": null, "status": "never_ran", "succeeded": null,
        "failures": 0, "runs": [],
    });
    assert_eq!(sidecar.unix.get("/v1/feeds?view=clicks_by_shop").ok(), json!([feed]));
    let metrics = String::from_utf8(sidecar.tcp.get("/metrics").body).unwrap();
    assert!(metrics.contains("asof_feed_failures{view=\"clicks_by_shop\"} 0"), "{metrics}");
    let runs = sidecar.unix.send("POST", "/v1/materialize?view=clicks_by_shop", &[], &[]).ok();
    let run = &runs[0];
    assert_eq!((&run["rows_written"], &run["error"]), (&json!(1), &Json::Null), "{run}");
    assert_eq!(sidecar.unix.get("/v1/feeds").ok()[0]["status"], json!("ok"));
    let asked = json!({"features": ["clicks_by_shop:clicks"], "entities": [{"user_id": 5, "shop": "a"}]});
    assert_eq!(sidecar.tcp.post("/v1/latest", &asked).ok()[0]["features"]["clicks_by_shop:clicks"]["value"], json!(55));
}
