//! A write batch is atomic across views, and when a write returns, every later read sees it.

use std::sync::atomic::{AtomicBool, Ordering};

use asofdb_storage::ErrorKind;

use crate::common::{HOUR, Store, every_backend, kept};

every_backend!(
    a_batch_is_visible_in_every_view_when_commit_returns,
    a_batch_with_a_dropped_view_writes_nothing,
    readers_see_all_of_a_batch_or_nothing,
    readers_of_the_past_are_undisturbed_by_writes_flushes_and_compactions,
    writers_in_many_threads_lose_nothing,
);

fn a_batch_is_visible_in_every_view_when_commit_returns(store: &mut Store) {
    store.define(&[kept("v"), kept("w")]);
    for value in 0..100 {
        store.batch().put("v", "a", -HOUR + value, value).put("w", "b", -HOUR + value, value).commit();
        assert_eq!(store.latest("v", "a").unwrap().2, Some(value));
        assert_eq!(store.latest("w", "b").unwrap().2, Some(value));
        assert_eq!(store.scan("v").len() as i64, value + 1);
    }
}

fn a_batch_with_a_dropped_view_writes_nothing(store: &mut Store) {
    store.define(&[kept("v"), kept("w")]);
    let batch = store.batch().put("v", "a", -1, 1).put("w", "a", -1, 2).note("n", Some("x"));
    store.define(&[kept("v")]);
    assert_eq!(batch.try_commit().unwrap_err().kind(), ErrorKind::NotFound);
    store.throughout(|store| {
        assert_eq!(store.latest("v", "a"), None);
        assert_eq!(store.scan("v"), []);
        assert_eq!(store.backend().note(b"n").unwrap(), None);
    });
}

fn readers_see_all_of_a_batch_or_nothing(store: &mut Store) {
    const BATCHES: i64 = 300;
    store.define(&[kept("v"), kept("w")]);
    let (store, done) = (&*store, AtomicBool::new(false));
    std::thread::scope(|threads| {
        threads.spawn(|| {
            for value in 1..=BATCHES {
                store.batch().put("v", "a", -HOUR + value, value).put("w", "a", -HOUR + value, value).commit();
            }
            done.store(true, Ordering::Release);
        });
        let mut last = None;
        while !done.load(Ordering::Acquire) {
            let seen = store.latest_many(&[("v", "a"), ("w", "a")]);
            let values: Vec<_> = seen.iter().map(|seen| seen.and_then(|seen| seen.2)).collect();
            assert_eq!(values[0], values[1], "one call saw half a batch");
            assert!(values[0] >= last, "a read went back from {last:?} to {values:?}");
            last = values[0];
        }
    });
    assert_eq!(store.latest("v", "a").unwrap().2, Some(BATCHES));
}

/// More readers than idle iterators are kept, over files that come and go beneath them.
fn readers_of_the_past_are_undisturbed_by_writes_flushes_and_compactions(store: &mut Store) {
    const READERS: usize = 20;
    const ROUNDS: i64 = 15;
    store.define(&[kept("v")]);
    store.put("v", "a", -2 * HOUR, 1);
    store.put("v", "b", -2 * HOUR, 2);
    let (store, done) = (&*store, AtomicBool::new(false));
    std::thread::scope(|threads| {
        for _ in 0..READERS {
            threads.spawn(|| {
                while !done.load(Ordering::Acquire) {
                    assert_eq!(store.as_of("v", "a", -HOUR).unwrap().2, Some(1));
                    assert_eq!(store.as_of("v", "b", -HOUR).unwrap().2, Some(2));
                    assert_eq!(store.as_of("v", "c", -HOUR), None);
                }
            });
        }
        for value in 1..=ROUNDS {
            store.batch().put("v", "a", -HOUR + value, value).put("v", "c", -HOUR + value, value).commit();
            store.backend().flush().unwrap();
            if value % 5 == 0 {
                store.backend().compact().unwrap();
            }
        }
        done.store(true, Ordering::Release);
    });
    assert_eq!(store.latest("v", "a").unwrap().2, Some(ROUNDS));
}

fn writers_in_many_threads_lose_nothing(store: &mut Store) {
    const THREADS: i64 = 4;
    const EACH: i64 = 50;
    store.define(&[kept("v")]);
    let shared = &*store;
    std::thread::scope(|threads| {
        for thread in 0..THREADS {
            threads.spawn(move || {
                for number in 0..EACH {
                    // One row that all threads fight over, and one of each thread's own.
                    let (event, own) = (-HOUR + number * THREADS + thread, format!("own {thread}"));
                    shared.batch().put("v", "shared", event, event).put("v", &own, event, number).commit();
                }
            });
        }
    });
    store.throughout(|store| {
        assert_eq!(store.scan("v").len() as i64, 2 * THREADS * EACH);
        assert_eq!(store.latest("v", "shared").unwrap().2, Some(-HOUR + THREADS * EACH - 1));
    });
}
