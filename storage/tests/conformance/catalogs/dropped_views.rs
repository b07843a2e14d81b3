//! Rows of a dropped view are gone, and never come back as rows of a new one.

use asofdb_storage::ErrorKind;

use crate::common::{HOUR, Store, every_backend, kept};

every_backend!(
    rows_of_a_dropped_view_are_not_rows_of_its_successor,
    the_other_views_keep_their_rows,
    writes_to_a_dropped_view_are_refused,
);

fn rows_of_a_dropped_view_are_not_rows_of_its_successor(store: &mut Store) {
    store.define(&[kept("v")]);
    store.put("v", "a", -HOUR, 1);
    let old = store.view("v").id;
    store.define(&[]);
    store.define(&[kept("v")]);
    assert_ne!(store.view("v").id, old, "ids are never given again");
    store.throughout(|store| {
        assert_eq!(store.latest("v", "a"), None);
        assert_eq!(store.as_of("v", "a", 0), None);
        assert_eq!(store.scan("v"), []);
    });
    store.put("v", "a", -2 * HOUR, 2);
    store.throughout(|store| assert_eq!(store.latest("v", "a").unwrap().2, Some(2)));
}

fn the_other_views_keep_their_rows(store: &mut Store) {
    store.define(&[kept("u"), kept("v"), kept("w")]);
    for view in ["u", "v", "w"] {
        store.batch().put(view, "a", -HOUR, 1).put(view, "b", -HOUR, 2).commit();
    }
    store.define(&[kept("u"), kept("w")]);
    store.throughout(|store| {
        for view in ["u", "w"] {
            assert_eq!(store.latest(view, "a").unwrap().2, Some(1));
            assert_eq!(store.scan(view).len(), 2);
        }
    });
}

fn writes_to_a_dropped_view_are_refused(store: &mut Store) {
    store.define(&[kept("v"), kept("w")]);
    let batch = store.batch().put("v", "a", -1, 1);
    let bulk = store.batch().bulk().put("v", "a", -1, 1).build();
    store.define(&[kept("w")]);
    assert_eq!(batch.try_commit().unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(store.backend().bulk_load(bulk).unwrap_err().kind(), ErrorKind::NotFound);
}
