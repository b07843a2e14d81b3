//! latest == as_of(now), always.

use crate::common::{DAY, HOUR, Store, every_backend, kept};

every_backend!(
    latest_is_the_greatest_version_up_to_now,
    latest_equals_as_of_now_at_every_moment,
    latest_answers_many_rows_of_many_views_at_once,
    a_row_asked_for_more_than_once_is_answered_each_time,
    latest_of_a_row_never_written_is_nothing,
    keys_that_begin_alike_are_different_rows,
);

fn latest_is_the_greatest_version_up_to_now(store: &mut Store) {
    store.define(&[kept("v")]);
    store.put("v", "a", -2 * HOUR, 1);
    store.put("v", "a", -HOUR, 2);
    store.throughout(|store| assert_eq!(store.latest("v", "a"), Some((-HOUR, 1, Some(2)))));
}

fn latest_equals_as_of_now_at_every_moment(store: &mut Store) {
    store.define(&[kept("v")]);
    for (event, value) in [(-HOUR, 1), (HOUR, 2), (-DAY, 3), (HOUR / 2, 4)] {
        store.put("v", "a", event, value);
    }
    for now in [0, HOUR / 2 - 1, HOUR / 2, HOUR - 1, HOUR, 2 * HOUR] {
        store.clock_to(now);
        store.throughout(|store| assert_eq!(store.latest("v", "a"), store.as_of("v", "a", now), "at {now}"));
    }
    assert_eq!(store.latest("v", "a").unwrap().2, Some(2));
}

fn latest_answers_many_rows_of_many_views_at_once(store: &mut Store) {
    store.define(&[kept("v"), kept("w")]);
    store.batch().put("v", "a", -1, 1).put("w", "a", -2, 2).put("v", "b", -3, 3).commit();
    let rows = [("w", "a"), ("v", "b"), ("v", "absent"), ("v", "a"), ("w", "b"), ("w", "a")];
    let expected =
        [Some((-2, 0, Some(2))), Some((-3, 0, Some(3))), None, Some((-1, 0, Some(1))), None, Some((-2, 0, Some(2)))];
    store.throughout(|store| {
        assert_eq!(store.latest_many(&rows), expected);
        assert_eq!(store.latest_many(&[]), []);
    });
}

fn a_row_asked_for_more_than_once_is_answered_each_time(store: &mut Store) {
    store.define(&[kept("u"), kept("v"), kept("w")]);
    store.batch().put("u", "a", -1, 1).put("v", "a", -2, 2).put("v", "b", -3, 3).commit();
    let (u, v, b) = (Some((-1, 0, Some(1))), Some((-2, 0, Some(2))), Some((-3, 0, Some(3))));
    store.throughout(|store| {
        assert_eq!(store.latest_many(&[("v", "a"); 5]), [v; 5], "one row of one entity");
        let pairs = [("v", "a"), ("u", "a"), ("w", "a"), ("v", "a"), ("u", "a"), ("w", "a")];
        assert_eq!(store.latest_many(&pairs), [v, u, None, v, u, None], "three rows of one entity");
        let others = [("v", "a"), ("v", "b"), ("v", "a"), ("v", "b"), ("u", "b")];
        assert_eq!(store.latest_many(&others), [v, b, v, b, None], "two entities");
    });
}

fn latest_of_a_row_never_written_is_nothing(store: &mut Store) {
    store.define(&[kept("v"), kept("w")]);
    store.put("v", "a", -1, 1);
    store.throughout(|store| {
        assert_eq!(store.latest("v", "b"), None);
        assert_eq!(store.latest("w", "a"), None);
    });
}

fn keys_that_begin_alike_are_different_rows(store: &mut Store) {
    store.define(&[kept("v")]);
    let keys = ["", "a", "a\0", "a\0b", "ab", "a\u{1}"];
    for (value, key) in keys.into_iter().enumerate() {
        store.put("v", key, -1 - value as i64, value as i64);
    }
    store.throughout(|store| {
        for (value, key) in keys.into_iter().enumerate() {
            assert_eq!(store.latest("v", key).unwrap().2, Some(value as i64), "{key:?}");
            assert_eq!(store.as_of("v", key, -1 - value as i64).unwrap().2, Some(value as i64), "{key:?}");
            assert_eq!(store.as_of("v", key, -2 - value as i64), None, "{key:?}");
        }
        assert_eq!(store.latest("v", "a\0\0"), None);
    });
}
