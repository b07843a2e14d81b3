//! Arrival order never matters, and writing a version again replaces it.

use crate::common::{DAY, HOUR, Store, every_backend, kept};

every_backend!(
    a_late_row_does_not_replace_a_newer_one,
    a_late_row_is_seen_at_its_own_time,
    shuffled_input_answers_as_sorted_input_does,
    writing_a_version_again_replaces_it,
    of_equal_versions_in_one_batch_the_last_counts,
    a_late_row_after_a_deletion_stays_deleted,
);

fn a_late_row_does_not_replace_a_newer_one(store: &mut Store) {
    store.define(&[kept("v")]);
    store.put("v", "a", -HOUR, 2);
    store.backend().flush().unwrap();
    store.put("v", "a", -DAY, 1);
    store.throughout(|store| assert_eq!(store.latest("v", "a"), Some((-HOUR, 0, Some(2)))));
}

fn a_late_row_is_seen_at_its_own_time(store: &mut Store) {
    store.define(&[kept("v")]);
    store.put("v", "a", -HOUR, 2);
    store.put("v", "a", -DAY, 1);
    store.throughout(|store| assert_eq!(store.as_of("v", "a", -2 * HOUR), Some((-DAY, 1, Some(1)))));
}

fn shuffled_input_answers_as_sorted_input_does(store: &mut Store) {
    store.define(&[kept("sorted"), kept("shuffled")]);
    let rows = 60;
    let write = |view: &str, number: i64| {
        let key = ["a", "b", "c"][number as usize % 3];
        store.batch().put_created(view, key, -number * HOUR, Some(-number), number).commit();
    };
    (0..rows).rev().for_each(|number| write("sorted", number));
    // 37 and 60 have no common factor: each number comes once.
    (0..rows).for_each(|number| write("shuffled", number * 37 % rows));
    store.throughout(|store| {
        assert_eq!(store.scan("shuffled"), store.scan("sorted"));
        for key in ["a", "b", "c"] {
            assert_eq!(store.latest("shuffled", key), store.latest("sorted", key));
        }
    });
    assert_eq!(store.scan("sorted").len(), rows as usize);
}

fn writing_a_version_again_replaces_it(store: &mut Store) {
    store.define(&[kept("v")]);
    let write = |value| store.batch().put_created("v", "a", -HOUR, Some(-1), value).commit();
    write(1);
    store.backend().flush().unwrap();
    write(2);
    store.throughout(|store| {
        assert_eq!(store.scan("v"), [("a".to_owned(), -HOUR, -1, Some(2))]);
        assert_eq!(store.latest("v", "a"), Some((-HOUR, -1, Some(2))));
    });
    store.batch().put_created("v", "a", -HOUR, Some(-1), 2).commit();
    store.throughout(|store| assert_eq!(store.scan("v").len(), 1, "a replay is harmless"));
}

fn of_equal_versions_in_one_batch_the_last_counts(store: &mut Store) {
    store.define(&[kept("v")]);
    store.batch().put("v", "a", -HOUR, 1).put("v", "b", -HOUR, 9).put("v", "a", -HOUR, 2).commit();
    store.throughout(|store| {
        assert_eq!(store.latest("v", "a"), Some((-HOUR, 0, Some(2))));
        assert_eq!(store.scan("v").len(), 2);
    });
}

fn a_late_row_after_a_deletion_stays_deleted(store: &mut Store) {
    store.define(&[kept("v")]);
    store.delete("v", "a", -HOUR);
    store.put("v", "a", -DAY, 1);
    store.throughout(|store| {
        assert_eq!(store.latest("v", "a"), Some((-HOUR, 0, None)));
        assert_eq!(store.as_of("v", "a", -HOUR - 1), Some((-DAY, 1, Some(1))));
    });
}
