//! Policies, the log of changes and approvals on the command line.

use serde_json::json;

use super::Cli;

const POLICY: &str = "[view]\ndescription_min = 5\n[feature]\nname = [\"score\", \"visits\", \"city\", \"bought\"]\n";

const STRANGE: &str = "[[feature_view]]\nname = \"more_v1\"\nentities = [\"user\"]\n\
                       feature = [{ name = \"strange\", type = \"int64\" }]\n";

#[test]
fn lint_tells_each_breach_with_its_place_and_ends_with_3() {
    let cli = Cli::new();
    cli.write("policy.toml", POLICY);
    let found = cli.ends(3, "lint features.toml --policy policy.toml --format csv");
    let expected = "place,what,name,rule,message\n\
                    features.toml:31:8,feature,stats_v1:embedding,feature.name,\
                    \"name \"\"embedding\"\" does not match: score or visits or city or bought\"\n\
                    features.toml:34:1,feature_view,buys_v1,view.description_min,\
                    description has 0 characters of at least 5\n";
    assert_eq!(found, expected);
    assert!(!cli.path("asof-data").exists());
    cli.write("wide.toml", "[view]\nwidth_max = 100\n");
    assert_eq!(cli.json("lint features.toml --policy wide.toml"), json!([]));
    cli.write("bad.toml", "[viw]\n");
    let error = cli.fails(1, "lint features.toml --policy bad.toml");
    assert_eq!(error, "bad.toml:1:2: a policy has no key \"viw\"; did you mean \"view\"?");
    cli.succeeds("apply features.toml");
    assert_eq!(cli.fails(1, "lint features.toml"), "the store has no policy; give one");
}

#[test]
fn a_policy_is_applied_shown_and_kept_by_plan_and_apply() {
    let cli = Cli::filled();
    cli.write("policy.toml", POLICY);
    assert_eq!(cli.json("policy"), json!({ "policy": null, "sha256": null }));
    let planned = cli.json("policy apply policy.toml --plan");
    assert_eq!((&planned["applied"], planned["breaches"].as_array().map(Vec::len)), (&json!(false), Some(2)));
    assert_eq!(cli.json("policy")["policy"], json!(null));
    let applied = cli.json("policy apply policy.toml --message Clearer");
    assert_eq!((&applied["applied"], &applied["breaches"]), (&json!(true), &planned["breaches"]));
    assert_eq!(cli.json("policy"), json!({ "policy": POLICY, "sha256": applied["sha256"] }));
    assert!(cli.succeeds("policy").starts_with(POLICY));
    assert_eq!(cli.ends(3, "lint features.toml").lines().last(), Some("2 breaches"));
    cli.write("more.toml", [super::DEFINITIONS, STRANGE].concat());
    let rule = "this breaks the policy: feature_view more_v1: description has 0 characters of at least 5 \
                (view.description_min); feature more_v1:strange: name \"strange\" does not match";
    cli.refuses("plan more.toml", &[rule]);
    cli.refuses("apply more.toml", &[rule]);
    cli.succeeds("apply features.toml");
}

#[test]
fn the_log_says_who_changed_what_when_and_why_and_the_past_can_be_described() {
    let cli = Cli::new();
    cli.succeeds("apply features.toml --message First");
    let first = cli.json("log")[0].clone();
    assert_eq!((&first["revision"], &first["message"]), (&json!(1), &json!("First")));
    assert!(first["who"].as_str().unwrap().starts_with("uid:"), "{first}");
    assert_eq!(
        first["changes"][2],
        json!({
            "change": "create", "what": "feature_view", "name": "stats_v1", "details": ["4 features", "ttl 2h"]
        })
    );
    let longer = super::DEFINITIONS.replace("ttl = \"2h\"", "ttl = \"3h\"");
    cli.write("longer.toml", &longer);
    cli.succeeds("apply longer.toml --message Longer");
    let log = cli.json("log stats_v1");
    assert_eq!((log.as_array().unwrap().len(), &log[0]["message"]), (2, &json!("Longer")));
    assert_eq!(cli.json("log buys_v1").as_array().unwrap().len(), 1);
    assert_eq!(cli.json("log --limit 1").as_array().unwrap().len(), 1);
    assert_eq!(cli.json("log nothing"), json!([]));
    let shown = cli.succeeds("log --format csv");
    let head = "revision,at,who,changes,approved_by,message\n2,";
    assert!(shown.starts_with(head) && shown.contains("ttl 2h -> 3h,,Longer\n"), "{shown}");
    let then = first["at"].as_str().unwrap();
    let described = |options: &str| cli.json(&format!("describe stats_v1 {options}"))["ttl"].clone();
    assert_eq!(described(&format!("--as-of {then}")), json!("2h"));
    assert_eq!((described("--as-of now"), described("")), (json!("3h"), json!("3h")));
    cli.fails(1, "describe stats_v1 --as-of 2001-01-01");
    let change = json!([{
        "change": "change", "what": "feature_view", "name": "stats_v1", "details": ["ttl 2h -> 3h"]
    }]);
    assert_eq!(cli.json(&format!("diff {then}")), change);
    assert_eq!(cli.json(&format!("diff {then} {then}")), json!([]));
    assert_eq!(cli.json("diff 2001-01-01 now").as_array().unwrap().len(), 5);
}

#[test]
fn a_plan_is_made_known_and_listed_with_its_approvals() {
    let cli = Cli::filled();
    cli.write("policy.toml", "approvals_min = 2\n");
    cli.succeeds("policy apply policy.toml");
    cli.write("longer.toml", super::DEFINITIONS.replace("ttl = \"2h\"", "ttl = \"3h\""));
    assert_eq!(cli.json("plans"), json!({ "revision": 2, "approvals_needed": 2, "plans": [] }));
    let planned = cli.json("plan longer.toml --propose --message Longer");
    let hash = planned["approval"]["plan"].as_str().unwrap().to_owned();
    cli.succeeds(&format!("approve {hash}"));
    let waiting = cli.json("plans")["plans"][0].clone();
    assert_eq!((&waiting["plan"], &waiting["message"]), (&json!(hash), &json!("Longer")));
    assert_eq!(waiting["changes"][0]["details"], json!(["ttl 2h -> 3h"]));
    assert_eq!(waiting["approved_by"][0]["who"], waiting["who"]);
    let shown = cli.succeeds("plans");
    let line = "1 plan waits; the policy wants 2 approvals by others than whoever applies a plan";
    assert_eq!(shown.lines().last(), Some(line));
    assert!(shown.contains("1 change"), "{shown}");
    assert!(cli.fails(1, "plan features.toml --propose").contains("there is nothing to propose"));
    cli.fails(2, "plan longer.toml --message Why");
}

#[test]
fn a_change_of_the_policy_is_proposed_listed_and_applied_with_the_lines_that_change() {
    let cli = Cli::filled();
    cli.write("policy.toml", "approvals_min = 1\n");
    cli.succeeds("policy apply policy.toml");
    cli.write("strict.toml", "approvals_min = 2\n[view]\ndescription_min = 200\n");
    let planned = cli.json("policy apply strict.toml --plan");
    let proposed = cli.json("policy propose strict.toml --message Stricter");
    assert_eq!((&proposed["plan"], &proposed["applied"]), (&planned["approval"]["plan"], &json!(false)));
    let names: Vec<_> = proposed["changes"].as_array().unwrap().iter().map(|line| line["name"].clone()).collect();
    assert_eq!(names, ["policy", "line 1", "line 1", "line 2", "line 3"]);
    assert!(!proposed["breaches"].as_array().unwrap().is_empty(), "{proposed}");
    let waiting = cli.json("plans")["plans"][0].clone();
    assert_eq!((&waiting["plan"], &waiting["message"]), (&proposed["plan"], &json!("Stricter")));
    assert_eq!(waiting["changes"], proposed["changes"]);
    let shown = cli.succeeds("policy apply strict.toml --plan");
    let lines = "- policy line 1 (approvals_min = 1)\n+ policy line 1 (approvals_min = 2)\n+ policy line 2 ([view])\n";
    assert!(shown.starts_with(lines), "{shown}");
    let hash = proposed["plan"].as_str().unwrap();
    assert!(cli.succeeds("policy propose strict.toml").contains(&format!("proposed as plan {hash}; ")));
    cli.refuses("policy apply strict.toml", &["approvals by 1 others", hash]);
    let same = "there is nothing to propose: it is the policy already";
    assert!(cli.fails(1, "policy propose policy.toml").contains(same));
    cli.write("wrong.toml", "approvals = 1\n");
    assert!(cli.fails(1, "policy propose wrong.toml").contains("wrong.toml:1:1: "));
}

#[test]
fn a_plan_shows_its_hash_where_the_policy_wants_approvals() {
    let cli = Cli::filled();
    cli.write("policy.toml", "approvals_min = 1\n");
    cli.succeeds("policy apply policy.toml");
    cli.write("longer.toml", super::DEFINITIONS.replace("ttl = \"2h\"", "ttl = \"3h\""));
    let planned = cli.json("plan longer.toml")["approval"].clone();
    let hash = planned["plan"].as_str().unwrap().to_owned();
    assert_eq!(planned, json!({ "plan": hash, "needed": 1, "given": [] }));
    let markdown = cli.succeeds("plan longer.toml --format markdown");
    let line = format!("plan {hash} needs 1 approval by others than whoever applies it; approved by nobody");
    assert!(markdown.ends_with(&format!("\n{line}.\n")), "{markdown}");
    assert_eq!(cli.succeeds("plan longer.toml").lines().last(), Some(line.as_str()));
    assert_eq!(cli.succeeds(&format!("approve {hash}")), format!("approved {hash}\n"));
    let mine = cli.json("plan longer.toml")["approval"]["given"][0]["who"].clone();
    assert!(mine.as_str().unwrap().starts_with("uid:"), "{mine}");
    let refused = format!("it has 0: {hash} (asof approve)");
    cli.refuses("apply longer.toml", &["the policy wants approvals by 1 others than uid:", &refused]);
    assert!(cli.fails(1, "approve 12ab").contains("by its hash, 64 digits"));
    assert!(cli.json("plan features.toml").get("approval").is_none(), "nothing changes");
    let other = cli.json("policy apply policy.toml --plan")["approval"]["plan"].clone();
    assert_ne!(other, json!(hash));
}
