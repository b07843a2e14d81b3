//! A table answers as the history that it was put from would, or declines.

use asofdb_storage::{Error, Lookup};

use super::table::{Put, Table, every_table};
use crate::common::{DAY, HOUR, at, text_key};

every_table!(
    a_row_is_found_as_it_was_put,
    a_row_never_put_is_nothing,
    many_rows_of_many_views_are_answered_in_the_order_asked,
    neighbours_are_answered_in_the_order_asked,
    keys_that_begin_alike_are_different_rows,
    a_row_from_the_future_is_declined_until_its_time,
    one_row_from_the_future_declines_all,
    retention_goes_by_the_present_of_the_read,
    an_error_of_the_visit_is_the_error_of_the_look_up,
);

fn a_row_is_found_as_it_was_put(table: &Table) {
    table.put(&[("v", "a", -HOUR, -1, Some(1)), ("v", "b", -HOUR, -2, None)]);
    assert_eq!(table.newest("v", "a"), Some((-HOUR, -1, Some(1))));
    assert_eq!(table.newest("v", "b"), Some((-HOUR, -2, None)), "a deletion is a version");
}

fn a_row_never_put_is_nothing(table: &Table) {
    assert_eq!(table.newest("v", "a"), None);
    table.put(&[("v", "a", -1, 0, Some(1))]);
    assert_eq!((table.newest("v", "b"), table.newest("w", "a"), table.newest("item", "a")), (None, None, None));
    assert_eq!(table.look_up(&[], 0), Some(vec![]));
}

fn many_rows_of_many_views_are_answered_in_the_order_asked(table: &Table) {
    let keys: Vec<_> = (0..600).map(|number| format!("{}", number * 7 % 600)).collect();
    let rows: Vec<Put<'_>> = keys.iter().zip(0..).map(|(key, value)| ("v", key.as_str(), -1, 0, Some(value))).collect();
    table.put(&rows);
    table.put(&[("item", "5", -2, 0, Some(-5))]);
    let asked: Vec<_> = keys.iter().rev().map(|key| ("v", key.as_str())).chain([("item", "5"), ("w", "5")]).collect();
    let mut expected: Vec<_> = (0..600).rev().map(|value| Some((-1, 0, Some(value)))).collect();
    expected.extend([Some((-2, 0, Some(-5))), None]);
    assert_eq!(table.look_up(&asked, 0), Some(expected));
}

fn neighbours_are_answered_in_the_order_asked(table: &Table) {
    let views = ["u", "v", "w", "aged", "fleeting"];
    for (value, view) in (0..).zip(views) {
        table.put(&[(view, "a", -1, 0, Some(value)), (view, "b", -1, 0, Some(-1))]);
    }
    let asked = [("fleeting", "a"), ("u", "a"), ("w", "a"), ("aged", "a"), ("u", "a")];
    let expected = [4, 0, 2, 3, 0].map(|value| Some((-1, 0, Some(value))));
    assert_eq!(table.look_up(&asked, 0).unwrap(), expected);
    table.forget(&[("w", "a")]);
    assert_eq!(table.look_up(&asked, 0).unwrap()[1..4], [expected[1], None, expected[3]]);
}

fn keys_that_begin_alike_are_different_rows(table: &Table) {
    let keys = ["", "a", "a\0", "a\0b", "ab", "a\u{1}"];
    for (value, key) in (0..).zip(keys) {
        table.put(&[("v", key, -1 - value, 0, Some(value))]);
    }
    for (value, key) in (0..).zip(keys) {
        assert_eq!(table.newest("v", key), Some((-1 - value, 0, Some(value))), "{key:?}");
    }
    assert_eq!(table.newest("v", "a\0\0"), None);
}

fn a_row_from_the_future_is_declined_until_its_time(table: &Table) {
    table.put(&[("v", "a", -HOUR, 0, Some(1))]);
    table.put(&[("v", "a", HOUR, 0, Some(2))]);
    assert_eq!([0, HOUR - 1].map(|now| table.look_up(&[("v", "a")], now)), [None, None]);
    assert_eq!(table.look_up(&[("v", "a")], HOUR), Some(vec![Some((HOUR, 0, Some(2)))]));
}

fn one_row_from_the_future_declines_all(table: &Table) {
    let views = ["u", "v", "w", "aged"];
    views.iter().for_each(|view| table.put(&[(view, "a", -1, 0, Some(1)), (view, "b", -1, 0, Some(1))]));
    table.put(&[("w", "a", 1, 0, Some(2))]);
    assert_eq!(table.look_up(&views.map(|view| (view, "a")), 0), None, "neighbours");
    assert_eq!(table.look_up(&[("u", "a"), ("u", "b"), ("w", "a")], 0), None, "several");
    assert_eq!(table.look_up(&views.map(|view| (view, "b")), 0).unwrap().len(), 4);
}

fn retention_goes_by_the_present_of_the_read(table: &Table) {
    table.put(&[("aged", "a", 0, 0, Some(1)), ("fleeting", "a", 0, 0, Some(2)), ("fleeting", "b", -DAY, 0, Some(3))]);
    let asked = [("aged", "a"), ("fleeting", "a"), ("fleeting", "b")];
    let values = |now: i64| table.look_up(&asked, now).unwrap().into_iter().map(|seen| seen?.2).collect::<Vec<_>>();
    assert_eq!(values(9 * DAY), [Some(1), Some(2), Some(3)]);
    assert_eq!(values(9 * DAY + 1), [Some(1), Some(2), None]);
    assert_eq!(values(10 * DAY), [Some(1), Some(2), None]);
    assert_eq!(values(10 * DAY + 1), [Some(1), None, None]);
    assert_eq!(values(9 * DAY), [Some(1), Some(2), Some(3)], "it is of the read, not of the table");
}

fn an_error_of_the_visit_is_the_error_of_the_look_up(table: &Table) {
    let (view, key) = (table.view("v"), text_key("a"));
    let visit = &mut |_: usize, _: Option<asofdb_storage::Found<'_>>| Err(Error::invalid("enough"));
    let error = table.online.look_up(&[Lookup { view, key: &key }], at(0), visit).unwrap_err();
    assert_eq!(error.message(), "enough");
}
