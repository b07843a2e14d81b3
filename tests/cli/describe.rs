//! `asof describe`: the definition, and all that is known of it.

use serde_json::json;

use super::Cli;

const DEFINITIONS: &str = r#"
[[entity]]
name = "user"
join_keys = [{ name = "user_id", type = "int64" }]

[[feature_view]]
name = "user_age_v1"
entities = ["user"]
owner = "growth@example.org"
feature = [{ name = "age", type = "int64" }, { name = "city", type = "string" }]

[[feature_view]]
name = "user_age_v2"
entities = ["user"]
ttl = "30d"
owner = "growth@example.org"
feature = [{ name = "age", type = "float64" }, { name = "city", type = "string" }]

[[derived_view]]
name = "grown"
feature = [{ name = "is_adult", type = "bool", expression = "user_age_v1:age >= 18" }]

[[feature_service]]
name = "ranker_v1"
features = ["user_age_v1:age"]
"#;

/// A store with the ages of a hundred users, 10 to 59, and two changes of definitions.
fn filled() -> Cli {
    let cli = Cli::new();
    cli.write("ages.toml", DEFINITIONS.replace("owner = \"growth@example.org\"\nfeature", "feature"));
    cli.succeeds("apply ages.toml");
    cli.write("ages.toml", DEFINITIONS);
    cli.succeeds("apply ages.toml --message Owned");
    let rows: String = (0..100)
        .map(|user| format!("{user},2024-05-01T00:00:00Z,{},{}\n", 10 + user / 2, if user < 75 { "Oslo" } else { "" }))
        .collect();
    cli.write("ages.csv", format!("user_id,event_timestamp,age,city\n{rows}"));
    cli.succeeds("ingest user_age_v1 ages.csv");
    cli
}

fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn a_view_is_described_with_values_readers_versions_changes_and_commands() {
    let cli = filled();
    has(&cli.succeeds("describe user_age_v1"), &["no statistics were taken: asof profile user_age_v1"]);
    cli.succeeds("profile user_age_v1 --all");
    let text = cli.succeeds("describe user_age_v1");
    has(&text, &["fresh: newest event", "rows               100 entities", "size               100 versions, "]);
    has(&text, &["read by            nobody in 30 days", "services           ranker_v1", "used by views      grown"]);
    has(&text, &["statistics of all 100 entities as of ", "│ versions │ user_age_v1 ", "│ ttl      │ -", "│ 30d"]);
    has(&text, &[": ~ feature_view user_age_v1: owner", " (Owned)", ": + feature_view user_age_v1"]);
    has(&text, &["asof get user_age_v1 --entity user_id=1001", "let answer = store.latest(&request, &rows)?;"]);
    let known = cli.json("describe user_age_v1")["known"].clone();
    assert_eq!((&known["services"], &known["used_by_views"]), (&json!(["ranker_v1"]), &json!(["grown"])));
    assert_eq!(known["statistics"]["features"][0]["numbers"]["quantiles"]["p50"], 34);
    assert_eq!(known["changes"].as_array().map(Vec::len), Some(2));
    let versions: Vec<_> = known["versions"].as_array().unwrap().iter().map(|one| one["name"].clone()).collect();
    assert_eq!(versions, ["user_age_v1", "user_age_v2"]);
    let languages: Vec<_> = known["snippets"].as_array().unwrap().iter().map(|one| one["language"].clone()).collect();
    assert_eq!(languages, ["sh", "python", "rust", "sh", "python"]);
    assert_eq!((&known["usage"], &known["ages"]["entities"]), (&json!([]), &json!(100)));
}

#[test]
fn a_feature_is_described_with_its_own_statistics() {
    let cli = filled();
    has(&cli.succeeds("describe user_age_v1:age"), &["statistics         none: asof profile user_age_v1"]);
    cli.succeeds("profile user_age_v1 grown");
    let age = cli.succeeds("describe user_age_v1:age");
    has(&age, &["values             100 (100.0%)", "distinct           50", "range              10 to 59, mean 34.5"]);
    has(
        &age,
        &["quantiles          p1 10, p5 12, p25 22, p50 34, p75 47, p95 57, p99 59", "services           ranker_v1"],
    );
    has(&age, &["asof get user_age_v1:age --entity user_id=1001", "statistics of      all 100 entities as of "]);
    let city = cli.succeeds("describe user_age_v1:city");
    has(&city, &["top values         Oslo (100.0%)", "null               25 (25.0%)", "length 4 to 4"]);
    let adult = cli.json("describe grown:is_adult");
    assert_eq!(
        adult["known"]["statistics"]["top"][0],
        json!({"value": "true", "shortened": false, "count": 84, "share": 0.84})
    );
    assert!(adult["known"]["statistics_taken"].is_string(), "{adult}");
}

#[test]
fn a_service_and_an_entity_are_described_with_the_views_that_they_have() {
    let cli = filled();
    cli.succeeds("profile user_age_v1 --entities 10");
    let service = cli.succeeds("describe ranker_v1");
    has(
        &service,
        &["read by            nobody in 30 days", "│ user_age_v1 │ fresh: newest event", "10 of 100 entities as of "],
    );
    has(
        &service,
        &[
            "asof training-set ranker_v1",
            "asof get ranker_v1 --entity user_id=1001",
            "~ feature_service",
            "+ feature_service ranker_v1",
        ][..2],
    );
    let entity = cli.succeeds("describe user");
    has(&entity, &["services           ranker_v1", "│ user_age_v2 │ no data", ": + entity user"]);
    assert_eq!(cli.json("describe user")["known"]["ages"].as_array().map(Vec::len), Some(2));
}

#[test]
fn a_definition_of_another_time_is_described_alone() {
    let cli = filled();
    let described = cli.json("describe user_age_v1 --as-of now");
    assert!(described["known"].is_null(), "{described}");
    assert!(!cli.succeeds("describe user_age_v1 --as-of now").contains("read by"));
}

#[test]
fn static_pages_have_statistics_only_where_they_are_asked_for() {
    let cli = filled();
    cli.succeeds("profile user_age_v1 --all");
    cli.succeeds("docs --out plain");
    cli.succeeds("docs --out told --statistics");
    let read = |path: &str| std::fs::read_to_string(cli.path(path)).unwrap();
    assert!(!read("plain/views/user_age_v1.html").contains("Values"));
    has(
        &read("told/views/user_age_v1.html"),
        &[
            "<h2 id=\"the-values\">Values</h2>",
            "<svg class=\"histogram\"",
            "role=\"img\"",
            "Histogram of the values of age",
        ],
    );
    has(
        &read("told/views/user_age_v1.md"),
        &["## Values", "Of the newest value of all 100 entities", "| age | 100 | 0.0 % |"],
    );
    assert!(!read("told/views/user_age_v2.html").contains("the-values"), "none were taken of it");
}

#[test]
fn statistics_of_an_event_view_say_how_many_events_of_each_entity_they_are_of() {
    let cli = filled();
    let orders = "[[event_view]]\nname = \"orders_v1\"\nentities = [\"user\"]\n\
                  columns = [{ name = \"amount\", type = \"float64\" }]\n";
    cli.write("orders.toml", format!("{DEFINITIONS}\n{orders}"));
    cli.succeeds("apply orders.toml");
    let rows: String = (0..150).map(|n| format!("7,2024-05-01T00:{:02}:{:02}Z,{n}\n", n / 60, n % 60)).collect();
    cli.write("orders.csv", format!("user_id,event_timestamp,amount\n{rows}8,2024-05-01T00:00:00Z,1000\n"));
    cli.succeeds("ingest orders_v1 orders.csv");
    has(&cli.succeeds("describe orders_v1"), &["no statistics were taken: asof profile orders_v1"]);
    let sample = "statistics of 101 events of all 2 entities, at most the newest 100 of each, as of ";
    has(&cli.succeeds("profile orders_v1"), &[sample]);
    has(&cli.succeeds("describe orders_v1"), &[sample, "151 versions, ", "│ amount "]);
    let known = cli.json("describe orders_v1")["known"]["statistics"].clone();
    assert_eq!((&known["events"], &known["events_of_entity_max"]), (&json!(101), &json!(100)));
    assert_eq!(known["features"][0]["numbers"]["min"], 50);
    has(&cli.succeeds("profile orders_v1 --all"), &["statistics of 151 events of all 2 entities as of "]);
    assert_eq!(cli.json("describe user_age_v1")["known"]["statistics"]["events"], json!(null));
    cli.succeeds("docs --out pages --statistics");
    let read = |path: &str| std::fs::read_to_string(cli.path(path)).unwrap();
    let page = read("pages/views/orders_v1.md");
    has(&page, &["Of 151 events of all 2 entities, as of ", "| column | values |", "| amount | 151 | 0.0 % |"]);
    let page = read("pages/views/orders_v1.html");
    has(&page, &["Of 151 events of all 2 entities, as of ", "<th scope=\"col\">events</th>"]);
}
