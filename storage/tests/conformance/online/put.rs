//! A row is taken unless a greater version of it is there, and all rows of one put appear together.

use std::sync::atomic::{AtomicBool, Ordering};

use super::table::{Table, every_table};
use crate::common::{DAY, HOUR};

every_table!(
    a_greater_version_replaces_a_lesser_one,
    a_late_version_does_not_replace_a_greater_one,
    a_version_put_again_is_replaced,
    of_several_versions_in_one_put_the_greatest_stays,
    a_deletion_is_newest_like_any_other_version,
    a_put_of_nothing_is_fine,
    whatever_the_order_the_greatest_version_stays,
    the_rows_of_a_put_appear_together,
    puts_of_many_threads_lose_nothing,
);

fn a_greater_version_replaces_a_lesser_one(table: &Table) {
    table.put(&[("v", "a", -DAY, 0, Some(1))]);
    table.put(&[("v", "a", -HOUR, -5, Some(2))]);
    assert_eq!(table.newest("v", "a"), Some((-HOUR, -5, Some(2))));
    table.put(&[("v", "a", -HOUR, -4, Some(3))]);
    assert_eq!(table.newest("v", "a"), Some((-HOUR, -4, Some(3))), "of equal events the later created");
}

fn a_late_version_does_not_replace_a_greater_one(table: &Table) {
    table.put(&[("v", "a", -HOUR, -5, Some(1))]);
    for (event, created) in [(-DAY, 0), (-HOUR, -6)] {
        table.put(&[("v", "a", event, created, Some(2))]);
        assert_eq!(table.newest("v", "a"), Some((-HOUR, -5, Some(1))));
    }
}

fn a_version_put_again_is_replaced(table: &Table) {
    for value in [1, 2] {
        table.put(&[("v", "a", -1, 0, Some(value))]);
        assert_eq!(table.newest("v", "a"), Some((-1, 0, Some(value))));
    }
}

fn of_several_versions_in_one_put_the_greatest_stays(table: &Table) {
    let rows = [
        ("v", "a", -2, 0, Some(1)),
        ("v", "b", -1, 0, Some(9)),
        ("v", "a", -1, 0, Some(2)),
        ("v", "a", -3, 0, Some(3)),
    ];
    table.put(&rows);
    assert_eq!(table.newest("v", "a"), Some((-1, 0, Some(2))));
    table.put(&[("v", "a", -1, 0, Some(4)), ("v", "b", -1, 0, Some(9)), ("v", "a", -1, 0, Some(5))]);
    assert_eq!(table.newest("v", "a"), Some((-1, 0, Some(5))), "of equal versions the later");
}

fn a_deletion_is_newest_like_any_other_version(table: &Table) {
    table.put(&[("v", "a", -2, 0, Some(1))]);
    table.put(&[("v", "a", -1, 0, None)]);
    table.put(&[("v", "a", -3, 0, Some(2))]);
    assert_eq!(table.newest("v", "a"), Some((-1, 0, None)));
    table.put(&[("v", "a", 0, 0, Some(3))]);
    assert_eq!(table.newest("v", "a"), Some((0, 0, Some(3))));
}

fn a_put_of_nothing_is_fine(table: &Table) {
    table.put(&[]);
    assert_eq!(table.newest("v", "a"), None);
}

/// Puts of many rows are looked up otherwise than those of few.
fn whatever_the_order_the_greatest_version_stays(table: &Table) {
    let keys: Vec<_> = (0..400).map(|number| number.to_string()).collect();
    for round in 0..5_i64 {
        let event = |number: i64| -((round * 7 + number * 3) % 5) * HOUR;
        let rows = keys.iter().zip(0..).map(|(key, number)| ("v", key.as_str(), event(number), 0, Some(round)));
        table.put(&rows.collect::<Vec<_>>());
    }
    for (key, number) in keys.iter().zip(0_i64..) {
        let round = (0..5).find(|round| (round * 7 + number * 3) % 5 == 0);
        assert_eq!(table.newest("v", key), Some((0, 0, round)), "{key}");
    }
}

fn the_rows_of_a_put_appear_together(table: &Table) {
    let rows = |value: i64| {
        [("u", "a"), ("v", "b"), ("item", "c")].map(|(view, key)| (view, key, -1_000 + value, 0, Some(value)))
    };
    table.put(&rows(0));
    let done = AtomicBool::new(false);
    std::thread::scope(|threads| {
        threads.spawn(|| {
            while !done.load(Ordering::Acquire) {
                let seen = table.look_up(&[("u", "a"), ("v", "b"), ("item", "c")], 0).unwrap();
                assert!(seen[0] == seen[1] && seen[1] == seen[2], "{seen:?}");
            }
        });
        (1..500).for_each(|value| table.put(&rows(value)));
        done.store(true, Ordering::Release);
    });
}

fn puts_of_many_threads_lose_nothing(table: &Table) {
    std::thread::scope(|threads| {
        for thread in 0..4_i64 {
            threads.spawn(move || {
                for number in 0..50 {
                    table.put(&[("v", "a", -1_000 + number * 4 + thread, 0, Some(number * 4 + thread))]);
                }
            });
        }
    });
    assert_eq!(table.newest("v", "a"), Some((-801, 0, Some(199))));
}
