//! The protocol of readers and writers, in every order of its steps.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;

use crate::hash::RowHash;
use crate::layout::Layout;
use crate::{Hot, Looked, Row, Table};

const KEYS: [(u32, &[u8]); 2] = [(1, b"a"), (2, b"c")];

/// A table of so many buckets: of one, so that both rows share its word, or of two, in which each has its own.
fn table(buckets: usize) -> Table {
    Table::with_layout(Layout { shards: 1, buckets, small: 64, main: 64 })
}

fn row(version: u64) -> Vec<u8> {
    [version.to_ne_bytes(), (!version).to_ne_bytes()].concat()
}

/// Tries the orders with at most two switches of threads in which a thread could have gone on: a record has so many words
/// that there are too many others.
fn check(test: impl Fn() + Send + Sync + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(2);
    model.check(test);
}

/// A store of two rows that are written together, and a table in front of it.
struct Store {
    table: Table,
    version: AtomicU64,
    acknowledged: AtomicU64,
}

impl Store {
    fn new(buckets: usize) -> Self {
        Store { table: table(buckets), version: AtomicU64::new(0), acknowledged: AtomicU64::new(0) }
    }

    fn write(&self, version: u64, keys: &[(u32, &[u8])]) {
        let changing = self.table.change(keys.iter().copied());
        self.version.store(version, Ordering::Release);
        let bytes = row(version);
        keys.iter().for_each(|key| changing.put(*key, Row { version: [version as i64, 0], bytes: &bytes }));
        changing.finish();
        self.acknowledged.store(version, Ordering::Release);
    }

    fn read(&self, keys: &[(u32, &[u8])]) {
        let least = self.acknowledged.load(Ordering::Acquire);
        let mut looked = Looked::new();
        self.table.look(keys.iter().copied(), &mut looked);
        if looked.is_changing() {
            return;
        }
        let stored = self.version.load(Ordering::Acquire);
        let versions: Vec<_> = (0..keys.len())
            .map(|index| match looked.get(index) {
                Hot::Row(found) => (found.version[0] as u64, Some(found.bytes.to_vec())),
                Hot::Absent => panic!("nobody said so"),
                Hot::Unknown => (stored, None),
            })
            .collect();
        if !self.table.is_still(&looked) {
            return;
        }
        for (version, bytes) in &versions {
            assert!(*version >= least && *version == versions[0].0, "{versions:?}, acknowledged {least}");
            assert!(bytes.as_ref().is_none_or(|bytes| *bytes == row(*version)), "torn: {versions:?}");
        }
        let bytes = row(stored);
        let unknown: Vec<_> = looked.unknown().collect();
        for index in unknown {
            self.table.fill(&looked, index, keys[index], Some(Row { version: [stored as i64, 0], bytes: &bytes }));
        }
    }
}

#[test]
fn a_row_that_is_written_over_is_old_or_new_and_never_both() {
    check(|| {
        let store = Arc::new(Store::new(1));
        store.read(&KEYS[..1]);
        let writer = store.clone();
        let writer = thread::spawn(move || writer.write(1, &KEYS[..1]));
        store.read(&KEYS[..1]);
        writer.join().unwrap();
        store.read(&KEYS[..1]);
    });
}

#[test]
fn a_row_that_was_read_before_a_write_is_not_filled_in_after_it() {
    check(|| {
        let store = Arc::new(Store::new(1));
        let writer = store.clone();
        let writer = thread::spawn(move || writer.write(1, &KEYS[..1]));
        store.read(&KEYS[..1]);
        writer.join().unwrap();
        store.read(&KEYS[..1]);
    });
}

#[test]
fn two_rows_of_one_bucket_that_are_written_together_are_read_together() {
    check(|| read_beside_a_write(1));
}

#[test]
fn two_rows_of_two_buckets_that_are_written_together_are_read_together() {
    let places = KEYS.map(|(view, key)| RowHash::of(view, key).bucket(2));
    assert_ne!(places[0], places[1]);
    check(|| read_beside_a_write(2));
}

fn read_beside_a_write(buckets: usize) {
    let store = Arc::new(Store::new(buckets));
    store.read(&KEYS);
    let writer = store.clone();
    let writer = thread::spawn(move || writer.write(1, &KEYS));
    store.read(&KEYS);
    writer.join().unwrap();
}

#[test]
fn what_is_cleared_is_not_filled_in_by_whoever_looked_before() {
    check(|| {
        let store = Arc::new(Store::new(1));
        let other = store.clone();
        // A load, which says nothing of its rows, and clears the table before it is over.
        let loader = thread::spawn(move || {
            other.version.store(1, Ordering::Release);
            other.table.clear();
        });
        store.read(&KEYS[..1]);
        loader.join().unwrap();
        let mut looked = Looked::new();
        store.table.look(KEYS[..1].iter().copied(), &mut looked);
        if let Hot::Row(found) = looked.get(0) {
            assert_eq!(found.version[0], 1, "filled in too late");
        }
    });
}
