//! A snapshot is a consistent state to read at length, whatever happens meanwhile.

use asofdb_storage::KeyRange;

use crate::common::{DAY, HOUR, Store, aged, at, every_backend, find, find_known, kept, scan, text_key};

every_backend!(
    a_snapshot_does_not_see_later_writes,
    a_snapshot_does_not_see_later_erasures_and_drops,
    retention_holds_still_for_a_snapshot,
    a_snapshot_keeps_the_newest_version_that_it_knows,
    cursors_find_in_any_order,
    a_cursor_looks_at_what_was_known,
    scans_go_by_key_and_newest_first,
    scans_keep_to_their_range,
    splits_cover_every_row_once,
    a_view_without_rows_splits_and_scans_to_nothing,
);

fn a_snapshot_does_not_see_later_writes(store: &mut Store) {
    store.define(&[kept("v")]);
    store.put("v", "a", -HOUR, 1);
    let (snapshot, view) = (store.backend().snapshot(), store.view("v"));
    store.put("v", "a", -1, 2);
    store.put("v", "b", -1, 3);
    store.delete("v", "a", 0);
    store.backend().flush().unwrap();
    store.backend().compact().unwrap();
    assert_eq!(scan(&*snapshot, &view, &KeyRange::default()), [("a".to_owned(), -HOUR, 0, Some(1))]);
    let mut cursor = snapshot.cursor(&view).unwrap();
    assert_eq!(find(&mut *cursor, &view, "a", DAY), Some((-HOUR, 0, Some(1))));
    assert_eq!(find(&mut *cursor, &view, "b", DAY), None);
    assert_eq!(scan(&*store.backend().snapshot(), &view, &KeyRange::default()).len(), 4);
}

fn a_snapshot_does_not_see_later_erasures_and_drops(store: &mut Store) {
    store.define(&[kept("v"), kept("w")]);
    store.batch().put("v", "a", -HOUR, 1).put("w", "a", -HOUR, 2).commit();
    let (snapshot, v, w) = (store.backend().snapshot(), store.view("v"), store.view("w"));
    store.erase(&["v"], "a");
    store.define(&[kept("v")]);
    store.backend().compact().unwrap();
    assert_eq!(scan(&*snapshot, &v, &KeyRange::default()).len(), 1);
    assert_eq!(scan(&*snapshot, &w, &KeyRange::default()).len(), 1);
    drop(snapshot);
    store.throughout(|store| assert_eq!(store.scan("v"), []));
}

fn retention_holds_still_for_a_snapshot(store: &mut Store) {
    store.define(&[aged("v", true)]);
    (0..10).for_each(|day| {
        store.put("v", "a", -day * DAY, day);
    });
    let (snapshot, view) = (store.backend().snapshot(), store.view("v"));
    store.clock_to(100 * DAY);
    store.put("v", "a", 99 * DAY, 99);
    store.backend().flush().unwrap();
    store.backend().compact().unwrap();
    assert_eq!(snapshot.now(), at(0));
    assert_eq!(scan(&*snapshot, &view, &KeyRange::default()).len(), 10);
    let mut cursor = snapshot.cursor(&view).unwrap();
    assert_eq!(find(&mut *cursor, &view, "a", -9 * DAY), Some((-9 * DAY, 9, Some(9))));
    drop(cursor);
    drop(snapshot);
    store.throughout(|store| assert_eq!(store.scan("v").len(), 1));
}

fn a_snapshot_keeps_the_newest_version_that_it_knows(store: &mut Store) {
    store.define(&[aged("v", true)]);
    store.put("v", "a", 0, 1);
    store.clock_to(100 * DAY);
    let (snapshot, view) = (store.backend().snapshot(), store.view("v"));
    let expected = [("a".to_owned(), 0, 0, Some(1))];
    assert_eq!(scan(&*snapshot, &view, &KeyRange::default()), expected);
    // From here on the old version is not the newest any more, but it is in the snapshot.
    store.put("v", "a", 99 * DAY, 2);
    store.backend().compact().unwrap();
    assert_eq!(scan(&*snapshot, &view, &KeyRange::default()), expected);
    drop(snapshot);
    store.throughout(|store| assert_eq!(store.scan("v").len(), 1));
}

fn cursors_find_in_any_order(store: &mut Store) {
    store.define(&[kept("v"), kept("w")]);
    let keys = ["", "a", "a\0", "ab", "b"];
    for (number, key) in (0..).zip(keys) {
        for hour in 0..20 {
            let value = number * 100 + hour;
            store.batch().put("v", key, -hour * HOUR, value).put("w", key, -hour * HOUR, -1).commit();
        }
    }
    store.throughout(|store| {
        let (snapshot, view) = (store.backend().snapshot(), store.view("v"));
        let questions: Vec<(i64, i64)> = (0..keys.len() as i64).flat_map(|n| (0..20).map(move |h| (n, h))).collect();
        let expect = |cursor: &mut dyn asofdb_storage::Cursor, (number, hour): (i64, i64)| {
            let seen = find(cursor, &view, keys[number as usize], -hour * HOUR).unwrap();
            assert_eq!((seen.0, seen.2), (-hour * HOUR, Some(number * 100 + hour)));
        };
        let mut cursor = snapshot.cursor(&view).unwrap();
        questions.iter().for_each(|question| expect(&mut *cursor, *question));
        questions.iter().rev().for_each(|question| expect(&mut *cursor, *question));
        (0..100).for_each(|step| expect(&mut *cursor, questions[step * 37 % 100]));
        (0..3).for_each(|_| expect(&mut *cursor, questions[50]));
        assert_eq!(find(&mut *cursor, &view, "absent", 0), None);
        assert_eq!(find(&mut *cursor, &view, "b", -20 * HOUR), None);
        assert_eq!(find(&mut *cursor, &view, "zz", 0), None);
        expect(&mut *cursor, questions[0]);
    });
}

fn a_cursor_looks_at_what_was_known(store: &mut Store) {
    store.define(&[kept("v")]);
    store.batch().put_created("v", "a", -DAY, Some(-HOUR), 1).put_created("v", "a", -1, Some(-1), 2).commit();
    let (snapshot, view) = (store.backend().snapshot(), store.view("v"));
    let mut cursor = snapshot.cursor(&view).unwrap();
    assert_eq!(find_known(&mut *cursor, &view, "a", 0, Some(-2)), Some((-DAY, -HOUR, Some(1))));
    assert_eq!(find_known(&mut *cursor, &view, "a", 0, Some(-HOUR - 1)), None);
    assert_eq!(find_known(&mut *cursor, &view, "a", 0, None), Some((-1, -1, Some(2))));
}

fn scans_go_by_key_and_newest_first(store: &mut Store) {
    store.define(&[kept("u"), kept("v"), kept("w")]);
    for view in ["w", "u"] {
        store.batch().put(view, "a", -1, 0).put(view, "z", -1, 0).commit();
    }
    store.batch().put("v", "b", -2, 3).put("v", "a", -3, 1).put("v", "b", -1, 4).put("v", "a", -1, 2).commit();
    store.batch().put("v", "a", -1, 5).commit();
    let row = |key: &str, event, created, value| (key.to_owned(), event, created, Some(value));
    let expected = [row("a", -1, 3, 5), row("a", -1, 2, 2), row("a", -3, 2, 1), row("b", -1, 2, 4), row("b", -2, 2, 3)];
    store.throughout(|store| assert_eq!(store.scan("v"), expected));
}

fn scans_keep_to_their_range(store: &mut Store) {
    store.define(&[kept("v")]);
    for key in ["", "a", "a\0", "ab", "b"] {
        store.batch().put("v", key, -1, 1).put("v", key, -2, 2).commit();
    }
    store.throughout(|store| {
        let (snapshot, view) = (store.backend().snapshot(), store.view("v"));
        let keys = |range: &KeyRange| {
            let mut keys: Vec<_> = scan(&*snapshot, &view, range).into_iter().map(|row| row.0).collect();
            keys.dedup();
            keys
        };
        let bound = |key: &str| Some(text_key(key));
        assert_eq!(keys(&KeyRange::default()), ["", "a", "a\0", "ab", "b"]);
        assert_eq!(keys(&KeyRange::only(&text_key("a"))), ["a"]);
        assert_eq!(keys(&KeyRange { start: bound("a"), end: bound("b") }), ["a", "a\0", "ab"]);
        assert_eq!(keys(&KeyRange { start: None, end: bound("a") }), [""]);
        assert_eq!(keys(&KeyRange { start: bound("aa"), end: None }), ["ab", "b"]);
        assert_eq!(keys(&KeyRange { start: bound("b"), end: bound("a") }), Vec::<String>::new());
        assert_eq!(scan(&*snapshot, &view, &KeyRange::only(&text_key("ab"))).len(), 2);
    });
}

fn splits_cover_every_row_once(store: &mut Store) {
    store.define(&[kept("u"), kept("v"), kept("w")]);
    let mut batch = store.batch();
    for number in 0..500 {
        let key = format!("key {number:03}");
        batch = batch.put("u", &key, -1, 0).put("v", &key, -1, number).put("v", &key, -2, number).put("w", &key, -1, 0);
    }
    batch.commit();
    store.throughout(|store| {
        let (snapshot, view) = (store.backend().snapshot(), store.view("v"));
        let all = scan(&*snapshot, &view, &KeyRange::default());
        assert_eq!(all.len(), 1_000);
        for parts in [1, 2, 7, 1_000] {
            let ranges = snapshot.split(&view, parts).unwrap();
            assert!(!ranges.is_empty() && ranges.len() <= parts);
            let rows: Vec<_> = ranges.iter().flat_map(|range| scan(&*snapshot, &view, range)).collect();
            assert_eq!(rows, all, "{parts} parts");
        }
    });
}

fn a_view_without_rows_splits_and_scans_to_nothing(store: &mut Store) {
    store.define(&[kept("v"), kept("w")]);
    store.put("w", "a", -1, 1);
    let (snapshot, view) = (store.backend().snapshot(), store.view("v"));
    for range in snapshot.split(&view, 4).unwrap() {
        assert_eq!(scan(&*snapshot, &view, &range), []);
    }
    assert_eq!(scan(&*snapshot, &view, &KeyRange::default()), []);
}
