//! Tests of the hot table: what is read from memory is what the store would say, whatever was written.
#![cfg(feature = "rocksdb")]

#[allow(dead_code, unused_imports, unused_macros, reason = "it serves several test binaries, each using some of it")]
mod common;

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread;

use asofdb_storage::{HotStats, ManualClock, Options, RocksBackend, Upkeep};
use common::{DAY, HOUR, START, Seen, Store, aged, kept};

const KEYS: [&str; 4] = ["a", "b", "c", "d"];
const VIEWS: [&str; 3] = ["v", "w", "aged"];

/// A store on disk, whose rows are read from memory, beside one in memory that has no such table.
struct Both([Store; 2]);

impl Both {
    fn new() -> Self {
        let both = Both([Store::on_disk(), Store::in_memory()]);
        both.each(|store| store.define(&[kept("v"), kept("w"), aged("aged", false)]));
        both
    }

    fn each(&self, step: impl Fn(&Store)) {
        self.0.iter().for_each(step);
        self.compare();
    }

    /// Reads every row three times, together and by itself: what is not there at first is filled in.
    fn compare(&self) {
        let views = VIEWS.iter().filter(|view| self.0[1].backend().catalog().view(view).is_some());
        let rows: Vec<_> = views.flat_map(|view| KEYS.map(|key| (*view, key))).collect();
        let wanted = self.0[1].latest_many(&rows);
        for _ in 0..3 {
            assert_eq!(self.0[0].latest_many(&rows), wanted);
            let alone: Vec<Seen> = rows.iter().map(|(view, key)| self.0[0].latest(view, key)).collect();
            assert_eq!(alone, wanted);
        }
    }

    fn stats(&self) -> HotStats {
        self.0[0].backend().stats().unwrap().hot.unwrap()
    }
}

#[test]
fn rows_that_are_read_again_are_read_from_memory_and_so_are_those_that_do_not_exist() {
    let both = Both::new();
    both.each(|store| {
        store.put("v", "a", HOUR, 1);
    });
    let before = both.stats();
    both.compare();
    let after = both.stats();
    assert_eq!((after.hits - before.hits, after.misses, after.fills), (2 * 3 * 12, before.misses, before.fills));
    assert!(after.rows == 12 && after.bytes > 0 && after.bytes_max >= 3 << 20, "{after:?}");
}

#[test]
fn the_next_read_after_any_change_sees_it() {
    let both = Both::new();
    let put = |view: &str, key: &str, event: i64, value: i64| {
        both.each(|store| {
            store.put(view, key, event, value);
        });
    };
    for view in VIEWS {
        put(view, "a", -3 * HOUR, 1);
        put(view, "b", -3 * HOUR, 2);
        put(view, "a", -2 * HOUR, 3);
        put(view, "a", -4 * HOUR, 4);
        put(view, "b", -3 * HOUR, 5);
    }
    both.each(|store| {
        store.delete("v", "a", -HOUR);
    });
    put("v", "a", -HOUR / 2, 6);
    both.each(|store| {
        store.batch().put("v", "b", -60, 7).put("w", "b", -60, 8).put("v", "c", -60, 9).commit();
    });
    both.each(|store| {
        store.erase(&["v", "w"], "b");
    });
    put("v", "b", -5 * HOUR, 10);
    both.each(|store| {
        store.batch().bulk().put("v", "c", -30, 11).put("v", "d", -30, 12).put("v", "a", -9 * HOUR, 13).load();
    });
    put("w", "d", HOUR / 2, 14);
    [HOUR, 11 * DAY].iter().for_each(|time| both.each(|store| store.clock_to(*time)));
    both.each(|store| {
        store.backend().confirm_clock().unwrap();
        store.backend().compact().unwrap();
    });
    put("aged", "a", 10 * DAY, 15);
    both.each(|store| store.define(&[kept("v"), aged("aged", false)]));
    both.each(|store| store.define(&[kept("v"), kept("w"), aged("aged", false)]));
    put("w", "a", 9 * DAY, 16);
    assert!(both.stats().hits > 1_000);
}

#[test]
fn a_store_without_a_hot_table_has_no_figures_of_one_and_a_table_is_at_most_half_of_the_memory() {
    let directory = tempfile::tempdir().unwrap();
    let open = |hot_bytes: usize| {
        let options = Options { memory_budget_bytes: 32 << 20, hot_bytes: Some(hot_bytes), ..Options::default() };
        RocksBackend::open(directory.path().join("store"), options, ManualClock::new(START))
    };
    assert_eq!(open(0).unwrap().stats().unwrap().hot, None);
    assert!(open(16 << 20).unwrap().stats().unwrap().hot.is_some());
    let refused = open(17 << 20).err().unwrap();
    assert_eq!(refused.message(), "hot_bytes is at most half of memory_budget_bytes, 16777216: 17825792");
}

#[test]
fn rows_that_are_written_together_are_read_together_and_none_is_old() {
    const PAIRS: usize = 20;
    let store = Store::on_disk();
    store.define(&[kept("v"), kept("w")]);
    let keys: Vec<String> = (0..PAIRS).map(|pair| format!("k{pair}")).collect();
    keys.iter().for_each(|key| {
        store.batch().put("v", key, 0, 0).put("w", key, 0, 0).commit();
    });
    let acknowledged: Vec<_> = keys.iter().map(|_| AtomicI64::new(0)).collect();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for reader in 0..2 {
            let (store, keys, acknowledged, is_over) = (&store, &keys, &acknowledged, &is_over);
            scope.spawn(move || {
                let mut turn = reader;
                while !is_over.load(Ordering::SeqCst) {
                    turn += 7;
                    let (key, least) = (&keys[turn % PAIRS], acknowledged[turn % PAIRS].load(Ordering::SeqCst));
                    let [one, other] = store.latest_many(&[("v", key), ("w", key)])[..] else { panic!("two rows") };
                    let [one, other] = [one, other].map(|seen| seen.and_then(|(_, _, value)| value).unwrap());
                    assert!(one == other && one >= least, "{key}: {one} and {other}, acknowledged {least}");
                }
            });
        }
        for value in 1..=4_000i64 {
            let pair = value as usize * 3 % PAIRS;
            store.batch().put("v", &keys[pair], 0, value).put("w", &keys[pair], 0, value).commit();
            acknowledged[pair].store(value, Ordering::SeqCst);
        }
        is_over.store(true, Ordering::SeqCst);
    });
    let hot = store.backend().stats().unwrap().hot.unwrap();
    assert!(hot.rows >= 1, "{hot:?}");
}
