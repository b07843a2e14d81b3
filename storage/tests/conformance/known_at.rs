//! as_of(T, known_at = S): only versions created up to S count.

use crate::common::{DAY, HOUR, Store, every_backend, kept};

every_backend!(
    known_at_hides_what_was_created_later,
    known_at_looks_past_hidden_versions_to_older_events,
    known_at_is_repeatable_whatever_is_written_later,
    known_at_does_not_limit_the_event,
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
    let known = store.put("v", "a", -DAY, 1).created.as_micros() - crate::common::START.as_micros();
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
