//! A row dated in the future is not served before its time.

use asofdb_storage::{ErrorKind, WriteBatch};

use crate::common::{DAY, HOUR, Store, at, every_backend, kept, text_key, value_row};

every_backend!(
    a_row_from_the_future_is_served_from_its_time_on,
    a_row_from_the_future_does_not_hide_the_present,
    rows_pass_from_future_to_present_without_a_write,
    as_of_sees_the_future_when_it_is_asked_about,
    events_beyond_the_skew_are_refused,
);

fn a_row_from_the_future_is_served_from_its_time_on(store: &mut Store) {
    store.define(&[kept("v")]);
    store.put("v", "a", HOUR, 1);
    store.throughout(|store| assert_eq!(store.latest("v", "a"), None));
    store.clock_to(HOUR - 1);
    store.throughout(|store| assert_eq!(store.latest("v", "a"), None));
    store.clock_to(HOUR);
    store.throughout(|store| assert_eq!(store.latest("v", "a"), Some((HOUR, 0, Some(1)))));
}

fn a_row_from_the_future_does_not_hide_the_present(store: &mut Store) {
    store.define(&[kept("v")]);
    store.put("v", "a", -DAY, 1);
    store.put("v", "a", HOUR, 2);
    store.put("v", "a", HOUR / 2, 3);
    store.throughout(|store| assert_eq!(store.latest("v", "a"), Some((-DAY, 0, Some(1)))));
    store.put("v", "a", -HOUR, 4);
    store.throughout(|store| assert_eq!(store.latest("v", "a"), Some((-HOUR, 3, Some(4)))));
}

fn rows_pass_from_future_to_present_without_a_write(store: &mut Store) {
    store.define(&[kept("v")]);
    store.put("v", "a", HOUR, 3);
    store.put("v", "a", HOUR / 4, 1);
    store.put("v", "a", HOUR / 2, 2);
    for (now, value) in [(HOUR / 4, 1), (HOUR / 2, 2), (HOUR, 3), (DAY, 3)] {
        store.clock_to(now);
        store.throughout(|store| assert_eq!(store.latest("v", "a").unwrap().2, Some(value), "at {now}"));
    }
}

fn as_of_sees_the_future_when_it_is_asked_about(store: &mut Store) {
    store.define(&[kept("v")]);
    store.put("v", "a", HOUR, 1);
    store.throughout(|store| {
        assert_eq!(store.as_of("v", "a", HOUR), Some((HOUR, 0, Some(1))));
        assert_eq!(store.scan("v").len(), 1);
    });
}

fn events_beyond_the_skew_are_refused(store: &mut Store) {
    store.define(&[kept("v")]);
    let view = store.view("v");
    let (key, row, now) = (text_key("a"), value_row(&view, 1), store.backend().now());
    let mut batch = WriteBatch::new();
    batch.put(&view, &key, at(HOUR), None, &row, now).unwrap();
    for (event, created) in [(at(HOUR + 1), None), (at(0), Some(at(HOUR + 1)))] {
        let error = batch.put(&view, &key, event, created, &row, now).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.message().contains("max_future_skew"), "{error}");
    }
    assert_eq!(batch.len(), 1, "a refused row leaves the batch as it was");
}
