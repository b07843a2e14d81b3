//! A row that is forgotten is gone, so that older versions can be put again.

use super::table::{Table, every_table};
use crate::common::{DAY, HOUR};

every_table!(
    a_forgotten_row_is_gone_and_no_other,
    a_forgotten_row_can_be_put_again_with_an_older_version,
    forgetting_what_is_not_there_is_fine,
    the_rows_of_a_forgotten_view_are_gone_and_no_others,
);

fn a_forgotten_row_is_gone_and_no_other(table: &Table) {
    let others = [("v", ""), ("v", "a\0"), ("v", "aa"), ("v", "b"), ("w", "a"), ("item", "a")];
    let rows = others.iter().chain(&[("v", "a")]).map(|(view, key)| (*view, *key, -1, 0, Some(1)));
    table.put(&rows.collect::<Vec<_>>());
    table.forget(&[("v", "a")]);
    assert_eq!(table.newest("v", "a"), None);
    others.iter().for_each(|(view, key)| assert_eq!(table.newest(view, key), Some((-1, 0, Some(1))), "{view} {key:?}"));
}

fn a_forgotten_row_can_be_put_again_with_an_older_version(table: &Table) {
    table.put(&[("v", "a", -HOUR, 0, Some(1)), ("w", "a", -HOUR, 0, Some(1))]);
    table.forget(&[("v", "a"), ("w", "a")]);
    table.put(&[("v", "a", -DAY, 0, Some(2))]);
    assert_eq!((table.newest("v", "a"), table.newest("w", "a")), (Some((-DAY, 0, Some(2))), None));
}

fn forgetting_what_is_not_there_is_fine(table: &Table) {
    table.forget(&[]);
    table.forget(&[("v", "a")]);
    table.forget_views(&[]);
    table.forget_views(&["v", "w"]);
    assert_eq!(table.newest("v", "a"), None);
}

fn the_rows_of_a_forgotten_view_are_gone_and_no_others(table: &Table) {
    for key in ["", "a", "b"] {
        for view in ["u", "v", "w", "item"] {
            table.put(&[(view, key, -1, 0, Some(1))]);
        }
    }
    table.forget_views(&["v", "item"]);
    for key in ["", "a", "b"] {
        let values = ["u", "v", "w", "item"].map(|view| table.newest(view, key).and_then(|seen| seen.2));
        assert_eq!(values, [Some(1), None, Some(1), None], "{key:?}");
    }
    table.put(&[("v", "a", -DAY, 0, Some(2))]);
    assert_eq!(table.newest("v", "a"), Some((-DAY, 0, Some(2))));
}
