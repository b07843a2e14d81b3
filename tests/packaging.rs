//! The files in packaging/ work as they say.

use std::process::Command;

use crate::common::repository;

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
