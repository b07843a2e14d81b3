//! Alerts over HTTP and among the metrics, of a sidecar in this process whose clock a test sets.

use asofdb::{FreshnessObjective, Span, parse_definitions};
use asofdb_sidecar::{AlertOptions, Alerts};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use super::client::wait_until;
use super::sidecar::{DEFINITIONS, Sidecar};
use crate::common::{NOW, hours_ago};
use crate::sidecar::receiver::{Manner, Receiver};

/// Alerts of a sidecar to a receiver, with a file of their own for their state.
pub fn alerts(sidecar: &Sidecar, receiver: &Receiver, state: &TempDir) -> Alerts {
    let text = format!(
        "from = \"test\"\nlook_every = \"10ms\"\nafter = \"0s\"\nrecover_after = \"0s\"\n\
         [[webhook]]\nname = \"hook\"\nurl = {:?}\n",
        receiver.url()
    );
    let options = AlertOptions::parse(&text, "alerts.toml").unwrap();
    Alerts::start(&sidecar.service, options, &state.path().join("ALERTS")).unwrap()
}

/// The kinds and states of open alerts.
fn open(sidecar: &Sidecar) -> Vec<(String, String)> {
    let report = sidecar.unix.get("/v1/alerts").ok();
    let word = |alert: &Json, key: &str| alert[key].as_str().unwrap().to_owned();
    report["alerts"].as_array().unwrap().iter().map(|alert| (word(alert, "kind"), word(alert, "state"))).collect()
}

fn is_metric(sidecar: &Sidecar, line: &str) -> bool {
    sidecar.unix.get("/metrics").text().lines().any(|found| found == line)
}

#[test]
fn a_clock_that_is_not_believed_is_told_and_counted_and_so_is_its_end() {
    let (sidecar, receiver, state) = (Sidecar::start(), Receiver::start(Manner::Take), TempDir::new().unwrap());
    sidecar.write_stats(1, hours_ago(1), 1);
    assert_eq!(sidecar.tcp.get("/v1/alerts").ok(), json!({"alerts": [], "targets": []}));
    assert!(!sidecar.unix.get("/metrics").text().contains("asof_alerts_open"));
    let alerts = alerts(&sidecar, &receiver, &state);
    wait_until(|| is_metric(&sidecar, "asof_alerts_open{kind=\"clock\",severity=\"critical\"} 0"));
    sidecar.clock.clock.step(NOW.minus(Span::from_secs(7_200)));
    receiver.expect(&[("opened", "behind")]);
    wait_until(|| is_metric(&sidecar, "asof_alert_notices_delivered_total{target=\"hook\"} 1"));
    let report = sidecar.tcp.get("/v1/alerts").ok();
    let alert = &report["alerts"][0];
    assert_eq!((&alert["kind"], &alert["subject"], &alert["notices"]), (&json!("clock"), &json!(""), &json!(1)));
    assert_eq!(alert["since"], NOW.minus(Span::from_secs(7_200)).to_string());
    assert!(alert["message"].as_str().unwrap().starts_with("the clock is 2h behind the time"), "{alert}");
    let target = &report["targets"][0];
    assert_eq!((&target["kind"], &target["delivered"], &target["failures"]), (&json!("json"), &json!(1), &json!(0)));
    assert!(is_metric(&sidecar, "asof_alerts_open{kind=\"clock\",severity=\"critical\"} 1"));
    sidecar.clock.clock.step(NOW);
    receiver.expect(&[("opened", "behind"), ("recovered", "ok")]);
    drop(alerts);
    assert_eq!(open(&sidecar), []);
}

#[test]
fn a_view_whose_consumers_get_too_many_expired_values_is_told_besides_being_stale() {
    let (sidecar, receiver, state) = (Sidecar::start(), Receiver::start(Manner::Take), TempDir::new().unwrap());
    let mut wanted = parse_definitions(DEFINITIONS, "d.toml").unwrap();
    let stats = wanted.views.iter_mut().find(|view| view.name == "stats").unwrap();
    let (warn, stale) = (Span::from_secs(3_600), Span::from_secs(86_400));
    stats.freshness = Some(FreshnessObjective { warn, stale, stale_share_max: Some(0.05) });
    sidecar.store.apply(&wanted, false).unwrap();
    sidecar.write_stats(1, hours_ago(48), 1);
    sidecar.write_stats(2, hours_ago(2), 1);
    let entities: Json = (0..120).map(|number| json!({"user_id": number % 2 + 1})).collect();
    sidecar.tcp.post("/v1/latest", &json!({"features": ["stats:clicks"], "entities": entities})).ok();
    let _alerts = alerts(&sidecar, &receiver, &state);
    receiver.expect(&[("opened", "stale"), ("opened", "expired")]);
    let messages: Vec<String> =
        receiver.notices().iter().map(|notice| notice["message"].as_str().unwrap().to_owned()).collect();
    assert_eq!(
        messages,
        [
            "view \"stats\" is stale: 50.0 % of its entities have no event within 1d, and 5.0 % may",
            "of 120 values of view \"stats\" that consumers got in the last 5 minutes, 50.0 % had expired, and 5.0 % \
             may",
        ]
    );
    let expected =
        [("answers", "expired"), ("freshness", "stale")].map(|(kind, state)| (kind.to_owned(), state.to_owned()));
    wait_until(|| open(&sidecar) == expected);
}

#[test]
fn a_service_has_its_alerts_once() {
    let (sidecar, receiver, state) = (Sidecar::start(), Receiver::start(Manner::Take), TempDir::new().unwrap());
    let _alerts = alerts(&sidecar, &receiver, &state);
    let options = AlertOptions::parse("[[command]]\nname = \"a\"\nargv = [\"/bin/true\"]\n", "a.toml").unwrap();
    let error = Alerts::start(&sidecar.service, options, &state.path().join("other")).unwrap_err();
    assert_eq!(error.message(), "a service has its alerts once");
}
