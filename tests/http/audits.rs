//! Audits that a sidecar makes of what it has logged: over HTTP and as pages.

use asofdb::{Allow, Definitions, Session, UsagePeriod};
use serde_json::{Value as Json, json};

use super::client::wait_until;
use super::pages::page;
use super::sidecar::{Sidecar, stats_row};
use crate::common::hours_ago;

const HOSTILE: &str = "<img src=x onerror=alert(1)>";

fn read(sidecar: &Sidecar, consumer: &str) {
    let asked = json!({"features": ["stats:clicks", "stats:name"], "entities": [{"user_id": 1}]}).to_string();
    sidecar.tcp.send("POST", "/v1/latest", &[("X-Asof-Consumer", consumer)], asked.as_bytes()).ok();
}

/// A sidecar of which two consumers have read what a late row has changed since.
fn with_late_row() -> Sidecar {
    let sidecar = Sidecar::logging();
    sidecar.write_stats(1, hours_ago(5), 7);
    read(&sidecar, "ranker");
    read(&sidecar, "search");
    let mut late = stats_row(1, hours_ago(2), &json!(8));
    late["name"] = json!(HOSTILE);
    sidecar.tcp.post("/v1/write/stats", &json!([late])).ok();
    sidecar
}

#[test]
fn an_audit_over_http_finds_and_explains_what_training_would_see_otherwise() {
    let sidecar = with_late_row();
    let report = sidecar.audit(&json!({}));
    assert_eq!((&report["state"], &report["error"]), (&json!("done"), &Json::Null), "{report}");
    assert_eq!([&report["rows"], &report["values"], &report["differing"]], [&json!(2), &json!(4), &json!(4)]);
    assert_eq!(report["found"]["features"]["stats:clicks"]["differences"]["late"], json!(2));
    let one = &report["found"]["examples"][0];
    assert_eq!(
        (&one["reason"], &one["served"]["value"], &one["again"]["value"]),
        (&json!("late"), &json!(7), &json!(8))
    );
    let then = sidecar.audit(&json!({"known": "then"}));
    assert_eq!((&then["known"], &then["differing"]), (&json!("then"), &json!(0)), "{then}");
    let of_one = sidecar.audit(&json!({"consumer": "search", "examples": 1}));
    assert_eq!((&of_one["rows"], of_one["found"]["examples"].as_array().unwrap().len()), (&json!(1), 2));
    let numbers: Vec<_> =
        sidecar.tcp.get("/v1/audits").ok().as_array().unwrap().iter().map(|one| one["audit"].clone()).collect();
    assert_eq!(numbers, [json!(3), json!(2), json!(1)]);
    sidecar.tcp.get("/v1/audits/9").error(404, "not_found");
    sidecar.tcp.get("/v1/audits/x").error(404, "not_found");
}

#[test]
fn an_audit_on_the_server_is_neither_logged_nor_counted() {
    let sidecar = with_late_row();
    let before = sidecar.service_log().reads;
    sidecar.audit(&json!({}));
    assert_eq!(sidecar.service_log().reads, before);
    let usage = sidecar.store.usage(UsagePeriod::total(30)).unwrap();
    let calls: Vec<_> = usage.iter().map(|row| (row.key.consumer.as_str(), row.calls())).collect();
    assert_eq!(calls, [("ranker", 1), ("search", 1)]);
}

#[test]
fn the_pages_of_audits_list_them_and_show_one_with_hostile_values_as_text() {
    let sidecar = with_late_row();
    assert!(page(&sidecar.tcp.get("/audits")).contains("None was made yet"));
    sidecar.audit(&json!({"consumer": "ranker"}));
    let list = page(&sidecar.tcp.get("/audits")).to_owned();
    for part in [
        "<th scope=\"row\"><a href=\"/audits/1\">number 1</a></th><td><span class=\"badge done\">done</span></td>",
        "<td>consumer ranker</td><td>is known now</td><td>1</td><td>2</td><td>2 <small>100.0 %</small></td>",
    ] {
        assert!(list.contains(part), "{part}: {list}");
    }
    let one = page(&sidecar.tcp.get("/audits/1")).to_owned();
    for part in
        ["2 values, of which <strong>2</strong> are not what was served", "<h2>By feature</h2>", "&lt;img src=x"]
    {
        assert!(one.contains(part), "{part}: {one}");
    }
    assert_eq!(sidecar.tcp.get("/audits/7").status, 404);
    assert!(page(&Sidecar::start().tcp.get("/audits")).contains("logs nothing of what it serves"));
}

#[test]
fn what_a_consumer_may_not_read_is_counted_and_not_told() {
    let sidecar = with_late_row();
    sidecar.audit(&json!({}));
    sidecar
        .store
        .apply_policy("[[restricted]]\ntags = { push_source = \"user_events\" }\nconsumers = \"fraud\"\n", "")
        .unwrap();
    let told = |consumer: &str| {
        let reply = sidecar.tcp.send("GET", "/v1/audits/1", &[("X-Asof-Consumer", consumer)], b"").ok();
        (reply["differing"].clone(), reply["found"]["examples"].as_array().unwrap().len())
    };
    assert_eq!(told("fraud"), (json!(4), 4));
    assert_eq!(told("ranker"), (json!(4), 0));
    assert!(!page(&sidecar.tcp.get("/audits/1")).contains("onerror"));
    let explored = page(&sidecar.tcp.get("/explore?by=user_id&key.user_id=1")).to_owned();
    assert!(
        explored.contains("the policy does not let &quot;http&quot; read stats:clicks")
            && !explored.contains("onerror"),
        "{explored}"
    );
    // The tags go with the view, and with them the reason to keep anybody from it.
    let allow = Allow { drop: true, redefine: true, used: true };
    sidecar.store.apply_to(&Definitions::default(), allow, None).unwrap();
    assert_eq!((told("fraud"), told("ranker")), ((json!(4), 0), (json!(4), 0)));
}

#[test]
fn audits_are_for_operators_one_at_a_time_and_of_a_sidecar_that_logs() {
    let sidecar = with_late_row();
    assert!(sidecar.tcp.post("/v1/audit", &json!({})).error(403, "denied").contains("needs the role operator"));
    let refused = |asked: Json| sidecar.unix.post("/v1/audit", &asked).error(422, "invalid");
    assert!(refused(json!({"examples": 21})).contains("at most 20 differences"));
    assert!(refused(json!({"consumer": "a b"})).contains("consumer"));
    assert_eq!(sidecar.unix.post("/v1/audit", &json!({"knwon": "now"})).status, 400);
    let none = Sidecar::start().unix.post("/v1/audit", &json!({})).error(422, "invalid");
    assert_eq!(none, "this sidecar logs nothing of what it serves: start it with --log-served DIR");
    // The clock is read in the midst of an audit: then another one is asked for.
    let (unix, second) = (sidecar.unix.clone(), std::sync::Arc::new(std::sync::OnceLock::new()));
    let (asked, is_first) = (second.clone(), std::sync::atomic::AtomicBool::new(true));
    sidecar.clock.hook(move || {
        let is_audit = std::thread::current().name() == Some("audit");
        if is_audit && is_first.swap(false, std::sync::atomic::Ordering::SeqCst) {
            let _ = asked.set(unix.post("/v1/audit", &json!({})).error(409, "conflict"));
        }
    });
    sidecar.audit(&json!({}));
    wait_until(|| second.get().is_some());
    assert!(second.get().unwrap().contains("one runs at a time"), "{second:?}");
}

#[test]
fn an_empty_log_fails_an_audit_and_not_the_next_one() {
    let sidecar = Sidecar::logging();
    let report = sidecar.audit(&json!({}));
    assert_eq!(report["state"], json!("failed"));
    assert!(report["error"].as_str().unwrap().contains("has no files of a log of served features"), "{report}");
    assert!(page(&sidecar.tcp.get("/audits/1")).contains("<p class=\"refusal\">"));
    sidecar.write_stats(1, hours_ago(5), 7);
    read(&sidecar, "ranker");
    assert_eq!(sidecar.audit(&json!({}))["state"], json!("done"));
}
