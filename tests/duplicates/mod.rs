//! Duplicates: features that are the same thing under another name or definition, and those that are not.

mod catalog;
mod planted;

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array};
use asofdb::{Error, Session, Store, Timestamp, parse_definitions};
use asofdb_platform::{Discovery, Duplicate, Relation, find_duplicates, find_named_alike};

use self::catalog::mixed;
use crate::common::{batch, hours_ago, in_memory, times};

const USER: &str = "[[entity]]\nname = \"user\"\njoin_keys = [{ name = \"user_id\", type = \"int64\" }]\n";

fn view(name: &str, features: &[&str]) -> String {
    let features: Vec<_> = features.iter().map(|name| format!("{{ name = \"{name}\", type = \"float64\" }}")).collect();
    format!("[[feature_view]]\nname = \"{name}\"\nentities = [\"user\"]\nfeature = [{}]\n", features.join(", "))
}

/// Writes a value a user to a view of one feature, as of some hours ago.
fn write(store: &Store, view: &str, feature: &str, at: Timestamp, values: impl Iterator<Item = (i64, Option<f64>)>) {
    let (users, values): (Vec<i64>, Vec<Option<f64>>) = values.unzip();
    let rows = batch(vec![
        ("user_id", Arc::new(Int64Array::from(users.clone())) as ArrayRef),
        ("event_timestamp", times(users.iter().map(|_| Some(at)))),
        (feature, Arc::new(Float64Array::from(values))),
    ]);
    store.write(view, &rows).unwrap();
}

/// A number for each user that has nothing to do with others.
fn number(user: i64) -> f64 {
    (mixed(user as u64, 1) % 1_000_000) as f64 / 100.0
}

fn store(definitions: &str) -> Store {
    in_memory(&parse_definitions(&format!("{USER}{definitions}"), "duplicates.toml").unwrap())
}

fn pairs(store: &Store) -> Vec<(String, String, Relation)> {
    let all = store.duplicates(&[]).unwrap().into_iter();
    all.map(|Duplicate { features: [one, other], relation, .. }| (one, other, relation)).collect()
}

fn pair(one: &str, other: &str, relation: Relation) -> (String, String, Relation) {
    (one.to_owned(), other.to_owned(), relation)
}

#[test]
fn a_pair_comes_with_its_evidence() {
    let store = store(&(view("ages", &["user_age"]) + &view("profile", &["age_years"])));
    write(&store, "ages", "user_age", hours_ago(2), (0..300).map(|user| (user, Some(number(user)))));
    let shifted = (0..300).map(|user| (user, Some(number(user) + if user < 3 { 7.0 } else { 0.4 })));
    write(&store, "profile", "age_years", hours_ago(2), shifted);
    let found = store.duplicates(&[]).unwrap();
    let [Duplicate { features, relation, reason, values: Some(values), names, entities, types, .. }] = &found[..]
    else {
        panic!("{found:?}")
    };
    assert_eq!(features, &["ages:user_age", "profile:age_years"]);
    assert_eq!((*relation, values.entities, values.equal), (Relation::Shifted, 300, 0.0));
    assert_eq!(reason, "age_years is user_age plus 0.4 for 99 % of 300 entities");
    assert!((values.offset.unwrap() - 0.4).abs() < 1e-9 && values.factor == Some(1.0), "{values:?}");
    assert!((0.98..1.0).contains(&values.share) && values.by_chance < 0.05, "{values:?}");
    assert!(values.rank_correlation.unwrap() > 0.99);
    assert_eq!(
        (*names, entities.as_slice(), types),
        (0.5, &["user".to_owned()][..], &["float64", "float64"].map(String::from))
    );
}

#[test]
fn a_small_view_is_compared_on_entities_that_it_has() {
    let store = store(&(view("all", &["a"]) + &view("few", &["b"])));
    write(&store, "all", "a", hours_ago(2), (0..30_000).map(|user| (user, Some(number(user)))));
    write(&store, "few", "b", hours_ago(2), (0..30_000).step_by(500).map(|user| (user, Some(number(user)))));
    let found = store.duplicates(&[]).unwrap();
    assert_eq!((found.len(), found[0].relation), (1, Relation::Equal));
    assert_eq!(found[0].values.as_ref().unwrap().entities, 60);
}

#[test]
fn a_copy_that_is_not_kept_up_is_known_by_what_the_other_was() {
    let store = store(&(view("balances", &["balance"]) + &view("copied", &["amount_left"])));
    let before = |user: i64| number(user);
    write(&store, "balances", "balance", hours_ago(90), (0..400).map(|user| (user, Some(before(user)))));
    write(&store, "copied", "amount_left", hours_ago(80), (0..400).map(|user| (user, Some(before(user)))));
    let changed = (0..400).filter(|user| user % 5 < 3);
    write(&store, "balances", "balance", hours_ago(9), changed.map(|user| (user, Some(number(user + 5_000)))));
    let found = store.duplicates(&[]).unwrap();
    assert_eq!((found.len(), found[0].relation), (1, Relation::StaleCopy), "{found:?}");
    let reason = &found[0].reason;
    assert!(reason.starts_with("amount_left has what balance had at the time of its own rows"), "{reason}");
    let values = found[0].values.as_ref().unwrap();
    assert_eq!(values.share, 1.0);
    assert!((0.3..0.5).contains(&values.equal), "{values:?}");
}

#[test]
fn what_stands_for_null_is_told() {
    let store = store(&(view("ratings", &["rating"]) + &view("filled", &["score"])));
    let rated = |user: i64| (user % 4 != 0).then(|| number(user));
    write(&store, "ratings", "rating", hours_ago(2), (0..400).map(|user| (user, rated(user))));
    write(&store, "filled", "score", hours_ago(2), (0..400).map(|user| (user, Some(rated(user).unwrap_or(-1.0)))));
    let found = store.duplicates(&[]).unwrap();
    let expected = "equal for 100 % of 300 entities; where rating is null score is not, for 100 entities \
                    (-1 for 100 % of them)";
    assert_eq!(found.iter().map(|pair| pair.reason.as_str()).collect::<Vec<_>>(), [expected]);
}

#[test]
fn expressions_and_windows_that_are_the_same_are_known_by_their_definitions() {
    let definitions = view("stats", &["a", "b"])
        + r#"
[[event_view]]
name = "orders"
entities = ["user"]
columns = [{ name = "paid", type = "float64" }]
[[window_view]]
name = "spending"
from = "orders"
where = "paid > 0.0"
windows = ["24h", "7d"]
feature = [{ name = "spent", aggregate = "sum", of = "paid" }]
[[window_view]]
name = "revenue"
from = "orders"
windows = ["24h"]
feature = [{ name = "total", aggregate = "sum", of = "paid", where = "0.0 < paid" }]
[[derived_view]]
name = "ratios"
request = [{ name = "price", type = "float64" }]
feature = [
    { name = "per_b", type = "float64", expression = "(stats:a + price) / stats:b" },
    { name = "sum", type = "float64", expression = "stats:a + price" },
]
[[derived_view]]
name = "shares"
request = [{ name = "price", type = "float64" }]
feature = [{ name = "of_b", type = "float64", expression = "(price + stats:a) / stats:b" }]
"#;
    let same = |one, other| pair(one, other, Relation::SameDefinition);
    let expected = [same("ratios:per_b", "shares:of_b"), same("revenue:total_24h", "spending:spent_24h")];
    assert_eq!(pairs(&store(&definitions)), expected);
}

#[test]
fn what_is_computed_from_another_and_other_versions_are_no_duplicates() {
    let definitions = view("stats_v1", &["a"])
        + &view("stats_v2", &["a"])
        + "[[derived_view]]\nname = \"doubled\"\n\
           feature = [{ name = \"twice\", type = \"float64\", expression = \"stats_v1:a * 2.0\" }]\n";
    let store = store(&definitions);
    for view in ["stats_v1", "stats_v2"] {
        write(&store, view, "a", hours_ago(2), (0..200).map(|user| (user, Some(number(user)))));
    }
    assert_eq!(pairs(&store), [pair("doubled:twice", "stats_v2:a", Relation::Scaled)]);
}

#[test]
fn values_outweigh_names_and_names_tell_only_where_there_are_no_values() {
    let store = store(&(view("one", &["purchase_count"]) + &view("other", &["cnt_purchases"])));
    let found = store.duplicates(&[]).unwrap();
    assert_eq!((found.len(), found[0].relation, found[0].names), (1, Relation::Named, 1.0));
    write(&store, "one", "purchase_count", hours_ago(2), (0..200).map(|user| (user, Some(number(user)))));
    write(&store, "other", "cnt_purchases", hours_ago(2), (0..200).map(|user| (user, Some(number(user + 9_999)))));
    assert_eq!(pairs(&store), [], "they are something else");
}

#[test]
fn a_plan_is_warned_of_by_names_and_definitions_of_what_is_new() {
    let before = store(&view("one", &["purchase_count", "age"]));
    let after = store(&(view("one", &["purchase_count", "age"]) + &view("other", &["cnt_purchases"])));
    let alike = find_named_alike(&before.catalog(), &after.catalog());
    let found: Vec<_> = alike.iter().map(|pair| (&pair.features, pair.relation)).collect();
    assert_eq!(found, [(&["one:purchase_count", "other:cnt_purchases"].map(String::from), Relation::Named)]);
    assert_eq!(find_named_alike(&after.catalog(), &after.catalog()), [], "nothing is new");
}

#[test]
fn only_pairs_of_the_views_that_are_named_are_told() {
    let store = store(&["a", "b", "c"].map(|name| view(name, &["x"])).concat());
    for view in ["a", "b", "c"] {
        write(&store, view, "x", hours_ago(2), (0..100).map(|user| (user, Some(number(user)))));
    }
    assert_eq!(pairs(&store).len(), 3);
    let of_b = store.duplicates(&["b"]).unwrap();
    assert!(of_b.len() == 2 && of_b.iter().all(|pair| pair.features.iter().any(|name| name == "b:x")), "{of_b:?}");
    assert!(store.duplicates(&["bb"]).unwrap_err().message().starts_with("no feature view is named \"bb\""));
}

#[test]
fn values_that_have_expired_are_compared_as_of_a_time_at_which_they_had_not() {
    let with_ttl = |text: String| text.replace("entities", "ttl = \"1h\"\nentities");
    let store = store(&with_ttl(view("ages", &["user_age"]) + &view("profile", &["years"])));
    for (view, feature) in [("ages", "user_age"), ("profile", "years")] {
        write(&store, view, feature, hours_ago(90), (0..300).map(|user| (user, Some(number(user)))));
    }
    assert_eq!(pairs(&store), []);
    let found = store.duplicates_at(&[], hours_ago(89)).unwrap();
    assert_eq!((found.len(), found[0].relation), (1, Relation::Equal), "{found:?}");
    assert_eq!(store.duplicates_at(&[], hours_ago(91)).unwrap(), []);
}

#[test]
fn a_comparison_ends_when_it_is_told_to() {
    let store = store(&(view("a", &["x"]) + &view("b", &["x"])));
    let stopped = find_duplicates(&store, &[], None, &|| Err(Error::unavailable("enough")));
    assert_eq!(stopped.unwrap_err().message(), "enough");
}

#[test]
fn a_sample_of_entities_is_the_same_for_views_that_have_the_same() {
    let store = store(&(view("a", &["x"]) + &view("b", &["y"])));
    for (view, feature, hours) in [("a", "x", 3), ("a", "x", 2), ("b", "y", 9)] {
        write(&store, view, feature, hours_ago(hours), (0..5_000).map(|user| (user, Some(0.0))));
    }
    let sampled = Session::sample_entities(&store, "a", 100).unwrap();
    assert_eq!(sampled.len(), 100);
    assert_eq!(sampled, store.sample_entities("b", 100).unwrap());
    assert_eq!(sampled[..10], store.sample_entities("a", 10).unwrap()[..]);
    assert!(store.sample_entities("a", 1 << 17).unwrap_err().message().contains("at most 65536 entities"));
    assert_eq!(store.sample_entities("a", 10_000).unwrap().len(), 5_000, "all that there are");
}

#[test]
fn what_people_have_judged_is_not_reported_again() {
    let judged = |verdict: &str| {
        let first = view("ages", &["user_age"]) + verdict;
        let store = store(&(first + &view("profile", &["age_years"]) + &view("copy", &["user_years"])));
        for (view, feature) in [("ages", "user_age"), ("profile", "age_years"), ("copy", "user_years")] {
            write(&store, view, feature, hours_ago(2), (0..300).map(|user| (user, Some(number(user)))));
        }
        pairs(&store)
    };
    let (one, two) = (pair("ages:user_age", "copy:user_years", Relation::Equal), Relation::Equal);
    let others = [pair("ages:user_age", "profile:age_years", two), pair("copy:user_years", "profile:age_years", two)];
    assert_eq!(sorted(judged("")), sorted([vec![one], others.to_vec()].concat()));
    let both = sorted(others.to_vec());
    assert_eq!(sorted(judged("same_as = { user_age = [\"copy:user_years\"] }\n")), both);
    let dismissed = "not_same_as = { user_age = { \"copy:user_years\" = \"years of the account\" } }\n";
    assert_eq!(sorted(judged(dismissed)), both);
}

#[test]
fn names_that_people_have_judged_are_not_warned_of() {
    let of = |verdict: &str| {
        let text = [USER.to_owned(), view("ages", &["user_age"]), view("profile", &["user_age"]), verdict.to_owned()];
        let plan = store("").plan(&parse_definitions(&text.concat(), "d.toml").unwrap()).unwrap();
        find_named_alike(&asofdb::Catalog::default(), plan.catalog()).len()
    };
    assert_eq!(of(""), 1);
    assert_eq!(of("same_as = { user_age = [\"ages:user_age\"] }\n"), 0);
}

fn sorted(mut pairs: Vec<(String, String, Relation)>) -> Vec<(String, String, Relation)> {
    pairs.sort();
    pairs
}
