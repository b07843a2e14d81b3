//! Tests of mishaps that no caller can bring about: a panic on the committer.

use std::panic::resume_unwind;
use std::sync::Arc;

use super::RocksBackend;
use super::testing::{Fixture, seen};
use crate::backend::{Catalogs, History, Newest, Observer, Upkeep};
use crate::batch::{Durability, WriteBatch};
use crate::error::{Error, ErrorKind, Result};

/// Commits one version of a row.
fn commit(fixture: &Fixture, store: &RocksBackend, key: &[u8], event: i64, value: i64) -> Result<()> {
    let mut batch = WriteBatch::new();
    fixture.put(store, &mut batch, key, event, value);
    store.commit(batch, Durability::Os).map(drop)
}

/// Panics, without the backtrace that would take long to print.
fn bug() -> ! {
    resume_unwind(Box::new("a bug"))
}

/// What writers are told from the panic on.
fn is_of_the_dead_committer(error: &Error) {
    assert_eq!(error.kind(), ErrorKind::Internal);
    assert_eq!(error.message(), "the commit thread died, which is a bug; open the store again to write");
}

/// A store whose committer has died refuses all that goes through it, reads on, and is whole when it is opened again.
fn goes_on(fixture: &Fixture, store: RocksBackend, expected: &[Option<(i64, i64)>]) {
    is_of_the_dead_committer(&commit(fixture, &store, b"c", 1, 1).unwrap_err());
    let mut batch = WriteBatch::bulk();
    fixture.put(&store, &mut batch, b"c", 1, 1);
    is_of_the_dead_committer(&store.bulk_load(batch).unwrap_err());
    is_of_the_dead_committer(&store.set_catalog(crate::Catalog::clone(&store.catalog())).unwrap_err());
    assert_eq!(seen(fixture, &store, &[b"a", b"b", b"c"]), expected);
    // Nobody waits for a stamp that will not be settled any more.
    drop(store.stamped_state(store.now(), Some(store.now())));
    drop(store);
    let store = fixture.open();
    assert_eq!(seen(fixture, &store, &[b"a", b"b", b"c"]), expected);
    commit(fixture, &store, b"c", 40, 4).unwrap();
    assert_eq!(seen(fixture, &store, &[b"c"]), [Some((40, 4))]);
    assert_eq!(store.verify().unwrap().problems, Vec::<String>::new());
}

#[test]
fn a_panic_on_the_committer_ends_writing_and_neither_reading_nor_the_store() {
    let fixture = Fixture::new();
    let store = fixture.open();
    commit(&fixture, &store, b"a", 10, 1).unwrap();
    let error = store.committer.exclusively::<()>(|_| bug()).unwrap_err();
    is_of_the_dead_committer(&error);
    goes_on(&fixture, store, &[Some((10, 1)), None, None]);
}

/// Panics when a version is written.
struct Panicking;

impl Observer for Panicking {
    fn hear(&self, event: &Newest<'_>) {
        if matches!(event, Newest::Put(rows) if !rows.is_empty()) {
            bug()
        }
    }
}

#[test]
fn a_panic_within_a_commit_leaves_all_of_its_rows_and_those_who_wait_are_told() {
    let fixture = Fixture::new();
    let store = fixture.open();
    store.observe(Arc::new(Panicking)).unwrap();
    // Rows are told of when they are written, so that they are there, though their writer does not know it.
    let mut batch = WriteBatch::new();
    fixture.put(&store, &mut batch, b"a", 10, 1);
    fixture.put(&store, &mut batch, b"b", 20, 2);
    is_of_the_dead_committer(&store.commit(batch, Durability::Os).unwrap_err());
    goes_on(&fixture, store, &[Some((10, 1)), Some((20, 2)), None]);
}
