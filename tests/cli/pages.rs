//! Pages of the docs: what they show of the command line is what it prints.

use std::fs;

use super::Cli;
use crate::common::repository;

/// The text of a section of a page, without that of the next.
fn section(page: &str, title: &str) -> String {
    let text = fs::read_to_string(repository("docs").join(page)).expect("a page of the docs");
    let (_, rest) = text.split_once(&format!("\n## {title}\n")).expect("the section");
    rest.split("\n## ").next().unwrap_or_default().to_owned()
}

/// The blocks of a language, in their order.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let parts = text.split("\n```").skip(1).step_by(2);
    parts
        .filter_map(|block| block.strip_prefix(language)?.strip_prefix('\n'))
        .map(|block| format!("{block}\n"))
        .collect()
}

/// The commands of a block of a console, each with what it prints.
fn commands(block: &str) -> Vec<(String, String)> {
    let mut commands: Vec<(String, String)> = Vec::new();
    for line in block.lines() {
        match (line.strip_prefix("$ asof "), commands.last_mut()) {
            (Some(command), _) => commands.push((command.to_owned(), String::new())),
            (None, Some((_, printed))) => *printed += &format!("{line}\n"),
            (None, None) => panic!("a block begins with a command: {line}"),
        }
    }
    commands
}

/// Runs the commands of a section in a store of its definitions. With `ASOFDB_SHOW_PAGES` in the environment it prints
/// what they print instead of comparing it, to be pasted.
fn runs_as_shown(cli: &Cli, text: &str) -> usize {
    let mut count = 0;
    for (command, expected) in blocks(text, "console").iter().flat_map(|block| commands(block)) {
        let output = cli.run(&command);
        let printed = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("text")).concat();
        if std::env::var_os("ASOFDB_SHOW_PAGES").is_some() {
            println!("$ asof {command}\n{printed}");
        } else {
            assert_eq!(printed, expected, "asof {command}");
        }
        count += 1;
    }
    count
}

/// Ages of two hundred users, as one team has them.
fn ages(age: impl Fn(u32) -> String) -> String {
    let rows = (0..200).map(|user| format!("{user},2024-05-01T00:00:00Z,{}\n", age(18 + user * 37 % 60)));
    rows.collect()
}

#[test]
fn the_duplicates_of_the_page_for_platform_teams_are_found_as_it_shows() {
    let text = section("platform.md", "Features that are there twice");
    let cli = Cli::new();
    let [defined, judged] = &blocks(&text, "toml")[..] else { panic!("the definitions, and the verdicts on them") };
    cli.write("features.toml", defined.clone());
    cli.succeeds("apply features.toml");
    let profile = ages(|age| format!("{age}"));
    cli.write("profile.csv", format!("user_id,event_timestamp,age\n{profile}"));
    let marketing = ages(|age| format!("{age}.4,in their {}s", age / 10 * 10));
    cli.write("marketing.csv", format!("user_id,event_timestamp,age_years,segment\n{marketing}"));
    cli.succeeds("ingest user_profile_v1 profile.csv");
    cli.succeeds("ingest user_marketing_v1 marketing.csv");
    assert_eq!(runs_as_shown(&cli, &text), 1);
    assert_eq!(cli.json("duplicates user_profile_v1 --limit 1")[0]["relation"], "shifted");
    assert!(cli.succeeds("duplicates --limit 1").ends_with("2 pairs in all\n"));
    assert!(cli.fails(1, "duplicates user_profile").contains("did you mean"));
    // The last view of the definitions is the one that the verdicts are of.
    let others = defined.rfind("[[feature_view]]").expect("the view of marketing");
    cli.write("features.toml", format!("{}{judged}", &defined[..others]));
    cli.succeeds("apply features.toml");
    assert_eq!(cli.json("duplicates"), serde_json::json!([]));
}

#[test]
fn the_pages_of_the_catalog_are_written_as_the_page_for_platform_teams_shows() {
    let cli = Cli::new();
    cli.write("features.toml", blocks(&section("platform.md", "Find a feature"), "toml").concat());
    cli.succeeds("apply features.toml");
    assert_eq!(runs_as_shown(&cli, &section("platform.md", "The catalog as pages")), 1);
}

#[test]
fn the_plan_of_the_page_for_platform_teams_is_as_it_shows() {
    let cli = Cli::new();
    cli.write("features.toml", blocks(&section("platform.md", "Find a feature"), "toml").concat());
    assert_eq!(runs_as_shown(&cli, &section("platform.md", "Review a change of definitions")), 1);
}

#[test]
fn the_search_of_the_page_for_platform_teams_finds_what_it_shows() {
    let text = section("platform.md", "Find a feature");
    let cli = Cli::new();
    cli.write("features.toml", blocks(&text, "toml").concat());
    cli.succeeds("apply features.toml");
    assert_eq!(runs_as_shown(&cli, &text), 5);
}

#[test]
fn the_stream_of_the_page_about_streams_runs_as_it_shows() {
    let (cli, text) = (Cli::new(), section("streams.md", "A file that grows"));
    cli.write("features.toml", blocks(&text, "toml").concat());
    cli.write("clicks.ndjson", blocks(&text, "json").concat());
    let commands = blocks(&text, "sh").concat();
    for command in commands.lines() {
        cli.succeeds(command.strip_prefix("asof ").expect("a command"));
    }
    assert_eq!(cli.json("get clicks_v1 --entity user_id=7")[0]["features"]["clicks_v1:clicks"]["value"], 4);
    let rejects = fs::read_to_string(cli.path("bad.ndjson")).expect("the bad records");
    assert_eq!(blocks(&section("streams.md", "Records that are bad"), "json"), [rejects]);
}

#[test]
fn rows_of_the_view_that_the_page_for_platform_teams_pins_are_in_memory_also_after_a_restart() {
    let [defined] = &blocks(&section("platform.md", "Rows that shall be in memory"), "toml")[..] else {
        panic!("one view")
    };
    let cli = Cli::new();
    cli.write("features.toml", defined);
    cli.succeeds("apply features.toml");
    assert!(cli.succeeds("describe fraud_score_v1").contains("hot                pin\n"));
    let rows: String = (0..100).map(|user| format!("{user},2024-05-01T00:00:00Z,0.5\n")).collect();
    cli.write("scores.csv", format!("user_id,event_timestamp,score\n{rows}"));
    cli.succeeds("ingest fraud_score_v1 scores.csv");
    // Each command opens the store anew.
    let hot = || cli.json("stats")["hot"].clone();
    assert_eq!(
        (&hot()["pinned_rows"], &hot()["rows"]),
        (&serde_json::json!(100), &serde_json::json!(100)),
        "{}",
        hot()
    );
    assert!(cli.succeeds("stats").contains("hot table: 100 rows, 100 pinned, "));
    for setting in ["auto", "never"] {
        cli.write("features.toml", defined.replace("hot = \"pin\"", &format!("hot = \"{setting}\"")));
        cli.succeeds("apply features.toml");
        assert_eq!(hot()["pinned_rows"], serde_json::json!(0), "{setting}");
    }
    cli.write("features.toml", defined.replace("hot = \"pin\"", "hot = \"always\""));
    let wrong = cli.fails(1, "apply features.toml");
    assert!(wrong.contains("features.toml:8:7") && wrong.contains("always"), "{wrong}");
}
