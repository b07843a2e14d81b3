//! Search: what is found by words and filters, and in which order.

use asofdb::{Error, Session, Store, parse_definitions};
use asofdb_platform::{Closeness, Discovery, Field, SearchIndex, Searcher};

use crate::common::in_memory;

const DEFINITIONS: &str = r#"
[[entity]]
name = "user"
join_keys = [{ name = "user_id", type = "int64" }]
description = "A customer"
[[entity]]
name = "shop"
join_keys = [{ name = "shop_id", type = "int64" }]

[[feature_view]]
name = "profile_v1"
entities = ["user"]
team = "Growth Team"
owner = "growth@example.org"
tags = { pii = "true" }
feature = [
    { name = "age", type = "int32", description = "Years since birth" },
    { name = "purchases", type = "int64", tags = { tier = "1" } },
    { name = "purchase_count", type = "int64" },
    { name = "purchased_items", type = "int64" },
    { name = "cntPurchases", type = "int64", description = "An old name" },
    { name = "note", type = "string", description = "A comment on purchases" },
]

[[feature_view]]
name = "basket_v1"
entities = ["user", "shop"]
feature = [{ name = "items", type = "list<string>" }, { name = "purhcases", type = "int64" }]

[[event_view]]
name = "visits"
entities = ["user"]
also_by = ["shop"]
columns = [{ name = "shop_id", type = "int64" }, { name = "seconds", type = "float64" }]

[[window_view]]
name = "visiting"
from = "visits"
windows = ["24h"]
feature = [{ name = "length", aggregate = "mean", of = "seconds", where = "shop_id > 0" }]

[[derived_view]]
name = "ratios"
request = [{ name = "amount", type = "float64" }]
feature = [{ name = "against_visits", type = "float64", expression = "amount / visiting:length_24h" }]

[[feature_service]]
name = "ranker_v1"
owner = "models@example.org"
features = ["ratios:against_visits", "profile_v1:age"]
"#;

fn store() -> Store {
    in_memory(&parse_definitions(DEFINITIONS, "search.toml").unwrap())
}

fn names(query: &str) -> Vec<String> {
    store().search(query, 100).unwrap().into_iter().map(|hit| hit.name).collect()
}

fn refused(query: &str) -> Error {
    store().search(query, 100).unwrap_err()
}

#[test]
fn an_exact_word_comes_before_a_beginning_that_before_a_synonym_and_that_before_a_slip() {
    let hits = store().search("purchases kind:feature", 100).unwrap();
    let found: Vec<_> = hits.iter().map(|hit| (hit.name.as_str(), hit.matched[0].how)).collect();
    let expected = [
        ("profile_v1:purchases", Closeness::Exact),
        ("profile_v1:cntPurchases", Closeness::Exact),
        ("profile_v1:note", Closeness::Exact),
        ("profile_v1:purchase_count", Closeness::Synonym),
        ("basket_v1:purhcases", Closeness::Typo),
        ("profile_v1:purchased_items", Closeness::Typo),
    ];
    assert_eq!(found, expected);
    assert_eq!((hits[0].matched[0].field, hits[2].matched[0].field), (Field::Name, Field::Description));
    let beginnings = store().search("purcha", 100).unwrap();
    let found = beginnings.iter().map(|hit| (hit.matched[0].found.as_str(), hit.matched[0].how));
    let expected =
        ["purchases", "purchased", "purchase", "purchases", "purchases"].map(|word| (word, Closeness::Prefix));
    let (mut found, mut expected) = (found.collect::<Vec<_>>(), expected.to_vec());
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected, "the last word may be a beginning");
    assert_eq!(names("purcha count"), Vec::<String>::new(), "one before it may not");
}

#[test]
fn a_word_that_means_the_same_is_found_and_so_is_one_with_a_slip() {
    assert_eq!(names("cnt purchases"), ["profile_v1:cntPurchases", "profile_v1:purchase_count"]);
    assert_eq!(names("custmer"), ["user"]);
    assert_eq!(names("aeg"), Vec::<String>::new(), "three letters are too few for a slip");
    let hit = &store().search("usr", 1).unwrap()[0];
    assert_eq!((hit.matched[0].found.as_str(), hit.matched[0].how), ("user", Closeness::Synonym));
}

#[test]
fn every_word_must_be_found_but_those_that_say_nothing() {
    assert_eq!(names("the years since birth"), ["profile_v1:age"]);
    assert_eq!(names("years since death"), Vec::<String>::new());
    assert_eq!(names("profile_v1:age")[0], "profile_v1:age");
}

#[test]
fn filters_leave_out_what_does_not_pass_them() {
    assert_eq!(names("type:int32"), ["profile_v1:age"]);
    assert_eq!(names("type:list<string>"), ["basket_v1:items"]);
    assert_eq!(names("team:\"growth team\" kind:view"), ["profile_v1"]);
    assert_eq!(names("owner:models@example.org"), ["ranker_v1"]);
    assert_eq!(names("owner:GROWTH* age"), ["profile_v1:age"]);
    assert_eq!(names("tag:tier"), ["profile_v1:purchases"]);
    assert_eq!(names("tag:tier=2"), Vec::<String>::new());
    assert_eq!(names("tag:pii=true type:string"), ["profile_v1:note"], "a feature has the tags of its view");
    assert_eq!(names("view:basket*"), ["basket_v1", "basket_v1:items", "basket_v1:purhcases"]);
    assert_eq!(names("kind:service"), ["ranker_v1"]);
    assert_eq!(names("kind:entity"), ["shop", "user"]);
    assert_eq!(names("kind:\"window view\""), ["visiting"]);
    assert_eq!(names("kind:column"), ["visits:seconds", "visits:shop_id"]);
    let shop =
        ["basket_v1", "basket_v1:items", "basket_v1:purhcases", "shop", "visits", "visits:seconds", "visits:shop_id"];
    assert_eq!(names("entity:shop"), shop, "events are also found by their index");
    assert_eq!(names("entity:user kind:derived_view"), ["ratios"], "by the entities of its inputs");
    assert_eq!(names("entity:user kind:service"), ["ranker_v1"]);
}

#[test]
fn what_is_computed_is_found_by_what_it_is_computed_from_and_how() {
    assert_eq!(names("amount"), ["ratios:against_visits"]);
    let hits = store().search("mean seconds kind:feature", 10).unwrap();
    assert_eq!((hits.len(), hits[0].name.as_str()), (1, "visiting:length_24h"));
    assert_eq!(
        (hits[0].computed_from.as_slice(), hits[0].matched[1].field),
        (&["visits".to_owned()][..], Field::Computation)
    );
}

#[test]
fn a_wrong_filter_is_refused_and_the_nearest_named() {
    let message = refused("entiy:user").message().to_owned();
    assert!(message.starts_with("there is no filter \"entiy\""), "{message}");
    assert!(message.ends_with("did you mean \"entity\"?"), "{message}");
    assert!(refused("kind:features_view").message().ends_with("did you mean \"feature_view\"?"));
    assert_eq!(refused("").message(), "a search needs a word or a filter");
    assert!(refused("type:integer").message().starts_with("a type is bool, int32"));
}

#[test]
fn the_order_is_by_score_and_then_by_name_and_does_not_change() {
    let index = SearchIndex::new(&store().catalog());
    let first = index.search("visits purchases age items kind:feature", 100).unwrap();
    assert_eq!(first, [], "no feature has all of them");
    let first = index.search("v1", 100).unwrap();
    for _ in 0..3 {
        assert_eq!(SearchIndex::new(&store().catalog()).search("v1", 100).unwrap(), first);
    }
    for pair in
        first.windows(2).filter(|pair| pair[0].matched.iter().zip(&pair[1].matched).all(|(a, b)| a.how == b.how))
    {
        let order = |hit: &asofdb_platform::Hit| (-(hit.score * 1_000.0) as i64, hit.name.clone());
        assert!(order(&pair[0]) < order(&pair[1]), "{pair:?}");
    }
    assert_eq!(index.search("v1", 2).unwrap(), first[..2]);
}

#[test]
fn a_new_catalog_has_a_new_index() {
    let store = store();
    let searcher = Searcher::default();
    let find = || searcher.search(&store.catalog(), "mushrooms", 10).unwrap().len();
    assert_eq!(find(), 0);
    let mut wanted = parse_definitions(DEFINITIONS, "search.toml").unwrap();
    wanted.entities[0].description = "Whoever picks mushrooms".to_owned();
    Session::apply(&store, &wanted, false).unwrap();
    assert_eq!((find(), find()), (1, 1));
}
