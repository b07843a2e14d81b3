//! Lineage: what commands read and write, as OpenLineage run events.

use serde_json::Value as Json;

use super::Cli;

const DEFINITIONS: &str = r#"
[[entity]]
name = "user"
join_keys = [{ name = "user_id", type = "int64" }]

[[feature_view]]
name = "ages"
entities = ["user"]
source = { path = "ages.csv" }
feature = [{ name = "age", type = "int64", description = "In years" }]

[[feature_service]]
name = "ranker"
features = ["ages:age"]
"#;

fn events(cli: &Cli) -> Vec<Json> {
    let text = std::fs::read_to_string(cli.path("events.ndjson")).expect("a file of events");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// Job, kind, inputs and outputs of an event.
fn told(event: &Json) -> (String, String, Vec<String>, Vec<String>) {
    let text = |value: &Json| value.as_str().expect("text").to_owned();
    let name = |dataset: &Json| text(&dataset["name"]).rsplit('/').next().expect("a name").to_owned();
    let names = |datasets: &Json| datasets.as_array().expect("a list").iter().map(name).collect();
    (text(&event["job"]["name"]), text(&event["eventType"]), names(&event["inputs"]), names(&event["outputs"]))
}

/// A directory in which everything was done that tells lineage.
fn after_everything() -> Cli {
    let cli = Cli::new();
    cli.write("features.toml", DEFINITIONS);
    cli.write("ages.csv", "user_id,event_timestamp,age\n1,2024-01-01T00:00:00Z,30\n");
    cli.write("bad.csv", "user_id,event_timestamp,age\n1,2024-01-01T00:00:00Z,old\n");
    cli.write("spine.csv", "user_id,event_timestamp\n1,2024-01-02T00:00:00Z\n");
    let tell = "--lineage events.ndjson --lineage-namespace prod";
    cli.succeeds(&format!("apply features.toml {tell}"));
    cli.succeeds(&format!("materialize {tell}"));
    cli.succeeds(&format!("ingest ages ages.csv {tell}"));
    cli.fails(1, &format!("ingest ages bad.csv {tell}"));
    cli.succeeds(&format!("export ages --out exported {tell}"));
    cli.succeeds(&format!("training-set ranker --spine spine.csv --out training.parquet {tell}"));
    cli
}

#[test]
fn what_is_read_and_written_is_told_at_its_start_and_at_its_end() {
    let cli = after_everything();
    let events = events(&cli);
    let lists = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let mut expected = Vec::new();
    for (job, end, inputs, outputs) in [
        ("apply", "COMPLETE", &[][..], &["ages"][..]),
        ("materialize.ages", "COMPLETE", &["ages.csv"], &["ages"]),
        ("ingest.ages", "COMPLETE", &["ages.csv"], &["ages"]),
        ("ingest.ages", "FAIL", &["bad.csv"], &["ages"]),
        ("export.ages", "COMPLETE", &["ages"], &["exported"]),
        ("training-set", "COMPLETE", &["spine.csv", "ages"], &["training.parquet"]),
    ] {
        for kind in ["START", end] {
            expected.push((job.to_owned(), kind.to_owned(), lists(inputs), lists(outputs)));
        }
    }
    assert_eq!(events.iter().map(told).collect::<Vec<_>>(), expected);
    for run in events.chunks(2) {
        assert_eq!(run[0]["run"]["runId"], run[1]["run"]["runId"], "one run");
    }
    let fields = &events[0]["outputs"][0]["facets"]["schema"]["fields"];
    assert_eq!(fields[0], serde_json::json!({"name": "user_id", "type": "int64"}));
    assert_eq!(fields[1], serde_json::json!({"name": "age", "type": "int64", "description": "In years"}));
    assert_eq!(events[0]["outputs"][0]["namespace"], "prod");
    let reason = events[7]["run"]["facets"]["errorMessage"]["message"].as_str().expect("a reason");
    assert!(reason.contains("bad.csv"), "{reason}");
}

#[test]
fn events_are_what_the_classes_of_the_specification_take() {
    let cli = after_everything();
    let file = cli.path("events.ndjson");
    crate::http::venv::run_script("lineage_check.py", &[file.to_str().expect("a path")]);
}

#[test]
fn lineage_that_cannot_be_told_keeps_nothing_from_being_done() {
    let cli = Cli::new();
    cli.write("features.toml", DEFINITIONS);
    let output = cli.run("apply features.toml --lineage none/events.ndjson");
    let said = String::from_utf8(output.stderr).expect("text");
    assert!(output.status.success(), "{said}");
    assert!(said.contains("notice: lineage was not told: cannot write none/events.ndjson"), "{said}");
    let said = cli.fails(1, "apply features.toml --lineage ftp://example.org");
    assert!(said.contains("url is an address that begins with https:// or http://"), "{said}");
    assert!(cli.succeeds("views").contains("ages"));
}
