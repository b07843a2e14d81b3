//! Feeds that a sidecar loads: when it is time, and when an operator asks.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use asofdb::{ErrorKind, FeedFiles, Session, Store, parse_definitions};
use serde_json::Value as Json;
use tempfile::TempDir;

use super::command_line::{asof, text};
use super::harness::{Sidecar, eventually};

const DEFINITIONS: &str = r#"
[[entity]]
name = "user"
join_keys = [{ name = "user_id", type = "int64" }]

[[feature_view]]
name = "ages"
entities = ["user"]
source = { path = "ages/*.csv", schedule = "every 1h" }
feature = [{ name = "age", type = "int64" }]

[[feature_view]]
name = "scores"
entities = ["user"]
source = { path = "scores.csv" }
feature = [{ name = "score", type = "int64" }]
"#;

/// A directory with a store, and sources of two views.
fn with_sources() -> TempDir {
    let directory = TempDir::new().expect("a temporary directory");
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).expect("its permissions");
    let definitions = parse_definitions(DEFINITIONS, "d.toml").expect("definitions");
    Store::open(directory.path().join("store")).expect("a store").apply(&definitions, false).expect("applied");
    let sources = directory.path().join("sources");
    fs::create_dir_all(sources.join("ages")).expect("a directory");
    write(&sources, "ages/a.csv", "user_id,event_timestamp,age\n1,2024-01-01T00:00:00Z,30\n");
    write(
        &sources,
        "scores.csv",
        "user_id,event_timestamp,score\n1,2024-01-01T00:00:00Z,5\n2,2024-01-01T00:00:00Z,6\n",
    );
    directory
}

fn write(sources: &Path, name: &str, text: &str) {
    fs::write(sources.join(name), text).expect("a file");
}

fn status(sidecar: &Sidecar, view: &str) -> &'static str {
    sidecar.client().feeds(&[view]).expect("feeds")[0].status()
}

#[test]
fn a_view_with_a_schedule_is_fed_when_it_is_time_and_others_when_an_operator_asks() {
    let directory = with_sources();
    let sources = directory.path().join("sources");
    let sidecar = Sidecar::over(directory, &["--sources", sources.to_str().expect("a path"), "--materialize"]);
    assert!(eventually(|| status(&sidecar, "ages") == "ok"), "{}", sidecar.log());
    // The log is written behind the note about the run.
    assert!(eventually(|| sidecar.log().contains("a feed was loaded")), "{}", sidecar.log());
    assert_eq!(status(&sidecar, "scores"), "never_ran");
    let socket = sidecar.socket().to_str().expect("a path").to_owned();
    let place = ["--connect", socket.as_str()];
    let csv = text(&asof(&place, &["materialize", "scores", "--format", "csv"]));
    let [head, row] = csv.lines().collect::<Vec<_>>()[..] else { panic!("{csv}") };
    assert_eq!(head, "view,began,ended,files,rows_read,rows_written,rows_rejected,error");
    assert!(row.starts_with("scores,") && row.ends_with(",1,2,2,0,"), "{row}");
    let runs: Json = serde_json::from_str(&text(&asof(&place, &["runs", "--format", "json"]))).expect("JSON");
    assert_eq!((&runs[0]["view"], &runs[0]["status"]), (&"ages".into(), &"ok".into()));
    assert_eq!((&runs[1]["schedule"], &runs[1]["runs"][0]["rows_written"]), (&Json::Null, &2.into()));
}

#[test]
fn a_feed_that_fails_is_told_by_the_exit_code_with_its_reason() {
    let directory = with_sources();
    let sources = directory.path().join("sources");
    write(&sources, "scores.csv", "user_id,event_timestamp,score\n1,2024-01-01T00:00:00Z,five\n");
    let sidecar = Sidecar::over(directory, &["--sources", sources.to_str().expect("a path")]);
    let socket = sidecar.socket().to_str().expect("a path").to_owned();
    let place = ["--connect", socket.as_str()];
    let failed = asof(&place, &["materialize", "--format", "json"]);
    assert_eq!(failed.status.code(), Some(3));
    let runs: Json = serde_json::from_slice(&failed.stdout).expect("JSON");
    assert_eq!((&runs[0]["view"], &runs[0]["rows_written"]), (&"ages".into(), &1.into()));
    let error = runs[1]["error"].as_str().expect("an error");
    assert!(error.contains("scores.csv") && error.contains("\"score\""), "{error}");
    let runs = asof(&place, &["runs", "scores", "--format", "csv"]);
    assert_eq!(runs.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&runs.stdout).contains(",0,0,0,0,"), "{runs:?}");
}

#[test]
fn a_sidecar_without_sources_loads_nothing_and_one_with_them_reads_no_others() {
    let none = Sidecar::over(with_sources(), &[]);
    let load = |sidecar: &Sidecar, files: &FeedFiles| sidecar.client().materialize(&[], files, &mut |_, _| {});
    let error = load(&none, &FeedFiles::default()).expect_err("it has no files");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(error.to_string(), "this sidecar loads no feeds: start it with --sources DIR");
    let others = FeedFiles { root: "/etc".into(), ..FeedFiles::default() };
    let error = load(&none, &others).expect_err("they are not its own");
    assert!(error.to_string().starts_with("a sidecar reads its own files, below the directory"), "{error}");
}

#[test]
fn the_lineage_of_feeds_is_told_on_schedule_and_when_an_operator_asks() {
    let directory = with_sources();
    let (sources, events) = (directory.path().join("sources"), directory.path().join("events.ndjson"));
    write(&sources, "scores.csv", "user_id,event_timestamp,score\n1,2024-01-01T00:00:00Z,five\n");
    let path = |path: &Path| path.to_str().expect("a path").to_owned();
    let lineage = ["--lineage", &path(&events), "--lineage-namespace", "prod"];
    let feeds = ["--sources", &path(&sources), "--materialize"];
    let sidecar = Sidecar::over(directory, &[&feeds[..], &lineage].concat());
    let told = || {
        let text = fs::read_to_string(&events).unwrap_or_default();
        let event = |line: &str| {
            let event: Json = serde_json::from_str(line).expect("JSON");
            assert_eq!(
                (&event["job"]["namespace"], &event["outputs"][0]["namespace"]),
                (&"prod".into(), &"prod".into())
            );
            format!("{} {}", event["job"]["name"], event["eventType"]).replace('"', "")
        };
        text.lines().map(event).collect::<Vec<_>>()
    };
    assert!(eventually(|| told().len() == 2), "{}", sidecar.log());
    let files = FeedFiles::default();
    let client = sidecar.client();
    assert!(client.materialize(&["scores"], &files, &mut |_, _| {}).expect("a run")[0].run.error.is_some());
    let expected =
        ["materialize.ages START", "materialize.ages COMPLETE", "materialize.scores START", "materialize.scores FAIL"];
    assert_eq!(told(), expected);
}
