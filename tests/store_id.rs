//! The id of a store: made with it, and the same wherever its data goes.

use asofdb::storage::WriteBatch;
use asofdb::{Durability, Options, Session, Store, StoreId, restore};

use crate::common::{TestStore, in_memory, repository, users};

fn id(store: &Store) -> StoreId {
    store.store_id().unwrap().expect("an id")
}

#[test]
fn a_store_has_an_id_that_stays_over_restarts_checkpoints_and_restores_and_no_other_store_has() {
    let TestStore { store, clock, directory } = TestStore::new(&users());
    let made = id(&store);
    assert_eq!(store.note(StoreId::NOTE).unwrap().unwrap(), made.as_bytes());
    let [copy, restored] = ["copy", "restored"].map(|name| directory.path().join(name));
    store.checkpoint(&copy).unwrap();
    drop(store);
    let open = |path| Store::open_with(path, Options::default(), clock.clone(), Durability::Os).unwrap();
    assert_eq!(id(&open(directory.path().join("store"))), made);
    restore(&copy, &restored).unwrap();
    assert_eq!(id(&open(restored)), made);
    assert_ne!(id(&open(directory.path().join("other"))), made);
    assert_ne!(id(&in_memory(&users())), id(&in_memory(&users())));
}

#[test]
fn a_store_that_was_made_before_there_were_ids_gets_one_when_it_is_opened_and_keeps_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    restore(repository("tests/fixtures/store-format-1"), &path).unwrap();
    let first = id(&Store::open(&path).unwrap());
    assert_eq!(id(&Store::open(&path).unwrap()), first);
}

#[test]
fn an_id_that_cannot_be_read_is_told_and_keeps_nothing_from_being_done() {
    let TestStore { store, clock, directory } = TestStore::new(&users());
    let mut batch = WriteBatch::new();
    batch.note(StoreId::NOTE, Some(vec![7]));
    store.backend().commit(batch, Durability::Os).unwrap();
    drop(store);
    let path = directory.path().join("store");
    let store = Store::open_with(path, Options::default(), clock, Durability::Os).unwrap();
    assert_eq!(store.store_id().unwrap_err().to_string(), "the note of the store's id has 1 bytes, not 16");
    assert_eq!(store.verify().unwrap().problems, Vec::<String>::new());
}
