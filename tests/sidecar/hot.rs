//! The hot table of a sidecar over restarts and kills.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, Int64Array, StringArray};
use asofdb::{HotPolicy, Session, Timestamp, Value};
use asofdb_client::Client;
use rustix::process::Signal;
use serde_json::json;
use tempfile::TempDir;

use super::harness::{Sidecar, eventually};
use crate::common::{batch, int, times, users};
use crate::http::client::Target;

const USERS: i64 = 50;

/// Writes a row of each user whose visits are given.
fn write(client: &Client, visits: impl Fn(i64) -> i64, at: Timestamp) {
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..USERS));
    let scores: ArrayRef = Arc::new(Float32Array::from_iter_values((0..USERS).map(|_| 0.5)));
    let visits: ArrayRef = Arc::new(Int64Array::from_iter_values((0..USERS).map(visits)));
    let names: ArrayRef = Arc::new(StringArray::from_iter_values((0..USERS).map(|_| "x")));
    let columns = vec![
        ("user_id", ids),
        ("event_timestamp", times((0..USERS).map(|_| Some(at)))),
        ("score", scores),
        ("visits", visits),
        ("name", names),
    ];
    client.write("profile", &batch(columns)).expect("a write");
}

fn visits(client: &Client) -> Vec<Option<Value>> {
    let request = client.prepare(&["profile:visits"]).expect("a request");
    let mut entities = request.entity_rows();
    (0..USERS).for_each(|id| entities.push(&[int(id)]).expect("a key"));
    let answer = client.latest(&request, &entities).expect("an answer");
    (0..USERS as usize).map(|row| answer.value(row, 0).expect("a value")).collect()
}

fn wanted(visits: impl Fn(i64) -> i64) -> Vec<Option<Value>> {
    (0..USERS).map(|id| int(visits(id))).collect()
}

/// Ends a sidecar as a service manager does, and returns its directory and the rows that it has kept.
fn ended(mut sidecar: Sidecar) -> (TempDir, Vec<u8>) {
    sidecar.signal(Signal::TERM);
    assert_eq!(sidecar.wait().code(), Some(0), "{}", sidecar.log());
    let directory = sidecar.kill();
    let kept = fs::read(kept_in(directory.path())).expect("rows that were kept");
    (directory, kept)
}

fn kept_in(directory: &Path) -> PathBuf {
    directory.join("store/HOT.rows")
}

#[test]
fn after_a_kill_no_row_is_served_that_was_kept_before_the_last_write_whatever_becomes_of_the_file() {
    let sidecar = Sidecar::start(&users(), &[]);
    let client = sidecar.client();
    write(&client, |id| id, client.now().unwrap());
    assert_eq!(visits(&client), wanted(|id| id));
    let (mut directory, kept) = ended(sidecar);
    for (round, comes_back) in [(1, false), (2, true), (3, true)] {
        let sidecar = Sidecar::over(directory, &[]);
        let client = sidecar.client();
        assert!(!kept_in(sidecar.directory.path()).exists(), "it is gone before the first write");
        let before = move |id: i64| id + if round == 1 { 0 } else { 1_000 * (round - 1) };
        assert_eq!(visits(&client), wanted(before), "round {round}");
        write(&client, |id| id + 1_000 * round, client.now().unwrap());
        directory = sidecar.kill();
        if comes_back {
            fs::write(kept_in(directory.path()), &kept).unwrap();
        }
    }
    let sidecar = Sidecar::over(directory, &[]);
    assert_eq!(visits(&sidecar.client()), wanted(|id| id + 3_000));
}

#[test]
fn a_sidecar_that_was_ended_well_has_its_hot_rows_at_once_and_one_that_was_killed_is_ready_when_it_has() {
    let sidecar = Sidecar::start(&users(), &[]);
    let client = sidecar.client();
    write(&client, |id| id, client.now().unwrap());
    // Of two rows that share a bucket the second one comes with the second read.
    (0..2).for_each(|_| assert_eq!(visits(&client), wanted(|id| id)));
    let (directory, _) = ended(sidecar);
    let hot = |client: &Client| client.stats().unwrap().hot.unwrap();
    let sidecar = Sidecar::over(directory, &[]);
    let client = sidecar.client();
    assert_eq!(visits(&client), wanted(|id| id));
    let stats = hot(&client);
    assert!(stats.warming.is_over && stats.misses == 0, "{stats:?}");
    assert_eq!((stats.warming.rows, stats.rows, stats.hits), (50, 50, 50));
    client.flush().unwrap();
    let directory = sidecar.kill();
    let http = directory.path().join("http");
    let arguments = ["--http-socket", http.to_str().expect("a path"), "--ready-when-warm=10m"];
    let sidecar = Sidecar::over(directory, &arguments);
    let http = Target::Unix(http);
    let mut seen = Vec::new();
    assert!(eventually(|| {
        let reply = http.get("/readyz");
        let is_ready = reply.status == 200;
        seen.push(reply.json());
        is_ready
    }));
    let is_known = |body: &serde_json::Value| match body["status"].as_str() {
        Some("warming") => body["reason"].as_str().is_some_and(|reason| reason.starts_with("warming: ")),
        status => status == Some("ready"),
    };
    assert!(seen.iter().all(is_known), "{seen:?}");
    assert_eq!(seen.last(), Some(&json!({"status": "ready"})));
    let metrics = http.get("/metrics").text().to_owned();
    for line in ["asof_hot_table_warm 1", "asof_hot_table_returned_rows 50", "asof_hot_table_wanted_rows 50"] {
        assert!(metrics.lines().any(|one| one == line), "{line} in {metrics}");
    }
    assert_eq!((visits(&sidecar.client()), hot(&sidecar.client()).rows), (wanted(|id| id), 50));
}

#[test]
fn a_client_pins_the_rows_of_a_view_and_is_told_so() {
    let sidecar = Sidecar::start(&users(), &[]);
    let client = sidecar.client();
    let mut definitions = users();
    definitions.views[0].hot = HotPolicy::Pin;
    let plan = client.apply(&definitions, false).unwrap();
    assert_eq!(plan.changes[0].to_string(), "~ feature_view profile: hot auto -> pin");
    assert_eq!(client.catalog().unwrap().view("profile").unwrap().hot, HotPolicy::Pin);
    write(&client, |id| id, client.now().unwrap());
    let stats = client.stats().unwrap().hot.unwrap();
    assert_eq!((stats.rows, stats.pinned_rows, stats.misses), (50, 50, 0));
    assert_eq!(visits(&client), wanted(|id| id));
    assert_eq!(client.stats().unwrap().hot.unwrap().hits, 50);
}
