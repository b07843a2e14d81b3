//! Limits that change while a sidecar serves, and what they do to bulk work.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::{ArrayRef, Float32Array, Int64Array, StringArray};
use asofdb::{EntityRows, ErrorKind, ExportOptions, ExportRows, Prepared, Session};
use asofdb_client::{Client, ConnectOptions};
use rustix::process::Signal;
use tempfile::TempDir;

use super::harness::{Sidecar, eventually};
use crate::common::{batch, int, times, users};

/// Two rows of the view can be asked for, and no more for a long time.
const TWO_ROWS: &str = "[[view]]\nname = \"profile\"\nrows_per_second = 1\nrows_burst = 2\n";

/// A file of settings that only its owner can write.
fn file(directory: &TempDir, name: &str, text: &str) -> PathBuf {
    let path = directory.path().join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

fn named(sidecar: &Sidecar, consumer: &str) -> Client {
    let options = ConnectOptions { consumer: Some(consumer.to_owned()), ..ConnectOptions::default() };
    Client::connect_with(sidecar.socket(), options).unwrap()
}

fn rows(request: &Prepared, count: i64) -> EntityRows {
    let mut entities = request.entity_rows();
    (0..count).for_each(|id| entities.push(&[int(id)]).unwrap());
    entities
}

fn asof(sidecar: &Sidecar, words: &[&str]) -> Output {
    let socket = sidecar.socket();
    let mut command = Command::new(env!("CARGO_BIN_EXE_asof"));
    command.arg("--connect").arg(socket).args(words).env_remove("ASOF_STORE").output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn sighup_reads_the_limits_again_and_one_that_is_bad_leaves_those_in_force() {
    let directory = TempDir::new().unwrap();
    let path = file(&directory, "limits.toml", "");
    let sidecar = Sidecar::start(&users(), &["--limits", path.to_str().unwrap()]);
    let client = sidecar.client();
    let request = client.prepare(&["profile:visits"]).unwrap();
    client.latest(&request, &rows(&request, 100)).unwrap();
    let start = client.limits().unwrap();
    assert_eq!((start.limits.as_str(), start.by.as_str(), start.error), ("", "start", None));

    file(&directory, "limits.toml", TWO_ROWS);
    sidecar.signal(Signal::HUP);
    assert!(eventually(|| client.limits().unwrap().by == "SIGHUP"), "{}", sidecar.log());
    let refused = client.latest(&request, &rows(&request, 3)).unwrap_err();
    assert_eq!(refused.message(), "view \"profile\" may ask for 2 rows at once; split the request: 3");

    file(&directory, "limits.toml", "[default]\nrow_per_second = 1\n");
    sidecar.signal(Signal::HUP);
    assert!(eventually(|| client.limits().unwrap().error.is_some()), "{}", sidecar.log());
    let kept = client.limits().unwrap();
    assert_eq!(kept.limits, TWO_ROWS);
    let error = kept.error.unwrap();
    assert!(
        error
            .ends_with("limits.toml:2:1: the default has no key \"row_per_second\"; did you mean \"rows_per_second\"?"),
        "{error}"
    );
    assert!(client.latest(&request, &rows(&request, 3)).is_err());
    assert!(sidecar.log().contains("the limits file was refused, and the limits are as before"), "{}", sidecar.log());

    file(&directory, "limits.toml", "");
    sidecar.signal(Signal::HUP);
    assert!(eventually(|| client.limits().unwrap().error.is_none()), "{}", sidecar.log());
    client.latest(&request, &rows(&request, 100)).unwrap();
}

#[test]
fn sighup_reads_the_alerts_again_and_one_that_is_bad_leaves_those_in_force() {
    let directory = TempDir::new().unwrap();
    let alerts = |name: &str| format!("look_every = \"20ms\"\n[[command]]\nname = {name:?}\nargv = [\"/bin/true\"]\n");
    let path = file(&directory, "alerts.toml", &alerts("first"));
    let sidecar = Sidecar::start(&users(), &["--alerts", path.to_str().unwrap()]);
    let client = sidecar.client();
    let told = || client.alerts().unwrap().targets.into_iter().map(|target| target.target).collect::<Vec<_>>();
    assert_eq!(told(), ["first"]);
    file(&directory, "alerts.toml", "[[command]]\nname = \"no argv\"\n");
    sidecar.signal(Signal::HUP);
    assert!(eventually(|| sidecar.log().contains("the alerts file was refused: ")), "{}", sidecar.log());
    assert_eq!(told(), ["first"]);
    file(&directory, "alerts.toml", &alerts("second"));
    sidecar.signal(Signal::HUP);
    assert!(eventually(|| told() == ["second"]), "{}", sidecar.log());
}

#[test]
fn an_operator_changes_the_limits_of_requests_that_were_prepared_before() {
    let sidecar = Sidecar::start(&users(), &[]);
    let client = named(&sidecar, "ranker");
    let request = client.prepare(&["profile:visits"]).unwrap();
    let set = client.set_limits("[[consumer]]\nname = \"ranker\"\nrows_per_second = 1\nrows_burst = 4\n").unwrap();
    assert_eq!(set.by, format!("uid:{}", rustix::process::geteuid().as_raw()));
    let refused = client.latest(&request, &rows(&request, 5)).unwrap_err();
    assert_eq!(refused.message(), "consumer \"ranker\" may ask for 4 rows at once; split the request: 5");
    named(&sidecar, "other").latest(&request, &rows(&request, 5)).unwrap();
    let bad = client.set_limits("[[view]]\nname = \"profile\"\n").unwrap_err();
    let rule = "limits:1:1: a view is listed with a limit, or with latency_p99";
    assert_eq!((bad.kind(), bad.message()), (ErrorKind::Invalid, rule));
    assert_eq!(client.limits().unwrap(), set);
    // A consumer that has used up everything can still be let go.
    let none = "[default]\nrequests_per_second = 1\nrequests_burst = 1\n";
    client.set_limits(none).unwrap();
    assert!((0..3).any(|_| client.limits().is_err()), "one request a second");
    client.set_limits("").unwrap();
    client.latest(&request, &rows(&request, 5)).unwrap();
}

#[test]
fn limits_are_an_operators_to_change_and_everybodys_to_see() {
    let sidecar = Sidecar::start(&users(), &["--read-only"]);
    let client = sidecar.client();
    let error = client.set_limits("").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
    assert!(error.message().starts_with("changing the limits needs the role operator"), "{error}");
    assert_eq!(client.limits().unwrap().limits, "");
}

#[test]
fn the_command_line_shows_limits_and_changes_them() {
    let directory = TempDir::new().unwrap();
    let path = file(&directory, "limits.toml", TWO_ROWS);
    let sidecar = Sidecar::start(&users(), &[]);
    let shown = text(&asof(&sidecar, &["limits"]).stdout);
    assert!(shown.starts_with("there are no limits\n"), "{shown}");
    let applied = asof(&sidecar, &["limits", "apply", path.to_str().unwrap()]);
    assert_eq!(applied.status.code(), Some(0), "{}", text(&applied.stderr));
    assert!(text(&applied.stdout).starts_with(TWO_ROWS), "{}", text(&applied.stdout));
    let json: serde_json::Value =
        serde_json::from_slice(&asof(&sidecar, &["limits", "--format", "json"]).stdout).unwrap();
    assert_eq!((json["limits"].as_str(), json["error"].is_null()), (Some(TWO_ROWS), true));
    let bad = file(&directory, "bad.toml", "[default]\nrows_burst = 1\n");
    let refused = asof(&sidecar, &["limits", "apply", bad.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("rows_burst says nothing without rows_per_second"));
    let embedded = Command::new(env!("CARGO_BIN_EXE_asof")).arg("limits").output().unwrap();
    assert!(text(&embedded.stderr).contains("limits are a sidecar's; ask it with --connect SOCKET"));
}

fn write(client: &Client, count: i64) {
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..count));
    let now = client.now().unwrap();
    let columns = vec![
        ("user_id", ids.clone()),
        ("event_timestamp", times((0..count).map(|_| Some(now)))),
        ("score", Arc::new(Float32Array::from_iter_values((0..count).map(|n| n as f32))) as ArrayRef),
        ("visits", ids),
        ("name", Arc::new(StringArray::from_iter_values((0..count).map(|n| format!("{n}")))) as ArrayRef),
    ];
    client.write("profile", &batch(columns)).unwrap();
}

fn export(client: &Client, out: &Path) -> asofdb::Result<u64> {
    let options = ExportOptions { rows: ExportRows::Latest, ..ExportOptions::default() };
    client.export("profile", out, &options, &mut |_| {}).map(|manifest| manifest.rows)
}

#[test]
fn an_export_goes_at_the_pace_of_its_consumers_bytes_and_at_once_when_the_limit_goes() {
    let sidecar = Sidecar::start(&users(), &[]);
    let client = sidecar.client();
    write(&client, 50_000);
    client
        .set_limits("[[consumer]]\nname = \"slow\"\nanswered_bytes_per_second = 1\nanswered_bytes_burst = 20000\n")
        .unwrap();
    let (slow, directory) = (named(&sidecar, "slow"), TempDir::new().unwrap());
    let out = directory.path().join("slow");
    let exporting = std::thread::spawn(move || export(&slow, &out));
    let answered = |consumer: &str| {
        let of = |one: &asofdb_client::ConsumerReport| one.operation == "export" && one.consumer == consumer;
        client.consumers().unwrap().iter().filter(|one| of(one)).map(|one| one.answered_bytes).sum::<u64>()
    };
    assert!(eventually(|| answered("slow") > 0), "its first piece is sent at once");
    assert!(!exporting.is_finished(), "what it owes comes back in days");
    assert_eq!(export(&named(&sidecar, "quick"), &directory.path().join("quick")).unwrap(), 50_000);
    client.set_limits("").unwrap();
    assert_eq!(exporting.join().unwrap().unwrap(), 50_000);
    assert!(answered("slow") > 1_000_000, "{}", answered("slow"));
}

#[test]
fn bytes_that_were_written_are_owed_by_the_next_request() {
    let sidecar = Sidecar::start(&users(), &[]);
    let client = sidecar.client();
    client
        .set_limits("[[view]]\nname = \"profile\"\nwritten_bytes_per_second = 1\nwritten_bytes_burst = 10\n")
        .unwrap();
    write(&client, 10);
    let request = client.prepare(&["profile:visits"]).unwrap();
    let error = client.latest(&request, &rows(&request, 1)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limited);
    assert!(error.message().starts_with("view \"profile\" has used up its 1 bytes written a second; "), "{error}");
    let report = client.consumers().unwrap();
    let written = report.iter().find(|one| one.operation == "write").unwrap().written_bytes;
    assert!(written >= 10 * (8 + 8 + 4 + 8), "{written}");
}

#[test]
fn quantiles_up_to_the_thousandth_and_missed_objectives_are_told() {
    let sidecar = Sidecar::start(&users(), &[]);
    let client = named(&sidecar, "ranker");
    client.set_limits("[[consumer]]\nname = \"ranker\"\nlatency_p99 = \"1us\"\n").unwrap();
    let request = client.prepare(&["profile:visits"]).unwrap();
    (0..10).for_each(|_| drop(client.latest(&request, &rows(&request, 1_000)).unwrap()));
    let report = client.consumers().unwrap();
    let latest = report.iter().find(|one| one.operation == "latest").unwrap();
    assert_eq!((latest.requests, latest.over_consumer, latest.over_view), (10, 10, 0));
    assert!(latest.p50 <= latest.p99 && latest.p99 <= latest.p999, "{latest:?}");
    assert_eq!(latest.answered_bytes % 10, 0);
    let shown = text(&asof(&sidecar, &["stats"]).stdout);
    assert!(shown.contains(", p99.9 ") && shown.contains("10 over the latency objective"), "{shown}");
}

#[test]
fn bulk_work_with_the_least_share_pauses_for_reads_and_ends_although_they_never_do() {
    let sidecar = Sidecar::start(&users(), &["--bulk-share", "1"]);
    let (client, directory) = (sidecar.client(), TempDir::new().unwrap());
    write(&client, 20_000);
    let (reading, ended) = (sidecar.client(), AtomicBool::new(false));
    let exported = std::thread::scope(|scope| {
        scope.spawn(|| {
            let request = reading.prepare(&["profile:visits"]).unwrap();
            while !ended.load(Ordering::Relaxed) {
                reading.latest(&request, &rows(&request, 1)).unwrap();
            }
        });
        let exported = export(&client, &directory.path().join("out"));
        ended.store(true, Ordering::Relaxed);
        exported
    });
    assert_eq!(exported.unwrap(), 20_000);
}

/// The nice values of RocksDB's threads in a process.
fn niceness_of_background(sidecar: &Sidecar) -> Vec<i64> {
    let tasks = fs::read_dir(format!("/proc/{}/task", sidecar.child.id())).expect("a running process");
    let nice = |task: fs::DirEntry| {
        let stat = fs::read_to_string(task.path().join("stat")).ok()?;
        let (name, rest) = stat.split_once('(')?.1.rsplit_once(')')?;
        // The nice value is the nineteenth field, and two are before the rest.
        name.starts_with("rocksdb:").then(|| rest.split_whitespace().nth(16)?.parse().ok()).flatten()
    };
    tasks.filter_map(|task| nice(task.ok()?)).collect()
}

#[test]
fn threads_that_flush_and_compact_have_the_priority_that_they_are_given_and_others_theirs() {
    for (arguments, nice) in [(&[][..], 5), (&["--background-nice", "0"], 0), (&["--background-nice", "19"], 19)] {
        let sidecar = Sidecar::start(&users(), arguments);
        let found = niceness_of_background(&sidecar);
        assert!(!found.is_empty() && found.iter().all(|one| *one == nice), "{found:?} for {arguments:?}");
        write(&sidecar.client(), 10);
    }
}

#[test]
fn a_store_whose_flushes_are_limited_takes_and_keeps_what_is_written() {
    let sidecar = Sidecar::start(&users(), &["--background-io-max", "1MiB", "--bulk-share", "1"]);
    let (client, directory) = (sidecar.client(), TempDir::new().unwrap());
    write(&client, 5_000);
    client.flush().unwrap();
    client.compact().unwrap();
    assert_eq!(export(&client, &directory.path().join("out")).unwrap(), 5_000);
}

#[test]
fn an_ingest_in_steps_goes_at_the_pace_of_its_consumers_bytes_and_is_not_refused() {
    let sidecar = Sidecar::start(&users(), &[]);
    let client = sidecar.client();
    client.set_limits("[default]\nwritten_bytes_per_second = 1_000_000\nwritten_bytes_burst = 1\n").unwrap();
    let (directory, now) = (TempDir::new().unwrap(), client.now().unwrap());
    let row =
        |id| format!("{{\"user_id\":{id},\"event_timestamp\":\"{now}\",\"score\":1,\"visits\":1,\"name\":\"x\"}}\n");
    for name in ["a.ndjson", "b.ndjson"] {
        let path = file(&directory, name, &(0..1_000).map(row).collect::<String>());
        let done = asof(&sidecar, &["ingest", "profile", path.to_str().unwrap(), "--from-scratch"]);
        assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    }
}
