//! Verdicts on features that look alike, and sources of feeds, in definitions.

use asofdb::{
    AsJson, Definitions, Durability, ErrorKind, FeedSource, Options, Schedule, Span, Store, parse_definitions,
};
use serde_json::json;

use crate::common::{TestStore, in_memory};

const VIEWS: &str = r#"
[[entity]]
name = "user"
join_keys = [{ name = "user_id", type = "int64" }]

[[feature_view]]
name = "ages"
entities = ["user"]
same_as = { age = ["doubled:twice"] }
not_same_as = { age = { "click_counts:clicks_1h" = "of the user, not of clicks" } }
source = { path = "data/ages/*.parquet", schedule = "every 1h 30m" }
feature = [{ name = "age", type = "int32" }]

[[event_view]]
name = "clicks"
entities = ["user"]
source = { path = "clicks.csv" }
columns = [{ name = "page", type = "string" }]

[[window_view]]
name = "click_counts"
from = "clicks"
windows = ["1h"]
same_as = { clicks_1h = ["ages:age"] }
feature = [{ name = "clicks", aggregate = "count" }]

[[derived_view]]
name = "doubled"
not_same_as = { twice = { "click_counts:clicks_1h" = "not counted" } }
feature = [{ name = "twice", type = "int64", expression = "ages:age * 2" }]
"#;

fn read(text: &str) -> Definitions {
    parse_definitions(text, "d.toml").unwrap()
}

/// The error of applying the definitions with a change of them.
fn refused(from: &str, to: &str) -> String {
    assert!(VIEWS.contains(from));
    let text = VIEWS.replace(from, to);
    let error = match parse_definitions(&text, "d.toml") {
        Err(error) => error,
        Ok(definitions) => in_memory(&read("")).plan(&definitions).unwrap_err(),
    };
    assert!(matches!(error.kind(), ErrorKind::Invalid | ErrorKind::NotFound), "{error:?}");
    format!("{error:#}")
}

fn check(store: &Store) {
    let catalog = store.catalog();
    let ages = catalog.view("ages").unwrap();
    let schedule = Some(Schedule { every: Span::from_secs(5_400) });
    assert_eq!(ages.source, Some(FeedSource { path: "data/ages/*.parquet".to_owned(), schedule }));
    assert!(ages.verdicts.has("age", "doubled:twice") && ages.verdicts.has("age", "click_counts:clicks_1h"));
    assert!(!ages.verdicts.has("age", "doubled:twic"));
    assert!(catalog.view("click_counts").unwrap().verdicts.has("clicks_1h", "ages:age"));
    let tree = AsJson(&**ages).to_tree().unwrap();
    assert_eq!(tree["same_as"], json!({"age": ["doubled:twice"]}));
    assert_eq!(tree["not_same_as"], json!({"age": {"click_counts:clicks_1h": "of the user, not of clicks"}}));
    assert_eq!(tree["source"], json!({"path": "data/ages/*.parquet", "schedule": "every 1h 30m"}));
    let clicks = AsJson(&**catalog.view("clicks").unwrap()).to_tree().unwrap();
    assert_eq!(clicks["source"], json!({"path": "clicks.csv", "schedule": null}));
}

#[test]
fn verdicts_and_sources_are_kept() {
    let TestStore { store, clock, directory } = TestStore::new(&read(VIEWS));
    check(&store);
    drop(store);
    let path = directory.path().join("store");
    let store = Store::open_with(path, Options::default(), clock, Durability::Os).unwrap();
    check(&store);
    assert!(store.apply(&read(VIEWS), false).unwrap().is_empty(), "applied twice");
}

#[test]
fn changes_of_verdicts_and_sources_are_planned() {
    let store = in_memory(&read(VIEWS));
    let text = VIEWS.replace("1h 30m", "2h").replace("\"doubled:twice\"", "");
    let plan = store.apply(&read(&text), false).unwrap();
    let details: Vec<_> = plan.changes.iter().flat_map(|change| change.details.clone()).collect();
    assert_eq!(
        details,
        ["same_as", "source \"data/ages/*.parquet\", every 1h 30m -> \"data/ages/*.parquet\", every 2h"]
    );
}

#[test]
fn verdicts_name_features_that_are_there_once_each_with_a_reason() {
    let same = "same_as = { age = [\"doubled:twice\"] }";
    let of = |to: &str| refused(same, to);
    assert!(of("same_as = { agee = [\"doubled:twice\"] }").contains("\"ages\" has no feature \"agee\""));
    let told = of("same_as = { age = [\"doubeld:twice\"] }");
    assert!(told.contains("is compared with \"doubeld:twice\", and no such view is defined"), "{told}");
    let told = of("same_as = { age = [\"doubled:twise\"] }");
    assert!(told.contains("is compared with \"doubled:twise\", which is not defined"), "{told}");
    assert!(of("same_as = { age = [\"doubled\"] }").contains("a feature is named as \"view:feature\": \"doubled\""));
    assert!(of("same_as = { age = [\"ages:age\"] }").contains("\"age\" cannot be compared with itself"));
    let told = of("same_as = { age = [\"click_counts:clicks_1h\"] }");
    assert!(told.contains("cannot be both the same and not the same"), "{told}");
    assert!(of("same_as = [\"doubled:twice\"]").contains("same_as is a table, not a list"));
    let told = refused("of the user, not of clicks", " ");
    assert!(told.contains("the reason why they are not the same has 1 to 1000 bytes"), "{told}");
}

#[test]
fn sources_have_a_path_and_a_schedule_within_bounds() {
    let of = |to: &str| refused("source = { path = \"data/ages/*.parquet\", schedule = \"every 1h 30m\" }", to);
    assert!(of("source = { schedule = \"every 1h\" }").contains("source needs the key \"path\""));
    assert!(of("source = { path = \"\" }").contains("the path of a source has 1 to 4096 bytes"));
    let told = of("source = { path = \"a\", schedule = \"hourly\" }");
    assert!(told.contains("schedule is \"every\" and a duration, such as \"every 1h\": \"hourly\""), "{told}");
    let told = of("source = { path = \"a\", schedule = \"every 1s\" }");
    assert!(told.contains("a feed runs at most every 1m, and at least every 400d: every 1s"), "{told}");
    let told = refused("from = \"clicks\"", "from = \"clicks\"\nsource = { path = \"a\" }");
    assert!(told.contains("has no key \"source\""), "{told}");
}
