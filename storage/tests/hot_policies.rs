//! Tests of what views say of their rows in the hot table: `pin`, `auto` or `never`.
#![cfg(feature = "rocksdb")]

#[allow(dead_code, unused_imports, unused_macros, reason = "it serves several test binaries, each using some of it")]
mod common;

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread;

use asofdb_storage::{HotPolicy, HotStats, ViewDefinition};
use common::{DAY, HOUR, Store, kept};
use proptest::collection::vec;
use proptest::prelude::*;

const KEYS: [&str; 5] = ["a", "b", "c", "d", "e"];
const VIEWS: [&str; 3] = ["u", "v", "w"];

fn hot(name: &str, hot: HotPolicy) -> ViewDefinition {
    ViewDefinition { hot, ..kept(name) }
}

fn stats(store: &Store) -> HotStats {
    store.backend().stats().unwrap().hot.unwrap()
}

#[test]
fn rows_of_a_view_that_is_never_hot_are_neither_kept_nor_looked_for() {
    let store = Store::on_disk();
    store.define(&[hot("v", HotPolicy::Never), kept("w")]);
    store.put("v", "a", -5 * HOUR, 1);
    let before = stats(&store);
    (0..3).for_each(|_| assert_eq!(store.latest_many(&[("v", "a"), ("v", "b")])[0].unwrap().2, Some(1)));
    let after = stats(&store);
    assert_eq!((after.rows, after.hits, after.misses), (0, before.hits, before.misses));
    store.put("w", "a", -5 * HOUR, 2);
    for _ in 0..3 {
        let seen = store.latest_many(&[("v", "a"), ("w", "a"), ("v", "b"), ("w", "b")]);
        assert_eq!(
            seen.iter().map(|seen| seen.and_then(|seen| seen.2)).collect::<Vec<_>>(),
            [Some(1), Some(2), None, None]
        );
    }
    let last = stats(&store);
    assert!(last.rows == 2 && last.hits + last.misses == before.hits + before.misses + 6, "{last:?}");
    store.put("v", "a", -HOUR, 3);
    assert_eq!((store.latest("v", "a").unwrap().2, stats(&store).rows), (Some(3), 2));
}

#[test]
fn pinned_rows_are_there_from_when_they_are_written_or_loaded() {
    let store = Store::on_disk();
    store.define(&[hot("v", HotPolicy::Pin), kept("w")]);
    store.batch().put("v", "a", -5 * HOUR, 1).put("w", "a", -5 * HOUR, 1).commit();
    let committed = stats(&store);
    assert_eq!((committed.rows, committed.pinned_rows, committed.misses), (1, 1, 0));
    assert!(committed.pinned_bytes > 0 && committed.pinned_bytes <= committed.bytes);
    store.batch().bulk().put("v", "b", -5 * HOUR, 2).put("v", "c", -5 * HOUR, 3).put("w", "b", -5 * HOUR, 2).load();
    let loaded = stats(&store);
    assert_eq!((loaded.rows, loaded.pinned_rows), (3, 3), "what was there stays, and what was loaded comes");
    let seen = store.latest_many(&[("v", "a"), ("v", "b"), ("v", "c")]);
    assert_eq!(seen.iter().map(|seen| seen.unwrap().2).collect::<Vec<_>>(), [Some(1), Some(2), Some(3)]);
    let read = stats(&store);
    assert_eq!((read.hits - loaded.hits, read.misses), (3, loaded.misses));
    store.put("v", "b", -HOUR, 4);
    store.put("v", "c", -9 * HOUR, 5);
    let seen = store.latest_many(&[("v", "b"), ("v", "c")]);
    assert_eq!(seen.iter().map(|seen| seen.unwrap().2).collect::<Vec<_>>(), [Some(4), Some(3)], "late data is late");
    assert_eq!(stats(&store).misses, read.misses);
}

#[test]
fn another_policy_holds_at_once_and_is_no_incompatible_change() {
    let store = Store::on_disk();
    store.define(&[kept("v")]);
    store.put("v", "a", -5 * HOUR, 1);
    let read = || (0..2).for_each(|_| assert_eq!(store.latest("v", "a").unwrap().2, Some(1)));
    let rows = || (stats(&store).rows, stats(&store).pinned_rows);
    read();
    assert_eq!(rows(), (1, 0));
    for (policy, wanted) in [(HotPolicy::Never, (0, 0)), (HotPolicy::Pin, (1, 1)), (HotPolicy::Auto, (1, 0))] {
        let definitions = common::definitions(&[hot("v", policy)]);
        let plan = store.backend().catalog().plan(&definitions, store.backend().believed()).unwrap();
        let before = store.view("v").hot;
        let changes: Vec<_> = plan.changes.iter().map(ToString::to_string).collect();
        assert_eq!(changes, [format!("~ feature_view v: hot {before} -> {policy}")]);
        store.backend().set_catalog(plan.into_catalog()).unwrap();
        assert_eq!(rows(), (0, 0));
        read();
        assert_eq!(rows(), wanted);
    }
}

#[derive(Debug, Clone)]
enum Step {
    Put(Vec<(usize, usize, i64, i64)>),
    Load(usize, usize, i64, i64),
    Delete(usize, usize, i64),
    Erase(usize, usize),
    Define([HotPolicy; 3]),
    Reopen,
    Later,
}

fn step() -> impl Strategy<Value = Step> {
    let row = || (0..VIEWS.len(), 0..KEYS.len(), -40..1i64, 0..1_000i64);
    let policy = || prop::sample::select(HotPolicy::ALL.as_slice());
    prop_oneof![
        6 => vec(row(), 1..6).prop_map(Step::Put),
        1 => row().prop_map(|(view, key, event, value)| Step::Load(view, key, event, value)),
        1 => row().prop_map(|(view, key, event, _)| Step::Delete(view, key, event)),
        1 => (0..VIEWS.len(), 0..KEYS.len()).prop_map(|(view, key)| Step::Erase(view, key)),
        2 => [policy(), policy(), policy()].prop_map(Step::Define),
        2 => Just(Step::Reopen),
        1 => Just(Step::Later),
    ]
}

fn take(store: &mut Store, step: &Step, now: i64) {
    match step {
        Step::Put(rows) => {
            let mut batch = store.batch();
            for (view, key, event, value) in rows {
                batch = batch.put(VIEWS[*view], KEYS[*key], now + event * HOUR, *value);
            }
            batch.commit();
        }
        Step::Load(view, key, event, value) => {
            store.batch().bulk().put(VIEWS[*view], KEYS[*key], now + event * HOUR, *value).load();
        }
        Step::Delete(view, key, event) => {
            store.delete(VIEWS[*view], KEYS[*key], now + event * HOUR);
        }
        Step::Erase(view, key) => {
            store.erase(&[VIEWS[*view]], KEYS[*key]);
        }
        Step::Define(policies) => {
            let views: Vec<_> = VIEWS.iter().zip(policies).map(|(view, policy)| hot(view, *policy)).collect();
            if views.iter().any(|view| store.view(&view.name).hot != view.hot) {
                store.define(&views);
            }
        }
        Step::Reopen => store.reopen(),
        Step::Later => store.clock_to(now),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_is_pinned_and_whenever_it_is_opened_again_reads_are_those_of_a_store_without_a_table(
        steps in vec(step(), 1..30),
    ) {
        let mut stores = [Store::on_disk(), Store::in_memory()];
        stores.iter().for_each(|store| store.define(&VIEWS.map(kept)));
        let mut now = 0;
        for step in steps {
            now += i64::from(matches!(step, Step::Later)) * DAY;
            stores.iter_mut().for_each(|store| take(store, &step, now));
            let rows: Vec<_> = VIEWS.iter().flat_map(|view| KEYS.map(|key| (*view, key))).collect();
            let wanted = stores[1].latest_many(&rows);
            for _ in 0..2 {
                prop_assert_eq!(&stores[0].latest_many(&rows), &wanted, "after {:?}", step);
                let alone: Vec<_> = rows.iter().map(|(view, key)| stores[0].latest(view, key)).collect();
                prop_assert_eq!(&alone, &wanted, "after {:?}", step);
            }
        }
    }
}

#[test]
fn rows_of_every_policy_that_are_written_together_are_read_together_and_none_is_old() {
    const TRIPLES: usize = 20;
    let store = Store::on_disk();
    store.define(&[hot("u", HotPolicy::Never), hot("v", HotPolicy::Pin), kept("w")]);
    let keys: Vec<String> = (0..TRIPLES).map(|number| format!("k{number}")).collect();
    let write = |key: &str, value: i64| {
        VIEWS.iter().fold(store.batch(), |batch, view| batch.put(view, key, 0, value)).commit();
    };
    keys.iter().for_each(|key| write(key, 0));
    let acknowledged: Vec<_> = keys.iter().map(|_| AtomicI64::new(0)).collect();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for reader in 0..2 {
            let (store, keys, acknowledged, is_over) = (&store, &keys, &acknowledged, &is_over);
            scope.spawn(move || {
                let mut turn = reader;
                while !is_over.load(Ordering::SeqCst) {
                    turn += 7;
                    let (key, least) = (&keys[turn % TRIPLES], acknowledged[turn % TRIPLES].load(Ordering::SeqCst));
                    let seen = store.latest_many(&VIEWS.map(|view| (view, key.as_str())));
                    let values: Vec<_> = seen.iter().map(|seen| seen.and_then(|seen| seen.2).unwrap()).collect();
                    assert!(
                        values.iter().all(|value| *value == values[0] && *value >= least),
                        "{key}: {values:?}, {least}"
                    );
                }
            });
        }
        for value in 1..=2_000i64 {
            let number = value as usize * 3 % TRIPLES;
            write(&keys[number], value);
            acknowledged[number].store(value, Ordering::SeqCst);
        }
        is_over.store(true, Ordering::SeqCst);
    });
    assert_eq!(stats(&store).pinned_rows, TRIPLES as u64);
}
