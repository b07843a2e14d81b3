//! A stamped state has all that was committed before its stamp, and nothing that was committed after it.

use std::sync::atomic::{AtomicBool, Ordering};

use asofdb_storage::Lookup;

use crate::common::{Seen, Store, at, every_backend, kept, read, text_key};

every_backend!(
    stamps_of_states_lie_between_those_of_commits,
    a_stamped_state_is_repeated_by_its_stamp_whoever_writes_meanwhile,
);

/// The newest value in a stamped state, and the stamp after the start; `None` where a commit took too long.
fn newest(store: &Store, key: &str) -> Option<(Seen, i64)> {
    let (view, key, now) = (store.view("v"), text_key(key), store.backend().now());
    let (state, stamp) = store.backend().stamped_state(now, None)?;
    let mut seen = None;
    let lookups = [Lookup { view: &view, key: &key }];
    state
        .latest(&lookups, now, &mut |_, found| {
            seen = found.map(|found| read(&view, found));
            Ok(())
        })
        .unwrap();
    Some((seen, stamp.since(at(0)).as_micros()))
}

fn stamps_of_states_lie_between_those_of_commits(store: &mut Store) {
    store.define(&[kept("v")]);
    let before = store.put("v", "a", 0, 1).created.since(at(0)).as_micros();
    let (seen, stamp) = newest(store, "a").unwrap();
    let after = store.put("v", "a", 0, 2).created.since(at(0)).as_micros();
    assert_eq!(seen, Some((0, before, Some(1))));
    assert!(before < stamp && stamp < after, "{before} {stamp} {after}");
    store.throughout(|store| assert_eq!(store.as_of_known("v", "a", 0, Some(stamp)), Some((0, before, Some(1)))));
}

fn a_stamped_state_is_repeated_by_its_stamp_whoever_writes_meanwhile(store: &mut Store) {
    store.define(&[kept("v")]);
    let are_done = AtomicBool::new(false);
    let mut read = Vec::new();
    std::thread::scope(|scope| {
        let write = |from: i64| {
            let store = &*store;
            scope.spawn(move || {
                (from..from + 200).for_each(|value| {
                    store.put("v", "a", 0, value);
                });
            })
        };
        let writers = [write(0), write(1_000)];
        let reader = scope.spawn(|| {
            let mut read = Vec::new();
            while !are_done.load(Ordering::Acquire) {
                read.extend(newest(store, "a"));
            }
            read
        });
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        are_done.store(true, Ordering::Release);
        read = reader.join().unwrap();
    });
    read.extend(newest(store, "a"));
    for (seen, stamp) in read {
        assert_eq!(store.as_of_known("v", "a", 0, Some(stamp)), seen);
    }
}
