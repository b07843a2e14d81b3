//! Bad input is refused whole: the batch stays as it was, and the error names the rule.

use crate::common::{START, Store, at, kept, text_key, value_row};
use asofdb_storage::key::ENTITY_KEY_BYTES_MAX;
use asofdb_storage::row::{ROW_BYTES_MAX, TOMBSTONE_ROW};
use asofdb_storage::{BATCH_BYTES_MAX, BATCH_ROWS_MAX, Error, ErrorKind, FeatureView, Timestamp, WriteBatch};

struct Refusals {
    view: std::sync::Arc<FeatureView>,
    batch: WriteBatch,
}

impl Refusals {
    fn new() -> Self {
        let store = Store::in_memory();
        store.define(&[kept("v")]);
        let view = store.view("v");
        let mut batch = WriteBatch::new();
        batch.put(&view, &text_key("a"), at(-1), None, &value_row(&view, 1), START).unwrap();
        Refusals { view, batch }
    }

    /// The error of a put, after which the batch is what it was.
    fn put(&mut self, key: &[u8], event: Timestamp, created: Option<Timestamp>, row: &[u8]) -> Error {
        let before = (self.batch.len(), self.batch.bytes());
        let error = self.batch.put(&self.view, key, event, created, row, START).unwrap_err();
        assert_eq!((self.batch.len(), self.batch.bytes()), before);
        assert_eq!(error.kind(), ErrorKind::Invalid);
        error
    }
}

#[test]
fn timestamps_in_another_unit_are_refused_by_name() {
    let mut refusals = Refusals::new();
    let micros = START.as_micros();
    for (number, unit) in
        [(micros / 1_000_000, "seconds"), (micros / 1_000, "milliseconds"), (micros * 1_000, "nanoseconds")]
    {
        let wrong = Timestamp::from_micros(number);
        let event = refusals.put(b"a", wrong, None, &TOMBSTONE_ROW);
        assert!(event.message().starts_with("event timestamp") && event.message().contains(unit), "{event}");
        let created = refusals.put(b"a", at(0), Some(wrong), &TOMBSTONE_ROW);
        assert!(created.message().starts_with("created timestamp") && created.message().contains(unit), "{created}");
    }
}

#[test]
fn keys_over_the_limit_are_refused_with_the_limit() {
    let mut refusals = Refusals::new();
    let longest = vec![1; ENTITY_KEY_BYTES_MAX];
    refusals.batch.put(&refusals.view, &longest, at(-1), None, &TOMBSTONE_ROW, START).unwrap();
    let error = refusals.put(&[longest, vec![1]].concat(), at(-1), None, &TOMBSTONE_ROW);
    assert!(error.message().contains("1024") && error.message().contains("1025"), "{error}");
}

#[test]
fn rows_over_the_limit_are_refused_with_the_limit() {
    let mut refusals = Refusals::new();
    let longest = vec![1; ROW_BYTES_MAX];
    refusals.batch.put(&refusals.view, b"a", at(-1), None, &longest, START).unwrap();
    let error = refusals.put(b"a", at(-1), None, &[longest, vec![1]].concat());
    assert!(error.message().contains(&ROW_BYTES_MAX.to_string()), "{error}");
}

#[test]
fn batches_over_the_limit_of_rows_are_refused() {
    let mut refusals = Refusals::new();
    for _ in 1..BATCH_ROWS_MAX {
        refusals.batch.put(&refusals.view, b"a", at(-1), None, b"", START).unwrap();
    }
    let error = refusals.put(b"a", at(-1), None, b"");
    assert!(error.message().contains(&BATCH_ROWS_MAX.to_string()), "{error}");
}

#[test]
fn batches_over_the_limit_of_bytes_are_refused_and_bulk_loads_are_not() {
    let mut refusals = Refusals::new();
    let (row, mut bulk) = (vec![1; ROW_BYTES_MAX], WriteBatch::bulk());
    for _ in 0..BATCH_BYTES_MAX / ROW_BYTES_MAX - 1 {
        refusals.batch.put(&refusals.view, b"a", at(-1), None, &row, START).unwrap();
    }
    let error = refusals.put(b"a", at(-1), None, &row);
    assert!(error.message().contains(&BATCH_BYTES_MAX.to_string()), "{error}");
    for _ in 0..=BATCH_BYTES_MAX / ROW_BYTES_MAX {
        bulk.put(&refusals.view, b"a", at(-1), None, &row, START).unwrap();
    }
    assert!(bulk.bytes() > BATCH_BYTES_MAX);
}
