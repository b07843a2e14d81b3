//! The OpenAPI document is what is served.

use asofdb::{Actor, Session, Span, policy_plan_hash};
use serde_json::{Value as Json, json};

use super::alerts::alerts;
use super::client::{Reply, Target};
use super::sidecar::{DEFINITIONS, Sidecar, stats_row};
use super::venv::run_script;
use crate::common::{NOW, hours_ago, repository};
use crate::sidecar::receiver::{Manner, Receiver};

const NO_APPROVALS: &str = "approvals_min = 0\n";

/// Answers with what they were asked, to be held against the document.
struct Recorder<'a> {
    target: &'a Target,
    answers: Vec<Json>,
}

impl Recorder<'_> {
    fn get(&mut self, route: &str, path: &str) {
        let reply = self.target.get(path);
        self.record("GET", route, None, &reply);
    }

    fn post(&mut self, route: &str, path: &str, asked: &Json) {
        let reply = self.target.post(path, asked);
        self.record("POST", route, Some(asked), &reply);
    }

    fn record(&mut self, method: &str, route: &str, asked: Option<&Json>, reply: &Reply) {
        let is_json = reply.header("content-type") == Some("application/json");
        let body = match is_json {
            true => reply.json(),
            false if reply.body.is_empty() => Json::Null,
            false => json!(reply.text()),
        };
        self.answers.push(json!({
            "method": method, "route": route, "asked": asked, "status": reply.status, "reply": body,
        }));
    }
}

#[test]
fn the_document_is_served_as_it_is_kept() {
    let sidecar = Sidecar::start();
    let served = sidecar.tcp.get("/openapi.json").ok();
    let kept: Json = serde_json::from_str(include_str!("../../docs/openapi.json")).unwrap();
    assert_eq!(served, kept);
}

#[test]
fn answers_of_every_route_keep_to_the_document() {
    let sidecar = Sidecar::start();
    let mut to = Recorder { target: &sidecar.unix, answers: Vec::new() };
    to.get("/v1/policy", "/v1/policy");
    values(&mut to);
    computed(&mut to);
    to.get("/v1/history/{view}", "/v1/history/stats?user_id=1");
    to.get("/v1/history/{view}", "/v1/history/stats?limit=x");
    definitions(&mut to);
    freshness(&sidecar, &mut to);
    for query in ["score", "n+kind:feature&limit=3", "", "taem:x", "a&limit=x"] {
        to.get("/v1/search", &format!("/v1/search?q={query}"));
    }
    feeds(&sidecar, &mut to);
    statistics(&mut to);
    duplicates(&sidecar, &mut to);
    for parameters in ["", "?view=stats", "?x=y"] {
        to.get("/v1/answers", &format!("/v1/answers{parameters}"));
    }
    of_alerts(&sidecar, &mut to);
    plans(&sidecar, &mut to);
    audits(&mut to);
    to.get("/v1/policy", "/v1/policy");
    logs(&mut to);
    limits(&mut to);
    to.get("/openapi.json", "/openapi.json");
    dialect(&mut to);
    removals(&mut to);
    to.get("/readyz", "/readyz");
    sidecar.service.refuse_limits(&asofdb::Error::invalid("no"));
    to.get("/readyz", "/readyz");
    sidecar.service.start_draining();
    to.get("/readyz", "/readyz");
    to.get("/health", "/health");

    let directory = tempfile::tempdir().unwrap();
    let answers = directory.path().join("answers.json");
    std::fs::write(&answers, json!(to.answers).to_string()).unwrap();
    let document = repository("docs/openapi.json");
    run_script("openapi_check.py", &[document.to_str().unwrap(), answers.to_str().unwrap()]);
}

fn limits(to: &mut Recorder<'_>) {
    let (route, limits) = ("/v1/limits", "[default]\nlatency_p99 = \"1s\"\nrequests_per_second = 1_000\n");
    for asked in [json!({ "limits": limits }), json!({"limits": "[x]"}), json!([])] {
        let reply = to.target.send("PUT", route, &[], asked.to_string().as_bytes());
        to.record("PUT", route, Some(&asked), &reply);
    }
    to.get(route, route);
    to.get("/v1/consumers", "/v1/consumers");
}

fn freshness(sidecar: &Sidecar, to: &mut Recorder<'_>) {
    to.get("/v1/freshness", "/v1/freshness");
    to.get("/v1/freshness/{view}", "/v1/freshness/stats");
    to.get("/v1/freshness/{view}", "/v1/freshness/stats?exact=true");
    sidecar.service.look_at_freshness().unwrap();
    for view in ["stats", "spending", "offer", "none"] {
        to.get("/v1/freshness/{view}/history", &format!("/v1/freshness/{view}/history"));
    }
}

fn feeds(sidecar: &Sidecar, to: &mut Recorder<'_>) {
    to.get("/v1/feeds", "/v1/feeds?view=none");
    sidecar.feed_clicks();
    to.get("/v1/feeds", "/v1/feeds");
    to.post("/v1/materialize", "/v1/materialize", &json!({}));
    to.post("/v1/materialize", "/v1/materialize?view=spending", &json!({}));
    to.get("/v1/feeds", "/v1/feeds?view=clicks_by_shop");
}

fn statistics(to: &mut Recorder<'_>) {
    let route = "/v1/statistics/{view}";
    to.get(route, "/v1/statistics/stats");
    to.get(route, "/v1/statistics/none");
    for parameters in ["view=stats", "view=spending&all=true", "view=stats&entities=0", "view=purchases", "x=y"] {
        to.post("/v1/profile", &format!("/v1/profile?{parameters}"), &json!({}));
    }
    to.get(route, "/v1/statistics/stats");
}

fn removals(to: &mut Recorder<'_>) {
    to.post("/v1/delete", "/v1/delete", &json!({"view": "stats", "entity": {"user_id": 1}, "at": "now"}));
    to.post("/v1/delete", "/v1/delete", &json!({"entity": {"none": 1}}));
    to.get("/v1/history/{view}", "/v1/history/stats?user_id=1");
    to.post("/v1/erase", "/v1/erase", &json!({"entity": {"user_id": 1}}));
}

fn values(to: &mut Recorder<'_>) {
    let row = stats_row(1, hours_ago(1), &json!(i64::MAX));
    let asked = json!({"features": ["stats", "clicks_by_shop:clicks"], "entities": [{"user_id": 1, "shop": "a"}]});
    to.post("/v1/write/{view}", "/v1/write/stats?durability=os", &json!([row]));
    to.post("/v1/write/{view}", "/v1/write/stats", &json!([{}]));
    to.post("/v1/latest", "/v1/latest", &asked);
    to.post("/v1/latest", "/v1/latest", &json!({"features": ["nothing"], "entities": []}));
    let mut as_of = asked.clone();
    (as_of["at"], as_of["known_at"]) = (json!("now"), json!("2024-01-01"));
    to.post("/v1/as_of", "/v1/as_of", &as_of);
    to.post("/v1/as_of", "/v1/as_of", &json!([]));
}

fn definitions(to: &mut Recorder<'_>) {
    for route in
        ["/v1/store", "/v1/catalog", "/v1/views", "/v1/services", "/v1/entities", "/metrics", "/healthz", "/health"]
    {
        to.get(route, route);
    }
    to.get("/v1/views/{name}", "/v1/views/stats");
    for name in ["purchases", "spending", "offer"] {
        to.get("/v1/views/{name}", &format!("/v1/views/{name}"));
    }
    to.get("/v1/views/{name}", "/v1/views/none");
    to.get("/v1/services/{name}", "/v1/services/ranker_v1");
    to.get("/v1/services/{name}", "/v1/services/none");
    for name in ["offer", "ranker_v1", "spending:n_1h", "stats", "purchases", "none"] {
        to.get("/v1/lineage/{name}", &format!("/v1/lineage/{name}"));
    }
}

/// What changed, and who read what.
fn logs(to: &mut Recorder<'_>) {
    for parameters in ["", "?name=stats&limit=1&before=2", "?limit=0", "?x=y"] {
        to.get("/v1/log", &format!("/v1/log{parameters}"));
    }
    for parameters in ["?from=2024-01-01", "?from=now&to=now", "?from=x", "?to=now"] {
        to.get("/v1/diff", &format!("/v1/diff{parameters}"));
    }
    for parameters in ["", "?days=7&name=stats&by_day=true", "?days=0", "?day=1"] {
        to.get("/v1/usage", &format!("/v1/usage{parameters}"));
    }
    for parameters in ["", "?name=stats", "?x=y"] {
        to.get("/v1/models", &format!("/v1/models{parameters}"));
    }
}

fn duplicates(sidecar: &Sidecar, to: &mut Recorder<'_>) {
    sidecar.write_copies();
    for parameters in ["", "?view=stats&view=copied&at=2024-01-01T00:00:00Z&limit=5", "?view=none", "?limit=0", "?x=y"]
    {
        to.get("/v1/duplicates", &format!("/v1/duplicates{parameters}"));
    }
}

fn plans(sidecar: &Sidecar, to: &mut Recorder<'_>) {
    let catalog = sidecar.store.catalog();
    sidecar.store.apply_policy("approvals_min = 1\n", "").unwrap();
    let wanted = DEFINITIONS.replace("ttl = \"1d\"", "ttl = \"2d\"");
    let mut asked = json!({"definitions": wanted});
    to.post("/v1/plan", "/v1/plan", &asked);
    to.post("/v1/plan", "/v1/plan", &json!({}));
    (asked["message"], asked["allow_drop"]) = (json!("Why"), json!(["copied"]));
    to.post("/v1/apply", "/v1/apply", &asked);
    to.post("/v1/apply", "/v1/apply", &json!({"definitions": "[[x]]"}));
    to.post("/v1/propose", "/v1/propose", &json!({"definitions": wanted, "message": "Why"}));
    to.post("/v1/propose", "/v1/propose", &json!({"definitions": 1}));
    let hash = sidecar.store.proposals().unwrap().waiting[0].plan.clone();
    sidecar.store.approve_by(&Actor { name: "uid:77".to_owned(), is_operator: true }, &hash).unwrap();
    to.post("/v1/approve", "/v1/approve", &json!({"plan": hash}));
    to.post("/v1/approve", "/v1/approve", &json!({"plan": "x"}));
    to.get("/v1/plans", "/v1/plans");
    to.post("/v1/apply", "/v1/apply", &asked);
    assert_eq!(sidecar.store.catalog().revision(), catalog.revision() + 2);
    let policy = json!({"policy": NO_APPROVALS});
    for route in ["/v1/plan", "/v1/propose", "/v1/apply"] {
        to.post(route, route, &policy);
    }
    let none = policy_plan_hash(&sidecar.store.catalog(), NO_APPROVALS).unwrap();
    sidecar.store.approve_by(&Actor { name: "uid:77".to_owned(), is_operator: true }, &none).unwrap();
    sidecar.store.apply_policy(NO_APPROVALS, "").unwrap();
}

fn audits(to: &mut Recorder<'_>) {
    to.post("/v1/audit", "/v1/audit", &json!({}));
    let logging = Sidecar::logging();
    logging.write_stats(1, hours_ago(1), 7);
    logging.tcp.post("/v1/latest", &json!({"features": ["stats:clicks"], "entities": [{"user_id": 1}]})).ok();
    let mut of_log = Recorder { target: &logging.unix, answers: Vec::new() };
    let asked = json!({"known": "then", "consumer": "http", "service": null, "examples": 2});
    of_log.post("/v1/audit", "/v1/audit", &asked);
    of_log.post("/v1/audit", "/v1/audit", &json!({"known": "x"}));
    logging.service.finish_audits();
    of_log.get("/v1/audits", "/v1/audits");
    of_log.get("/v1/audits/{number}", "/v1/audits/1");
    of_log.get("/v1/audits/{number}", "/v1/audits/2");
    to.answers.append(&mut of_log.answers);
}

fn of_alerts(sidecar: &Sidecar, to: &mut Recorder<'_>) {
    let (receiver, state) = (Receiver::start(Manner::Take), tempfile::tempdir().unwrap());
    to.get("/v1/alerts", "/v1/alerts");
    let _alerts = alerts(sidecar, &receiver, &state);
    sidecar.clock.clock.step(NOW.minus(Span::from_secs(7_200)));
    receiver.expect(&[("opened", "behind")]);
    to.get("/v1/alerts", "/v1/alerts");
    sidecar.clock.clock.step(NOW);
}

fn computed(to: &mut Recorder<'_>) {
    let event = json!({"user_id": 1, "event_timestamp": hours_ago(1).to_string(), "order_id": 1});
    let mut row = event.clone();
    (row["shop"], row["price"]) = (json!("a"), json!(20.0));
    to.post("/v1/write/{view}", "/v1/write/purchases", &json!([row]));
    let mut asked = json!({
        "features": ["spending", "offer"], "entities": [{"user_id": 1}], "request": {"amount": [50], "shop": ["a"]},
    });
    to.post("/v1/latest", "/v1/latest", &asked);
    asked["at"] = json!("now");
    to.post("/v1/as_of", "/v1/as_of", &asked);
    asked["request"] = json!({});
    to.post("/v1/as_of", "/v1/as_of", &asked);
    to.post("/v1/latest", "/v1/latest", &json!({"features": ["calendar"], "entities": [{}]}));
    let route = "/get-online-features";
    to.post(route, route, &json!({"features": ["offer:place"], "entities": {"amount": [1.5], "shop": ["a"]}}));
    to.post(route, route, &json!({"features": ["offer:place"], "entities": {}}));
    let route = "/v1/delete_events/{view}";
    to.post(route, "/v1/delete_events/purchases", &json!([event]));
    to.post(route, "/v1/delete_events/stats", &json!([event]));
    to.post(route, "/v1/delete_events/none", &json!([]));
}

fn dialect(to: &mut Recorder<'_>) {
    let frame = json!({
        "user_id": [1], "shop": ["a"], "clicks": [1], "event_timestamp": [hours_ago(1).to_string()], "created": [null],
    });
    let route = "/write-to-online-store";
    to.post(route, route, &json!({"feature_view_name": "clicks_by_shop", "df": frame, "allow_registry_cache": false}));
    to.post(route, route, &json!({"feature_view_name": "none", "df": frame}));
    to.post("/push", "/push", &json!({"push_source_name": "clicks_by_shop", "df": frame, "to": "online"}));
    to.post("/push", "/push", &json!({"push_source_name": "none", "df": frame}));
    let route = "/get-online-features";
    let entities = json!({"user_id": [1, 2], "shop": ["a", "a"]});
    to.post(
        route,
        route,
        &json!({"feature_service": "ranker_v1", "entities": entities, "include_feature_view_version_metadata": true}),
    );
    to.post(
        route,
        route,
        &json!({"features": ["stats:clicks"], "entities": {"user_id": [1]}, "full_feature_names": true}),
    );
    to.post(route, route, &json!({"features": ["stats:clicks"], "entities": {}}));
}
