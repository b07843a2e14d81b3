//! The command line: what each command prints, in exact JSON; exit codes; and one line for every error.

mod also_by;
mod computed;
mod describe;
mod disks;
mod limits;
mod lineage;
mod pages;
mod policy;
mod stages;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::common::repository;

const DEFINITIONS: &str = r#"
[[entity]]
name = "user"
join_keys = [{ name = "user_id", type = "int64" }]
description = "A customer"

[[entity]]
name = "basket"
join_keys = [{ name = "user_id", type = "int64" }, { name = "item", type = "string" }]

[[feature_view]]
name = "stats_v1"
entities = ["user"]
ttl = "2h"
created_timestamp = "created"
owner = "growth@example.org"
description = "What users did"
tags = { tier = "1" }
[[feature_view.feature]]
name = "score"
type = "float32"
description = "Likelihood to return"
[[feature_view.feature]]
name = "visits"
type = "int64"
default = 7
[[feature_view.feature]]
name = "city"
type = "string"
[[feature_view.feature]]
name = "embedding"
type = "list<float32>"

[[feature_view]]
name = "buys_v1"
entities = ["basket"]
[[feature_view.feature]]
name = "bought"
type = "timestamp"

[[feature_service]]
name = "model_v1"
owner = "models@example.org"
features = ["stats_v1:score", "buys_v1:*"]
"#;

const STATS: &str = r#"
{"user_id": 1, "event_timestamp": "2024-05-01T10:00:00Z", "created": "2024-05-01T10:00:01Z", "score": 39.02, "visits": 3, "city": "Oslo", "embedding": [0.1, 2.0]}
{"user_id": 1, "event_timestamp": "2024-05-01T11:00:00.000001Z", "created": "2024-05-01T11:30:00Z", "score": 0.0, "visits": null, "city": "", "embedding": []}
{"user_id": 2, "event_timestamp": "2024-05-01T10:00:00Z", "created": "2024-05-01T10:00:01Z", "score": null, "visits": 9007199254740993, "city": "a, \"b\"", "embedding": null}
"#;

const BUYS: &str = "user_id,item,event_timestamp,bought\n1,tea,2024-05-01T09:00:00Z,2024-04-30T23:59:59.5Z\n";

/// A directory in which commands run, with the store `asof-data`.
struct Cli {
    directory: TempDir,
}

impl Cli {
    /// Makes a directory without a store, but with files to make one.
    fn new() -> Self {
        let cli = Cli { directory: TempDir::new().unwrap() };
        cli.write("features.toml", DEFINITIONS);
        cli.write("stats.ndjson", STATS.trim_start());
        cli.write("buys.csv", BUYS);
        cli
    }

    /// Makes a directory with a store that holds the rows above.
    fn filled() -> Self {
        let cli = Cli::new();
        cli.succeeds("apply features.toml");
        cli.succeeds("ingest stats_v1 stats.ndjson");
        cli.succeeds("ingest buys_v1 buys.csv");
        cli
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_asof"));
        command.current_dir(self.directory.path()).env_remove("ASOF_STORE").args(line.split_whitespace());
        command
    }

    fn run(&self, line: &str) -> Output {
        self.command(line).output().unwrap()
    }

    fn ends(&self, code: i32, line: &str) -> String {
        let output = self.run(line);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{line}: {stderr}");
        assert_eq!(stderr, "", "{line}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn succeeds(&self, line: &str) -> String {
        self.ends(0, line)
    }

    fn json(&self, line: &str) -> Json {
        serde_json::from_str(&self.succeeds(&format!("{line} --format json"))).unwrap()
    }

    /// The one line of the error.
    #[track_caller]
    fn fails(&self, code: i32, line: &str) -> String {
        let output = self.run(line);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{line}: {stderr}");
        assert_eq!(String::from_utf8(output.stdout).unwrap(), "", "{line}");
        let message = stderr.strip_prefix("asof: error: ").and_then(|message| message.strip_suffix('\n'));
        let message = message.unwrap_or_else(|| panic!("{line}: {stderr:?}"));
        assert!(!message.contains('\n'), "{line}: {message}");
        message.to_owned()
    }

    /// Fails with all of `parts` in the message, and leaves the store as it is.
    #[track_caller]
    fn refuses(&self, line: &str, parts: &[&str]) {
        let before = self.content();
        let message = self.fails(1, line);
        for part in parts {
            assert!(message.contains(part), "{line}: {part:?} is not in {message:?}");
        }
        assert_eq!(self.content(), before, "{line}");
    }

    /// All that is in the store.
    fn content(&self) -> [String; 5] {
        let history = |line: &str| self.succeeds(&format!("history {line} --format csv"));
        [
            self.succeeds("views --format json"),
            history("stats_v1 --entity user_id=1"),
            history("stats_v1 --entity user_id=2"),
            history("stats_v1 --entity user_id=3"),
            history("buys_v1 --entity user_id=1,item=tea"),
        ]
    }
}

#[test]
fn the_version_names_rocksdb_and_the_formats() {
    let version = env!("CARGO_PKG_VERSION");
    let expected = format!("asof {version}\nRocksDB 11.8.1\nstore format 1\nprotocol 1\nexport format 1\n");
    let cli = Cli::new();
    assert_eq!(cli.succeeds("--version"), expected);
    assert_eq!(cli.succeeds("-V"), format!("asof {version}\n"));
}

#[test]
fn every_shell_has_completions_and_every_command_a_man_page() {
    let cli = Cli::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = cli.succeeds(&format!("completions {shell}"));
        for word in ["training-set", "spine", "freshness", "connect"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    assert!(cli.fails(2, "completions cmd").contains("'cmd'"));
    assert_eq!(cli.succeeds("man pages/man1"), "");
    let page = |name: &str| fs::read_to_string(cli.path("pages/man1").join(name)).unwrap();
    assert!(page("asof.1").starts_with(".ie"), "{}", page("asof.1"));
    assert!(page("asof-training-set.1").contains("\\-\\-spine"));
    assert!(cli.fails(1, "man features.toml").starts_with("cannot write man pages into features.toml: "));
}

#[test]
fn apply_prints_a_plan_and_does_it() {
    let cli = Cli::new();
    let planned = cli.json("apply features.toml --plan");
    assert_eq!(planned["applied"], false);
    assert!(!cli.path("asof-data").exists(), "a plan makes no store");
    let applied = cli.json("apply features.toml");
    assert_eq!(applied["applied"], true);
    assert_eq!(applied["changes"], planned["changes"]);
    let names: Vec<_> = applied["changes"].as_array().unwrap().iter().map(|change| &change["name"]).collect();
    assert_eq!(names, ["user", "basket", "stats_v1", "buys_v1", "model_v1"]);
    let first = json!({"change": "create", "what": "entity", "name": "user", "details": ["user_id int64"]});
    assert_eq!(applied["changes"][0], first);
    assert_eq!(cli.succeeds("apply features.toml"), "nothing to do: everything is as defined already\n");
}

#[test]
fn plan_changes_nothing_and_its_exit_code_tells_if_a_permission_is_needed() {
    let cli = Cli::new();
    let planned = cli.json("plan features.toml");
    assert!(!cli.path("asof-data").exists(), "a plan makes no store");
    assert_eq!(planned, cli.json("apply features.toml --plan"));
    cli.succeeds("apply features.toml");
    assert_eq!(cli.succeeds("plan features.toml"), "nothing to do: everything is as defined already\n");
    let service = DEFINITIONS.find("[[feature_service]]").unwrap();
    cli.write("fewer.toml", DEFINITIONS[..service].replace("ttl = \"2h\"", "ttl = \"3h\""));
    let markdown = cli.ends(3, "plan fewer.toml --format markdown");
    let expected = "### Plan: 2 changes\n\n| change | what | name | details |\n| --- | --- | --- | --- |\n\
        | change | feature\\_view | stats\\_v1 | ttl 2h -&gt; 3h |\n| drop | feature\\_service | model\\_v1 |  |\n\
        \n#### Dropped, with the data\n\n- feature\\_service model\\_v1\n";
    assert_eq!(markdown, expected);
    assert!(cli.ends(3, "plan fewer.toml").ends_with("2 changes planned, nothing done; 1 drop needs --allow-drop\n"));
    assert_eq!(cli.json("describe stats_v1")["ttl"], "2h");
    assert!(cli.fails(1, "plan nothing.toml").contains("nothing.toml"));
}

#[test]
fn apply_shows_changes_and_drops_only_what_it_may() {
    let cli = Cli::filled();
    let changed = DEFINITIONS.replace("ttl = \"2h\"", "ttl = \"3h\"");
    let service = changed.find("[[feature_service]]").unwrap();
    cli.write("fewer.toml", &changed[..service]);
    cli.refuses("apply fewer.toml", &["--allow-drop", "feature_service model_v1"]);
    let plan = cli.succeeds("apply fewer.toml --plan");
    assert!(plan.contains("│ ~ │ feature_view    │ stats_v1 │ ttl 2h -> 3h"), "{plan}");
    assert!(plan.contains("│ - │ feature_service │ model_v1 │"), "{plan}");
    assert!(plan.contains("2 changes planned, nothing done; 1 drop needs --allow-drop"), "{plan}");
    assert!(cli.succeeds("apply fewer.toml --allow-drop").ends_with("2 changes applied\n"));
    assert_eq!(cli.json("describe stats_v1")["ttl"], "3h");
    cli.refuses("describe model_v1", &["no feature view or service is named \"model_v1\""]);
}

#[test]
fn get_gives_values_with_statuses_in_exact_json() {
    let cli = Cli::filled();
    let get = |at: &str| cli.json(&format!("get stats_v1 --entity user_id=1 --at {at}"));
    let ten = "2024-05-01T10:00:00Z";
    let feature =
        |value: Json, status: &str, event: &str| json!({"value": value, "status": status, "event_timestamp": event});
    let expected = json!([{"entity": {"user_id": 1}, "features": {
        "stats_v1:score": feature(json!(39.02), "present", ten),
        "stats_v1:visits": feature(json!(3), "present", ten),
        "stats_v1:city": feature(json!("Oslo"), "present", ten),
        "stats_v1:embedding": feature(json!([0.1, 2.0]), "present", ten),
    }}]);
    assert_eq!(get(ten), expected);
    let eleven = "2024-05-01T11:00:00.000001Z";
    let defaulted =
        |status: &str, event: Json| json!({"value": 7, "status": status, "event_timestamp": event, "defaulted": true});
    let found = get("2024-05-01T13:00:00.000001Z");
    let features = &found[0]["features"];
    assert_eq!(features["stats_v1:score"], feature(json!(0.0), "present", eleven), "exactly ttl old is valid");
    assert_eq!(features["stats_v1:visits"], defaulted("null", json!(eleven)));
    assert_eq!(features["stats_v1:city"], feature(json!(""), "present", eleven));
    let found = get("2024-05-01T13:00:00.000002Z");
    assert_eq!(found[0]["features"]["stats_v1:score"], feature(Json::Null, "expired", eleven));
    assert_eq!(found[0]["features"]["stats_v1:visits"], defaulted("expired", json!(eleven)));
    let found = get("2024-05-01");
    assert_eq!(found[0]["features"]["stats_v1:visits"], defaulted("missing", Json::Null));
    let missing = json!({"value": null, "status": "missing", "event_timestamp": null});
    assert_eq!(found[0]["features"]["stats_v1:score"], missing);
}

#[test]
fn get_reads_the_latest_and_what_was_known() {
    let cli = Cli::filled();
    let latest = cli.json("get stats_v1:score --entity user_id=1");
    assert_eq!(latest[0]["features"]["stats_v1:score"]["status"], "expired");
    let known =
        cli.json("get stats_v1:score --entity user_id=1 --at 2024-05-01T11:10:00Z --known-at 2024-05-01T11:29:59Z");
    assert_eq!(known[0]["features"]["stats_v1:score"]["value"], json!(39.02));
    let known = cli.json("get stats_v1:score --entity user_id=1 --at 2024-05-01T11:10:00Z --known-at now");
    assert_eq!(known[0]["features"]["stats_v1:score"]["value"], json!(0.0));
}

#[test]
fn get_takes_several_entities_and_a_service() {
    let cli = Cli::filled();
    let line = "get model_v1 --entity item=tea,user_id=1 --entity user_id=2,item=tea --at 2024-05-01T10:30:00Z";
    let found = cli.json(line);
    let bought =
        json!({"value": "2024-04-30T23:59:59.500000Z", "status": "present", "event_timestamp": "2024-05-01T09:00:00Z"});
    assert_eq!(found[0]["entity"].to_string(), r#"{"user_id":1,"item":"tea"}"#);
    assert_eq!(found[0]["features"]["buys_v1:bought"], bought);
    assert_eq!(found[1]["features"]["stats_v1:score"]["status"], "null");
    assert_eq!(found[1]["features"]["buys_v1:bought"]["status"], "missing");
}

#[test]
fn get_prints_csv_and_tables() {
    let cli = Cli::filled();
    let line = "get stats_v1:visits stats_v1:city --entity user_id=1 --entity user_id=2 --at 2024-05-01T11:30:00Z";
    let csv = "\
user_id,feature,value,status,defaulted,event_timestamp
1,stats_v1:visits,7,null,true,2024-05-01T11:00:00.000001Z
1,stats_v1:city,\"\",present,false,2024-05-01T11:00:00.000001Z
2,stats_v1:visits,9007199254740993,present,false,2024-05-01T10:00:00Z
2,stats_v1:city,\"a, \"\"b\"\"\",present,false,2024-05-01T10:00:00Z
";
    assert_eq!(cli.succeeds(&format!("{line} --format csv")), csv);
    let table = cli.succeeds(line);
    assert!(table.contains("│ 1       │ stats_v1:visits │      7 (default) │ null    │"), "{table}");
    assert!(table.contains("│         │ stats_v1:city   │                  │ present │"), "{table}");
    assert!(table.contains("1h 30m │"), "{table}");
    assert!(table.ends_with("as of 2024-05-01T11:30:00Z\n"), "{table}");
    assert!(!table.contains('\u{1b}'), "no colours where there is no terminal");
    let one = cli.succeeds("get buys_v1 --entity item=tea,user_id=1");
    assert!(one.starts_with("user_id=1, item=tea\n╭"), "{one}");
    assert!(!one.contains("│ user_id"), "{one}");
}

#[test]
fn every_format_prints_times_that_were_stored_in_utc() {
    let cli = Cli::filled();
    let get = "get buys_v1 --entity user_id=1,item=tea";
    let csv = "\
user_id,item,feature,value,status,defaulted,event_timestamp
1,tea,buys_v1:bought,2024-04-30T23:59:59.500000Z,present,false,2024-05-01T09:00:00Z
";
    assert_eq!(cli.succeeds(&format!("{get} --format csv")), csv);
    assert!(cli.succeeds(get).contains("│ 2024-04-30T23:59:59.500000Z │"));
    let history = cli.succeeds("history buys_v1 --entity user_id=1,item=tea --format csv");
    assert!(
        history.starts_with("event_timestamp,created_timestamp,deleted,bought\n2024-05-01T09:00:00Z,"),
        "{history}"
    );
    assert!(history.ends_with("Z,false,2024-04-30T23:59:59.500000Z\n"), "{history}");
    let fresh = cli.succeeds("freshness buys_v1 --format csv");
    assert!(fresh.contains("\nbuys_v1,fresh,2024-05-01T09:00:00Z,"), "{fresh}");
}

#[test]
fn history_lists_versions_newest_first_with_deletions() {
    let cli = Cli::filled();
    cli.succeeds("delete stats_v1 --entity user_id=1 --at 2024-05-02");
    let rows = cli.json("history stats_v1 --entity user_id=1");
    assert_eq!(rows[0]["event_timestamp"], "2024-05-02T00:00:00Z");
    assert_eq!((&rows[0]["deleted"], &rows[0]["values"]), (&json!(true), &json!({})));
    let second = json!({
        "event_timestamp": "2024-05-01T11:00:00.000001Z",
        "created_timestamp": "2024-05-01T11:30:00Z",
        "deleted": false,
        "values": {"score": 0.0, "visits": null, "city": "", "embedding": []},
    });
    assert_eq!(rows[1], second);
    assert_eq!(rows.as_array().unwrap().len(), 3);
    let csv = cli.succeeds("history stats_v1 --entity user_id=2 --format csv");
    let expected = "\
event_timestamp,created_timestamp,deleted,score,visits,city,embedding
2024-05-01T10:00:00Z,2024-05-01T10:00:01Z,false,,9007199254740993,\"a, \"\"b\"\"\",
";
    assert_eq!(csv, expected);
    assert!(cli.succeeds("history stats_v1 --entity user_id=1 --limit 2").ends_with("2 versions\n"));
    assert_eq!(cli.json("history stats_v1 --entity user_id=9"), json!([]));
}

#[test]
fn ingest_tells_what_it_did_and_resumes() {
    let cli = Cli::new();
    cli.succeeds("apply features.toml");
    let first = cli.json("ingest stats_v1 stats.ndjson");
    for (name, figure) in [("rows_read", 3), ("rows_written", 3), ("rows_rejected", 0), ("rows_resumed", 0)] {
        assert_eq!(first[name], figure, "{name}");
    }
    let again = cli.succeeds("ingest stats_v1 stats.ndjson");
    assert!(again.contains("3 rows were done by an earlier run"), "{again}");
    assert_eq!(cli.json("ingest stats_v1 stats.ndjson --from-scratch")["rows_written"], 3);
    assert_eq!(cli.json("history stats_v1 --entity user_id=1").as_array().unwrap().len(), 2);
    cli.write("more.txt", "{\"user_id\": 3, \"event_timestamp\": \"2024-05-01T10:00:00Z\", \"created\": null, \"score\": 1.0, \"visits\": 1, \"city\": \"\", \"embedding\": []}\n");
    let piped = fs::File::open(cli.path("more.txt")).unwrap();
    let output = cli.command("ingest stats_v1 - --input-format ndjson").stdin(piped).output().unwrap();
    assert!(
        String::from_utf8(output.stdout).unwrap().starts_with("read 1 row into stats_v1: 1 written, 0 rejected, in ")
    );
    assert_eq!(cli.json("history stats_v1 --entity user_id=3").as_array().unwrap().len(), 1);
}

#[test]
fn rejects_are_set_aside_and_counted() {
    let cli = Cli::filled();
    cli.write(
        "some.csv",
        "user_id,item,event_timestamp,bought\n2,tea,2024-05-01T09:00:00Z,\n,tea,2024-05-01T09:00:00Z,\n",
    );
    cli.refuses("ingest buys_v1 some.csv", &["buys_v1", "some.csv", "null"]);
    let report = cli.json("ingest buys_v1 some.csv --rejects bad.ndjson");
    assert_eq!((&report["rows_written"], &report["rows_rejected"]), (&json!(1), &json!(1)));
    assert!(fs::read_to_string(cli.path("bad.ndjson")).unwrap().contains("null"));
}

#[test]
fn csv_may_have_another_delimiter() {
    let cli = Cli::filled();
    let text = "user_id;item;event_timestamp;bought\n2;\"tea; green\";2024-05-01T09:00:00Z;\n";
    cli.write("some.csv", text);
    cli.refuses("ingest buys_v1 some.csv", &["some.csv", "delimiter", "\";\""]);
    let report = cli.json("ingest buys_v1 some.csv --delimiter ;");
    assert_eq!(report["rows_written"], 1);
    cli.write("some.tsv", text.replace(';', "\t"));
    assert_eq!(cli.json("ingest buys_v1 some.tsv")["rows_written"], 1);
    cli.write("spine.csv", "user_id|item|event_timestamp\n2|\"tea; green\"|2024-05-02\n");
    let report = cli.json("training-set buys_v1 --spine spine.csv --delimiter | --out t.parquet");
    assert_eq!((&report["rows"], &report["features"]["buys_v1:bought"]["null"]), (&json!(1), &json!(1)));
}

#[test]
fn training_sets_count_statuses() {
    let cli = Cli::filled();
    cli.write(
        "spine.csv",
        "user_id,item,at,label\n1,tea,2024-05-01T10:00:00Z,1\n2,tea,2024-05-01T10:00:00Z,0\n,tea,2024-05-01,0\n",
    );
    let mut report =
        cli.json("training-set model_v1 stats_v1:visits --spine spine.csv --event-timestamp at --out t.parquet");
    assert!(report["seconds"].as_f64().is_some());
    report.as_object_mut().unwrap().remove("seconds");
    let counts = |present: u64, nulls: u64, missing: u64| json!({"present": present, "null": nulls, "missing": missing, "expired": 0});
    let expected = json!({
        "out": "t.parquet",
        "rows": 3,
        "null_rows": 1,
        "features": {
            "stats_v1:score": counts(1, 1, 1),
            "buys_v1:bought": counts(1, 0, 2),
            "stats_v1:visits": counts(2, 0, 1),
        },
    });
    assert_eq!(report, expected);
    cli.refuses(
        "training-set model_v1 --spine spine.csv --event-timestamp at --out t.parquet",
        &["t.parquet", "exists"],
    );
    let unknown = "training-set model_v1 --spine spine.csv --event-timestamp when --out u.parquet";
    cli.refuses(unknown, &["when"]);
    assert!(!cli.path("u.parquet").exists());
}

#[test]
fn exports_print_their_manifest() {
    let cli = Cli::filled();
    let manifest = cli.json("export stats_v1 --out all --partition-by month --compression snappy");
    assert_eq!((&manifest["view"], &manifest["rows"]), (&json!("stats_v1"), &json!(3)));
    assert_eq!(manifest["event_min"], "2024-05-01T10:00:00Z");
    let path = manifest["files"][0]["path"].as_str().unwrap();
    assert!(path.starts_with("event_month=2024-05/"), "{path}");
    assert!(cli.path("all").join(path).is_file());
    assert_eq!(cli.json("export stats_v1 --out as-of --as-of 2024-05-01T12:00:00Z")["rows"], 2);
    assert_eq!(cli.json("export stats_v1 --out some --from 2024-05-01T11:00:00Z --to now")["rows"], 1);
    assert!(cli.succeeds("export buys_v1 --out buys --latest").starts_with("exported 1 row to buys: 1 file, "));
    cli.refuses("export stats_v1 --out all", &["all", "exists"]);
    let usage = cli.fails(2, "export stats_v1 --out x --latest --as-of now");
    assert!(usage.contains("cannot be used with"), "{usage}");
}

#[test]
fn the_catalog_is_listed_described_and_searched() {
    let cli = Cli::filled();
    let views = cli.json("views");
    assert_eq!(views[1]["name"], "stats_v1");
    let mut described = cli.json("describe stats_v1");
    let known = described.as_object_mut().and_then(|described| described.remove("known"));
    assert_eq!((views[1].clone(), known.is_some()), (described, true));
    let score =
        json!({"name": "score", "type": "float32", "default": null, "description": "Likelihood to return", "tags": {}});
    assert_eq!(views[1]["features"][0], score);
    assert_eq!(
        views[0]["join_keys"],
        json!([{"name": "user_id", "type": "int64"}, {"name": "item", "type": "string"}])
    );
    assert_eq!((&views[1]["ttl"], &views[0]["ttl"]), (&json!("2h"), &Json::Null));
    assert!(cli.succeeds("views").ends_with("services: model_v1\n"));
    let text = cli.succeeds("describe stats_v1");
    for part in ["feature view stats_v1", "ttl                2h", "growth@example.org", "list<float32>", "7"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(cli.json("describe model_v1")["features"], json!(["stats_v1:score", "buys_v1:*"]));
    assert!(cli.succeeds("describe model_v1").contains("buys_v1:bought"));
    assert_eq!(cli.json("describe user")["kind"], "entity");
}

#[test]
fn a_plan_warns_of_a_new_feature_that_is_likely_there_already() {
    let cli = Cli::filled();
    let more = "\n[[feature_view]]\nname = \"seen_v1\"\nentities = [\"user\"]\n\
                feature = [{ name = \"user_visit\", type = \"int32\" }]\n";
    cli.write("more.toml", format!("{DEFINITIONS}{more}"));
    let text = cli.succeeds("apply more.toml --plan");
    let warning = "warning: seen_v1:user_visit and stats_v1:visits may be the same feature: the names are alike, and \
                   there are no values to compare\n1 change planned, nothing done\n";
    assert!(text.ends_with(warning), "{text}");
    let applied = cli.json("apply more.toml");
    assert_eq!(applied["likely_duplicates"][0]["relation"], "named");
    assert_eq!(cli.json("apply more.toml"), json!({"applied": true, "changes": []}), "nothing is new");
    assert_eq!(cli.json("duplicates"), applied["likely_duplicates"], "there are no values to compare yet");
    assert_eq!(cli.succeeds("duplicates buys_v1"), "no two features are likely the same thing\n");
}

#[test]
fn the_catalog_is_written_as_pages() {
    let cli = Cli::filled();
    assert_eq!(cli.succeeds("docs --out catalog"), "wrote 15 files to catalog\n");
    let page = fs::read_to_string(cli.path("catalog/views/stats_v1.html")).unwrap();
    assert!(page.contains("<h1>stats_v1</h1><p>What users did</p>"), "{page}");
    cli.refuses("docs --out catalog", &["catalog", "exists"]);
    assert_eq!(cli.json("docs --out again"), json!({"out": "again", "files": 15}));
}

#[test]
fn the_catalog_is_searched_by_words_and_filters() {
    let cli = Cli::filled();
    let names = |line: &str| -> Vec<String> {
        let hits = cli.json(&format!("search {line}"));
        hits.as_array().unwrap().iter().map(|hit| hit["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(cli.json("search RETURN likely"), json!([]));
    let hits = cli.json("search RETURN likelihood");
    assert_eq!(
        hits,
        json!([{
            "kind": "feature", "name": "stats_v1:score", "description": "Likelihood to return",
            "score": hits[0]["score"],
            "matched": [
                {"word": "return", "found": "return", "in": "description", "how": "exact"},
                {"word": "likelihood", "found": "likelihood", "in": "description", "how": "exact"},
            ],
        }])
    );
    assert_eq!(names("visi"), ["stats_v1:visits"]);
    assert_eq!(names("lieklihood"), ["stats_v1:score"]);
    assert_eq!(names("tag:tier=1 kind:view"), ["stats_v1"]);
    assert_eq!(names("tag:tier type:int64"), ["stats_v1:visits"], "a feature has the tags of its view");
    assert_eq!(names("entity:basket kind:feature"), ["buys_v1:bought"]);
    assert_eq!(names("owner:growth* --limit 1"), ["stats_v1"]);
    assert_eq!(cli.json("search owner:growth*").as_array().unwrap().len(), 5);
    assert_eq!(names("stats_v1:score")[0], "stats_v1:score", "a reference is words");
    assert_eq!(cli.succeeds("search nothing-like-it"), "nothing matches\n");
    let text = cli.succeeds("search custmer");
    assert!(text.contains("description (customer)"), "{text}");
    let error = cli.fails(1, "search taem:growth");
    assert!(error.starts_with("there is no filter \"taem\"; filters are team, owner, "), "{error}");
    assert!(error.ends_with("did you mean \"team\"?"), "{error}");
    assert!(cli.fails(1, "search type:flaot32").contains("a type is bool, int32"));
    cli.fails(2, "search score --limit 0");
}

#[test]
fn deletions_keep_the_past_and_erasures_give_a_receipt() {
    let cli = Cli::filled();
    let deleted = cli.json("delete --all-views --entity user_id=1 --at 2024-05-01T10:30:00Z");
    assert_eq!((&deleted["views"], &deleted["entity"]), (&json!(["stats_v1"]), &json!({"user_id": 1})));
    let status = |at: &str| {
        cli.json(&format!("get stats_v1:score --entity user_id=1 --at {at}"))[0]["features"]["stats_v1:score"]["status"]
            .clone()
    };
    assert_eq!((status("2024-05-01T10:29:00Z"), status("2024-05-01T10:30:00Z")), (json!("present"), json!("missing")));
    let receipt = cli.json("erase --all-views --entity user_id=1");
    assert_eq!((&receipt["entity"], &receipt["not_covered"]), (&json!({"user_id": 1}), &json!(["buys_v1"])));
    assert_eq!((&receipt["erased"][0]["view"], &receipt["erased"][0]["versions"]), (&json!("stats_v1"), &json!(3)));
    assert!(receipt["erased"][0]["bytes"].as_u64().unwrap() > 0);
    assert_eq!(cli.json("history stats_v1 --entity user_id=1"), json!([]));
    assert_eq!(cli.json("history stats_v1 --entity user_id=2").as_array().unwrap().len(), 1);
    let text = cli.succeeds("erase buys_v1 --entity user_id=1,item=tea");
    assert!(text.ends_with("erased 1 version\n"), "{text}");
    cli.refuses("erase --all-views --entity item=tea", &["no view has exactly these join keys", "item"]);
    assert!(cli.fails(2, "erase --entity user_id=1").contains("--all-views"));
    assert!(cli.fails(2, "erase stats_v1 --all-views --entity user_id=1").contains("cannot be used with"));
}

#[test]
fn freshness_ends_with_3_when_a_view_is_stale() {
    let cli = Cli::filled();
    let text = cli.ends(3, "freshness");
    assert!(text.contains("stale") && text.contains("1 view is not as fresh as promised"), "{text}");
    let views: Json = serde_json::from_str(&cli.ends(3, "freshness stats_v1 --format json")).unwrap();
    assert_eq!((&views[0]["status"], &views[0]["objective"]["stale"]), (&json!("stale"), &json!("2h")));
    assert_eq!(views[0]["newest_event_timestamp"], "2024-05-01T11:00:00Z", "the minute of the newest event");
    assert_eq!((&views[0]["entities"], &views[0]["share_over_stale"]), (&json!(2), &json!(1.0)));
    let text = cli.ends(3, "freshness --exact");
    assert!(text.contains("1 view is older than the ttl"), "{text}");
    let views: Json = serde_json::from_str(&cli.ends(3, "freshness stats_v1 --exact --format json")).unwrap();
    assert_eq!((&views[0]["stale"], &views[0]["ttl_seconds"]), (&json!(true), &json!(7200.0)));
    assert_eq!(views[0]["newest_event_timestamp"], "2024-05-01T11:00:00.000001Z");
    assert_eq!((&views[0]["entities"], &views[0]["expired_entities"]), (&json!(2), &json!(2)));
    assert_eq!(cli.json("freshness buys_v1")[0]["stale"], false, "no ttl, never stale");
    let now = asofdb::Clock::now(&asofdb::SystemClock);
    cli.write("new.ndjson", format!("{{\"user_id\": 4, \"event_timestamp\": \"{now}\", \"created\": null, \"score\": 1.0, \"visits\": 1, \"city\": \"x\", \"embedding\": []}}\n"));
    cli.succeeds("ingest stats_v1 new.ndjson");
    let views = cli.json("freshness");
    assert_eq!((&views[1]["status"], &views[1]["entities"]), (&json!("fresh"), &json!(3)));
    let views = cli.json("freshness --exact");
    assert_eq!(
        (&views[1]["stale"], &views[1]["entities"], &views[1]["expired_entities"]),
        (&json!(false), &json!(3), &json!(2))
    );
    cli.fails(2, "freshness --exact --watch");
    cli.fails(2, "freshness --watch 0");
}

#[test]
fn a_store_is_measured_compacted_copied_and_restored() {
    let cli = Cli::filled();
    let stats = cli.json("stats");
    let names: Vec<_> = stats["families"].as_array().unwrap().iter().map(|family| &family["name"]).collect();
    assert_eq!(names, ["catalog", "latest", "history", "events", "tiles"]);
    assert_eq!(stats["families"][2]["rows_estimate"], 4);
    let id = stats["store_id"].as_str().unwrap();
    assert!(cli.succeeds("stats").contains(&format!("store {id}\n")));
    assert!(cli.succeeds("compact").starts_with("compacted: "));
    let verified = cli.json("verify");
    assert_eq!(
        [&verified["versions"], &verified["entities"], &verified["problems"]],
        [&json!(4), &json!(3), &json!([])]
    );
    assert!(verified["disk_bytes"].as_u64() > Some(0) && verified["seconds"].as_f64() > Some(0.0), "{verified}");
    assert!(cli.succeeds("verify").contains(" MiB/s: all is well"));
    assert_eq!(cli.succeeds("checkpoint copy"), "checkpoint written to copy\n");
    cli.refuses("checkpoint copy", &["copy", "must not exist"]);
    let before = cli.content();
    cli.succeeds("erase --all-views --entity user_id=1");
    cli.refuses("restore copy", &["move it away", "asof-data"]);
    let made = cli.succeeds("restore copy --store restored");
    assert!(
        made.starts_with("store made at restored: ") && made.contains("with the checksums that they had"),
        "{made}"
    );
    fs::rename(cli.path("asof-data"), cli.path("erased")).unwrap();
    fs::rename(cli.path("restored"), cli.path("asof-data")).unwrap();
    assert_eq!(cli.content(), before);
    assert_eq!(cli.json("stats")["store_id"], id, "a copy is the same store");
    assert!(cli.fails(1, "restore erased --store other").contains("this is a store, not a checkpoint"));
    assert!(cli.fails(1, "restore nothing --store other").contains("there is no checkpoint here"));
    assert!(!cli.path("other").exists());
}

#[test]
fn the_clock_is_shown_confirmed_and_repaired() {
    let cli = Cli::filled();
    let text = cli.succeeds("clock");
    assert!(text.contains("system") && text.contains("the clock is believed when it has agreed with itself"), "{text}");
    let before = cli.json("clock");
    assert_eq!((&before["believed"], &before["warning"]), (&json!(null), &json!(null)));
    assert_eq!(before["claim"]["needed_seconds"], 3_600.0);
    let after = cli.json("clock --confirm");
    assert!(after["believed"].is_string() && after["claim"].is_null(), "{after}");
    let repaired = cli.json("clock --repair");
    assert_eq!(repaired["repair"], json!({"back_from": null, "reclaimed": [], "restamped": 0}));
    assert!(cli.fails(2, "clock --repair --confirm").contains("cannot be used with"));
}

#[test]
fn verify_ends_with_3_when_data_is_damaged() {
    let cli = Cli::filled();
    let rows = (0..5_000).map(|n| {
        format!("{{\"user_id\": {n}, \"event_timestamp\": \"2024-05-01T10:00:00Z\", \"created\": \"2024-05-01T10:00:00Z\", \"score\": {n}.5, \"visits\": {n}, \"city\": \"city {n}\", \"embedding\": []}}\n")
    });
    cli.write("many.ndjson", rows.collect::<String>());
    cli.succeeds("ingest stats_v1 many.ndjson");
    cli.succeeds("compact");
    let files = fs::read_dir(cli.path("asof-data")).unwrap().map(|entry| entry.unwrap().path());
    let tables = files.filter(|path| path.extension().is_some_and(|ending| ending == "sst"));
    let largest = tables.max_by_key(|path| fs::metadata(path).unwrap().len()).unwrap();
    let mut bytes = fs::read(&largest).unwrap();
    bytes[100] ^= 0xff;
    fs::write(&largest, bytes).unwrap();
    let text = cli.ends(3, "verify");
    assert!(text.contains("problem"), "{text}");
}

#[test]
fn unknown_names_are_refused_with_what_was_meant() {
    let cli = Cli::filled();
    let entity = "--entity user_id=1";
    cli.refuses(&format!("get stats_v2 {entity}"), &["stats_v2", "did you mean \"stats_v1\"?"]);
    cli.refuses(&format!("get stats_v1:scor {entity}"), &["\"scor\"", "did you mean \"score\"?"]);
    cli.refuses("get stats_v1 --entity userid=1", &["join key \"userid\"", "did you mean \"user_id\"?"]);
    cli.refuses("describe modell_v1", &["modell_v1", "did you mean \"model_v1\"?"]);
    cli.refuses(&format!("get model_v2 {entity}"), &["model_v2", "did you mean \"model_v1\"?"]);
    cli.refuses("describe usr", &["\"usr\""]);
    cli.write("bad.toml", DEFINITIONS.replace("entities = [\"user\"]", "entities = [\"usr\"]"));
    cli.refuses("apply bad.toml", &["unknown entity: \"usr\"; did you mean \"user\"?"]);
    cli.refuses("ingest stat_v1 stats.ndjson", &["stat_v1", "did you mean \"stats_v1\"?"]);
    cli.refuses("export stat_v1 --out x", &["stat_v1"]);
    cli.refuses("freshness stat_v1", &["stat_v1"]);
    cli.refuses(&format!("history stat_v1 {entity}"), &["stat_v1"]);
    cli.refuses(&format!("delete stat_v1 {entity}"), &["stat_v1"]);
    cli.refuses(&format!("erase stat_v1 {entity}"), &["stat_v1"]);
}

#[test]
fn bad_entities_and_times_are_refused() {
    let cli = Cli::filled();
    cli.refuses("get stats_v1 --entity user_id=one", &["join key \"user_id\" is int64", "one"]);
    cli.refuses("get model_v1 --entity user_id=1", &["join key \"item\""]);
    cli.refuses("history buys_v1 --entity user_id=1", &["join key \"item\""]);
    cli.refuses("delete stats_v1 --entity user_id=1 --at 2999-01-01", &["future"]);
    assert!(cli.fails(2, "get stats_v1 --entity user_id").contains("KEY=VALUE"));
    assert!(cli.fails(2, "get stats_v1 --entity user_id=1 --at yesterday").contains("RFC 3339"));
    assert!(cli.fails(2, "get stats_v1").contains("--entity"));
    assert!(cli.fails(2, "get stats_v1 --entity user_id=1 --fromat json").contains("'--format'"));
    assert!(cli.fails(2, "histroy stats_v1").contains("'history'"));
}

#[test]
fn bad_rows_are_refused_whole() {
    let cli = Cli::filled();
    let row = |changes: &[(&str, Json)]| {
        let mut row = json!({"user_id": 3, "event_timestamp": "2024-05-01T10:00:00Z", "created": null, "score": 1.5, "visits": 1, "city": "x", "embedding": []});
        for (name, value) in changes {
            row[*name] = value.clone();
        }
        row
    };
    let cases: [(&str, Json, &[&str]); 7] = [
        ("wrong type", row(&[("score", json!("high"))]), &["score"]),
        ("lossy", row(&[("visits", json!(1.5))]), &["visits"]),
        ("null key", row(&[("user_id", Json::Null)]), &["join key", "null"]),
        ("seconds", row(&[("event_timestamp", json!(1_714_557_600))]), &["event_timestamp", "looks like seconds"]),
        ("future", row(&[("event_timestamp", json!("2999-01-01T00:00:00Z"))]), &["future"]),
        ("bad time", row(&[("event_timestamp", json!("noon"))]), &["event_timestamp", "noon"]),
        ("long", row(&[("city", json!("x".repeat(2 << 20)))]), &["row", "bytes"]),
    ];
    for (case, bad, parts) in cases {
        cli.write("bad.ndjson", format!("{}\n{bad}\n", row(&[])));
        let parts: Vec<&str> = parts.iter().copied().chain(["bad.ndjson", "2"]).collect();
        println!("{case}");
        cli.refuses("ingest stats_v1 bad.ndjson", &parts);
    }
    let mut lacking = row(&[]);
    lacking.as_object_mut().unwrap().remove("user_id");
    cli.write("bad.ndjson", lacking.to_string());
    cli.refuses("ingest stats_v1 bad.ndjson", &["user_id"]);
}

#[test]
fn bad_files_are_refused() {
    let cli = Cli::filled();
    cli.write("bad.csv", "user_id,item,event_timestamp,bought\n1,tea,2024-05-01,\nx,tea,2024-05-01,\n");
    cli.refuses("ingest buys_v1 bad.csv", &["bad.csv", "line 3 (row 2)", "column \"user_id\" is no int64: \"x\""]);
    cli.write("key.csv", format!("user_id,item,event_timestamp,bought\n1,{},2024-05-01,\n", "t".repeat(2_000)));
    cli.refuses("ingest buys_v1 key.csv", &["key.csv", "line 2 (row 1)", "an entity key has at most 1024 bytes"]);
    cli.write("empty.parquet", "");
    cli.refuses("ingest stats_v1 empty.parquet", &["empty.parquet"]);
    cli.write("text.parquet", "this is no Parquet file at all");
    cli.refuses("ingest stats_v1 text.parquet", &["text.parquet"]);
    let weather = fs::read(flights().join("weather.parquet")).unwrap();
    cli.write("cut.parquet", &weather[..weather.len() / 2]);
    cli.refuses("ingest stats_v1 cut.parquet", &["cut.parquet"]);
    for name in ["empty.parquet", "text.parquet", "cut.parquet"] {
        cli.refuses(&format!("training-set stats_v1 --spine {name} --out t.parquet"), &[name]);
    }
    cli.refuses("ingest stats_v1 nothing.parquet", &["nothing.parquet"]);
    cli.refuses("ingest stats_v1 features.toml", &["--input-format"]);
}

#[test]
fn bad_definitions_are_refused_with_their_place() {
    let cli = Cli::filled();
    cli.write("bad.toml", DEFINITIONS.replace("\"float32\"", "\"flaot32\""));
    cli.refuses("apply bad.toml", &["bad.toml:21:8: ", "flaot32", "did you mean \"float32\"?"]);
    cli.write("bad.toml", "[[entity]\n");
    cli.refuses("apply bad.toml", &["bad.toml:1:"]);
    cli.refuses("apply nothing.toml", &["nothing.toml"]);
}

#[test]
fn changes_that_old_rows_could_not_follow_are_refused_with_the_way_out() {
    let cli = Cli::filled();
    let cases = [
        ("name = \"score\"\ntype = \"float32\"", "name = \"score\"\ntype = \"int64\"", "score"),
        ("entities = [\"user\"]", "entities = [\"basket\"]", "basket"),
        (
            "join_keys = [{ name = \"user_id\", type = \"int64\" }]",
            "join_keys = [{ name = \"user_id\", type = \"string\" }]",
            "user",
        ),
    ];
    for (from, to, named) in cases {
        cli.write("bad.toml", DEFINITIONS.replacen(from, to, 1));
        cli.refuses("apply bad.toml", &[named, "_v2"]);
    }
}

#[test]
fn parquet_that_is_damaged_in_the_middle_is_refused_and_nothing_is_written() {
    let cli = Cli::new();
    cli.succeeds(&format!("apply {}", flights().join("definitions.toml").display()));
    let mut weather = fs::read(flights().join("weather.parquet")).unwrap();
    let middle = weather.len() / 2;
    weather[middle..middle + 4_096].fill(0xaa);
    cli.write("bad.parquet", weather);
    let message = cli.fails(1, "ingest airport_weather_v1 bad.parquet");
    assert!(message.contains("bad.parquet"), "{message}");
    assert_eq!(cli.json("verify")["versions"], 0);
    let mut spine = fs::read(flights().join("flights.parquet")).unwrap();
    let middle = spine.len() / 2;
    spine[middle..middle + 65_536].fill(0xaa);
    cli.write("spine.parquet", spine);
    let message = cli.fails(1, "training-set airport_weather_v1 --spine spine.parquet --out t.parquet");
    assert!(message.contains("spine.parquet"), "{message}");
    assert!(
        !fs::read_dir(cli.directory.path())
            .unwrap()
            .any(|entry| { entry.unwrap().file_name().to_string_lossy().contains("t.parquet.") })
    );
    assert!(!cli.path("t.parquet").exists());
}

#[test]
fn what_is_no_store_is_said_to_be_none() {
    let cli = Cli::new();
    for line in ["views", "stats", "get x --entity a=1", "ingest x stats.ndjson", "erase x --entity a=1", "compact"] {
        let message = cli.fails(1, line);
        assert!(message.contains("`asof apply FILE.toml`") && message.contains("asof-data"), "{line}: {message}");
    }
    assert!(!cli.path("asof-data").exists());
    fs::create_dir(cli.path("photos")).unwrap();
    cli.write("photos/cat.jpg", "meow");
    let message = cli.fails(1, "--store photos apply features.toml");
    assert!(message.contains("not an asofdb store"), "{message}");
    let message = cli.fails(1, "--store features.toml apply features.toml");
    assert!(message.contains("a store is a directory"), "{message}");
    cli.succeeds("apply features.toml");
    let _open = asofdb::Store::open(cli.path("asof-data")).unwrap();
    let message = cli.fails(1, "views");
    let expected = format!("another process has the store open: pid {};", std::process::id());
    assert!(message.contains(&expected), "{message}");
}

#[test]
fn a_store_is_backed_up_restored_as_of_a_time_and_old_backups_expire() {
    let cli = Cli::filled();
    let before = cli.content();
    cli.write("key", "07".repeat(32));
    let said = cli.succeeds("backup backups --key-file key");
    let first = said.strip_prefix("backed up as ").and_then(|said| said.split_once(": ")).expect("a name").0;
    cli.succeeds("erase --all-views --entity user_id=1");
    assert!(cli.fails(1, "backup backups").contains("these backups are encrypted"));
    cli.succeeds("backup backups --key-file key --checkpoint staging");
    assert!(!cli.path("staging").exists());
    assert_eq!(cli.json("backups backups --key-file key")["backups"].as_array().map(Vec::len), Some(2));
    cli.succeeds(&format!("restore backups --key-file key --at {first} --store restored"));
    fs::rename(cli.path("asof-data"), cli.path("erased")).unwrap();
    fs::rename(cli.path("restored"), cli.path("asof-data")).unwrap();
    assert_eq!(cli.content(), before);
    let said = cli.succeeds("backup backups --key-file key --keep 1");
    assert!(said.contains(&format!("expired: {first}\n")), "{said}");
    assert!(cli.fails(1, "restore nothing --at 2024-01-01 --store other").contains("no backups here"));
}

#[test]
fn a_store_that_keeps_its_logs_is_restored_as_of_any_time_between_two_backups() {
    let cli = Cli::filled();
    cli.succeeds("keep-logs 64MiB");
    cli.succeeds("backup backups");
    let before = cli.content();
    let at = cli.json("clock")["store"].as_str().expect("a time").to_owned();
    cli.succeeds("delete stats_v1 --entity user_id=1");
    assert_ne!(cli.content(), before);
    cli.succeeds("backup backups");
    assert_eq!(cli.json("backups backups")["backups"][1]["kept_logs"], json!(true));
    let message = cli.fails(1, "restore backups --at 2100-01-01T00:00:00Z --store other");
    assert!(message.contains("there is none after it") && message.contains("2100-01-01T00:00:00Z"), "{message}");
    assert!(cli.fails(1, "restore backups --at 2001-01-01 --store other").contains("the first is "));
    cli.succeeds(&format!("restore backups --at {at} --store restored"));
    fs::rename(cli.path("asof-data"), cli.path("later")).unwrap();
    fs::rename(cli.path("restored"), cli.path("asof-data")).unwrap();
    assert_eq!(cli.content(), before);
    assert!(cli.succeeds("keep-logs --off --store later").contains("no logs are kept from now on"));
}

#[test]
fn a_url_is_refused_by_name_where_a_directory_is_wanted() {
    let cli = Cli::filled();
    for line in ["backup s3://bucket/x", "checkpoint s3://bucket/x", "backups s3://bucket/x"] {
        assert!(cli.fails(1, line).contains("URLs are not supported yet: s3://bucket/x"), "{line}");
    }
    let message = cli.fails(1, "restore s3://bucket/x --store other");
    assert!(message.contains("URLs are not supported yet: s3://bucket/x"), "{message}");
    assert!(!cli.path("s3:").exists());
}

#[test]
fn the_store_can_be_named_by_the_environment() {
    let cli = Cli::new();
    let output = cli.command("apply features.toml").env("ASOF_STORE", "elsewhere").output().unwrap();
    assert!(output.status.success());
    assert!(cli.path("elsewhere").is_dir());
    assert!(cli.succeeds("views --store elsewhere").contains("stats_v1"));
}

#[test]
fn repair_says_what_is_wrong_and_changes_nothing_until_it_is_told_to() {
    let cli = Cli::filled();
    assert_eq!(cli.json("repair"), json!({"damage": []}));
    let whole = cli.content();
    let files = fs::read_dir(cli.path("asof-data")).unwrap().map(|entry| entry.unwrap().path());
    let manifest =
        files.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("MANIFEST")).max().unwrap();
    let mut bytes = fs::read(&manifest).unwrap();
    let place = bytes.len() / 2;
    bytes[place] ^= 1;
    fs::write(&manifest, &bytes).unwrap();
    let message = cli.fails(1, "views");
    assert!(
        message.contains(&format!("bit 0 of byte {place} is flipped")) && message.contains("asof repair"),
        "{message}"
    );
    let text = cli.ends(3, "repair");
    assert!(text.contains("1 fault; nothing was changed; --yes repairs it"), "{text}");
    assert_eq!(fs::read(&manifest).unwrap(), bytes);
    let repaired = cli.json("repair --yes");
    assert_eq!((repaired["mended"].as_array().unwrap().len(), &repaired["lost"]), (1, &json!([])));
    let kept = std::path::Path::new(repaired["kept_in"].as_str().unwrap()).join(manifest.file_name().unwrap());
    assert_eq!(fs::read(kept).unwrap(), bytes);
    assert_eq!(cli.content(), whole);
}

#[test]
fn every_command_has_help_with_examples() {
    let cli = Cli::new();
    let commands = [
        "apply",
        "ingest",
        "get",
        "eval",
        "history",
        "training-set",
        "export",
        "views",
        "describe",
        "explain",
        "search",
        "duplicates",
        "profile",
        "docs",
        "delete",
        "delete-events",
        "erase",
        "freshness",
        "stats",
        "verify",
        "compact",
        "checkpoint",
        "restore",
        "backup",
        "backups",
        "keep-logs",
        "repair",
        "demo",
    ];
    let all = cli.succeeds("--help");
    for command in commands {
        assert!(all.contains(&format!("\n  {command} ")), "{command}");
        let help = cli.succeeds(&format!("{command} --help"));
        assert!(help.contains("Example") && help.contains(&format!("  asof {command}")), "{help}");
    }
}

#[test]
fn output_that_cannot_be_written_is_told_and_a_gone_reader_is_not() {
    let cli = Cli::filled();
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let output = cli.command("views").stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot write to the standard output"));
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = cli.command("views").stdout(writer).output().unwrap();
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
}

fn flights() -> PathBuf {
    repository("examples/flights")
}

#[test]
fn the_demo_builds_the_correct_training_set_of_real_flights() {
    let cli = Cli::new();
    std::os::unix::fs::symlink(flights(), cli.path("flights")).unwrap();
    let shown = cli.succeeds("demo d --data flights");
    assert!(shown.contains("All 45 checks hold"), "{shown}");
    assert!(!shown.contains('✗'), "{shown}");
    assert!(shown.contains("✓ 2,000 rows read one by one"), "{shown}");
    for status in ["present", "null", "missing", "expired"] {
        assert!(shown.contains(status), "{status}");
    }
    let (_, next) = shown.split_once("Next:").unwrap();
    let commands = next.lines().filter_map(|line| line.strip_prefix("$ asof "));
    for line in commands.filter(|line| !line.starts_with("serve")) {
        let code = if line == "freshness" { 3 } else { 0 };
        cli.ends(code, &format!("--store d/store {line}"));
    }
    let message = cli.fails(1, "demo d --data flights");
    assert!(message.contains("rm -r d"), "{message}");
    let message = cli.fails(1, "demo e");
    assert!(message.contains("--data") && message.contains("definitions.toml"), "{message}");
}

#[test]
fn the_demo_ends_with_3_when_an_answer_is_not_the_known_one() {
    let cli = Cli::new();
    fs::create_dir(cli.path("flights")).unwrap();
    for entry in fs::read_dir(flights()).unwrap() {
        let path = entry.unwrap().path();
        std::os::unix::fs::symlink(&path, cli.path("flights").join(path.file_name().unwrap())).unwrap();
    }
    // A count (of two features), a value, a digest and a status: each has a check of its own, which must tell.
    let altered = [
        ("expected.json", [("284170", "284171"), ("12.6586", "12.6596")]),
        (
            "expected_windows.json",
            [("ea3655583f6703aa", "ea3655583f6703ab"), (r#"by the way", "missing""#, r#"by the way", null"#)],
        ),
    ];
    for (file, changes) in altered {
        let mut known = fs::read_to_string(flights().join(file)).unwrap();
        for (from, to) in changes {
            assert!(known.contains(from), "{file}: {from}");
            known = known.replace(from, to);
        }
        fs::remove_file(cli.path("flights").join(file)).unwrap();
        cli.write(&format!("flights/{file}"), known);
    }
    let shown = cli.ends(3, "demo d --data flights");
    assert!(shown.contains("✗ seats"), "{shown}");
    assert!(shown.contains("✗ 7 sample rows") && shown.contains("wind_speed, expected 12.6596"), "{shown}");
    assert!(shown.contains("✗ departures_1h"), "{shown}");
    assert!(shown.contains("✗ 198 rows of interest"), "{shown}");
    assert!(shown.contains("✗ the ten stored features"), "{shown}");
    assert!(shown.contains("6 of 45 checks FAILED"), "{shown}");
}

/// Evaluates an expression with more arguments, as JSON.
fn eval(cli: &Cli, expression: &str, more: &[&str]) -> Json {
    let output = cli.command("eval").arg(expression).args(more).args(["--format", "json"]).output().unwrap();
    assert!(output.status.success(), "{expression}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn an_expression_is_tried_over_features_request_values_and_a_time() {
    let cli = Cli::filled();
    let of = |expression: &str, more: &[&str]| {
        let found = eval(&cli, expression, more);
        (
            found["value"].clone(),
            found["type"].as_str().unwrap().to_owned(),
            found["status"].as_str().unwrap().to_owned(),
        )
    };
    let text = |value: &str| value.to_owned();
    let user = ["--entity", "user_id=2", "--at", "2024-05-01T11:00:00Z"];
    assert_eq!(of("stats_v1:visits + 1", &user), (json!(9_007_199_254_740_994_i64), text("int64"), text("present")));
    assert_eq!(of("is_null(stats_v1:score)", &user), (json!(true), text("bool"), text("present")));
    let nobody = ["--entity", "user_id=9"];
    assert_eq!(of("stats_v1:score * 2.0", &nobody), (Json::Null, text("float64"), text("missing")));
    assert_eq!(of("stats_v1:visits", &nobody), (json!(7), text("int64"), text("present")), "a default is a value");
    let request = ["--request", "amount=26.0", "--request", "mean:float64=20"];
    assert_eq!(of("(amount - mean) / 4.0", &request), (json!(1.5), text("float64"), text("present")));
    assert_eq!(of("1 / 0", &[]), (Json::Null, text("float64"), text("null")));
    let leap_day = ["--at", "2024-02-29T12:00:00Z"];
    assert_eq!(of("year(now) - 1990", &leap_day), (json!(34), text("int64"), text("present")));
    let found = eval(&cli, "stats_v1:visits + 1", &user);
    assert_eq!(found["inputs"], json!([{"name": "stats_v1:visits", "type": "int64"}]));
    assert_eq!(found["event_timestamp"], "2024-05-01T10:00:00Z");
    let explained = cli.command("eval").args(["1 + 2", "--explain"]).output().unwrap();
    let explained = String::from_utf8(explained.stdout).unwrap();
    assert!(explained.contains("plan:") && explained.contains("sql: "), "{explained}");
}

#[test]
fn a_wrong_expression_is_shown_with_its_place() {
    let cli = Cli::filled();
    let output = cli.command("eval").args(["stats_v1:visit + 1", "--entity", "user_id=1"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    let first = "asof: error: no input is named `stats_v1:visit`; did you mean `stats_v1:visits`?\n";
    assert!(stderr.starts_with(first), "{stderr}");
    assert!(stderr.ends_with("1 | stats_v1:visit + 1\n  | ^^^^^^^^^^^^^^\n"), "{stderr}");
}

const CHECKED: &str = r#"
[[entity]]
name = "user"
join_keys = [{ name = "user_id", type = "int64" }]

[[event_view]]
name = "purchases_v1"
entities = ["user"]
event_id = ["order_id"]
check = "amount >= 0"
columns = [{ name = "order_id", type = "int64" }, { name = "amount", type = "float64" }]
"#;

#[test]
fn events_are_ingested_counted_listed_and_held_to_the_check_of_their_view() {
    let cli = Cli::new();
    cli.write("events.toml", CHECKED);
    assert!(cli.succeeds("apply events.toml").contains("│ event_view │ purchases_v1 │ 2 columns"));
    cli.write(
        "purchases.csv",
        "user_id,event_timestamp,order_id,amount\n\
         1,2024-05-01T10:00:00Z,1,5.0\n1,2024-05-01T11:00:00Z,2,-1.0\n1,2024-05-01T10:00:00Z,1,6.0\n",
    );
    let refused = cli.fails(1, "ingest purchases_v1 purchases.csv");
    assert!(refused.contains("the check of the view is false: amount >= 0"), "{refused}");
    let report = cli.json("ingest purchases_v1 purchases.csv --rejects rejects.ndjson");
    assert_eq!((&report["rows_written"], &report["rows_rejected"]), (&json!(2), &json!(1)));
    assert!(fs::read_to_string(cli.path("rejects.ndjson")).unwrap().contains("amount >= 0"));
    let history = cli.json("history purchases_v1 --entity user_id=1");
    assert_eq!(history.as_array().unwrap().len(), 1, "of two in one load the later counts");
    assert_eq!(history[0]["values"], json!({"order_id": 1, "amount": 6.0}));
    let described = cli.json("describe purchases_v1");
    assert_eq!(described["kind"], "event_view");
    assert_eq!((&described["event_id"], &described["check"]), (&json!(["order_id"]), &json!("amount >= 0")));
    assert!(cli.succeeds("views").contains("events"));
    let message = cli.fails(1, "get purchases_v1:amount --entity user_id=1");
    assert!(message.contains("is an event view, which has no features"), "{message}");
    let message = cli.fails(1, "delete purchases_v1 --entity user_id=1");
    assert!(message.contains("whose events are deleted one by one"), "{message}");
    assert_eq!(cli.json("erase purchases_v1 --entity user_id=1")["erased"][0]["versions"], 1);
}
