//! Freshness: the age of the newest event that is served, against the ttl.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, Int64Array, RecordBatch, StringArray};
use asofdb::{ErrorKind, Span, Timestamp, Value};

use crate::common::{NOW, batch, hours_ago, in_memory, times, users};

fn rows(of: &[(i64, Timestamp)]) -> RecordBatch {
    let users: ArrayRef = Arc::new(of.iter().map(|(user, _)| *user).collect::<Int64Array>());
    let visits: ArrayRef = Arc::new(Int64Array::from(vec![1; of.len()]));
    let events = times(of.iter().map(|(_, event)| Some(*event)));
    let scores: ArrayRef = Arc::new(Float32Array::new_null(of.len()));
    let names: ArrayRef = Arc::new(StringArray::new_null(of.len()));
    let created = times(of.iter().map(|_| None));
    batch(vec![
        ("user_id", users),
        ("event_timestamp", events),
        ("created", created),
        ("score", scores),
        ("visits", visits),
        ("name", names),
    ])
}

#[test]
fn a_view_is_as_fresh_as_its_newest_event_up_to_now() {
    let store = in_memory(&users());
    let empty = store.freshness("profile").unwrap();
    assert_eq!((empty.newest, empty.entities, empty.is_stale()), (None, 0, true));
    let soon = NOW.plus(Span::from_secs(600));
    store.write("profile", &rows(&[(1, hours_ago(30)), (1, hours_ago(25)), (1, soon), (2, hours_ago(26))])).unwrap();
    let stale = store.freshness("profile").unwrap();
    assert_eq!((stale.newest, stale.entities, stale.expired), (Some(hours_ago(25)), 2, 2));
    assert_eq!((stale.age(), stale.is_stale()), (Some(Span::from_secs(25 * 3_600)), true));
    store.write("profile", &rows(&[(2, hours_ago(24)), (3, hours_ago(2))])).unwrap();
    let fresh = store.freshness("profile").unwrap();
    assert_eq!((fresh.newest, fresh.entities, fresh.expired, fresh.is_stale()), (Some(hours_ago(2)), 3, 1, false));
    store.delete(&["profile"], &[("user_id", Value::Int64(3))], hours_ago(1)).unwrap();
    let deleted = store.freshness("profile").unwrap();
    assert_eq!((deleted.newest, deleted.entities, deleted.expired), (Some(hours_ago(24)), 2, 1));
    assert!(!deleted.is_stale(), "exactly ttl old is served");
    assert_eq!(store.freshness("profil").unwrap_err().kind(), ErrorKind::NotFound);
}
