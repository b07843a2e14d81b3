//! Stages of views: what the command line shows of them, and who is told.

use super::Cli;

const DEFINITIONS: &str = r#"
[[entity]]
name = "user"
join_keys = [{ name = "user_id", type = "int64" }]

[[feature_view]]
name = "age_v1"
entities = ["user"]
status = "deprecated"
replaced_by = "age_v2"
drop_after = "9999-12-31"
feature = [{ name = "age", type = "int32" }]

[[feature_view]]
name = "age_v2"
entities = ["user"]
feature = [{ name = "age", type = "int32" }]
"#;

const TOLD: &str =
    "asof: notice: view \"age_v1\" is deprecated; use \"age_v2\"; it may be dropped from 9999-12-31 on\n";

fn with_views() -> Cli {
    let cli = Cli::new();
    cli.write("features.toml", DEFINITIONS);
    cli.succeeds("apply features.toml");
    cli
}

#[test]
fn reading_what_is_deprecated_and_training_on_it_say_so_beside_the_answer() {
    let cli = with_views();
    cli.write("spine.csv", "user_id,event_timestamp\n1,2024-06-01T00:00:00Z\n");
    for line in ["get age_v1 --entity user_id=1", "training-set age_v1 --spine spine.csv --out set.parquet"] {
        let output = cli.run(line);
        assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr)), (Some(0), TOLD.into()), "{line}");
    }
    cli.succeeds("get age_v2 --entity user_id=1");
    let described = cli.succeeds("describe age_v1");
    assert!(described.contains("deprecated, replaced by \"age_v2\", may be dropped from 9999-12-31 on"), "{described}");
}

#[test]
fn a_plan_says_what_is_promised_and_only_its_name_permits_the_drop() {
    let cli = with_views();
    let (start, end) = (DEFINITIONS.find("[[feature_view]]").unwrap(), DEFINITIONS.rfind("[[feature_view]]").unwrap());
    cli.write("less.toml", [&DEFINITIONS[..start], &DEFINITIONS[end..]].concat());
    let planned = cli.ends(3, "plan less.toml --format markdown");
    let listed = "#### Dropped before the day until which it is promised\n\n\
                  - feature\\_view age\\_v1 promised until 9999-12-31\n";
    assert!(planned.contains(listed) && !planned.contains("Read in the last"), "{planned}");
    let refused = cli.fails(1, "apply less.toml --allow-drop");
    assert!(refused.contains("feature_view age_v1 promised until 9999-12-31 (--allow-drop=NAME"), "{refused}");
    cli.fails(1, "apply less.toml --allow-drop=age_v2");
    cli.succeeds("apply less.toml --allow-drop=age_v1");
}
