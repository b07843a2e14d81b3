//! A store on disk keeps what was written, and tells about itself.

use crate::common::{DAY, HOUR, Store, aged, every_backend, kept};

every_backend!(
    everything_is_there_when_the_store_is_opened_again,
    the_store_counts_what_was_written,
    a_sound_store_verifies,
    late_rows_that_retention_hides_at_once_are_no_problem,
    flushing_and_compacting_an_empty_store_is_fine,
);

fn fill(store: &Store) {
    store.define(&[kept("v"), aged("w", false)]);
    for number in 0..200 {
        let key = (number % 17).to_string();
        store.batch().put("v", &key, -number * HOUR, number).put("w", &key, -number * HOUR, number).commit();
    }
    store.delete("v", "3", -1);
    store.put("v", "4", HOUR, 4);
    store.erase(&["v", "w"], "5");
}

fn everything_is_there_when_the_store_is_opened_again(store: &mut Store) {
    fill(store);
    let read = |store: &Store| {
        let latest: Vec<_> = (0..17).map(|key| store.latest("v", &key.to_string())).collect();
        (store.scan("v"), store.scan("w"), latest, store.backend().catalog().to_records().unwrap())
    };
    let before = read(store);
    assert!(before.0.len() > 180);
    for _ in 0..3 {
        store.reopen();
        assert!(read(store) == before);
    }
}

fn the_store_counts_what_was_written(store: &mut Store) {
    store.define(&[kept("v")]);
    store.batch().put("v", "a", -1, 1).put("v", "b", -1, 1).commit();
    store.put("v", "c", -1, 1);
    let stats = store.backend().stats().unwrap();
    assert_eq!((stats.batches, stats.rows), (2, 3));
    assert_eq!(stats.background_error, None);
    assert!(stats.families.iter().any(|family| family.name == "history"));
}

fn a_sound_store_verifies(store: &mut Store) {
    fill(store);
    let expected = store.scan("v").len() as u64;
    store.throughout(|store| {
        let verified = store.backend().verify().unwrap();
        assert_eq!(verified.problems, Vec::<String>::new());
        assert!(verified.versions >= expected, "{} of {expected} at least", verified.versions);
        assert!(verified.entities >= 16, "{}", verified.entities);
    });
    store.clock_to(100 * DAY);
    store.throughout(|store| assert_eq!(store.backend().verify().unwrap().problems, Vec::<String>::new()));
}

/// Loads lie side by side by view and over each other by entity: what is arranged by entity is compacted first,
/// and then has forgotten a version that the other still has.
fn late_rows_that_retention_hides_at_once_are_no_problem(store: &mut Store) {
    let loaded: Vec<_> = (0..12).map(|number| format!("w{number:02}")).collect();
    let views: Vec<_> = loaded.iter().map(|name| kept(name)).chain([aged("v", false)]).collect();
    store.define(&views);
    store.put("v", "m", 0, 1);
    store.backend().flush().unwrap();
    store.clock_to(11 * DAY);
    for view in &loaded {
        store.batch().bulk().put(view, "a", 0, 1).put(view, "z", 0, 1).load();
    }
    // Time for what is done in the background; without it the test only shows less.
    std::thread::sleep(std::time::Duration::from_millis(200));
    store.put("v", "m", -1, 2);
    assert_eq!(store.backend().verify().unwrap().problems, Vec::<String>::new());
    store.throughout(|store| {
        assert_eq!(store.latest("v", "m"), None);
        assert_eq!(store.scan("v"), []);
        assert_eq!(store.backend().verify().unwrap().problems, Vec::<String>::new());
    });
}

fn flushing_and_compacting_an_empty_store_is_fine(store: &mut Store) {
    store.throughout(|store| assert_eq!(store.backend().verify().unwrap().versions, 0));
    store.define(&[kept("v")]);
    store.throughout(|store| assert_eq!(store.scan("v"), []));
}
