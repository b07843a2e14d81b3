//! A repair gives rows that were stamped ahead other stamps, and goes back from a time that was believed wrongly.

use asofdb_storage::{ErrorKind, Span, ViewDefinition};

use crate::common::{DAY, HOUR, Store, aged, at, every_backend, kept};

every_backend!(
    rows_that_were_stamped_ahead_get_stamps_of_when_the_clock_came_back,
    a_repair_changes_the_newest_version_where_order_changes,
    a_repair_keeps_the_order_of_what_was_stamped_ahead,
    a_repair_of_nothing_does_nothing,
    a_repair_is_refused_while_the_clock_is_ahead,
    a_time_that_was_believed_wrongly_is_gone_back_from,
    a_floor_of_a_wrong_time_goes_with_it,
);

const YEARS: i64 = 3_650 * DAY;

/// The time when the clock comes back, near enough to when it left to need no confirmation.
const BACK: i64 = HOUR / 2;

fn rows_that_were_stamped_ahead_get_stamps_of_when_the_clock_came_back(store: &mut Store) {
    store.define(&[kept("v"), kept("w")]);
    store.put("v", "a", 0, 1);
    store.clock_jumps_to(YEARS);
    store.batch().put("v", "a", 0, 2).put_created("v", "b", 0, Some(-1), 3).put("w", "c", -DAY, 4).commit();
    store.delete("w", "d", 0);
    store.clock_jumps_to(BACK);
    store.backend().now();
    assert_eq!(store.as_of_known("v", "a", 0, Some(2 * BACK)).unwrap().2, Some(1));
    let repair = store.backend().repair_clock().unwrap();
    assert_eq!((repair.back_from, repair.restamped, repair.reclaimed.len()), (None, 3, 0));
    assert_eq!(store.backend().clock().apart, []);
    store.throughout(|store| {
        assert_eq!(store.latest("v", "a"), Some((0, BACK - 2, Some(2))));
        assert_eq!(store.latest("v", "b"), Some((0, -1, Some(3))), "a stamp that a writer gave is not one of ours");
        assert_eq!(store.latest("w", "c"), Some((-DAY, BACK - 2, Some(4))));
        assert_eq!(store.latest("w", "d"), Some((0, BACK - 1, None)));
        assert_eq!(store.as_of_known("v", "a", 0, Some(BACK)).unwrap().2, Some(2), "it is known since");
        assert_eq!(store.as_of_known("v", "a", 0, Some(BACK - 3)).unwrap().2, Some(1), "and not before");
        assert_eq!(store.scan("v").len(), 3);
        assert_eq!(store.backend().verify().unwrap().problems, Vec::<String>::new());
    });
}

fn a_repair_changes_the_newest_version_where_order_changes(store: &mut Store) {
    store.define(&[kept("v")]);
    store.clock_jumps_to(YEARS);
    store.batch().put("v", "a", 0, 1).put("v", "b", 0, 1).commit();
    store.clock_jumps_to(BACK);
    store.put("v", "a", 0, 2);
    assert_eq!(store.latest("v", "a").unwrap().2, Some(1), "the later stamp wins, although it is wrong");
    store.backend().repair_clock().unwrap();
    store.throughout(|store| {
        assert_eq!(store.latest("v", "a"), Some((0, BACK, Some(2))));
        assert_eq!(store.latest("v", "b"), Some((0, BACK - 1, Some(1))));
        assert_eq!(store.as_of("v", "a", 0).unwrap().2, Some(2));
        assert_eq!(store.backend().verify().unwrap().problems, Vec::<String>::new());
    });
}

fn a_repair_keeps_the_order_of_what_was_stamped_ahead(store: &mut Store) {
    store.define(&[kept("v")]);
    for (jump, value) in [(2 * YEARS, 1), (2 * YEARS + HOUR, 2), (YEARS, 3)] {
        store.clock_jumps_to(jump);
        store.put("v", "a", 0, value);
        store.put("v", "b", -value, value);
    }
    store.clock_jumps_to(BACK);
    assert_eq!(store.latest("v", "a").unwrap().2, Some(2));
    assert_eq!(store.backend().repair_clock().unwrap().restamped, 6);
    store.throughout(|store| {
        assert_eq!(store.latest("v", "a").unwrap().2, Some(3));
        let created: Vec<_> =
            store.scan("v").into_iter().map(|(key, event, created, _)| (key, event, created)).collect();
        let a = |created| ("a".to_owned(), 0, BACK - created);
        let b = |event, created| ("b".to_owned(), event, BACK - created);
        assert_eq!(created, [a(2), a(4), a(6), b(-1, 5), b(-2, 3), b(-3, 1)]);
    });
}

fn a_repair_of_nothing_does_nothing(store: &mut Store) {
    store.define(&[aged("v", false)]);
    store.put("v", "a", 0, 1);
    assert_eq!(store.backend().repair_clock().unwrap(), asofdb_storage::ClockRepair::default());
    store.throughout(|store| assert_eq!(store.latest("v", "a"), Some((0, 0, Some(1)))));
}

fn a_repair_is_refused_while_the_clock_is_ahead(store: &mut Store) {
    store.define(&[kept("v")]);
    store.clock_jumps_to(YEARS);
    store.put("v", "a", 0, 1);
    let error = store.backend().repair_clock().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.message().contains("3650d"), "{error}");
    store.clock_jumps_to(1);
    assert_eq!(store.backend().repair_clock().unwrap().restamped, 1);
}

fn a_time_that_was_believed_wrongly_is_gone_back_from(store: &mut Store) {
    store.define(&[aged("v", false), kept("w")]);
    store.batch().put("v", "a", 0, 1).put("w", "a", 0, 2).commit();
    store.clock_jumps_to(YEARS);
    store.backend().now();
    store.clock.advance(Span::from_micros(HOUR));
    store.put("w", "a", 0, 3);
    assert_eq!(store.latest("v", "a"), None);
    store.clock_jumps_to(HOUR);
    store.reopen();
    assert_eq!(store.backend().now(), at(YEARS + HOUR));
    let repair = store.backend().repair_clock().unwrap();
    assert_eq!((repair.back_from, repair.restamped), (Some(at(YEARS + HOUR)), 1));
    assert_eq!(repair.reclaimed, ["v"]);
    store.throughout(|store| {
        assert_eq!(store.backend().now(), at(HOUR));
        assert_eq!(store.latest("v", "a"), Some((0, 0, Some(1))), "nothing was compacted meanwhile");
        assert_eq!(store.latest("w", "a"), Some((0, HOUR - 1, Some(3))));
        assert_eq!(store.backend().clock().warning(), None);
        assert_eq!(store.backend().verify().unwrap().problems, Vec::<String>::new());
    });
    assert_eq!(store.put("w", "b", 0, 4).created, at(HOUR + 1));
}

fn a_floor_of_a_wrong_time_goes_with_it(store: &mut Store) {
    store.define(&[aged("v", false), aged("w", true)]);
    store.batch().put("v", "a", 0, 1).put("w", "a", 0, 2).put("w", "a", -1, 3).commit();
    store.clock_jumps_to(YEARS);
    store.backend().confirm_clock().unwrap();
    let longer = |view| ViewDefinition { retention: Some(Span::from_micros(2 * YEARS)), ..view };
    store.define(&[longer(aged("v", false)), longer(aged("w", true))]);
    assert_eq!((store.scan("v").len(), store.scan("w").len()), (0, 1), "the floor hides what the shorter one did");
    store.clock_jumps_to(BACK);
    assert_eq!(store.backend().repair_clock().unwrap().back_from, Some(at(YEARS)));
    store.throughout(|store| assert_eq!((store.scan("v").len(), store.scan("w").len()), (1, 2)));
    store.define(&[kept("x")]);
}
