//! A bulk load gives the same answers as a commit.

use crate::common::{DAY, HOUR, Store, every_backend, kept};

every_backend!(
    a_bulk_load_answers_as_a_commit_does,
    a_late_bulk_load_does_not_replace_newer_rows,
    a_newer_bulk_load_replaces_older_rows,
    a_bulk_load_of_the_future_waits_for_its_time,
    of_equal_versions_in_a_bulk_load_the_last_counts,
    a_bulk_load_again_is_harmless,
);

fn a_bulk_load_answers_as_a_commit_does(store: &mut Store) {
    store.define(&[kept("bulk"), kept("batch")]);
    let mut batches = [("bulk", store.batch().bulk()), ("batch", store.batch())].map(|(view, mut batch)| {
        for number in 0..1_000 {
            let key = format!("{}", number * 7 % 50);
            let event = -(number * 37 % 1_000) * HOUR;
            batch = batch.put_created(view, &key, event, Some(-number), number);
        }
        Some(batch.delete(view, "3", -HOUR))
    });
    let [bulk, batch] = &mut batches;
    let load = bulk.take().unwrap().load();
    let commit = batch.take().unwrap().commit();
    assert!(commit.created > load.created);
    store.throughout(|store| {
        // The deletion alone was stamped by the store.
        let given = |view: &str| {
            let rows = store.scan(view).into_iter();
            rows.map(|(key, event, created, value)| (key, event, value.map(|_| created), value)).collect::<Vec<_>>()
        };
        assert_eq!(given("bulk"), given("batch"));
        for number in 0..50 {
            let key = number.to_string();
            let value = |view: &str| store.latest(view, &key).map(|seen| (seen.0, seen.2));
            assert_eq!(value("bulk"), value("batch"));
        }
    });
}

fn a_late_bulk_load_does_not_replace_newer_rows(store: &mut Store) {
    store.define(&[kept("v")]);
    store.put("v", "a", -HOUR, 1);
    store.batch().bulk().put("v", "a", -DAY, 2).put("v", "b", -DAY, 3).load();
    store.throughout(|store| {
        assert_eq!(store.latest("v", "a").unwrap().2, Some(1));
        assert_eq!(store.as_of("v", "a", -2 * HOUR).unwrap().2, Some(2));
        assert_eq!(store.latest("v", "b").unwrap().2, Some(3));
    });
}

fn a_newer_bulk_load_replaces_older_rows(store: &mut Store) {
    store.define(&[kept("v")]);
    store.put("v", "a", -DAY, 1);
    store.batch().bulk().put("v", "a", -HOUR, 2).load();
    assert_eq!(store.latest("v", "a"), Some((-HOUR, 1, Some(2))));
    store.put("v", "a", -1, 3);
    store.throughout(|store| assert_eq!(store.latest("v", "a"), Some((-1, 2, Some(3)))));
}

fn a_bulk_load_of_the_future_waits_for_its_time(store: &mut Store) {
    store.define(&[kept("v")]);
    store.batch().bulk().put("v", "a", -HOUR, 1).put("v", "a", HOUR, 2).load();
    store.throughout(|store| assert_eq!(store.latest("v", "a").unwrap().2, Some(1)));
    store.clock_to(HOUR);
    store.throughout(|store| assert_eq!(store.latest("v", "a").unwrap().2, Some(2)));
}

fn of_equal_versions_in_a_bulk_load_the_last_counts(store: &mut Store) {
    store.define(&[kept("v")]);
    store.batch().bulk().put("v", "a", -HOUR, 1).put("v", "b", -1, 9).put("v", "a", -HOUR, 2).load();
    store.throughout(|store| {
        assert_eq!(store.latest("v", "a"), Some((-HOUR, 0, Some(2))));
        assert_eq!(store.scan("v").len(), 2);
    });
}

fn a_bulk_load_again_is_harmless(store: &mut Store) {
    store.define(&[kept("v")]);
    let load = |value| {
        store.batch().bulk().put_created("v", "a", -DAY, Some(-1), value).put_created("v", "a", -1, Some(0), 5).load()
    };
    load(1);
    load(2);
    store.throughout(|store| {
        assert_eq!(store.scan("v"), [("a".to_owned(), -1, 0, Some(5)), ("a".to_owned(), -DAY, -1, Some(2))]);
    });
    assert_eq!(store.batch().bulk().load().created, crate::common::at(2), "an empty load is a commit too");
}
