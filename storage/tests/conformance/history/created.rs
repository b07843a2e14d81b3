//! The created timestamp is the writer's, or else the store's clock at commit, and no two commits share one.

use crate::common::{HOUR, Store, at, every_backend, kept};

every_backend!(
    the_stores_clock_stands_in_where_none_is_given,
    no_two_commits_share_a_stamp,
    stamps_go_on_increasing_when_the_clock_goes_back,
    stamps_go_on_increasing_after_the_store_was_opened_again,
    the_present_never_goes_back,
);

fn the_stores_clock_stands_in_where_none_is_given(store: &mut Store) {
    store.define(&[kept("v")]);
    store.clock_to(HOUR);
    let batch = store.batch().put("v", "a", -1, 1).put_created("v", "b", -1, Some(-5), 2).put("v", "c", -2, 3);
    assert_eq!(batch.commit().created, at(HOUR));
    store.throughout(|store| {
        let created: Vec<_> = store.scan("v").into_iter().map(|row| row.2).collect();
        assert_eq!(created, [HOUR, -5, HOUR]);
    });
}

fn no_two_commits_share_a_stamp(store: &mut Store) {
    store.define(&[kept("v")]);
    let stamps: Vec<_> = (0..5).map(|value| store.put("v", "a", -1, value).created).collect();
    assert_eq!(stamps, [at(0), at(1), at(2), at(3), at(4)]);
    assert_eq!(store.scan("v").len(), 5);
}

fn stamps_go_on_increasing_when_the_clock_goes_back(store: &mut Store) {
    store.define(&[kept("v")]);
    let before = store.put("v", "a", -1, 1).created;
    store.clock_to(-HOUR);
    let after = store.put("v", "a", -1, 2).created;
    assert!(after > before);
    store.throughout(|store| assert_eq!(store.latest("v", "a").unwrap().2, Some(2)));
}

fn stamps_go_on_increasing_after_the_store_was_opened_again(store: &mut Store) {
    store.define(&[kept("v")]);
    let mut last = store.put("v", "a", -1, 0).created;
    for value in 1..5 {
        store.put("v", "a", -1, value);
        let before = store.put("v", "a", -1, value).created;
        assert!(before > last);
        store.reopen();
        last = store.put("v", "a", -1, 100 + value).created;
        assert!(last > before, "after opening, {last} is not later than {before}");
        assert_eq!(store.latest("v", "a").unwrap().2, Some(100 + value));
    }
}

fn the_present_never_goes_back(store: &mut Store) {
    store.clock_to(HOUR);
    assert_eq!(store.backend().now(), at(HOUR));
    store.clock_to(0);
    assert_eq!(store.backend().now(), at(HOUR));
    store.clock_to(2 * HOUR);
    assert_eq!(store.backend().now(), at(2 * HOUR));
}
