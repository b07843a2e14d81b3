//! Retention is physical, and reads enforce it too: when compaction runs is invisible.

use asofdb_storage::{KeyRange, Span, ViewDefinition};

use crate::common::{DAY, HOUR, Store, aged, every_backend, find, kept, scan};

every_backend!(
    without_retention_everything_is_kept,
    versions_older_than_the_retention_are_invisible_at_once,
    a_version_exactly_at_the_cut_off_is_kept,
    the_newest_version_outlives_the_retention,
    unless_the_view_says_otherwise,
    a_tombstone_can_be_the_newest_version,
    the_newest_version_is_the_one_that_is_kept_when_late_rows_come,
    retention_counts_in_every_way_to_read,
    a_longer_retention_does_not_bring_versions_back,
    a_clock_that_goes_back_does_not_bring_versions_back,
    latest_goes_by_the_one_time_that_it_is_given,
);

fn without_retention_everything_is_kept(store: &mut Store) {
    store.define(&[kept("v")]);
    store.batch().put("v", "a", -4_000 * DAY, 1).put("v", "a", -1, 2).commit();
    store.clock_to(4_000 * DAY);
    store.throughout(|store| assert_eq!(store.scan("v").len(), 2));
}

fn versions_older_than_the_retention_are_invisible_at_once(store: &mut Store) {
    store.define(&[aged("v", true)]);
    store.batch().put("v", "a", -DAY, 1).put("v", "a", 0, 2).commit();
    store.clock_to(9 * DAY);
    assert_eq!(store.as_of("v", "a", -1), Some((-DAY, 0, Some(1))));
    store.clock_to(9 * DAY + 1);
    store.throughout(|store| {
        assert_eq!(store.as_of("v", "a", -1), None);
        assert_eq!(store.as_of("v", "a", 0), Some((0, 0, Some(2))));
        assert_eq!(store.scan("v").len(), 1);
    });
}

fn a_version_exactly_at_the_cut_off_is_kept(store: &mut Store) {
    store.define(&[aged("v", false)]);
    store.put("v", "a", 0, 1);
    store.clock_to(10 * DAY);
    store.throughout(|store| assert_eq!(store.latest("v", "a"), Some((0, 0, Some(1)))));
    store.clock_to(10 * DAY + 1);
    store.throughout(|store| assert_eq!(store.latest("v", "a"), None));
}

fn the_newest_version_outlives_the_retention(store: &mut Store) {
    store.define(&[aged("v", true)]);
    store.batch().put("v", "a", -DAY, 1).put("v", "a", 0, 2).put("v", "b", -DAY, 3).commit();
    store.clock_to(1_000 * DAY);
    store.throughout(|store| {
        assert_eq!(store.latest("v", "a"), Some((0, 0, Some(2))));
        assert_eq!(store.as_of("v", "a", 0), Some((0, 0, Some(2))));
        assert_eq!(store.latest("v", "b"), Some((-DAY, 0, Some(3))));
    });
}

fn unless_the_view_says_otherwise(store: &mut Store) {
    store.define(&[aged("v", false)]);
    store.batch().put("v", "a", 0, 1).put("v", "b", -DAY, 2).commit();
    store.clock_to(10 * DAY);
    store.throughout(|store| {
        assert_eq!(store.latest("v", "a"), Some((0, 0, Some(1))));
        assert_eq!(store.latest("v", "b"), None);
    });
    store.put("v", "b", 9 * DAY, 3);
    store.throughout(|store| assert_eq!(store.scan("v").len(), 2));
}

fn a_tombstone_can_be_the_newest_version(store: &mut Store) {
    store.define(&[aged("v", true)]);
    store.put("v", "a", -DAY, 1);
    store.delete("v", "a", 0);
    store.clock_to(100 * DAY);
    store.throughout(|store| {
        assert_eq!(store.latest("v", "a"), Some((0, 1, None)));
        assert_eq!(store.scan("v"), [("a".to_owned(), 0, 1, None)]);
    });
}

fn the_newest_version_is_the_one_that_is_kept_when_late_rows_come(store: &mut Store) {
    store.define(&[aged("v", true)]);
    store.put("v", "a", 0, 2);
    store.clock_to(100 * DAY);
    store.backend().compact().unwrap();
    // Both are beyond the cut-off; only one of them is the newest.
    store.put("v", "a", -DAY, 1);
    store.throughout(|store| assert_eq!(store.scan("v"), [("a".to_owned(), 0, 0, Some(2))]));
    store.put("v", "a", DAY, 3);
    store.throughout(|store| {
        assert_eq!(store.latest("v", "a").unwrap().2, Some(3));
        assert_eq!(store.as_of("v", "a", 0), None);
    });
}

fn retention_counts_in_every_way_to_read(store: &mut Store) {
    store.define(&[aged("v", true)]);
    for day in 0..20 {
        store.batch().put_created("v", "a", -day * DAY, Some(-1), day).put("v", "b", -day * DAY, day).commit();
    }
    store.throughout(|store| {
        let (snapshot, view) = (store.backend().snapshot(), store.view("v"));
        let rows = scan(&*snapshot, &view, &KeyRange::default());
        assert_eq!(rows.len(), 22, "eleven days of two rows: both ends count");
        let mut cursor = snapshot.cursor(&view).unwrap();
        for key in ["a", "b"] {
            let expected = [Some(10), None];
            let value = |seen: crate::common::Seen| seen.map(|seen| seen.2.unwrap());
            let found = [-10 * DAY, -11 * DAY].map(|time| value(find(&mut *cursor, &view, key, time)));
            assert_eq!(found, expected);
            assert_eq!([-10 * DAY, -11 * DAY].map(|time| value(store.as_of("v", key, time))), expected);
        }
    });
}

fn a_longer_retention_does_not_bring_versions_back(store: &mut Store) {
    store.define(&[aged("v", true)]);
    store.batch().put("v", "a", -5 * DAY, 1).put("v", "a", 0, 2).commit();
    store.clock_to(6 * DAY);
    let longer = ViewDefinition { retention: Some(Span::from_micros(365 * DAY)), ..aged("v", true) };
    store.define(&[longer]);
    store.throughout(|store| assert_eq!(store.as_of("v", "a", -HOUR), None));
    store.define(&[kept("v")]);
    store.throughout(|store| {
        assert_eq!(store.as_of("v", "a", -HOUR), None);
        assert_eq!(store.scan("v").len(), 1);
    });
    store.clock_to(300 * DAY);
    store.throughout(|store| assert_eq!(store.as_of("v", "a", 0).unwrap().2, Some(2), "what was left is kept"));
}

fn a_clock_that_goes_back_does_not_bring_versions_back(store: &mut Store) {
    store.define(&[aged("v", true)]);
    store.batch().put("v", "a", -5 * DAY, 1).put("v", "a", 0, 2).commit();
    store.clock_to(6 * DAY);
    assert_eq!(store.as_of("v", "a", -HOUR), None);
    store.clock_to(0);
    assert_eq!(store.as_of("v", "a", -HOUR), None);
    store.backend().compact().unwrap();
    assert_eq!(store.as_of("v", "a", -HOUR), None);
}

/// A read takes the time once: that it is over meanwhile must not hide a row from half of it.
fn latest_goes_by_the_one_time_that_it_is_given(store: &mut Store) {
    store.define(&[aged("v", false), aged("w", true)]);
    store.batch().put("v", "a", 0, 1).put("w", "a", 0, 2).commit();
    store.clock_to(10 * DAY);
    let taken = store.backend().now();
    store.clock_to(10 * DAY + 1);
    assert_eq!(store.latest_at(&[("v", "a"), ("w", "a")], taken), [Some((0, 0, Some(1))), Some((0, 0, Some(2)))]);
    assert_eq!(store.latest_many(&[("v", "a"), ("w", "a")]), [None, Some((0, 0, Some(2)))]);
}
