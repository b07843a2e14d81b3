//! Life cycles of views and services: the stage that definitions say, and what follows from it.

use asofdb::{Allow, AsJson, Date, Definitions, ErrorKind, Hint, LifeCycle, Session, Stage, Store, parse_definitions};
use serde_json::json;

use crate::common::{TestStore, in_memory};

const VIEWS: &str = r#"
[[entity]]
name = "user"
join_keys = [{ name = "user_id", type = "int64" }]

[[feature_view]]
name = "age_v1"
entities = ["user"]
status = "deprecated"
replaced_by = "age_v2"
drop_after = "2024-06-30"
feature = [{ name = "age", type = "int32" }]

[[feature_view]]
name = "age_v2"
entities = ["user"]
status = "production"
feature = [{ name = "age", type = "int32" }]

[[event_view]]
name = "clicks"
entities = ["user"]
status = "experimental"
columns = [{ name = "page", type = "string" }]

[[window_view]]
name = "click_counts"
from = "clicks"
windows = ["1h"]
status = "deprecated"
feature = [{ name = "clicks", aggregate = "count" }]

[[derived_view]]
name = "doubled"
status = "experimental"
feature = [{ name = "twice", type = "int64", expression = "age_v2:age * 2" }]

[[feature_service]]
name = "ranker_v1"
features = ["age_v1:age"]
status = "deprecated"
replaced_by = "ranker_v2"

[[feature_service]]
name = "ranker_v2"
features = ["age_v2:age"]
"#;

const OLD: &str = "[[feature_service]]\nname = \"ranker_v1\"\nfeatures = [\"age_v1:age\"]\nstatus = \"deprecated\"\n\
                   replaced_by = \"ranker_v2\"\n";

fn read(text: &str) -> Definitions {
    parse_definitions(text, "d.toml").unwrap()
}

/// Returns the error of the definitions with one text replaced.
fn refused(text: &str, replacement: &str) -> (ErrorKind, String) {
    assert_eq!(VIEWS.matches(text).count(), 1, "{text:?} is once in the definitions");
    let error = parse_definitions(&VIEWS.replace(text, replacement), "d.toml").expect_err(replacement);
    (error.kind(), error.to_string())
}

#[test]
fn life_cycles_are_kept_and_shown_for_views_of_all_kinds_and_services() {
    let test = TestStore::new(&read(VIEWS));
    for store in [&test.store, &in_memory(&read(VIEWS))] {
        let catalog = store.catalog();
        let life = |name: &str| catalog.view(name).unwrap().life.clone();
        let replaced_by = Some("age_v2".to_owned());
        let drop_after = Date::from_ymd(2024, 6, 30);
        assert_eq!(life("age_v1"), LifeCycle { status: Some(Stage::Deprecated), replaced_by, drop_after });
        let stages = ["age_v2", "clicks", "click_counts", "doubled"].map(|name| life(name).status.unwrap().as_str());
        assert_eq!(stages, ["production", "experimental", "deprecated", "experimental"]);
        let json = AsJson(&**catalog.view("age_v1").unwrap()).to_tree().unwrap();
        let shown = (&json["status"], &json["replaced_by"], &json["drop_after"]);
        assert_eq!(shown, (&json!("deprecated"), &json!("age_v2"), &json!("2024-06-30")));
        let json = AsJson(&**catalog.service("ranker_v2").unwrap()).to_tree().unwrap();
        assert_eq!((&json["status"], &json["replaced_by"]), (&json!(null), &json!(null)));
    }
}

#[test]
fn a_change_of_stage_is_a_change_of_the_plan() {
    let store = in_memory(&read(VIEWS));
    let plan = store.plan(&read(&VIEWS.replace("status = \"production\"", "status = \"deprecated\""))).unwrap();
    let told: Vec<_> = plan.changes.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["~ feature_view age_v2: status production -> deprecated"]);
}

#[test]
fn a_life_cycle_that_makes_no_sense_is_refused_with_its_place() {
    let (kind, message) = refused("status = \"production\"", "status = \"retired\"");
    let rule = "status is experimental, production or deprecated: \"retired\"";
    assert_eq!((kind, message), (ErrorKind::Invalid, format!("d.toml:17:10: {rule}")));
    let (kind, message) = refused("status = \"production\"", "replaced_by = \"age_v1\"");
    let rule = "replaced_by is of what is deprecated: add status = \"deprecated\"";
    assert_eq!((kind, message), (ErrorKind::Invalid, format!("d.toml:17:15: feature view \"age_v2\": {rule}")));
    let (kind, message) = refused("replaced_by = \"age_v2\"", "replaced_by = \"age_v3\"");
    assert_eq!(kind, ErrorKind::NotFound);
    let rule = "feature view \"age_v1\" is replaced by what is not defined: \"age_v3\"";
    assert!(message.starts_with(&format!("d.toml:10:15: {rule}")) && message.contains("age_v2"), "{message}");
    let (_, message) = refused("replaced_by = \"age_v2\"", "replaced_by = \"age_v1\"");
    assert_eq!(message, "d.toml:10:15: feature view \"age_v1\" cannot be replaced by itself");
    let (_, message) = refused("replaced_by = \"ranker_v2\"", "replaced_by = \"age_v2\"");
    assert!(message.contains("feature service \"ranker_v1\" is replaced by what is not defined"), "{message}");
    let (_, message) = refused("2024-06-30", "2024-06-31");
    assert!(message.starts_with("d.toml:11:14: ") && message.contains("2024-06-31"), "{message}");
}

#[test]
fn those_who_ask_for_what_is_deprecated_are_warned_once_for_each() {
    let store = in_memory(&read(VIEWS));
    let warnings = |references: &[&str]| store.prepare(references).unwrap().warnings();
    let age = "view \"age_v1\" is deprecated; use \"age_v2\"; it may be dropped from 2024-06-30 on";
    assert_eq!(warnings(&["age_v1", "age_v2"]), [age]);
    let service = "feature service \"ranker_v1\" is deprecated; use \"ranker_v2\"";
    assert_eq!(warnings(&["ranker_v1", "click_counts"]), [service, age, "view \"click_counts\" is deprecated"]);
    assert_eq!(warnings(&["ranker_v2", "doubled"]), Vec::<String>::new());
}

#[test]
fn warnings_of_thousands_of_views_are_a_few_sentences() {
    let view = |number: usize| {
        let view = format!("[[feature_view]]\nname = \"v{number:04}\"\nentities = [\"user\"]\n");
        format!("{view}status = \"deprecated\"\nfeature = [{{ name = \"x\", type = \"int32\" }}]\n")
    };
    let entity = &VIEWS[..VIEWS.find("[[feature_view]]").unwrap()];
    let store = in_memory(&read(&format!("{entity}{}", (0..2_000).map(view).collect::<String>())));
    let references: Vec<_> = (0..2_000).map(|number| format!("v{number:04}")).collect();
    let warnings = store.prepare(&references).unwrap().warnings();
    assert_eq!((warnings.len(), warnings[7].as_str()), (9, "view \"v0007\" is deprecated"));
    assert_eq!(warnings[8], "1992 more of what is asked for is deprecated");
}

fn without(text: &str, part: &str) -> Definitions {
    assert_eq!(text.matches(part).count(), 1);
    read(&text.replace(part, ""))
}

/// The view `age_v1` and what refers to it are gone.
fn less() -> Definitions {
    let start = VIEWS.find("[[feature_view]]").unwrap();
    let end = start + VIEWS[start..].find("\n\n").unwrap();
    without(&VIEWS.replace(OLD, ""), &VIEWS[start..end])
}

#[test]
fn what_is_promised_until_a_day_goes_before_it_only_by_its_name() {
    let test = TestStore::new(&read(VIEWS));
    let store: &Store = &test.store;
    let plan = store.plan(&less()).unwrap();
    assert_eq!(plan.early_drops().collect::<Vec<_>>(), [("age_v1", Date::from_ymd(2024, 6, 30).unwrap())]);
    let impacts = store.impacts(&plan).unwrap();
    assert_eq!((impacts.len(), impacts[0].is_named(&["age_v1"]), impacts[0].readers.len()), (1, true, 0));
    let error = store.apply(&less(), true).unwrap_err();
    assert_eq!((error.kind(), error.hint()), (ErrorKind::Conflict, Some(Hint::AllowUsed)));
    assert_eq!(
        error.to_string(),
        "this is promised until a later day, or was read in the last 30 days; name what may go all the same: \
         feature_view age_v1 promised until 2024-06-30"
    );
    assert!(store.catalog().view("age_v1").is_some());
    store.apply_to(&less(), Allow { used: true, ..Allow::drops(true) }, None).unwrap();
    assert!(store.catalog().view("age_v1").is_none());
}

#[test]
fn after_its_day_it_goes_as_anything_else() {
    let text = VIEWS.replace("2024-06-30", "2024-06-01");
    let store = in_memory(&read(&text));
    // A new store does not believe its clock at once.
    store.confirm_clock().unwrap();
    assert_eq!(store.plan(&less()).unwrap().early_drops().count(), 0);
    store.apply(&less(), true).unwrap();
    assert!(store.catalog().view("age_v1").is_none());
}
