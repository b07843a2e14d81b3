//! Reads of the store know nothing of ttl, which belongs to the question.

use asofdb_storage::{Span, ViewDefinition};

use crate::common::{DAY, HOUR, Store, every_backend, kept};

every_backend!(expired_versions_are_found_with_their_time, a_version_exactly_ttl_old_is_not_expired);

fn with_ttl() -> ViewDefinition {
    ViewDefinition { ttl: Some(Span::from_micros(HOUR)), ..kept("v") }
}

fn expired_versions_are_found_with_their_time(store: &mut Store) {
    store.define(&[with_ttl()]);
    store.put("v", "a", -30 * DAY, 1);
    store.throughout(|store| {
        assert_eq!(store.latest("v", "a"), Some((-30 * DAY, 0, Some(1))));
        assert_eq!(store.as_of("v", "a", -DAY), Some((-30 * DAY, 0, Some(1))));
        assert_eq!(store.scan("v").len(), 1);
    });
}

fn a_version_exactly_ttl_old_is_not_expired(store: &mut Store) {
    store.define(&[with_ttl()]);
    let view = store.view("v");
    let expired = |age: i64| view.is_expired(crate::common::at(-age), store.backend().now());
    assert_eq!([expired(HOUR - 1), expired(HOUR), expired(HOUR + 1)], [false, false, true]);
    assert!(!expired(-HOUR), "a version from the future is not old");
}
