//! Objectives of freshness: what a view may promise, and where that shows.

use asofdb::{AsJson, FreshnessObjective, Span, parse_definitions};
use asofdb_storage::{ErrorKind, ViewDefinition};
use serde_json::json;

use crate::common::{in_memory, repository};

const VIEWS: &str = r#"
[[entity]]
name = "user"
join_keys = [{ name = "user_id", type = "int64" }]

[[feature_view]]
name = "profile"
entities = ["user"]
freshness = { warn = "1h", stale = "6h", stale_share_max = 0.01 }
feature = [{ name = "score", type = "float32" }]

[[event_view]]
name = "clicks"
entities = ["user"]
freshness = { stale = "10m" }
columns = [{ name = "page", type = "string" }]

[[derived_view]]
name = "doubled"
feature = [{ name = "twice", type = "float64", expression = "profile:score * 2.0" }]
"#;

/// Returns the error of the definitions with one text replaced.
fn refused(text: &str, replacement: &str) -> String {
    assert_eq!(VIEWS.matches(text).count(), 1, "{text:?} is once in the definitions");
    let error = parse_definitions(&VIEWS.replace(text, replacement), "d.toml").expect_err(replacement);
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    error.to_string()
}

#[test]
fn a_view_states_how_old_its_events_may_become() {
    let definitions = parse_definitions(VIEWS, "d.toml").unwrap();
    let hours = |hours: i64| Span::from_secs(hours * 3_600);
    let objective = FreshnessObjective { warn: hours(1), stale: hours(6), stale_share_max: Some(0.01) };
    assert_eq!(definitions.views[0].freshness, Some(objective));
    let minutes = Span::from_secs(600);
    let late = FreshnessObjective { warn: minutes, stale: minutes, stale_share_max: None };
    assert_eq!(definitions.views[1].freshness, Some(late), "it warns of nothing before");
    assert_eq!(definitions.views[2].freshness, None);
}

#[test]
fn an_objective_shows_in_plans_and_in_the_catalog() {
    let store = in_memory(&parse_definitions(VIEWS, "d.toml").unwrap());
    let catalog = store.catalog();
    let of = |view: &str| AsJson(&**catalog.view(view).unwrap()).to_tree().unwrap()["freshness"].clone();
    assert_eq!(of("profile"), json!({"warn": "1h", "stale": "6h", "stale_share_max": 0.01}));
    assert_eq!(of("clicks"), json!({"warn": "10m", "stale": "10m", "stale_share_max": null}));
    let mut wanted = parse_definitions(VIEWS, "d.toml").unwrap();
    wanted.views[0].freshness = None;
    let late = wanted.views[1].freshness.as_mut().unwrap();
    late.warn = Span::from_secs(60);
    let plan = store.plan(&wanted).unwrap();
    let changes: Vec<_> = plan.changes.iter().map(ToString::to_string).collect();
    let all = "~ feature_view profile: freshness warn 1h, stale 6h, at most 0.01 of entities stale -> none";
    assert_eq!(changes, [all, "~ event_view clicks: freshness warn 10m, stale 10m -> warn 1m, stale 10m"]);
    store.apply(&wanted, false).unwrap();
    assert_eq!(store.catalog().view("profile").unwrap().freshness, None);
}

#[test]
fn an_objective_that_cannot_be_kept_is_refused_with_its_place() {
    let rule = |replacement: &str| refused(r#"warn = "1h", stale = "6h", stale_share_max = 0.01"#, replacement);
    assert_eq!(
        rule(r#"warn = "7h", stale = "6h""#),
        r#"d.toml:9:22: feature view "profile": warn of freshness is at most stale: 7h > 6h"#
    );
    assert_eq!(rule(r#"stale = "0s""#), r#"d.toml:9:23: feature view "profile": stale of freshness is above zero"#);
    assert_eq!(
        rule(r#"warn = "0s", stale = "6h""#),
        r#"d.toml:9:22: feature view "profile": warn of freshness is above zero"#
    );
    let share = r#"d.toml:9:47: feature view "profile": stale_share_max of freshness is from 0 to 1: "#;
    assert_eq!(rule(r#"stale = "6h", stale_share_max = 1.01"#), format!("{share}1.01"));
    assert_eq!(rule(r#"stale = "6h", stale_share_max = -1"#), format!("{share}-1"));
    assert!(rule(r#"stale = "6h", stale_share_max = nan"#).starts_with("d.toml:9:47: "));
    assert_eq!(rule(r#"warn = "1h""#), r#"d.toml:9:13: freshness needs the key "stale""#);
    assert!(rule(r#"stale = 6"#).starts_with("d.toml:9:23: stale is a duration in quotes"));
    assert_eq!(
        rule(r#"stale = "6h", stale_share_max = "1%""#),
        "d.toml:9:47: stale_share_max is a number: write a number"
    );
    assert!(rule(r#"stale = "6h", wran = "1h""#).contains("did you mean \"warn\"?"));
    assert!(
        refused(r#"stale = "10m""#, r#"stale = "10m", stale_share_max = 0.5"#)
            .contains("an entity without new events is not stale; leave stale_share_max out")
    );
    let stated = "name = \"doubled\"\nfreshness = { stale = \"1h\" }";
    assert!(refused("name = \"doubled\"", stated).contains("a derived view has no key \"freshness\""));
}

#[test]
fn a_view_that_is_computed_promises_nothing_of_its_own() {
    let mut definitions = parse_definitions(VIEWS, "d.toml").unwrap();
    let objective = definitions.views[0].freshness;
    let computed: &mut ViewDefinition = definitions.views.last_mut().unwrap();
    computed.freshness = objective;
    let problem = definitions.check().unwrap_err();
    let message = "\"doubled\" is computed, and nothing is written to it: leave freshness out";
    assert_eq!(problem.error.message(), message);
}

#[test]
fn the_views_of_the_page_for_platform_teams_can_be_defined() {
    let page = std::fs::read_to_string(repository("docs/platform.md")).unwrap();
    let (_, section) = page.split_once("## Know that a view is fed").unwrap();
    let (_, rest) = section.split_once("```toml\n").unwrap();
    let (views, _) = rest.split_once("```").unwrap();
    let user = "entity = [{ name = \"user\", join_keys = [{ name = \"user_id\", type = \"int64\" }] }]\n";
    let definitions = parse_definitions(&format!("{user}{views}"), "platform.md").unwrap();
    let store = in_memory(&definitions);
    let statuses: Vec<_> = store.ages::<&str>(&[]).unwrap().iter().map(|view| view.status.as_str()).collect();
    assert_eq!(statuses, ["no_data", "no_data"]);
}
