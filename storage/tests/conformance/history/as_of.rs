//! as_of(T): of the versions with an event up to T, the greatest.

use asofdb_storage::Timestamp;

use crate::common::{DAY, HOUR, START, Store, every_backend, kept};

every_backend!(
    as_of_includes_its_time,
    as_of_before_the_first_version_is_nothing,
    among_equal_events_the_greatest_created_wins,
    as_of_the_ends_of_time,
    events_before_the_epoch_are_ordered,
    arrival_order_within_a_row_is_not_version_order,
);

fn as_of_includes_its_time(store: &mut Store) {
    store.define(&[kept("v")]);
    store.batch().put("v", "a", -DAY, 1).put("v", "a", -HOUR, 2).commit();
    store.throughout(|store| {
        assert_eq!(store.as_of("v", "a", -DAY), Some((-DAY, 0, Some(1))));
        assert_eq!(store.as_of("v", "a", -HOUR - 1), Some((-DAY, 0, Some(1))));
        assert_eq!(store.as_of("v", "a", -HOUR), Some((-HOUR, 0, Some(2))));
        assert_eq!(store.as_of("v", "a", -HOUR + 1), Some((-HOUR, 0, Some(2))));
    });
}

fn as_of_before_the_first_version_is_nothing(store: &mut Store) {
    store.define(&[kept("v")]);
    // The neighbours must not be taken for the row's own versions.
    store.batch().put("v", "a", -DAY, 1).put("v", "b", -HOUR, 2).put("v", "c", -DAY, 3).commit();
    store.throughout(|store| {
        assert_eq!(store.as_of("v", "b", -HOUR - 1), None);
        assert_eq!(store.as_of("v", "absent", 0), None);
    });
}

fn among_equal_events_the_greatest_created_wins(store: &mut Store) {
    store.define(&[kept("v")]);
    let created = |created| Some(created);
    store.batch().put_created("v", "a", -DAY, created(-1), 2).commit();
    store.batch().put_created("v", "a", -DAY, created(-HOUR), 1).commit();
    store.throughout(|store| {
        assert_eq!(store.as_of("v", "a", -DAY), Some((-DAY, -1, Some(2))));
        assert_eq!(store.latest("v", "a"), Some((-DAY, -1, Some(2))));
    });
}

fn as_of_the_ends_of_time(store: &mut Store) {
    store.define(&[kept("v")]);
    store.put("v", "a", HOUR, 1);
    let first = Timestamp::MIN.as_micros().saturating_add(START.as_micros().abs());
    store.throughout(|store| {
        assert_eq!(store.as_of("v", "a", first - START.as_micros()), None);
        assert_eq!(store.as_of("v", "a", i64::MAX - START.as_micros()), Some((HOUR, 0, Some(1))));
    });
}

fn events_before_the_epoch_are_ordered(store: &mut Store) {
    store.define(&[kept("v")]);
    let century = 36_525 * DAY;
    store.batch().put("v", "a", -century, 1).put("v", "a", -century + 1, 2).put("v", "a", -1, 3).commit();
    store.throughout(|store| {
        assert_eq!(store.as_of("v", "a", -century).unwrap().2, Some(1));
        assert_eq!(store.as_of("v", "a", -2).unwrap().2, Some(2));
        assert_eq!(store.as_of("v", "a", 0).unwrap().2, Some(3));
    });
}

fn arrival_order_within_a_row_is_not_version_order(store: &mut Store) {
    store.define(&[kept("v")]);
    let events = [5, 1, 4, 2, 3];
    events.iter().for_each(|event| {
        store.put("v", "a", -event * HOUR, *event);
    });
    store.throughout(|store| {
        for event in events {
            assert_eq!(store.as_of("v", "a", -event * HOUR).unwrap().2, Some(event));
        }
    });
}
