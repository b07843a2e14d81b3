//! A jump of the clock is followed, and leaves nothing when it is over. One that lasts is believed.

use asofdb_storage::{Span, ViewDefinition};

use crate::common::{DAY, HOUR, SECOND, Store, aged, at, every_backend, kept};

every_backend!(
    reads_follow_a_jump_and_come_back_with_the_clock,
    half_a_second_of_a_jump_leaves_nothing,
    compaction_takes_nothing_by_a_jump,
    what_is_written_during_a_jump_holds_no_later_stamp,
    a_jump_leaves_nothing_where_the_store_is_opened_during_it_and_after_it,
    a_jump_that_lasts_an_hour_is_believed,
    a_lesser_time_than_the_clock_claims_is_not_believed_for_it,
    a_store_that_was_closed_for_a_month_works_at_once,
    a_changed_retention_keeps_nothing_hidden_by_a_jump,
    events_written_during_a_jump_wait_for_their_time,
    a_snapshot_of_a_jump_stays_what_it_is,
    a_clock_that_goes_back_changes_nothing,
    a_confirmed_jump_is_believed_at_once,
);

const YEARS: i64 = 3_650 * DAY;

fn reads_follow_a_jump_and_come_back_with_the_clock(store: &mut Store) {
    store.define(&[aged("v", false), kept("w")]);
    store.batch().put("v", "a", 0, 1).put("w", "a", 0, 2).commit();
    store.clock_jumps_to(YEARS);
    assert_eq!(store.backend().now(), at(YEARS));
    assert_eq!(store.latest_many(&[("v", "a"), ("w", "a")]), [None, Some((0, 0, Some(2)))]);
    let status = store.backend().clock();
    assert_eq!(status.quarantined(), Some(Span::from_micros(YEARS)));
    assert_eq!((status.system, status.now, status.believed), (at(YEARS), at(YEARS), Some(at(0))));
    store.clock_jumps_to(5);
    assert_eq!(store.backend().now(), at(5));
    assert_eq!(store.backend().clock().quarantined(), None);
    store.throughout(|store| {
        assert_eq!(store.latest_many(&[("v", "a"), ("w", "a")]), [Some((0, 0, Some(1))), Some((0, 0, Some(2)))]);
    });
}

fn half_a_second_of_a_jump_leaves_nothing(store: &mut Store) {
    store.define(&[aged("v", false)]);
    store.put("v", "a", 0, 1);
    store.clock_jumps_to(YEARS);
    assert_eq!(store.latest("v", "a"), None);
    store.put("v", "b", 0, 2);
    store.clock.advance(Span::from_micros(SECOND / 2));
    assert_eq!(store.latest("v", "a"), None);
    store.clock_jumps_to(SECOND / 2);
    store.throughout(|store| {
        assert_eq!(store.backend().now(), at(SECOND / 2));
        assert_eq!(store.latest("v", "a"), Some((0, 0, Some(1))));
        assert_eq!(store.latest("v", "b"), Some((0, YEARS, Some(2))));
        assert_eq!(store.backend().clock().warning(), None);
    });
}

fn compaction_takes_nothing_by_a_jump(store: &mut Store) {
    store.define(&[aged("v", false), aged("w", true)]);
    for day in 0..5 {
        store.batch().put("v", "a", -day * DAY, day).put("w", "a", -day * DAY, day).commit();
    }
    store.clock_jumps_to(YEARS);
    store.throughout(|store| {
        assert_eq!(store.scan("v").len(), 0);
        assert_eq!(store.scan("w").len(), 1);
    });
    store.clock_jumps_to(0);
    store.throughout(|store| assert_eq!((store.scan("v").len(), store.scan("w").len()), (5, 5)));
}

fn what_is_written_during_a_jump_holds_no_later_stamp(store: &mut Store) {
    store.define(&[kept("v")]);
    assert_eq!(store.put("v", "a", 0, 1).created, at(0));
    store.clock_jumps_to(YEARS);
    assert_eq!(store.put("v", "b", 0, 2).created, at(YEARS));
    assert_eq!(store.put("v", "b", 0, 3).created, at(YEARS + 1));
    store.clock_jumps_to(HOUR);
    assert_eq!(store.put("v", "c", 0, 4).created, at(HOUR));
    assert_eq!(store.put("v", "c", 0, 5).created, at(HOUR + 1));
    let apart = store.backend().clock().apart;
    let runs: Vec<_> = apart.iter().map(|run| (run.first, run.last, run.until)).collect();
    assert_eq!(runs, [(at(YEARS), at(YEARS + 1), Some(at(HOUR)))]);
    store.clock_to(2 * HOUR);
    assert_eq!(store.as_of_known("v", "c", 0, Some(2 * HOUR)), Some((0, HOUR + 1, Some(5))), "it is known by now");
    assert_eq!(store.as_of_known("v", "b", 0, Some(2 * HOUR)), None, "it claims to be known in ten years");
}

fn a_jump_leaves_nothing_where_the_store_is_opened_during_it_and_after_it(store: &mut Store) {
    store.define(&[aged("v", false)]);
    store.put("v", "a", 0, 1);
    store.clock_jumps_to(YEARS);
    store.reopen();
    assert_eq!(store.latest("v", "a"), None);
    store.put("v", "b", 0, 2);
    store.backend().compact().unwrap();
    store.reopen();
    store.clock_jumps_to(DAY);
    store.throughout(|store| {
        assert_eq!(store.backend().now(), at(DAY));
        assert_eq!(store.latest("v", "a"), Some((0, 0, Some(1))));
    });
    assert_eq!(store.put("v", "a", HOUR, 3).created, at(DAY));
}

fn a_jump_that_lasts_an_hour_is_believed(store: &mut Store) {
    store.define(&[aged("v", false)]);
    store.put("v", "a", 0, 1);
    store.clock_jumps_to(20 * DAY);
    assert_eq!(store.latest("v", "a"), None);
    store.clock.advance(Span::from_micros(HOUR - 1));
    assert_eq!(store.backend().clock().quarantined(), Some(Span::from_micros(20 * DAY)));
    store.clock.advance(Span::from_micros(1));
    let status = store.backend().clock();
    assert_eq!((status.quarantined(), status.believed), (None, Some(at(20 * DAY + HOUR))));
    store.clock_jumps_to(HOUR);
    store.throughout(|store| {
        assert_eq!(store.backend().now(), at(20 * DAY + HOUR), "what is believed does not go back");
        assert_eq!(store.latest("v", "a"), None);
    });
    assert_eq!(store.backend().clock().behind(), Some(Span::from_micros(20 * DAY)));
}

fn a_lesser_time_than_the_clock_claims_is_not_believed_for_it(store: &mut Store) {
    store.clock_jumps_to(DAY);
    assert_eq!(store.backend().now(), at(DAY));
    store.clock.advance(Span::from_micros(HOUR / 2));
    store.clock_jumps_to(YEARS);
    assert_eq!(store.backend().now(), at(YEARS));
    store.clock.advance(Span::from_micros(HOUR / 2));
    // The clock has shown no less than the first jump for an hour, but half of that for the second.
    let status = store.backend().clock();
    assert_eq!((status.now, status.believed), (at(YEARS + HOUR / 2), Some(at(DAY + HOUR))));
    store.clock_jumps_to(DAY + HOUR + 7);
    assert_eq!(store.backend().now(), at(DAY + HOUR + 7));
}

fn a_store_that_was_closed_for_a_month_works_at_once(store: &mut Store) {
    store.define(&[aged("v", false), kept("w")]);
    store.batch().put("v", "a", 0, 1).put("w", "a", 0, 2).commit();
    // A process that begins has a monotonic clock that knows nothing of the time before.
    store.clock_jumps_to(30 * DAY);
    store.reopen();
    store.put("v", "a", 30 * DAY, 3);
    assert_eq!(store.latest("v", "a"), Some((30 * DAY, 30 * DAY, Some(3))));
    assert_eq!(store.latest("w", "a"), Some((0, 0, Some(2))));
    assert_eq!(store.scan("v").len(), 1, "retention hides what is too old");
    store.clock.advance(Span::from_micros(HOUR));
    store.throughout(|store| assert_eq!(store.scan("v").len(), 1));
    assert_eq!(store.backend().clock().believed, Some(at(30 * DAY + HOUR)));
}

fn a_changed_retention_keeps_nothing_hidden_by_a_jump(store: &mut Store) {
    let longer = ViewDefinition { retention: Some(Span::from_micros(365 * DAY)), ..aged("v", true) };
    store.define(&[aged("v", true)]);
    store.batch().put("v", "a", -5 * DAY, 1).put("v", "a", 0, 2).commit();
    store.clock_jumps_to(YEARS);
    assert_eq!(store.scan("v").len(), 1);
    store.define(&[longer]);
    store.clock_jumps_to(0);
    store.throughout(|store| assert_eq!(store.scan("v").len(), 2));
}

fn events_written_during_a_jump_wait_for_their_time(store: &mut Store) {
    store.define(&[kept("v")]);
    store.put("v", "a", 0, 1);
    store.clock_jumps_to(YEARS);
    store.put("v", "a", YEARS, 2);
    store.delete("v", "b", YEARS);
    assert_eq!(store.latest("v", "a").unwrap().2, Some(2));
    store.clock_jumps_to(HOUR);
    store.throughout(|store| assert_eq!(store.latest("v", "a"), Some((0, 0, Some(1)))));
    store.put("v", "a", HOUR, 3);
    store.put("v", "b", HOUR, 4);
    store.throughout(|store| {
        assert_eq!(store.latest("v", "a"), Some((HOUR, HOUR, Some(3))));
        assert_eq!(store.latest("v", "b"), Some((HOUR, HOUR + 1, Some(4))));
        assert_eq!(store.backend().verify().unwrap().problems, Vec::<String>::new());
    });
}

fn a_snapshot_of_a_jump_stays_what_it_is(store: &mut Store) {
    store.define(&[aged("v", false)]);
    store.put("v", "a", 0, 1);
    store.clock_jumps_to(YEARS);
    let view = store.view("v");
    let snapshot = store.backend().snapshot();
    let range = asofdb_storage::KeyRange::default();
    assert_eq!((snapshot.now(), crate::common::scan(&*snapshot, &view, &range).len()), (at(YEARS), 0));
    store.clock_jumps_to(1);
    let right = store.backend().snapshot();
    store.backend().compact().unwrap();
    assert_eq!((snapshot.now(), crate::common::scan(&*snapshot, &view, &range).len()), (at(YEARS), 0));
    assert_eq!((right.now(), crate::common::scan(&*right, &view, &range).len()), (at(1), 1));
}

fn a_clock_that_goes_back_changes_nothing(store: &mut Store) {
    store.define(&[aged("v", false)]);
    store.clock_to(DAY);
    let before = store.put("v", "a", DAY, 1).created;
    for back in [DAY - 1, 0, -YEARS] {
        store.clock_jumps_to(back);
        store.throughout(|store| {
            assert_eq!(store.backend().now(), at(DAY));
            assert_eq!(store.latest("v", "a"), Some((DAY, DAY, Some(1))));
        });
    }
    let after = store.put("v", "a", DAY, 2).created;
    assert!(after > before);
    store.clock_jumps_to(DAY + SECOND / 2);
    store.throughout(|store| {
        assert_eq!(store.backend().now(), at(DAY + SECOND / 2));
        assert_eq!(store.latest("v", "a").unwrap().2, Some(2));
        assert_eq!(store.backend().clock().apart, []);
    });
}

fn a_confirmed_jump_is_believed_at_once(store: &mut Store) {
    store.define(&[aged("v", false)]);
    store.put("v", "a", 0, 1);
    store.clock_jumps_to(20 * DAY);
    let created = store.put("v", "b", 20 * DAY, 2).created;
    store.backend().confirm_clock().unwrap();
    assert_eq!(store.backend().clock().believed, Some(at(20 * DAY)));
    store.throughout(|store| assert_eq!(store.scan("v").len(), 1));
    assert!(store.put("v", "b", 20 * DAY, 3).created > created);
    store.clock_jumps_to(0);
    assert_eq!(store.backend().now(), at(20 * DAY));
}
