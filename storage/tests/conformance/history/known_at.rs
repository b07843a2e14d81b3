//! as_of(T, known_at = S): only versions created up to S count.

use std::sync::atomic::{AtomicUsize, Ordering};

use asofdb_storage::Span;

use crate::common::{DAY, HOUR, START, Store, every_backend, kept};

every_backend!(
    known_at_hides_what_was_created_later,
    known_at_looks_past_hidden_versions_to_older_events,
    known_at_is_repeatable_whatever_is_written_later,
    known_at_does_not_limit_the_event,
    what_was_known_stays_the_same_while_others_write,
);

fn known_at_hides_what_was_created_later(store: &mut Store) {
    store.define(&[kept("v")]);
    store.batch().put_created("v", "a", -DAY, Some(-HOUR), 1).put_created("v", "a", -DAY, Some(-2), 2).commit();
    store.throughout(|store| {
        assert_eq!(store.as_of_known("v", "a", 0, Some(-1)).unwrap().2, Some(2));
        assert_eq!(store.as_of_known("v", "a", 0, Some(-2)).unwrap().2, Some(2));
        assert_eq!(store.as_of_known("v", "a", 0, Some(-3)).unwrap().2, Some(1));
        assert_eq!(store.as_of_known("v", "a", 0, Some(-HOUR)).unwrap().2, Some(1));
        assert_eq!(store.as_of_known("v", "a", 0, Some(-HOUR - 1)), None);
    });
}

fn known_at_looks_past_hidden_versions_to_older_events(store: &mut Store) {
    store.define(&[kept("v")]);
    store.batch().put_created("v", "a", -30 * DAY, Some(-29 * DAY), 1).commit();
    for late in 2..40 {
        store.batch().put_created("v", "a", -late * HOUR, Some(-1), late).commit();
    }
    store.throughout(|store| {
        assert_eq!(store.as_of_known("v", "a", 0, Some(-2)), Some((-30 * DAY, -29 * DAY, Some(1))));
        assert_eq!(store.as_of_known("v", "a", 0, Some(-1)), Some((-2 * HOUR, -1, Some(2))));
    });
}

fn known_at_is_repeatable_whatever_is_written_later(store: &mut Store) {
    store.define(&[kept("v")]);
    let known = store.put("v", "a", -DAY, 1).created.as_micros() - START.as_micros();
    let before = store.as_of_known("v", "a", 0, Some(known));
    // The clock has not moved: the stamps of later commits must be later all the same.
    store.put("v", "a", -DAY, 2);
    store.put("v", "a", -HOUR, 3);
    store.delete("v", "a", -1);
    store.throughout(|store| {
        assert_eq!(store.as_of_known("v", "a", 0, Some(known)), before);
        assert_eq!(store.as_of("v", "a", 0).unwrap().2, None);
    });
}

fn known_at_does_not_limit_the_event(store: &mut Store) {
    store.define(&[kept("v")]);
    store.batch().put_created("v", "a", -1, Some(-DAY), 1).commit();
    store.throughout(|store| assert_eq!(store.as_of_known("v", "a", 0, Some(-DAY)).unwrap().2, Some(1)));
}

fn what_was_known_stays_the_same_while_others_write(store: &mut Store) {
    const WRITERS: usize = 3;
    const EACH: i64 = 150;
    store.define(&[kept("v")]);
    let (store, writing) = (&*store, AtomicUsize::new(WRITERS));
    std::thread::scope(|threads| {
        for _ in 0..WRITERS {
            threads.spawn(|| {
                for value in 0..EACH {
                    store.clock.advance(Span::from_micros(2));
                    store.put("v", "a", -HOUR, value);
                }
                writing.fetch_sub(1, Ordering::Release);
            });
        }
        while writing.load(Ordering::Acquire) > 0 {
            // Stamps that are given from here on are not before the present.
            let known_at = store.backend().now().as_micros() - START.as_micros() - 1;
            let first = store.as_of_known("v", "a", 0, Some(known_at));
            std::thread::yield_now();
            assert_eq!(store.as_of_known("v", "a", 0, Some(known_at)), first, "known at {known_at}");
        }
    });
    assert_eq!(store.scan("v").len(), WRITERS * EACH as usize);
}
