//! Freshness: the age of the newest event that is served, against the ttl.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, Int64Array, RecordBatch, StringArray};
use asofdb::{
    Definitions, Durability, ErrorKind, FreshnessObjective, FreshnessStatus, Options, Span, Store, Timestamp, Value,
    ViewAges,
};

use crate::common::{NOW, TestStore, batch, hours_ago, in_memory, times, users};

fn rows(of: &[(i64, Timestamp)]) -> RecordBatch {
    let users: ArrayRef = Arc::new(of.iter().map(|(user, _)| *user).collect::<Int64Array>());
    let visits: ArrayRef = Arc::new(Int64Array::from(vec![1; of.len()]));
    let events = times(of.iter().map(|(_, event)| Some(*event)));
    let scores: ArrayRef = Arc::new(Float32Array::new_null(of.len()));
    let names: ArrayRef = Arc::new(StringArray::new_null(of.len()));
    let created = times(of.iter().map(|_| None));
    batch(vec![
        ("user_id", users),
        ("event_timestamp", events),
        ("created", created),
        ("score", scores),
        ("visits", visits),
        ("name", names),
    ])
}

#[test]
fn a_view_is_as_fresh_as_its_newest_event_up_to_now() {
    let store = in_memory(&users());
    let empty = store.freshness("profile").unwrap();
    assert_eq!((empty.newest, empty.entities, empty.is_stale()), (None, 0, true));
    let soon = NOW.plus(Span::from_secs(600));
    store.write("profile", &rows(&[(1, hours_ago(30)), (1, hours_ago(25)), (1, soon), (2, hours_ago(26))])).unwrap();
    let stale = store.freshness("profile").unwrap();
    assert_eq!((stale.newest, stale.entities, stale.expired), (Some(hours_ago(25)), 2, 2));
    assert_eq!((stale.age(), stale.is_stale()), (Some(Span::from_secs(25 * 3_600)), true));
    store.write("profile", &rows(&[(2, hours_ago(24)), (3, hours_ago(2))])).unwrap();
    let fresh = store.freshness("profile").unwrap();
    assert_eq!((fresh.newest, fresh.entities, fresh.expired, fresh.is_stale()), (Some(hours_ago(2)), 3, 1, false));
    store.delete(&["profile"], &[("user_id", Value::Int64(3))], hours_ago(1)).unwrap();
    let deleted = store.freshness("profile").unwrap();
    assert_eq!((deleted.newest, deleted.entities, deleted.expired), (Some(hours_ago(24)), 2, 1));
    assert!(!deleted.is_stale(), "exactly ttl old is served");
    assert_eq!(store.freshness("profil").unwrap_err().kind(), ErrorKind::NotFound);
}

/// The ages of a view, once they are known.
fn known(store: &Store, view: &str) -> ViewAges {
    for _ in 0..120_000 {
        let ages = store.ages(&[view]).unwrap().remove(0);
        if ages.status != FreshnessStatus::Rebuilding {
            return ages;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    panic!("the ages do not become known");
}

fn hours(hours: i64) -> Span {
    Span::from_secs(hours * 3_600)
}

/// Users, whose view promises that its newest event is at most two hours old, and late after one.
fn promised(stale_share_max: Option<f64>) -> Definitions {
    let mut definitions = users();
    definitions.views[0].freshness = Some(FreshnessObjective { warn: hours(1), stale: hours(2), stale_share_max });
    definitions
}

#[test]
fn the_ages_of_all_entities_are_known_from_the_writes() {
    let on_disk = TestStore::new(&promised(Some(0.5)));
    for store in [&on_disk.store, &in_memory(&promised(Some(0.5)))] {
        let empty = known(store, "profile");
        assert_eq!((empty.status, empty.entities, empty.is_broken()), (FreshnessStatus::NoData, Some(0), true));
        let soon = NOW.plus(Span::from_secs(1_800));
        let ago = |age| hours_ago(0).minus(Span::from_secs(age));
        store.write("profile", &rows(&[(1, ago(7_200)), (2, ago(7_260)), (3, ago(600)), (4, soon)])).unwrap();
        // A late row, a newer one, and one that is deleted.
        store.write("profile", &rows(&[(3, hours_ago(30)), (2, ago(1_200)), (5, ago(60))])).unwrap();
        store.delete(&["profile"], &[("user_id", Value::Int64(5))], ago(30)).unwrap();
        let fresh = known(store, "profile");
        let ages = fresh.ages.unwrap();
        assert_eq!((fresh.status, fresh.entities, fresh.ahead), (FreshnessStatus::Fresh, Some(3), Some(1)));
        assert_eq!((fresh.newest, fresh.age()), (Some(ago(600)), Some(Span::from_secs(600))));
        assert_eq!([ages.p50, ages.p95, ages.max].map(|age| age.as_micros() / 1_000_000), [1_200, 7_200, 7_200]);
        assert_eq!((ages.over_warn, ages.over_stale), (Some(1.0 / 3.0), Some(0.0)));
        store.erase(&["profile"], &[("user_id", Value::Int64(3))]).unwrap();
        assert_eq!(known(store, "profile").age(), Some(Span::from_secs(1_200)));
        assert_eq!(store.ages(&["profil"]).unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(store.ages::<&str>(&[]).unwrap().len(), 1);
    }
    let later = |seconds| {
        on_disk.clock.advance(Span::from_secs(seconds));
        let ages = known(&on_disk.store, "profile");
        (ages.status, ages.age().unwrap(), ages.ages.unwrap().over_stale.unwrap())
    };
    // Soon has come, and is exactly as old as it may be; then it is older.
    assert_eq!(later(5_400), (FreshnessStatus::Fresh, hours(1), 1.0 / 3.0));
    assert_eq!(later(60), (FreshnessStatus::Warn, Span::from_secs(3_660), 1.0 / 3.0));
    assert_eq!(known(&on_disk.store, "profile").ahead, Some(0));
    on_disk.store.write("profile", &rows(&[(9, NOW.plus(Span::from_secs(5_400)))])).unwrap();
    assert_eq!(later(0), (FreshnessStatus::Fresh, Span::from_secs(60), 0.25));
    assert_eq!(later(1_800), (FreshnessStatus::Fresh, Span::from_secs(1_860), 0.5), "half of them may be stale");
    assert_eq!(later(1_800), (FreshnessStatus::Stale, Span::from_secs(3_660), 0.75), "and no more than half");
    assert_eq!(later(3_600), (FreshnessStatus::Stale, Span::from_secs(7_260), 1.0));
}

#[test]
fn a_view_that_promises_nothing_is_held_to_its_ttl_and_one_without_is_never_stale() {
    let store = in_memory(&users());
    store.write("profile", &rows(&[(1, hours_ago(24))])).unwrap();
    let by_ttl = known(&store, "profile");
    assert_eq!((by_ttl.status, by_ttl.objective.unwrap().stale), (FreshnessStatus::Fresh, hours(24)));
    let mut definitions = users();
    definitions.views[0].ttl = None;
    store.apply(&definitions, false).unwrap();
    let plain = known(&store, "profile");
    assert_eq!((plain.status, plain.objective, plain.ages.unwrap().over_stale), (FreshnessStatus::Fresh, None, None));
    store.erase(&["profile"], &[("user_id", Value::Int64(1))]).unwrap();
    let empty = known(&store, "profile");
    assert_eq!((empty.status, empty.is_broken()), (FreshnessStatus::NoData, false));
}

#[test]
fn ages_agree_with_a_full_scan_also_after_the_store_was_opened_again() {
    let test = TestStore::new(&users());
    let all: Vec<_> =
        (0..500).map(|user| (user, hours_ago(user % 47).minus(Span::from_secs(user * 61 % 3_600)))).collect();
    test.store.write("profile", &rows(&all)).unwrap();
    let exact = test.store.freshness("profile").unwrap();
    let compare = |ages: &ViewAges| {
        assert_eq!((ages.entities, exact.entities), (Some(500), 500));
        let (newest, bound) = (exact.newest.unwrap(), ages.newest.unwrap());
        assert!(bound <= newest && newest.since(bound) < Span::from_secs(60), "{bound} is the minute of {newest}");
        let expired = ages.ages.unwrap().over_stale.unwrap() * 500.0;
        assert_eq!(expired.round() as u64, exact.expired);
    };
    let before = known(&test.store, "profile");
    compare(&before);
    let TestStore { store, clock, directory } = test;
    drop(store);
    let options = Options { memory_budget_bytes: 64 << 20, ..Options::default() };
    let again = Store::open_with(directory.path().join("store"), options, clock, Durability::Os).unwrap();
    let after = again.ages(&["profile"]).unwrap().remove(0);
    assert_eq!(after, before, "known at once, since it was closed");
}
