//! Search: what is found by words and filters, and in which order.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use asofdb::{Error, Session, Store, Timestamp, parse_definitions};
use asofdb_platform::{Closeness, Discovery, Field, SearchIndex, Searcher};

use crate::common::{NOW, batch, hours_ago, in_memory, int, times};

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

/// Two fed views, events and what is computed of all of these, and two services.
const FED: &str = r#"
[[entity]]
name = "user"
join_keys = [{ name = "user_id", type = "int64" }]
[[feature_view]]
name = "dead"
entities = ["user"]
freshness = { warn = "30m", stale = "1h" }
feature = [{ name = "clicks", type = "int64" }, { name = "buys", type = "int64" }]
[[feature_view]]
name = "live"
entities = ["user"]
ttl = "1d"
status = "deprecated"
feature = [{ name = "age", type = "int64" }]
[[event_view]]
name = "visits"
entities = ["user"]
columns = [{ name = "seconds", type = "float64" }]
[[window_view]]
name = "visiting"
from = "visits"
windows = ["24h"]
feature = [{ name = "n", aggregate = "count" }]
[[derived_view]]
name = "mixed"
feature = [
    { name = "good", type = "int64", expression = "live:age + 1" },
    { name = "bad", type = "int64", expression = "mixed:good + dead:clicks" },
    { name = "year", type = "int64", expression = "year(now)" },
]
[[feature_service]]
name = "of_good"
features = ["mixed:good"]
[[feature_service]]
name = "of_bad"
features = ["mixed:bad", "live:age"]
"#;

/// Rows of which `dead` has one of three hours ago.
fn fed() -> Store {
    let store = in_memory(&parse_definitions(FED, "fed.toml").unwrap());
    feed(&store, "dead", hours_ago(3));
    feed(&store, "live", hours_ago(3));
    store
}

fn feed(store: &Store, view: &str, at: Timestamp) {
    let value: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let values = ["user_id", "clicks", "buys", "age"].map(|name| (name, value.clone()));
    let rows = batch(values.into_iter().chain([("event_timestamp", times([Some(at)]))]).collect());
    store.write(view, &rows).unwrap();
}

fn found(store: &Store, query: &str) -> Vec<String> {
    let mut names: Vec<_> = store.search(query, 100).unwrap().into_iter().map(|hit| hit.name).collect();
    names.sort_unstable();
    names
}

#[test]
fn status_stale_finds_what_comes_from_a_view_that_breaks_its_promise() {
    let store = fed();
    let stale = ["dead", "dead:buys", "dead:clicks", "mixed", "mixed:bad", "of_bad"];
    assert_eq!(found(&store, "status:stale"), stale);
    assert_eq!(found(&store, "status:STALE kind:service"), ["of_bad"]);
    assert_eq!(found(&store, "clicks status:stale"), ["dead:clicks", "mixed:bad"], "together with words");
    assert_eq!(found(&store, "status:fresh"), ["live", "live:age", "mixed:good", "of_good"]);
    assert_eq!(found(&store, "status:fresh status:deprecated"), ["live", "live:age"]);
    assert_eq!(found(&store, "status:\"no data\""), ["visiting", "visiting:n_24h", "visits", "visits:seconds"]);
    feed(&store, "dead", NOW);
    assert_eq!(found(&store, "status:stale"), [""; 0], "it is asked anew each time");
}

#[test]
fn unused_finds_what_nobody_has_read_in_so_many_days() {
    let store = fed();
    let all = found(&store, "unused:30d");
    assert!(all.contains(&"dead:clicks".to_owned()) && all.contains(&"of_bad".to_owned()), "{all:?}");
    assert!(!all.iter().any(|name| name.starts_with("visits") || name == "user"), "{all:?}");
    let read = |references: &[&str]| {
        let reader = store.for_consumer("ranker").unwrap();
        let request = reader.prepare(references).unwrap();
        let mut rows = request.entity_rows();
        rows.push(&[int(1)]).unwrap();
        reader.latest(&request, &rows).unwrap();
    };
    read(&["of_good"]);
    read(&["dead:clicks"]);
    let unused = ["dead:buys", "live", "live:age", "mixed:bad", "mixed:year", "of_bad", "visiting", "visiting:n_24h"];
    assert_eq!(found(&store, "unused:30d"), unused);
    assert_eq!(found(&store, "buys unused:1d status:stale"), ["dead:buys"]);
    assert_eq!(found(&store, "unused:400d unused:1d"), unused);
}

#[test]
fn filters_of_a_state_want_a_store_and_values_that_can_be_meant() {
    let store = fed();
    let index = SearchIndex::new(&store.catalog());
    for query in ["clicks status:stale", "unused:30d"] {
        let error = index.search(query, 10).unwrap_err();
        assert!(error.message().contains("are of the state of a store, which this search has not"), "{error}");
        assert!(index.search_in(&store, query, 10).is_ok());
    }
    let message = |query: &str| store.search(query, 10).unwrap_err().message().to_owned();
    assert_eq!(
        message("status:stael"),
        "a status is experimental, production, deprecated, or of freshness fresh, warn, stale, no_data, rebuilding: \
         \"stael\"; did you mean \"stale\"?"
    );
    for value in ["30", "0d", "401d", "d", "-1d", "1w"] {
        let expected = format!("unused: takes days, from 1d to 400d, such as unused:30d: {value:?}");
        assert_eq!(message(&format!("unused:{value}")), expected);
    }
}

#[test]
fn a_new_catalog_has_a_new_index() {
    let store = store();
    let searcher = Searcher::default();
    let find = || searcher.search(&store, &store.catalog(), "mushrooms", 10).unwrap().len();
    assert_eq!(find(), 0);
    let mut wanted = parse_definitions(DEFINITIONS, "search.toml").unwrap();
    wanted.entities[0].description = "Whoever picks mushrooms".to_owned();
    Session::apply(&store, &wanted, false).unwrap();
    assert_eq!((find(), find()), (1, 1));
}
