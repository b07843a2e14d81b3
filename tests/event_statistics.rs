//! Statistics of event views: of the events of a sample of entities, or of all.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use asofdb::{
    Definitions, ErrorKind, EventsRead, FeatureProfile, PROFILE_EVENTS_MAX, ProfileSample, Session, Span, Stop, Store,
    Timestamp, Value, ViewProfile, ViewStatistics, parse_definitions,
};

use crate::common::{NOW, TestStore, batch, hours_ago, in_memory, times};

const DEFINITIONS: &str = r#"
[[entity]]
name = "user"
join_keys = [{ name = "user_id", type = "int64" }]

[[event_view]]
name = "orders"
entities = ["user"]
event_id = ["order"]
columns = [
    { name = "order", type = "int64" },
    { name = "amount", type = "float64" },
    { name = "shop", type = "string", tags = { pii = "yes" } },
]

[[window_view]]
name = "ordered"
from = "orders"
windows = ["1d"]
feature = [{ name = "spent", aggregate = "sum", of = "amount" }]
"#;

fn definitions() -> Definitions {
    parse_definitions(DEFINITIONS, "d.toml").unwrap()
}

/// An order: user, number, amount and shop, at a time.
type Order<'o> = (i64, i64, Option<f64>, Option<&'o str>, Timestamp);

fn orders(of: &[Order<'_>]) -> RecordBatch {
    let users: ArrayRef = Arc::new(of.iter().map(|order| order.0).collect::<Int64Array>());
    let numbers: ArrayRef = Arc::new(of.iter().map(|order| order.1).collect::<Int64Array>());
    let amounts: ArrayRef = Arc::new(of.iter().map(|order| order.2).collect::<Float64Array>());
    let shops: ArrayRef = Arc::new(of.iter().map(|order| order.3).collect::<StringArray>());
    let at = times(of.iter().map(|order| Some(order.4)));
    batch(vec![("user_id", users), ("event_timestamp", at), ("order", numbers), ("amount", amounts), ("shop", shops)])
}

/// A minute of the last hours, the later the smaller its number.
fn minutes_ago(minutes: i64) -> Timestamp {
    NOW.minus(Span::from_secs(minutes * 60))
}

fn take(store: &Store, view: &str, sample: ProfileSample) -> ViewStatistics {
    store.profile(view, sample, &mut |_| {}).unwrap()
}

fn taken(store: &Store, sample: ProfileSample) -> ViewProfile {
    take(store, "orders", sample).profile.unwrap()
}

fn column<'p>(profile: &'p ViewProfile, name: &str) -> &'p FeatureProfile {
    profile.feature(name).unwrap_or_else(|| panic!("no statistics of {name}"))
}

/// Two users with an order each, one of them corrected, one deleted order, and one of the future.
fn small() -> Store {
    let store = in_memory(&definitions());
    let at = hours_ago(2);
    store
        .write(
            "orders",
            &orders(&[
                (1, 1, Some(5.0), Some("Oslo"), at),
                (1, 2, Some(7.0), None, at),
                (2, 3, Some(1e9), Some("Bergen"), at),
                (2, 4, Some(9.0), Some("Oslo"), at),
                (2, 5, Some(1e9), Some("Bergen"), NOW.plus(Span::from_secs(600))),
            ]),
        )
        .unwrap();
    store.write("orders", &orders(&[(2, 4, Some(11.0), Some("Oslo"), at)])).unwrap();
    store.delete_events("orders", &orders(&[(2, 3, None, None, at)])).unwrap();
    store
}

#[test]
fn statistics_of_events_count_each_event_once_as_it_is_now() {
    for sample in [ProfileSample::All, ProfileSample::default()] {
        let profile = taken(&small(), sample);
        assert_eq!((profile.taken, profile.entities, profile.of_entities), (NOW, 2, Some(2)));
        let of_entity_max = (sample != ProfileSample::All).then_some(PROFILE_EVENTS_MAX);
        assert_eq!(profile.events, Some(EventsRead { count: 3, of_entity_max }));
        assert_eq!(profile.size.map(|size| (size.versions, size.is_exact)), Some((7, true)));
        let names: Vec<_> = profile.features.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["order", "amount", "shop"]);
        let numbers = column(&profile, "amount").numbers.as_ref().unwrap();
        assert_eq!((numbers.min, numbers.max, numbers.mean), (5.0, 11.0, Some(23.0 / 3.0)));
        let shop = column(&profile, "shop");
        assert_eq!((shop.counts.present, shop.counts.null, shop.counts.total()), (2, 1, 3));
        assert_eq!((shop.top[0].text.as_str(), shop.top[0].count), ("Oslo", 2));
    }
}

#[test]
fn a_sample_has_the_newest_events_of_each_entity_and_all_of_them_has_every_one() {
    let store = in_memory(&definitions());
    let many = PROFILE_EVENTS_MAX as i64 + 50;
    let of = |user: i64, orders: i64| (1..=orders).map(move |n| (user, n, Some(n as f64), None, minutes_ago(n)));
    let rows: Vec<_> = of(1, many).chain(of(2, 3)).collect();
    store.write("orders", &orders(&rows)).unwrap();
    let sample = taken(&store, ProfileSample::Entities(10));
    let events = EventsRead { count: PROFILE_EVENTS_MAX + 3, of_entity_max: Some(PROFILE_EVENTS_MAX) };
    assert_eq!(sample.events, Some(events));
    assert_eq!(column(&sample, "amount").numbers.as_ref().unwrap().max, PROFILE_EVENTS_MAX as f64);
    let all = taken(&store, ProfileSample::All);
    assert_eq!(all.events, Some(EventsRead { count: many as u64 + 3, of_entity_max: None }));
    assert_eq!(column(&all, "amount").numbers.as_ref().unwrap().max, many as f64);
    assert_eq!(store.statistics("orders").unwrap().profile, Some(all));
}

#[test]
fn statistics_of_more_events_than_are_held_at_a_time_have_all_of_them() {
    let store = in_memory(&definitions());
    let rows: Vec<_> = (0..10_000).map(|n| (n % 7, n, Some(n as f64), Some("Oslo"), minutes_ago(n))).collect();
    store.write("orders", &orders(&rows)).unwrap();
    let all = taken(&store, ProfileSample::All);
    assert_eq!((all.entities, all.events.unwrap().count), (7, 10_000));
    let amount = column(&all, "amount");
    assert_eq!((amount.counts.present, amount.numbers.as_ref().unwrap().mean), (10_000, Some(4_999.5)));
    assert_eq!(column(&all, "shop").top[0].count, 10_000);
}

#[test]
fn a_sample_of_fewer_entities_than_there_are_says_of_how_many() {
    let store = in_memory(&definitions());
    let rows: Vec<_> = (0..500).map(|n| (n / 2, n, Some(1.0), None, minutes_ago(n))).collect();
    store.write("orders", &orders(&rows)).unwrap();
    let sample = taken(&store, ProfileSample::Entities(20));
    assert_eq!((sample.entities, sample.of_entities, sample.is_all()), (20, Some(250), false));
    assert_eq!(sample.events.unwrap().count, 40);
}

#[test]
fn an_event_view_without_events_has_statistics_of_nothing_and_what_stops_keeps_those_of_before() {
    let store = in_memory(&definitions());
    let profile = taken(&store, ProfileSample::All);
    assert_eq!((profile.entities, profile.events), (0, Some(EventsRead { count: 0, of_entity_max: None })));
    assert!(profile.features.iter().all(|one| one.ranked().is_none() && one.top.is_empty()));
    let stop = Stop::new();
    stop.stop();
    store.write("orders", &orders(&[(1, 1, Some(5.0), None, hours_ago(1))])).unwrap();
    let stopped = store.profile_until("orders", ProfileSample::default(), &stop, &mut |_| {}).unwrap_err();
    assert_eq!(stopped.kind(), ErrorKind::Unavailable);
    assert_eq!(store.statistics("orders").unwrap().profile, Some(profile));
}

#[test]
fn an_erased_entity_is_in_no_statistics_of_events_on_disk_or_in_memory() {
    let on_disk = TestStore::new(&definitions());
    for store in [&on_disk.store, &in_memory(&definitions())] {
        let at = hours_ago(1);
        let rows = [(1, 1, Some(5.0), Some("Oslo"), at), (2, 2, Some(9.0), Some("Bergen"), at)];
        store.write("orders", &orders(&rows)).unwrap();
        ["orders", "ordered"].iter().for_each(|view| drop(take(store, view, ProfileSample::All)));
        store.erase(&["orders"], &[("user_id", Value::Int64(1))]).unwrap();
        for view in ["orders", "ordered"] {
            assert_eq!(store.statistics(view).unwrap().profile, None, "{view}");
        }
        let profile = taken(store, ProfileSample::All);
        assert_eq!((profile.entities, column(&profile, "amount").numbers.as_ref().unwrap().min), (1, 9.0));
        assert_eq!(column(&profile, "shop").top.len(), 1);
    }
}

#[test]
fn statistics_of_events_that_were_read_before_an_erasure_are_not_kept_after_it() {
    let store = small();
    let error = store
        .profile("orders", ProfileSample::All, &mut |_| {
            store.erase(&["orders"], &[("user_id", Value::Int64(1))]).unwrap();
        })
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(store.statistics("orders").unwrap().profile, None);
}

#[test]
fn a_consumer_sees_no_statistics_of_a_column_that_the_policy_does_not_let_it_read() {
    let store = small();
    store.apply_policy("[[restricted]]\ntags = { pii = \"yes\" }\nconsumers = \"fraud\"\n", "").unwrap();
    let told = |consumer: &str| {
        let statistics = take(&store.for_consumer(consumer).unwrap(), "orders", ProfileSample::All);
        (statistics.profile.unwrap().feature("shop").is_some(), statistics.withheld)
    };
    assert_eq!(told("ranker"), (false, vec!["shop".to_owned()]));
    assert_eq!(told("fraud"), (true, Vec::new()));
    let changed = store.statistics("orders").unwrap();
    assert!(changed.outdated.is_empty(), "another revision of the catalog, and the same columns");
}
