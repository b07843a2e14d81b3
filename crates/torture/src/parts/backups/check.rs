//! Comparing a restored store with what had been acknowledged.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use asofdb_storage::{
    Catalogs, History, KeyRange, Options, RocksBackend, ScalarType, SystemClock, Timestamp, Upkeep, Value, key,
};

use super::target::Bounds;
use super::writers::{VIEWS, WRITERS, Written, writer};

/// Opens a store as small as one can be.
pub(super) fn open(path: &Path) -> RocksBackend {
    let options = Options { memory_budget_bytes: 16 << 20, ..Options::default() };
    RocksBackend::open(path, options, Arc::new(SystemClock)).expect("the store opens")
}

/// The keys of a restored store, which are the same in every view.
///
/// # Errors
/// The fault of the store: it cannot be read, or a batch is torn.
pub(super) fn keys(path: &Path) -> Result<BTreeSet<i64>, String> {
    let store = open(path);
    let problems = store.verify().map_err(|error| format!("it cannot be read: {error:#}"))?.problems;
    if let Some(problem) = problems.first() {
        return Err(format!("verify finds: {problem}"));
    }
    let [first, others @ ..] = VIEWS.map(|view| keys_of(&store, view));
    match others.iter().all(|keys| *keys == first) {
        true => Ok(first),
        false => Err("a batch is in one view and not in another".to_owned()),
    }
}

fn keys_of(store: &RocksBackend, view: &str) -> BTreeSet<i64> {
    let view = store.catalog().view(view).expect("the view is defined").clone();
    let (snapshot, range) = (store.snapshot(), KeyRange::default());
    let mut scan = snapshot.scan(&view, &range).expect("the view is read");
    let mut keys = BTreeSet::new();
    while let Some(found) = scan.next().expect("the view is read") {
        match key::decode_values(&[ScalarType::Int64], found.key).expect("a key is read").as_slice() {
            [Value::Int64(number)] => keys.insert(*number),
            other => panic!("no key of a number: {other:?}"),
        };
    }
    keys
}

/// Says what is wrong with a backup: all that was acknowledged before it began is in it, nothing that was begun after
/// it was there, batches are whole, and those of one writer are in it up to some place.
pub(super) fn of_backup(keys: &BTreeSet<i64>, bounds: &Bounds, written: &Written) -> Result<(), String> {
    let mut ended = [false; WRITERS as usize];
    for (first, (_, rows)) in &written.batches {
        let (writer, end) = (writer(*first), first + rows);
        let found = keys.range(*first..end).count() as i64;
        ended[writer] |= found == 0;
        if found != 0 && found != *rows {
            return Err(format!("{found} of {rows} rows are in it of the batch that begins with {first}"));
        }
        if found == 0 && end <= bounds.done[writer] {
            return Err(format!("the batch that begins with {first} is not in it, and was acknowledged before"));
        }
        if found != 0 && ended[writer] {
            return Err(format!("the batch that begins with {first} is in it, and not one before it"));
        }
    }
    match keys.iter().find(|key| **key >= bounds.begun[writer(**key)]) {
        Some(late) => Err(format!("row {late} is in it, which was written after it was there")),
        None => Ok(()),
    }
}

/// Says what is wrong with a store of the commits up to a time.
pub(super) fn of_point(keys: &BTreeSet<i64>, written: &Written, at: Timestamp) -> Result<(), String> {
    let up_to = written.batches.iter().filter(|(_, (stamp, _))| *stamp <= at);
    let expected: BTreeSet<i64> = up_to.flat_map(|(first, (_, rows))| *first..first + rows).collect();
    if let Some(lost) = expected.difference(keys).next() {
        return Err(format!("row {lost} is not in it, whose stamp is up to {at}"));
    }
    match keys.difference(&expected).next() {
        Some(late) => Err(format!("row {late} is in it, whose stamp is after {at}")),
        None => Ok(()),
    }
}
