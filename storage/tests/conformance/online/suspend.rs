//! A table that is suspended declines, and hears of what happens all the same.

use asofdb_storage::{Newest, Observer};

use super::table::{Table, every_table};

every_table!(
    a_suspended_table_declines_until_it_is_resumed,
    a_table_suspended_twice_is_resumed_twice,
    what_is_put_while_suspended_is_there_afterwards,
    a_table_is_moved_by_events_alone,
);

fn a_suspended_table_declines_until_it_is_resumed(table: &Table) {
    table.put(&[("v", "a", -1, 0, Some(1))]);
    table.online.suspend();
    assert_eq!(table.look_up(&[("v", "a")], 0), None);
    assert_eq!(table.look_up(&[("v", "absent"), ("w", "a")], 0), None, "of what is not there it is not sure");
    table.online.resume();
    assert_eq!(table.newest("v", "a"), Some((-1, 0, Some(1))));
}

fn a_table_suspended_twice_is_resumed_twice(table: &Table) {
    table.online.suspend();
    table.online.suspend();
    table.online.resume();
    assert_eq!(table.look_up(&[("v", "a")], 0), None);
    table.online.resume();
    assert_eq!(table.newest("v", "a"), None);
}

fn what_is_put_while_suspended_is_there_afterwards(table: &Table) {
    table.put(&[("v", "a", -2, 0, Some(1)), ("v", "b", -2, 0, Some(1))]);
    table.online.suspend();
    table.put(&[("v", "a", -1, 0, Some(2))]);
    table.forget(&[("v", "b")]);
    table.online.resume();
    assert_eq!((table.newest("v", "a"), table.newest("v", "b")), (Some((-1, 0, Some(2))), None));
}

fn a_table_is_moved_by_events_alone(table: &Table) {
    table.put(&[("v", "a", -1, 0, Some(1)), ("w", "a", -1, 0, Some(1))]);
    table.online.hear(&Newest::Suspended);
    assert_eq!(table.look_up(&[("v", "a")], 0), None);
    table.online.hear(&Newest::Dropped(&[table.view("w").id]));
    table.online.hear(&Newest::Resumed);
    assert_eq!((table.newest("v", "a"), table.newest("w", "a")), (Some((-1, 0, Some(1))), None));
}
