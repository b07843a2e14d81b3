//! A cursor visits the visible versions of one row in a window of time, newest first.

use std::ops::{ControlFlow, RangeInclusive};

use asofdb_storage::{Cursor, Error, FeatureView, Found, Timestamp};

use crate::common::{DAY, HOUR, START, Seen, Store, aged, at, every_backend, find, kept, read, text_key};

every_backend!(
    a_window_includes_both_of_its_ends,
    versions_come_newest_first_with_deletions_among_them,
    a_window_looks_at_what_was_known,
    a_visit_ends_when_it_is_told_to,
    an_error_of_the_visit_is_the_error_of_the_read,
    the_rows_beside_are_not_in_the_window,
    retention_holds_in_a_window,
    the_newest_version_that_is_kept_is_in_its_window,
    finds_and_windows_of_one_cursor_do_not_disturb_each_other,
    a_window_stays_as_the_snapshot_was,
);

const ALWAYS: RangeInclusive<Timestamp> = Timestamp::MIN..=Timestamp::MAX;

fn window(from: i64, to: i64) -> RangeInclusive<Timestamp> {
    at(from)..=at(to)
}

/// Event and value of each version; no value for a deletion.
fn within(
    cursor: &mut dyn Cursor,
    view: &FeatureView,
    key: &str,
    events: RangeInclusive<Timestamp>,
    known_at: Option<i64>,
) -> Vec<(i64, Option<i64>)> {
    let mut seen = Vec::new();
    let visit = &mut |found: Found<'_>| {
        let (event, _, value) = read(view, found);
        seen.push((event, value));
        Ok(ControlFlow::Continue(()))
    };
    cursor.each(&text_key(key), events, known_at.map(at), visit).unwrap();
    seen
}

/// [`within`] of the present state.
fn now_within(store: &Store, key: &str, events: RangeInclusive<Timestamp>) -> Vec<(i64, Option<i64>)> {
    let (snapshot, view) = (store.backend().snapshot(), store.view("v"));
    let mut cursor = snapshot.cursor(&view).unwrap();
    within(&mut *cursor, &view, key, events, None)
}

fn a_window_includes_both_of_its_ends(store: &mut Store) {
    store.define(&[kept("v")]);
    store.batch().put("v", "a", -3, 1).put("v", "a", -2, 2).put("v", "a", -1, 3).put("v", "a", HOUR, 4).commit();
    store.throughout(|store| {
        assert_eq!(now_within(store, "a", window(-3, -2)), [(-2, Some(2)), (-3, Some(1))]);
        assert_eq!(now_within(store, "a", window(-2, -2)), [(-2, Some(2))]);
        assert_eq!(now_within(store, "a", window(0, HOUR - 1)), []);
        assert_eq!(now_within(store, "a", window(-1, HOUR)), [(HOUR, Some(4)), (-1, Some(3))]);
        assert_eq!(now_within(store, "a", window(-1, -3)), [], "it ends before it starts");
        assert_eq!(now_within(store, "a", ALWAYS).len(), 4);
        assert_eq!(now_within(store, "absent", ALWAYS), []);
    });
}

fn versions_come_newest_first_with_deletions_among_them(store: &mut Store) {
    store.define(&[kept("v")]);
    store.put("v", "a", -1, 3);
    store.put("v", "a", -DAY, 1);
    store.delete("v", "a", -HOUR);
    // Of equal events the one that was created later comes first.
    store.put("v", "a", -DAY, 2);
    let expected = [(-1, Some(3)), (-HOUR, None), (-DAY, Some(2)), (-DAY, Some(1))];
    store.throughout(|store| assert_eq!(now_within(store, "a", ALWAYS), expected));
}

fn a_window_looks_at_what_was_known(store: &mut Store) {
    store.define(&[kept("v")]);
    for hour in 0..30 {
        let late = if hour % 10 == 0 { -DAY } else { -1 };
        store.batch().put_created("v", "a", -hour * HOUR, Some(late), hour).commit();
    }
    store.throughout(|store| {
        let (snapshot, view) = (store.backend().snapshot(), store.view("v"));
        let mut cursor = snapshot.cursor(&view).unwrap();
        let mut known = |events, known_at| within(&mut *cursor, &view, "a", events, Some(known_at));
        assert_eq!(known(ALWAYS, -1).len(), 30);
        assert_eq!(known(ALWAYS, -2), [(0, Some(0)), (-10 * HOUR, Some(10)), (-20 * HOUR, Some(20))]);
        assert_eq!(known(window(-19 * HOUR, -1), -DAY), [(-10 * HOUR, Some(10))]);
        assert_eq!(known(ALWAYS, -DAY - 1), []);
    });
}

fn a_visit_ends_when_it_is_told_to(store: &mut Store) {
    store.define(&[kept("v")]);
    (0..20).for_each(|hour| {
        store.put("v", "a", -hour * HOUR, hour);
    });
    store.throughout(|store| {
        let (snapshot, view) = (store.backend().snapshot(), store.view("v"));
        let mut cursor = snapshot.cursor(&view).unwrap();
        let mut visits = 0;
        let visit = &mut |_: asofdb_storage::Found<'_>| {
            visits += 1;
            Ok(if visits == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        };
        cursor.each(&text_key("a"), ALWAYS, None, visit).unwrap();
        assert_eq!(visits, 3);
        assert_eq!(within(&mut *cursor, &view, "a", window(-HOUR, 0), None), [(0, Some(0)), (-HOUR, Some(1))]);
    });
}

fn an_error_of_the_visit_is_the_error_of_the_read(store: &mut Store) {
    store.define(&[kept("v")]);
    store.batch().put("v", "a", -2, 1).put("v", "a", -1, 2).commit();
    let (snapshot, view) = (store.backend().snapshot(), store.view("v"));
    let mut cursor = snapshot.cursor(&view).unwrap();
    let error = cursor.each(&text_key("a"), ALWAYS, None, &mut |_| Err(Error::invalid("enough"))).unwrap_err();
    assert_eq!(error.message(), "enough");
    assert_eq!(within(&mut *cursor, &view, "a", ALWAYS, None).len(), 2);
}

fn the_rows_beside_are_not_in_the_window(store: &mut Store) {
    store.define(&[kept("u"), kept("v"), kept("w")]);
    let keys = ["", "a", "a\0", "ab", "b"];
    for (number, key) in (0..).zip(keys) {
        for view in ["u", "v", "w"] {
            store.batch().put(view, key, -2, number).put(view, key, -1, number).commit();
        }
    }
    store.throughout(|store| {
        for (number, key) in (0..).zip(keys) {
            assert_eq!(now_within(store, key, ALWAYS), [(-1, Some(number)), (-2, Some(number))], "{key:?}");
        }
    });
}

fn retention_holds_in_a_window(store: &mut Store) {
    store.define(&[aged("v", false)]);
    (0..15).for_each(|day| {
        store.put("v", "a", -day * DAY, day);
    });
    let events =
        |store: &Store, events| now_within(store, "a", events).into_iter().map(|seen| seen.0).collect::<Vec<_>>();
    store.throughout(|store| {
        assert_eq!(events(store, ALWAYS), (0..=10).map(|day| -day * DAY).collect::<Vec<_>>());
        assert_eq!(events(store, window(-14 * DAY, -9 * DAY)), [-9 * DAY, -10 * DAY]);
        assert_eq!(events(store, window(-14 * DAY, -11 * DAY)), [0_i64; 0]);
    });
    store.clock_to(10 * DAY + 1);
    store.throughout(|store| assert_eq!(events(store, ALWAYS), [0_i64; 0]));
}

fn the_newest_version_that_is_kept_is_in_its_window(store: &mut Store) {
    store.define(&[aged("v", true)]);
    store.batch().put("v", "a", -DAY, 1).put_created("v", "a", 0, Some(-HOUR), 2).put("v", "a", 0, 3).commit();
    store.clock_to(100 * DAY);
    store.throughout(|store| {
        assert_eq!(now_within(store, "a", ALWAYS), [(0, Some(3))], "of equal events only one is the newest");
        assert_eq!(now_within(store, "a", window(0, DAY)), [(0, Some(3))]);
        assert_eq!(now_within(store, "a", window(1, DAY)), []);
        assert_eq!(now_within(store, "a", window(-DAY, -1)), []);
        let (snapshot, view) = (store.backend().snapshot(), store.view("v"));
        let mut cursor = snapshot.cursor(&view).unwrap();
        assert_eq!(within(&mut *cursor, &view, "a", ALWAYS, Some(-HOUR)), [], "what was known is not what is kept");
    });
}

fn finds_and_windows_of_one_cursor_do_not_disturb_each_other(store: &mut Store) {
    store.define(&[kept("v")]);
    let keys = ["a", "b", "c"];
    for (number, key) in (0..).zip(keys) {
        (0..20).for_each(|hour| {
            store.put("v", key, -hour * HOUR, number * 100 + hour);
        });
    }
    store.throughout(|store| {
        let (snapshot, view) = (store.backend().snapshot(), store.view("v"));
        let mut cursor = snapshot.cursor(&view).unwrap();
        for step in 0..60 {
            let (number, hour) = (step * 7 % 3, step * 13 % 20);
            let value = |hour: i64| Some(number * 100 + hour);
            let key = keys[number as usize];
            let seen: Seen = find(&mut *cursor, &view, key, -hour * HOUR);
            assert_eq!(seen.map(|seen| (seen.0, seen.2)), Some((-hour * HOUR, value(hour))));
            let older = (hour + 2).min(19);
            let expected: Vec<_> = (hour..=older).map(|hour| (-hour * HOUR, value(hour))).collect();
            assert_eq!(within(&mut *cursor, &view, key, window(-older * HOUR, -hour * HOUR), None), expected);
        }
    });
}

fn a_window_stays_as_the_snapshot_was(store: &mut Store) {
    store.define(&[aged("v", true)]);
    store.batch().put("v", "a", -9 * DAY, 1).put("v", "a", -1, 2).commit();
    let (snapshot, view) = (store.backend().snapshot(), store.view("v"));
    store.put("v", "a", 0, 3);
    store.clock_to(50 * DAY);
    store.erase(&["v"], "a");
    store.backend().compact().unwrap();
    assert_eq!(snapshot.now(), START);
    let mut cursor = snapshot.cursor(&view).unwrap();
    assert_eq!(within(&mut *cursor, &view, "a", ALWAYS, None), [(-1, Some(2)), (-9 * DAY, Some(1))]);
}
