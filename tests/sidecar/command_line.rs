//! `asof --connect`: the commands say through a sidecar what they say of the store itself.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use arrow::array::RecordBatch;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;

use super::harness::Sidecar;
use crate::common::repository;

fn flights(file: &str) -> PathBuf {
    repository("examples/flights").join(file)
}

pub fn asof(place: &[&str], arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_asof"))
        .args(place)
        .args(arguments)
        .env_remove("ASOF_STORE")
        .output()
        .expect("asof")
}

pub fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).expect("text")
}

/// A directory with a store of the flights definitions and the weather.
fn with_weather() -> TempDir {
    let directory = TempDir::new().expect("a temporary directory");
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o700)).expect("its permissions");
    let store = directory.path().join("store");
    let place = ["--store", store.to_str().expect("a path")];
    text(&asof(&place, &["apply", flights("definitions.toml").to_str().expect("a path")]));
    text(&asof(&place, &["ingest", "airport_weather_v1", flights("weather.parquet").to_str().expect("a path")]));
    directory
}

/// A view that the flights do not have.
const MORE: &str = "[[feature_view]]\nname = \"more_v1\"\nentities = [\"airport\"]\n\
                    feature = [{ name = \"more\", type = \"int64\" }]\n";

fn parquet(path: &Path) -> Vec<RecordBatch> {
    let file = fs::File::open(path).expect("a file");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("a Parquet file").build().expect("a reader");
    reader.map(|batch| batch.expect("a batch")).collect()
}

#[test]
fn reading_commands_say_the_same_through_a_sidecar() {
    let directory = with_weather();
    let store = directory.path().join("store").to_str().expect("a path").to_owned();
    let airport = "airport=JFK";
    let more = directory.path().join("more.toml").to_str().expect("a path").to_owned();
    let defined = fs::read_to_string(flights("definitions.toml")).expect("definitions");
    fs::write(&more, format!("{defined}\n{MORE}")).expect("a file");
    let commands: [&[&str]; 10] = [
        &["views", "--format", "json"],
        &["describe", "airport_weather_v1", "--format", "json"],
        &["describe", "flight_delay_v1"],
        &["search", "weather", "--format", "csv"],
        &["get", "airport_weather_v1", "--entity", airport, "--at", "2013-06-01T12:00:00Z"],
        &["get", "airport_weather_v1:temp", "--entity", airport, "--entity", "airport=XXX", "--format", "json"],
        &["get", "airport_weather_v1", "--entity", airport, "--at", "2013-06-01", "--known-at", "2013-06-01"],
        &["history", "airport_weather_v1", "--entity", airport, "--limit", "7", "--format", "json"],
        &["verify", "--format", "json"],
        &["plan", &more, "--format", "markdown"],
    ];
    // A read as of now says when now was, a description how old events are by then, and a check how much it has read in
    // which time.
    let stable = |output: &Output| -> String {
        let varies = ["latest, as of", "  \"disk_bytes\"", "  \"seconds\"", "      \"age_", "      \"now\""];
        let is_stable =
            |line: &&str| !line.contains("newest event") && !varies.iter().any(|varying| line.starts_with(varying));
        let lines = text(output);
        let lines = lines.lines().filter(is_stable);
        lines.map(|line| format!("{line}\n")).collect()
    };
    let embedded: Vec<String> = commands.iter().map(|words| stable(&asof(&["--store", &store], words))).collect();
    let spine = flights("flights.parquet");
    let training = |place: &[&str], out: &Path| {
        let (spine, out) = (spine.to_str().expect("a path"), out.to_str().expect("a path"));
        let reference = "airport_weather_v1:*";
        text(&asof(place, &["training-set", reference, "--spine", spine, "--out", out, "--statuses"]));
    };
    let export = |place: &[&str], out: &Path| {
        let words = ["export", "airport_weather_v1", "--out", out.to_str().expect("a path"), "--format", "json"];
        text(&asof(place, &words));
    };
    let out = |name: &str| directory.path().join(name);
    training(&["--store", &store], &out("embedded.parquet"));
    export(&["--store", &store], &out("embedded"));

    let (embedded_set, embedded_export) = (parquet(&out("embedded.parquet")), out("embedded/part-00000.parquet"));
    let embedded_export = parquet(&embedded_export);
    let sidecar = Sidecar::over(directory, &[]);
    let socket = sidecar.socket().to_str().expect("a path").to_owned();
    let place = ["--connect", socket.as_str()];
    for (words, wanted) in commands.iter().zip(embedded) {
        assert_eq!(stable(&asof(&place, words)), wanted, "{words:?}");
    }
    let out = |name: &str| sidecar.directory.path().join(name);
    training(&place, &out("remote.parquet"));
    assert_eq!(parquet(&out("remote.parquet")), embedded_set);
    export(&place, &out("remote"));
    assert_eq!(parquet(&out("remote/part-00000.parquet")), embedded_export);
    let fresh = asof(&place, &["freshness", "airport_weather_v1", "--format", "json"]);
    assert_eq!(fresh.status.code(), Some(3), "weather of 2013 is stale");
    let stats: serde_json::Value =
        serde_json::from_str(&text(&asof(&place, &["stats", "--format", "json"]))).expect("JSON");
    let consumers = stats["consumers"].as_array().expect("what was asked");
    assert!(consumers.iter().any(|one| one["operation"] == "latest" && one["view"] == "airport_weather_v1"), "{stats}");
}

#[test]
fn files_are_ingested_through_a_sidecar_and_known_again() {
    let directory = with_weather();
    let sidecar = Sidecar::over(directory, &[]);
    let socket = sidecar.socket().to_str().expect("a path").to_owned();
    let place = ["--connect", socket.as_str()];
    let ingest = |view: &str, file: &str| {
        let output = asof(&place, &["ingest", view, flights(file).to_str().expect("a path"), "--format", "json"]);
        serde_json::from_str::<serde_json::Value>(&text(&output)).expect("JSON")
    };
    let planes = ingest("plane_v1", "planes.parquet");
    assert!(planes["rows_written"].as_u64() > Some(3_000), "{planes}");
    assert_eq!(ingest("plane_v1", "planes.parquet")["rows_written"], 0, "the same content is known");
    let weather = ingest("airport_weather_v1", "weather.parquet");
    assert_eq!(weather["rows_written"], 0, "also what was ingested without the sidecar");
    let words = ["delete", "plane_v1", "--entity", "tailnum=N14228"];
    text(&asof(&place, &words));
    let words = ["get", "plane_v1:year_built", "--entity", "tailnum=N14228", "--format", "json"];
    assert!(text(&asof(&place, &words)).contains("\"missing\""));
    let applied = asof(&place, &["apply", flights("definitions.toml").to_str().expect("a path"), "--format", "json"]);
    assert!(text(&applied).contains("[]") || text(&applied).contains("no change"), "{}", text(&applied));
}

#[test]
fn commands_that_need_the_directory_say_so() {
    for words in [&["serve", "--socket", "x"][..], &["restore", "x"], &["demo", "x"]] {
        let output = asof(&["--connect", "nowhere"], words);
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("leave --connect out"), "{said}");
    }
    let output = asof(&["--connect", "nowhere"], &["views"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("no sidecar listens on nowhere; start one: "), "{said}");
}

#[test]
fn who_reads_what_is_told_and_the_plan_says_who_would_miss_what_is_dropped() {
    let sidecar = Sidecar::over(with_weather(), &[]);
    let socket = sidecar.socket().to_str().expect("a path").to_owned();
    let place = ["--connect", socket.as_str()];
    let json = |arguments: &[&str]| -> serde_json::Value {
        serde_json::from_str(&text(&asof(&place, arguments))).expect("JSON")
    };
    for _ in 0..3 {
        text(&asof(&place, &["get", "airport_weather_v1:temp", "--entity", "airport=JFK"]));
    }
    let rows = json(&["usage", "airport_weather_v1", "--days", "1", "--format", "json"]);
    let [row] = rows.as_array().expect("a list").as_slice() else { panic!("one row: {rows}") };
    assert_eq!((&row["of"], &row["serving"]), (&"view".into(), &serde_json::json!({"calls": 3, "rows": 3})));
    assert_eq!(row["values"], serde_json::json!({"temp": 3}));
    let consumer = row["consumer"].as_str().expect("a name").to_owned();
    assert!(consumer.starts_with("uid:"), "{consumer}");
    let answers = json(&["answers", "airport_weather_v1", "--format", "json"]);
    let [row] = answers.as_array().expect("a list").as_slice() else { panic!("one row: {answers}") };
    assert_eq!((&row["consumer"], &row["last_1d"]["values"]), (&consumer.clone().into(), &3.into()));
    let csv = text(&asof(&place, &["answers", "--over", "1d", "--format", "csv"]));
    let header = "feature,consumer,values,present,null,missing,expired,defaulted";
    assert!(csv.starts_with(&format!("{header}\nairport_weather_v1:temp,{consumer},3,")), "{csv}");
    let csv = text(&asof(&place, &["usage", "--features", "--format", "csv"]));
    let line = format!("airport_weather_v1:temp,{consumer},view airport_weather_v1,3,");
    assert!(csv.starts_with("feature,consumer,through,values,last_read\n") && csv.contains(&line), "{csv}");
    let unused = text(&asof(&place, &["usage", "--unused", "--format", "csv"]));
    assert!(!unused.contains("airport_weather_v1\n") && unused.contains("service,flight_delay_v1\n"), "{unused}");

    let directory = TempDir::new().expect("a temporary directory");
    let none = directory.path().join("none.toml");
    fs::write(&none, "").expect("a file");
    let none = none.to_str().expect("a path");
    let planned = json(&["apply", none, "--plan", "--format", "json"]);
    let used = planned["used"].as_array().expect("a list");
    assert_eq!(used.iter().map(|used| &used["name"]).collect::<Vec<_>>(), ["airport_weather_v1"]);
    assert_eq!(used[0]["readers"][0]["calls"], 3);
    for names in ["--allow-drop", "--allow-drop=airport_weather_v10", "--allow-drop=flight_delay_v1"] {
        let refused = asof(&place, &["apply", none, names]);
        let error = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(error.contains(&format!("feature_view airport_weather_v1 by {consumer} (3 calls, last ")), "{error}");
    }
    text(&asof(&place, &["apply", none, "--allow-drop=airport_weather_v1"]));
}
