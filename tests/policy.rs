//! Policies: rules that definitions keep, who may read and change what, and the log of changes.

use asofdb::{
    Actor, Allow, ApplyOptions, AsJson, Breach, Change, ErrorKind, Hint, Policy, Session, Span, Store,
    parse_definitions, plan_hash, policy_hash, policy_plan_hash,
};
use serde_json::json;

use crate::common::{NOW, TestStore, in_memory, int};

const DEFINITIONS: &str = r#"
[[entity]]
name = "user"
join_keys = [{ name = "user_id", type = "int64" }]

[[feature_view]]
name = "growth_user_stats_v1"
entities = ["user"]
team = "growth"
owner = "growth@example.org"
description = "What users did"
tags = { tier = "1" }
ttl = "2h"
freshness = { stale = "1h" }
feature = [
    { name = "clicks", type = "int64", description = "Clicks in all" },
    { name = "email", type = "string", description = "The address", tags = { pii = "true" } },
]

[[event_view]]
name = "buys"
entities = ["user"]
tags = { pii = "true" }
columns = [{ name = "amount", type = "float64", tags = { pii = "false" } }, { name = "item", type = "string" }]

[[window_view]]
name = "buy_sums"
from = "buys"
windows = ["1h"]
feature = [
    { name = "spent", aggregate = "sum", of = "amount" },
    { name = "items", aggregate = "last_k", of = "item", k = 2 },
    { name = "buys", aggregate = "count" },
]

[[derived_view]]
name = "derived"
feature = [
    { name = "letters", type = "int64", expression = "len(growth_user_stats_v1:email)" },
    { name = "twice", type = "int64", expression = "growth_user_stats_v1:clicks * 2" },
    { name = "has_email", type = "int64", expression = "len(growth_user_stats_v1:email)", tags = { pii = "false" } },
]

[[feature_service]]
name = "ranker"
owner = "growth@example.org"
features = ["growth_user_stats_v1:clicks"]
"#;

fn test() -> TestStore {
    TestStore::new(&parse_definitions(DEFINITIONS, "d.toml").unwrap())
}

fn told(breaches: &[Breach]) -> Vec<String> {
    breaches.iter().map(Breach::to_string).collect()
}

/// The breaches of definitions with a replaced part.
fn lint(policy: &str, replaced: &str, by: &str) -> Vec<String> {
    assert!(DEFINITIONS.contains(replaced), "{replaced}");
    let policy = Policy::parse(policy, "policy.toml").unwrap();
    told(&policy.lint(&DEFINITIONS.replace(replaced, by), "d.toml").unwrap())
}

/// A policy, what is replaced in the definitions and by what, and a breach.
const BREACHES: &[[&str; 4]] = &[
    [
        "[view]\nname = [\"{team}_{entity}_*_v{n}\", \"b*\", \"derived\"]",
        "growth_user_stats_v1",
        "user_stats_v1",
        "name \"user_stats_v1\" does not match: {team}_{entity}_*_v{n} or b* or derived (view.name)",
    ],
    [
        "[entity]\ndescription_min = 3",
        "",
        "",
        "d.toml:2:1: entity user: description has 0 characters of at least 3 (entity.description_min)",
    ],
    [
        "[feature]\ndescription_min = 4",
        "\"Clicks in all\"",
        "\" é  \"",
        "d.toml:16:54: feature growth_user_stats_v1:clicks: description has 1 characters of at least 4 (feature.description_min)",
    ],
    [
        "[view]\nowner = \"*@example.org\"",
        "growth@example.org",
        "me",
        "d.toml:10:9: feature_view growth_user_stats_v1: owner \"me\" does not match: *@example.org (view.owner)",
    ],
    [
        "[view]\nteam = [\"growth\", \"ops\"]",
        "team = \"growth\"",
        "team = \"sales\"",
        "d.toml:9:8: feature_view growth_user_stats_v1: team \"sales\" does not match: growth or ops (view.team)",
    ],
    [
        "[view]\ntags = [\"tier\"]",
        "tier",
        "level",
        "d.toml:12:8: feature_view growth_user_stats_v1: tag \"tier\" is missing (view.tags.tier)",
    ],
    [
        "[view]\nttl = { required = true }",
        "ttl = \"2h\"",
        "",
        "d.toml:6:1: feature_view growth_user_stats_v1: ttl is missing (view.ttl.required)",
    ],
    [
        "[view]\nttl = { min = \"3h\" }",
        "",
        "",
        "d.toml:13:7: feature_view growth_user_stats_v1: ttl 2h is under 3h (view.ttl.min)",
    ],
    [
        "[view]\nttl = { max = \"1h\" }",
        "",
        "",
        "d.toml:13:7: feature_view growth_user_stats_v1: ttl 2h is over 1h (view.ttl.max)",
    ],
    [
        "[view]\nretention = { max = \"1d\" }",
        "ttl = \"2h\"",
        "ttl = \"2h\"\nretention = \"2d\"",
        "d.toml:14:13: feature_view growth_user_stats_v1: retention 2d is over 1d (view.retention.max)",
    ],
    [
        "[view]\nfreshness_required = true",
        "freshness = { stale = \"1h\" }",
        "",
        "d.toml:6:1: feature_view growth_user_stats_v1: freshness is missing (view.freshness_required)",
    ],
    [
        "[view]\nwidth_max = 2",
        "{ name = \"clicks\"",
        "{ name = \"more\", type = \"int64\" },\n{ name = \"clicks\"",
        "d.toml:15:11: feature_view growth_user_stats_v1: it has 3 features of at most 2 (view.width_max)",
    ],
    [
        "[feature]\ntypes = [\"string\", \"float64\", \"list<string>\"]",
        "",
        "",
        "d.toml:16:31: feature growth_user_stats_v1:clicks: type int64 is none of string, float64, list<string> (feature.types)",
    ],
    [
        "[feature]\nname = [\"{view}\", \"*s\", \"*_1h\", \"item\", \"amount\", \"twice\", \"has_*\"]",
        "",
        "",
        "d.toml:17:14: feature growth_user_stats_v1:email: name \"email\" does not match: \
             {view} or *s or *_1h or item or amount or twice or has_* (feature.name)",
    ],
    [
        "[service]\nname = \"*_v{n}\"",
        "",
        "",
        "feature_service ranker: name \"ranker\" does not match: *_v{n} (service.name)",
    ],
    [
        "[service]\nowner = \"models@*\"",
        "",
        "",
        "feature_service ranker: owner \"growth@example.org\" does not match: models@* (service.owner)",
    ],
];

#[test]
fn each_rule_names_the_thing_the_rule_and_the_place_of_its_breach() {
    let mut wrong = Vec::new();
    for [policy, replaced, by, breach] in BREACHES {
        let found = if replaced.is_empty() { lint(policy, "user", "user") } else { lint(policy, replaced, by) };
        if !found.iter().any(|line| line.contains(breach)) {
            wrong.push(format!("{policy}: {breach}: {found:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(lint("[view]\ndescription_min = 0", "user", "user"), [""; 0]);
}

#[test]
fn a_feature_of_windows_is_told_where_its_window_is() {
    let found = lint("[feature]\nname = [\"clicks\", \"email\", \"spent_*\", \"*\"]", "user", "user");
    assert_eq!(found, [""; 0]);
    let found = lint(
        "[feature]\nname = [\"[!]\", \"c*\", \"e*\", \"a*\", \"i*\", \"l*\", \"t*\", \"h*\", \"b*\"]",
        "user",
        "user",
    );
    let at = DEFINITIONS.lines().position(|line| line.contains("\"spent\"")).unwrap() + 1;
    assert!(found[0].starts_with(&format!("d.toml:{at}:14: feature buy_sums:spent_1h: ")), "{found:?}");
}

#[test]
fn what_is_no_policy_is_refused_with_its_place() {
    for (text, message) in [
        ("[vew]", "p.toml:1:2: a policy has no key \"vew\"; did you mean \"view\"?"),
        ("[view]\nnaem = \"a\"", "p.toml:2:1: the rules of views has no key \"naem\"; did you mean \"name\"?"),
        (
            "[view]\nname = \"{tema}\"",
            "p.toml:2:8: a pattern has no {tema}; here it may have * and {n} {team} {entity}",
        ),
        ("[entity]\nttl = {}", "p.toml:2:1: the rules of entities has no key \"ttl\""),
        ("[view]\nttl = { min = \"2h\", max = \"1h\" }", "p.toml:2:7: the min of ttl is above its max"),
        ("approvals_min = 17", "p.toml:1:17: approvals_min is from 0 to 16: 17"),
        ("[feature]\ntypes = [\"int\"]", "p.toml:2:10: "),
        ("[[restricted]]\ntags = { pii = \"true\" }", "the key \"consumers\""),
        ("[[restricted]]\nconsumers = []", "the key \"tags\""),
        ("synonyms = [[\"A\"]]", "p.toml:1:12: a synonym is one word of small letters and digits"),
    ] {
        let error = Policy::parse(text, "p.toml").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{text}");
        assert!(error.message().contains(message), "{text}: {error}");
    }
    let store = test().store;
    assert_eq!(store.apply_policy("[vew]", "").unwrap_err().kind(), ErrorKind::Invalid);
    assert!(store.catalog().policy().is_none());
}

#[test]
fn plan_and_apply_refuse_what_is_new_and_breaks_the_policy_and_leave_what_broke_it_before() {
    let test = test();
    test.store.apply_policy("[view]\ndescription_min = 10\n[feature]\ndescription_min = 3", "Be clear").unwrap();
    let more =
        "[[feature_view]]\nname = \"more\"\nentities = [\"user\"]\nfeature = [{ name = \"x\", type = \"int64\" }]\n";
    let worse = parse_definitions(&format!("{DEFINITIONS}{more}"), "d.toml").unwrap();
    let expected = "this breaks the policy: feature_view more: description has 0 characters of at least 10 \
                    (view.description_min); feature more:x: description has 0 characters of at least 3 \
                    (feature.description_min)";
    for refused in [test.store.plan(&worse), test.store.apply(&worse, false)] {
        let error = refused.unwrap_err();
        assert_eq!((error.kind(), error.message()), (ErrorKind::Invalid, expected));
    }
    assert!(test.store.catalog().view("more").is_none());
    // The columns of `buys` have no description either, and had none before the policy.
    let other = parse_definitions(&DEFINITIONS.replace("2h", "3h"), "d.toml").unwrap();
    assert_eq!(test.store.apply(&other, false).unwrap().changes.len(), 1);
    let shorter = parse_definitions(&DEFINITIONS.replace("What users did", "What"), "d.toml").unwrap();
    assert!(test.store.plan(&shorter).unwrap_err().message().contains("view.description_min"));
}

#[test]
fn a_policy_is_kept_with_its_hash_and_logged() {
    let TestStore { store, directory, clock } = test();
    let policy = "# Rules\n[view]\nwidth_max = 10\n";
    store.apply_policy(policy, "Narrow views").unwrap();
    store.apply_policy(policy, "The same again is no change").unwrap();
    let revision = store.catalog().revision();
    drop(store);
    let path = directory.path().join("store");
    let store = Store::open_with(path, asofdb::Options::default(), clock, asofdb::Durability::Os).unwrap();
    assert_eq!((store.catalog().policy().map(|text| &**text), store.catalog().revision()), (Some(policy), revision));
    let log = store.catalog_log(Some("policy"), 10).unwrap();
    let me = Actor::of_process().name;
    assert_eq!(
        AsJson(log.as_slice()).to_tree().unwrap(),
        json!([{
            "revision": 2,
            "at": NOW.to_string(),
            "who": me,
            "message": "Narrow views",
            "approved_by": [],
            "changes": [{
                "change": "create",
                "what": "policy",
                "name": "policy",
                "details": [format!("sha256 {}", policy_hash(policy))],
            }],
            "left_out": 0,
        }])
    );
}

#[test]
fn the_hash_of_a_policy_is_the_sha_256_of_its_text() {
    assert_eq!(policy_hash("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

const RESTRICTED: &str = "[[restricted]]\ntags = { pii = \"true\" }\nconsumers = [\"fraud-*\"]\n";

#[test]
fn what_is_restricted_by_a_tag_is_prepared_by_its_consumers_alone() {
    let TestStore { store, .. } = test();
    store.apply_policy(RESTRICTED, "").unwrap();
    let (ranker, fraud) = (store.for_consumer("ranker").unwrap(), store.for_consumer("fraud-7").unwrap());
    let refused = [
        "growth_user_stats_v1:email",
        "growth_user_stats_v1",
        "derived:letters",
        "buy_sums:items_1h",
        "buy_sums:buys_1h",
    ];
    for reference in refused {
        let error = ranker.prepare(&[reference]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Denied, "{reference}");
        assert!(error.message().contains("\"ranker\"") && error.message().contains("pii = \"true\""), "{error}");
        fraud.prepare(&[reference]).unwrap();
        store.prepare(&[reference]).unwrap();
    }
    for reference in
        ["growth_user_stats_v1:clicks", "derived:twice", "derived:has_email", "buy_sums:spent_1h", "ranker"]
    {
        ranker.prepare(&[reference]).unwrap();
    }
    assert_eq!(
        ranker.prepare(&["derived:letters"]).unwrap_err().message(),
        "the policy does not let \"ranker\" read derived:letters, which is under pii = \"true\""
    );
}

#[test]
fn a_restriction_holds_for_joins_history_and_exports_and_ends_with_its_policy() {
    let TestStore { store, directory, .. } = test();
    store.apply_policy(RESTRICTED, "").unwrap();
    let ranker = store.for_consumer("ranker").unwrap();
    let view = "growth_user_stats_v1";
    let entity = [("user_id", int(1).unwrap())];
    let out = directory.path().join("out");
    let denied = |error: asofdb::Error| assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
    denied(ranker.history(view, &entity, 10).unwrap_err());
    denied(ranker.export(view, &out, &asofdb::ExportOptions::default(), &mut |_| {}).unwrap_err());
    denied(ranker.export("derived", &out, &asofdb::ExportOptions::default(), &mut |_| {}).unwrap_err());
    assert!(!out.exists());
    store.history(view, &entity, 10).unwrap();
    store.apply_policy("", "").unwrap();
    ranker.history(view, &entity, 10).unwrap();
    ranker.prepare(&[view]).unwrap();
}

#[test]
fn a_request_that_was_prepared_before_is_refused_once_a_policy_restricts_it() {
    let TestStore { store, .. } = test();
    let ranker = store.for_consumer("ranker").unwrap();
    let request = ranker.prepare(&["growth_user_stats_v1:email"]).unwrap();
    let mut rows = request.entity_rows();
    rows.push(&[int(1)]).unwrap();
    store.apply_policy(RESTRICTED, "").unwrap();
    for _ in 0..2 {
        assert_eq!(ranker.latest(&request, &rows).unwrap_err().kind(), ErrorKind::Denied);
    }
    store.apply_policy("", "").unwrap();
    ranker.latest(&request, &rows).unwrap();
}

fn lines(changes: &[Change]) -> Vec<String> {
    changes.iter().map(Change::to_string).collect()
}

#[test]
fn every_change_is_logged_with_who_when_what_and_why() {
    for store in [test().store, in_memory(&parse_definitions(DEFINITIONS, "d.toml").unwrap())] {
        let other =
            parse_definitions(&DEFINITIONS.replace("2h", "3h").replace("What users did", "Deeds"), "d").unwrap();
        let options = ApplyOptions { message: "Longer".to_owned(), ..ApplyOptions::default() };
        store.apply_with(&other, &options).unwrap();
        store.apply_with(&other, &options).unwrap();
        let log = store.catalog_log(None, 10).unwrap();
        assert_eq!(log.iter().map(|change| change.revision).collect::<Vec<_>>(), [2, 1]);
        let newest = &log[0];
        assert_eq!((newest.at, &*newest.cause.message, &newest.cause.who), (NOW, "Longer", &Actor::of_process().name));
        let changed = ["~ feature_view growth_user_stats_v1: ttl 2h -> 3h, description"];
        assert_eq!(lines(&newest.cause.changes), changed);
        assert_eq!(log[1].cause.changes.len(), 6);
        assert_eq!(store.catalog_log(None, 1).unwrap().len(), 1);
        assert_eq!(store.catalog_log(Some("growth_user_stats_v1"), 10).unwrap().len(), 2);
        assert_eq!(store.catalog_log(Some("ranker"), 10).unwrap().len(), 1);
        assert_eq!(store.catalog_log(Some("growth_user_stats"), 10).unwrap().len(), 0);
        let long = ApplyOptions { message: "a".repeat(4_097), ..ApplyOptions::default() };
        let first = parse_definitions(DEFINITIONS, "d.toml").unwrap();
        let error = store.apply_with(&first, &long).unwrap_err();
        assert_eq!(error.message(), "the reason of a change has at most 4096 bytes: 4097");
    }
}

#[test]
fn the_catalog_is_read_as_of_any_time_and_two_times_are_compared() {
    let TestStore { store, clock, .. } = test();
    let second = Span::from_secs(1);
    let first = store.catalog().to_records().unwrap();
    clock.advance(second);
    let cut = DEFINITIONS.find("[[feature_service]]").unwrap();
    let less = DEFINITIONS[..cut].replace("2h", "3h");
    store.apply(&parse_definitions(&less, "d.toml").unwrap(), true).unwrap();
    clock.advance(second);
    store.apply_policy("approvals_min = 0", "").unwrap();
    let before = store.catalog_at(NOW.minus(second)).unwrap();
    assert_eq!((before.revision(), before.views().count()), (0, 0));
    assert_eq!(store.catalog_at(NOW).unwrap().to_records().unwrap(), first);
    let middle = store.catalog_at(NOW.plus(second)).unwrap();
    assert!(middle.service("ranker").is_none() && middle.policy().is_none());
    assert_eq!(store.catalog_at(store.now()).unwrap().to_records().unwrap(), store.catalog().to_records().unwrap());
    let first = store.catalog_at(NOW).unwrap();
    let forth = ["~ feature_view growth_user_stats_v1: ttl 2h -> 3h", "- feature_service ranker", "+ policy policy"];
    assert_eq!(lines(&first.changes_to(&store.catalog())), forth);
    let back = ["~ feature_view growth_user_stats_v1: ttl 3h -> 2h", "+ feature_service ranker", "- policy policy"];
    assert_eq!(lines(&store.catalog().changes_to(&first)), back);
    assert_eq!(lines(&first.changes_to(&first)), [""; 0]);
}

#[test]
fn a_view_that_was_dropped_and_made_anew_is_both_in_a_comparison() {
    let store = test().store;
    let old = store.catalog();
    let cut = DEFINITIONS.find("[[feature_view]]").unwrap();
    store.apply(&parse_definitions(&DEFINITIONS[..cut], "d.toml").unwrap(), true).unwrap();
    let again = format!(
        "{}[[feature_view]]\nname = \"growth_user_stats_v1\"\nentities = [\"user\"]\n\
         feature = [{{ name = \"clicks\", type = \"string\" }}]",
        &DEFINITIONS[..cut]
    );
    store.apply(&parse_definitions(&again, "d.toml").unwrap(), false).unwrap();
    let changes = lines(&old.changes_to(&store.catalog()));
    assert!(changes.contains(&"+ feature_view growth_user_stats_v1 (1 feature)".to_owned()), "{changes:?}");
    assert!(changes.contains(&"- feature_view growth_user_stats_v1".to_owned()), "{changes:?}");
}

fn actor(name: &str, is_operator: bool) -> Actor {
    Actor { name: name.to_owned(), is_operator }
}

#[test]
fn with_approvals_min_a_plan_is_applied_once_somebody_else_has_approved_its_hash() {
    let TestStore { store, .. } = test();
    store.apply_policy("approvals_min = 1", "Four eyes").unwrap();
    let (ann, bob) = (actor("uid:1", true), actor("uid:2", true));
    let other = parse_definitions(&DEFINITIONS.replace("2h", "3h"), "d.toml").unwrap();
    let plan = plan_hash(&store.catalog(), &other).unwrap();
    let apply = || store.apply_by(&ann, &other, &ApplyOptions::default());
    let error = apply().unwrap_err();
    assert_eq!((error.kind(), error.hint()), (ErrorKind::Conflict, Some(Hint::Approve)));
    assert!(error.message().ends_with(&plan), "{error}");
    // By oneself, of another plan, and of what is no plan.
    store.approve_by(&ann, &plan).unwrap();
    let third = parse_definitions(&DEFINITIONS.replace("2h", "4h"), "d.toml").unwrap();
    store.approve_by(&bob, &plan_hash(&store.catalog(), &third).unwrap()).unwrap();
    assert_eq!(store.approve_by(&bob, "main").unwrap_err().kind(), ErrorKind::Invalid);
    apply().unwrap_err();
    store.approve_by(&bob, &plan).unwrap();
    store.approve_by(&bob, &plan).unwrap();
    assert_eq!(store.approvals().unwrap().of(&plan).count(), 2);
    assert_eq!(apply().unwrap().changes.len(), 1);
    let approved = &store.catalog_log(None, 1).unwrap()[0].cause.approved_by;
    assert_eq!(approved.iter().map(|one| (one.who.as_str(), one.at)).collect::<Vec<_>>(), [("uid:2", NOW)]);
    // What was approved for the catalog of before is gone with it.
    assert_eq!(store.approvals().unwrap().given, []);
    let third = store.apply_by(&ann, &third, &ApplyOptions::default());
    assert_eq!(third.unwrap_err().hint(), Some(Hint::Approve));
    assert!(apply().unwrap().is_empty(), "what changes nothing needs nobody");
}

#[test]
fn a_policy_that_wants_approvals_wants_them_of_a_policy_too() {
    let TestStore { store, .. } = test();
    let (ann, bob) = (actor("uid:1", true), actor("uid:2", true));
    store.apply_policy("approvals_min = 1", "").unwrap();
    let change = || store.apply_policy_by(&ann, "", "Enough", None);
    assert_eq!(change().unwrap_err().hint(), Some(Hint::Approve));
    store.approve_by(&bob, &policy_plan_hash(&store.catalog(), "").unwrap()).unwrap();
    change().unwrap();
    assert_eq!(store.catalog_log(Some("policy"), 1).unwrap()[0].cause.approved_by[0].who, "uid:2");
}

#[test]
fn the_hash_of_a_plan_is_the_same_at_all_times_and_another_one_for_all_that_is_different() {
    let TestStore { store, clock, .. } = test();
    let plan = |text: &str| plan_hash(&store.catalog(), &parse_definitions(text, "d.toml").unwrap()).unwrap();
    let kept = DEFINITIONS.replace("ttl = \"2h\"", "ttl = \"2h\"\nretention = \"2d\"");
    store.apply(&parse_definitions(&kept, "d.toml").unwrap(), false).unwrap();
    let longer = kept.replace("2d", "4d");
    let hash = plan(&longer);
    clock.advance(Span::from_secs(86_400));
    assert_eq!(plan(&longer), hash);
    assert_ne!(plan(&kept.replace("2d", "5d")), hash);
    store.apply_policy("", "").unwrap();
    assert_ne!(plan(&longer), hash);
}

#[test]
fn members_of_a_team_change_what_is_of_their_team_alone() {
    let TestStore { store, .. } = test();
    let ann = actor("uid:1", false);
    let apply = |text: &str| {
        let allow = Allow { drop: true, redefine: true, used: true };
        store.apply_by(&ann, &parse_definitions(text, "d.toml").unwrap(), &ApplyOptions { allow, ..Default::default() })
    };
    let longer = DEFINITIONS.replace("2h", "3h");
    let nobody = apply(&longer).unwrap_err();
    assert_eq!(nobody.kind(), ErrorKind::Denied);
    assert!(nobody.message().contains("needs the role operator") && nobody.message().contains("uid:1 has neither"));
    let teams = "[[team]]\nname = \"growth\"\nmembers = [\"uid:1\"]\nowners = \"growth@*\"\n";
    store.apply_policy(teams, "").unwrap();
    assert_eq!(apply(&longer).unwrap().changes.len(), 1);
    let service = longer.replace("owner = \"growth@example.org\"\nfeatures", "owner = \"ops@example.org\"\nfeatures");
    for text in [
        &longer.replace("team = \"growth\"", "team = \"sales\""),
        &longer.replace(
            "{ name = \"item\", type = \"string\" }",
            "{ name = \"item\", type = \"string\", description = \"x\" }",
        ),
        &longer.replace("join_keys", "description = \"x\"\njoin_keys"),
        &longer.replace("name = \"buys\", aggregate", "name = \"bought\", aggregate"),
        &service,
    ] {
        assert_ne!(*text, longer);
        let error = apply(text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
        assert!(error.message().starts_with("uid:1 may change what is of the team growth alone; "), "{error}");
    }
    let mine = "[[feature_view]]\nname = \"mine\"\nentities = [\"user\"]\nteam = \"growth\"\n\
                feature = [{ name = \"x\", type = \"int64\" }]\n";
    assert_eq!(apply(&format!("{longer}{mine}")).unwrap().changes.len(), 1);
    assert_eq!(apply(&longer).unwrap().drops().count(), 1);
    assert_eq!(store.apply_policy_by(&ann, "", "", None).unwrap_err().kind(), ErrorKind::Denied);
    assert_eq!(store.catalog_log(None, 1).unwrap()[0].cause.who, "uid:1");
    assert_eq!(store.approve_by(&actor("uid:3", false), &"0".repeat(64)).unwrap_err().kind(), ErrorKind::Denied);
    store.approve_by(&ann, &"0".repeat(64)).unwrap();
}

#[test]
fn words_that_a_policy_calls_the_same_are_found_and_told_as_duplicates() {
    use asofdb_platform::{Discovery, find_named_alike};

    let text = |name: &str| {
        format!(
            "[[feature_view]]\nname = \"v_{name}\"\nentities = [\"user\"]\n\
             feature = [{{ name = \"{name}_of_shop\", type = \"float64\" }}]\n"
        )
    };
    let cut = DEFINITIONS.find("[[feature_view]]").unwrap();
    let both = format!("{}{}{}", &DEFINITIONS[..cut], text("gmv"), text("turnover"));
    let store = in_memory(&parse_definitions(&both, "d.toml").unwrap());
    let alike = |store: &Store| find_named_alike(&asofdb::Catalog::default(), &store.catalog()).len();
    assert_eq!((store.search("gmv", 10).unwrap().len(), alike(&store)), (2, 0), "a view and its feature");
    store.apply_policy("synonyms = [[\"gmv\", \"turnover\"]]", "").unwrap();
    assert_eq!((store.search("gmv", 10).unwrap().len(), alike(&store)), (4, 1));
}

#[test]
fn the_policy_and_the_breach_of_the_guide_are_what_it_says() {
    let guide = std::fs::read_to_string(crate::common::repository("docs/platform.md")).unwrap();
    let mut blocks = guide.split("```toml\n").skip(1).filter_map(|rest| rest.split_once("```")).map(|(block, _)| block);
    let definitions = blocks.next().unwrap();
    let policy = blocks.find(|block| block.contains("approvals_min")).unwrap();
    assert_eq!(Policy::parse(policy, "policy.toml").unwrap().approvals_min(), 1);
    let short = Policy::parse("[feature]\ndescription_min = 10", "policy.toml").unwrap();
    let breaches = short.lint(definitions, "features.toml").unwrap();
    let [breach] = breaches.as_slice() else { panic!("{breaches:?}") };
    let cells = [breach.place.as_deref().unwrap(), breach.what.as_str(), &breach.name, &breach.rule, &breach.message];
    assert!(guide.contains(&format!("│ {} │\n", cells.join(" │ "))), "{breach}");
}
