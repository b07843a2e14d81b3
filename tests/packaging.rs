//! The files in packaging/ work as they say.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::{Value as Json, json};

use crate::common::{hours_ago, repository, users};
use crate::http::alerts::alerts;
use crate::http::client::Target;
use crate::http::sidecar::Sidecar;
use crate::sidecar::harness::Sidecar as Process;
use crate::sidecar::receiver::{Manner, Receiver};

/// Needs systemd's tools, as every Debian has that runs services.
#[test]
fn the_unit_is_hardened() {
    let unit = repository("packaging/asof.service");
    let Ok(output) = Command::new("systemd-analyze").args(["security", "--offline=true"]).arg(&unit).output() else {
        return eprintln!("skipped: systemd-analyze is not installed");
    };
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = said.lines().find(|line| line.contains("Overall exposure level")).unwrap_or_else(|| panic!("{said}"));
    let level = line.split(": ").nth(1).and_then(|rest| rest.split(' ').next()?.parse::<f64>().ok());
    assert!(level.expect("a level") <= 1.5, "{line}");
    let unit = std::fs::read_to_string(unit).expect("the unit");
    let is_set = |line: &str| line.trim_start().starts_with("PrivateUsers=");
    assert!(!unit.lines().any(is_set), "it would hide the users of the peers");
}

/// The arguments in the unit are ones that `asof serve` has.
#[test]
fn the_unit_starts_the_sidecar_with_arguments_that_it_has() {
    let unit = include_str!("../packaging/asof.service");
    let command = unit.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/bin/asof ")).expect("a command");
    let output = Command::new(env!("CARGO_BIN_EXE_asof")).args(command.split(' ')).arg("--help").output();
    assert!(output.expect("asof runs").status.success(), "{command}");
}

/// Needs promtool, which comes with Debian's package of Prometheus.
#[test]
fn the_alerts_on_freshness_fire_and_end_as_their_test_says() {
    let rules = include_str!("../packaging/prometheus/freshness.rules.yml");
    let gauges = include_str!("../crates/sidecar/src/freshness_metrics.rs");
    let words = rules.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    for metric in words.filter_map(|word| word.strip_prefix("asof_")) {
        let name = metric.strip_suffix("_seconds").unwrap_or(metric);
        assert!(gauges.contains(&format!("\"{name}\"")), "no gauge is asof_{metric}");
    }
    let tests = repository("packaging/prometheus/freshness.test.yml");
    let Ok(output) = Command::new("promtool").args(["test", "rules"]).arg(tests).output() else {
        return eprintln!("skipped: promtool is not installed");
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The names of the series that a sidecar has, once it was asked for something.
fn series() -> BTreeSet<String> {
    let (sidecar, receiver, state) =
        (Sidecar::start(), Receiver::start(Manner::Take), tempfile::tempdir().expect("a directory"));
    let _alerts = alerts(&sidecar, &receiver, &state);
    sidecar.write_stats(1, hours_ago(1), 1);
    sidecar.tcp.post("/v1/latest", &json!({"features": ["stats:clicks"], "entities": [{"user_id": 1}]})).ok();
    sidecar.tcp.post("/v1/latest", &json!({"features": ["nothing"], "entities": []})).error(404, "not_found");
    let reply = sidecar.tcp.get("/metrics");
    names(reply.text()).chain(on_disk()).collect()
}

/// The names of the series of a sidecar whose store is on disk, and has a hot table.
fn on_disk() -> Vec<String> {
    let directory = tempfile::tempdir().expect("a directory");
    let http = directory.path().join("http");
    let _sidecar = Process::start(&users(), &["--http-socket", http.to_str().expect("a path")]);
    names(Target::Unix(http).get("/metrics").text()).collect()
}

fn names(metrics: &str) -> impl Iterator<Item = String> + '_ {
    let samples = metrics.lines().filter(|line| !line.starts_with('#'));
    samples.map(|line| line.split(['{', ' ']).next().expect("a name").to_owned())
}

/// Everything that the dashboard asks Prometheus, in its panels and its variables.
fn questions(tree: &Json, found: &mut Vec<String>) {
    match tree {
        Json::Object(fields) => {
            for (name, value) in fields {
                match (name.as_str(), value) {
                    ("expr" | "definition", Json::String(text)) => found.push(text.clone()),
                    _ => questions(value, found),
                }
            }
        }
        Json::Array(items) => items.iter().for_each(|item| questions(item, found)),
        _ => (),
    }
}

#[test]
fn every_question_of_the_dashboard_is_about_metrics_that_there_are() {
    let dashboard: Json = serde_json::from_str(include_str!("../packaging/grafana/asofdb.json")).expect("JSON");
    let (series, mut found) = (series(), Vec::new());
    questions(&dashboard, &mut found);
    let panels = dashboard["panels"].as_array().expect("panels");
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).map(Vec::len).sum::<usize>();
    assert_eq!(found.len(), targets + 3, "each target, and the variables job, instance and view");
    for question in &found {
        let words = question.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        let metrics: Vec<&str> = words.filter(|word| word.starts_with("asof_")).collect();
        assert!(!metrics.is_empty(), "{question}");
        for metric in metrics {
            assert!(series.contains(metric), "{metric} in {question} is none of {series:?}");
        }
    }
    let mut ids: Vec<_> = panels.iter().map(|panel| panel["id"].as_u64().expect("an id")).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), panels.len());
}

#[test]
fn the_dashboard_has_the_slowest_reads_and_the_hot_table_and_no_panel_lies_on_another() {
    let dashboard: Json = serde_json::from_str(include_str!("../packaging/grafana/asofdb.json")).expect("JSON");
    let mut found = Vec::new();
    questions(&dashboard, &mut found);
    for wanted in [
        &["histogram_quantile(0.999, ", "by (le, operation)"][..],
        &["histogram_quantile(0.999, ", "by (le, consumer)"],
        &["asof_hot_table_hits_total", "asof_hot_table_misses_total"],
        &["asof_hot_table_bytes"],
        &["asof_hot_table_evictions_total"],
    ] {
        assert!(found.iter().any(|question| wanted.iter().all(|part| question.contains(part))), "{wanted:?}");
    }
    let side = |panel: &Json, name: &str| panel["gridPos"][name].as_u64().expect("a place");
    let panels = dashboard["panels"].as_array().expect("panels");
    let lies_on = |one: &Json, other: &Json, at: &str, size: &str| {
        side(one, at) < side(other, at) + side(other, size) && side(other, at) < side(one, at) + side(one, size)
    };
    for (place, one) in panels.iter().enumerate() {
        for other in &panels[place + 1..] {
            let overlap = lies_on(one, other, "x", "w") && lies_on(one, other, "y", "h");
            assert!(!overlap, "{} and {}", one["title"], other["title"]);
        }
    }
}
