//! Search over a catalog of 10,000 features in 400 views: making the index, and queries.

use std::hint::black_box;
use std::sync::Arc;

use asofdb::{Catalog, ManualClock, Store, Timestamp, parse_definitions};
use asofdb_platform::SearchIndex;
use criterion::{Criterion, criterion_group, criterion_main};

const VIEWS: usize = 400;
const FEATURES: usize = 25;

/// Parts of names and of descriptions.
const THINGS: [&str; 24] = [
    "user", "order", "purchase", "session", "device", "payment", "refund", "cart", "search", "click", "view", "price",
    "discount", "coupon", "shop", "courier", "delivery", "rating", "review", "message", "login", "email", "address",
    "balance",
];
const MEASURES: [&str; 12] =
    ["count", "sum", "mean", "max", "min", "last", "share", "rate", "age", "days", "distinct", "median"];

fn definitions() -> String {
    let mut text = "[[entity]]\nname = \"user\"\njoin_keys = [{ name = \"user_id\", type = \"int64\" }]\n".to_owned();
    for view in 0..VIEWS {
        let (thing, other) = (THINGS[view % 24], THINGS[view * 7 % 23]);
        text += &format!(
            "[[feature_view]]\nname = \"{thing}_{other}_{view}_v1\"\nentities = [\"user\"]\nteam = \"team{}\"\n\
             owner = \"{other}@example.org\"\ndescription = \"What each user did with a {thing} or {other}\"\nfeature = [\n",
            view % 17
        );
        for feature in 0..FEATURES {
            let (measure, of) = (MEASURES[(view + feature) % 12], THINGS[(view * 5 + feature) % 24]);
            text += &format!(
                "{{ name = \"{measure}_{of}_{}d_{feature}\", type = \"float64\", \
                 description = \"The {measure} of each {of} that a user had in the last {} days, code{view}x{feature}\" }},\n",
                feature + 1,
                feature + 1
            );
        }
        text += "]\n";
    }
    text
}

fn catalog() -> Arc<Catalog> {
    let store = Store::in_memory(ManualClock::new(Timestamp::from_micros(0)));
    let definitions = parse_definitions(&definitions(), "bench.toml").expect("definitions");
    store.apply(&definitions, false).expect("a catalog");
    store.catalog()
}

fn search(criterion: &mut Criterion) {
    let catalog = catalog();
    criterion.bench_function("index of 10,000 features", |bencher| {
        bencher.iter(|| SearchIndex::new(black_box(&catalog)));
    });
    let index = SearchIndex::new(&catalog);
    for query in ["purch", "mean delivery", "medain disconut 7d", "c", "share of coupon team:team3 kind:feature"] {
        assert!(!index.search(query, 20).expect("a query").is_empty(), "{query}");
        criterion.bench_function(&format!("query: {query}"), |bencher| {
            bencher.iter(|| index.search(black_box(query), 20).expect("a query"));
        });
    }
}

criterion_group!(benches, search);
criterion_main!(benches);
