//! A deletion is a version like any other.

use crate::common::{DAY, HOUR, Store, every_backend, kept};

every_backend!(
    a_deletion_is_found_as_a_tombstone,
    as_of_before_a_deletion_sees_the_past,
    a_row_can_be_written_again_after_a_deletion,
    a_deletion_hides_only_its_own_row,
    a_deletion_of_a_row_never_written_is_a_version,
    scans_include_tombstones,
);

fn a_deletion_is_found_as_a_tombstone(store: &mut Store) {
    store.define(&[kept("v")]);
    store.put("v", "a", -DAY, 1);
    store.delete("v", "a", -HOUR);
    store.throughout(|store| assert_eq!(store.latest("v", "a"), Some((-HOUR, 1, None))));
}

fn as_of_before_a_deletion_sees_the_past(store: &mut Store) {
    store.define(&[kept("v")]);
    store.put("v", "a", -DAY, 1);
    store.delete("v", "a", -HOUR);
    store.throughout(|store| {
        assert_eq!(store.as_of("v", "a", -HOUR - 1), Some((-DAY, 0, Some(1))));
        assert_eq!(store.as_of("v", "a", -HOUR), Some((-HOUR, 1, None)));
        assert_eq!(store.as_of_known("v", "a", 0, Some(0)), Some((-DAY, 0, Some(1))));
    });
}

fn a_row_can_be_written_again_after_a_deletion(store: &mut Store) {
    store.define(&[kept("v")]);
    store.delete("v", "a", -HOUR);
    store.put("v", "a", -1, 2);
    store.throughout(|store| {
        assert_eq!(store.latest("v", "a"), Some((-1, 1, Some(2))));
        assert_eq!(store.as_of("v", "a", -2), Some((-HOUR, 0, None)));
    });
}

fn a_deletion_hides_only_its_own_row(store: &mut Store) {
    store.define(&[kept("v"), kept("w")]);
    store.batch().put("v", "a", -DAY, 1).put("v", "ab", -DAY, 2).put("w", "a", -DAY, 3).commit();
    store.delete("v", "a", -HOUR);
    store.throughout(|store| {
        let values = store.latest_many(&[("v", "a"), ("v", "ab"), ("w", "a")]).into_iter().map(|seen| seen.unwrap().2);
        assert_eq!(values.collect::<Vec<_>>(), [None, Some(2), Some(3)]);
    });
}

fn a_deletion_of_a_row_never_written_is_a_version(store: &mut Store) {
    store.define(&[kept("v")]);
    store.delete("v", "a", -HOUR);
    store.throughout(|store| assert_eq!(store.latest("v", "a"), Some((-HOUR, 0, None))));
}

fn scans_include_tombstones(store: &mut Store) {
    store.define(&[kept("v")]);
    store.put("v", "a", -DAY, 1);
    store.delete("v", "a", -HOUR);
    let expected = [("a".to_owned(), -HOUR, 1, None), ("a".to_owned(), -DAY, 0, Some(1))];
    store.throughout(|store| assert_eq!(store.scan("v"), expected));
}
