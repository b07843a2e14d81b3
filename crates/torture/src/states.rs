//! The state of its history that a store is in.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

use asofdb_model::LAST;
use asofdb_storage::{Catalogs, History as _, ManualClock, Result, RocksBackend, Upkeep};

use crate::history::History;
use crate::oracle::Oracle;
use crate::part::panic_text;
use crate::writer;

/// The number of times that a store is asked, a millisecond apart, whether it has counted the ages of entities anew.
const AGES_TRIES: usize = 60_000;

/// The loss that is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// Nothing that was acknowledged.
    Nothing,
    /// The newest tasks, after the last that waited for the disk.
    Unsynced,
}

/// Opens the store at `path` and finds how many tasks of its history are in it: those that were acknowledged, but for
/// what may be lost, and perhaps the one that was under way. Every kind of read is compared, and the store verified.
///
/// # Errors
/// The fault, in words.
pub fn find_state(path: &Path, history: &History, lost: Lost) -> Result<u64, String> {
    let acknowledged = history.acknowledged();
    let find = || {
        let mut oracle = Oracle::new(history);
        while oracle.done() < acknowledged {
            oracle.step();
        }
        let least = match lost {
            Lost::Nothing => acknowledged,
            Lost::Unsynced => oracle.durable(),
        };
        let store = writer::open(path, ManualClock::new(oracle.now()))?;
        match_state(&store, history, least, acknowledged)
    };
    match catch_unwind(AssertUnwindSafe(find)) {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => Err(format!("{error:#}")),
        Err(panic) => Err(panic_text(&*panic).to_owned()),
    }
}

/// Compares a store with each state that it may be in; most are ruled out by its last write.
fn match_state(
    store: &RocksBackend,
    history: &History,
    least: u64,
    acknowledged: u64,
) -> Result<std::result::Result<u64, String>> {
    let mut oracle = Oracle::new(history);
    let mut difference = None;
    while oracle.done() <= acknowledged + 1 {
        if oracle.done() >= least && oracle.has_last_write_of(store)? {
            match oracle.difference(store)? {
                None => return verified(store, last_alike(oracle, acknowledged)),
                Some(found) => difference = Some(format!("after {} tasks: {found}", oracle.done())),
            }
        }
        oracle.step();
    }
    let last = store.note(LAST)?.and_then(|last| Some(i64::from_le_bytes(last.try_into().ok()?)));
    let difference = difference.unwrap_or_else(|| "none of them has its last write".to_owned());
    Ok(Err(format!(
        "the store has none of {least} to {} tasks, its last write is {last:?}; {difference}",
        acknowledged + 1
    )))
}

/// The number of tasks up to which nothing changes any more, of those that were acknowledged.
fn last_alike(mut oracle: Oracle<'_>, acknowledged: u64) -> u64 {
    let mut done = oracle.done();
    while oracle.done() < acknowledged && !oracle.step() {
        done = oracle.done();
    }
    done
}

fn verified(store: &RocksBackend, done: u64) -> Result<std::result::Result<u64, String>> {
    // Of what was not closed the ages of entities are counted anew, and are then verified with the rest.
    for _ in 0..AGES_TRIES {
        let catalog = store.catalog();
        let known = catalog.views().filter(|view| view.is_stored()).map(|view| store.ages(view));
        if known.collect::<Result<Vec<_>>>()?.iter().all(Option::is_some) {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let problems = store.verify()?.problems;
    Ok(if problems.is_empty() { Ok(done) } else { Err(problems.join("; ")) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::{Workload, Writes};
    use crate::writer::Writer;

    #[test]
    fn a_store_that_has_lost_a_task_is_told_from_one_that_has_not() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("store");
        let workload = Workload { seed: 7, writes: Writes::Synced };
        let mut history = History::new(workload);
        Writer { workload, run: history.run() }.write(&path, 0..20).expect("a store");
        history.acknowledge(20);
        assert_eq!(find_state(&path, &history, Lost::Nothing), Ok(20));
        // As if all of these had been acknowledged; some of them are writes.
        history.acknowledge(40);
        for lost in [Lost::Nothing, Lost::Unsynced] {
            let wrong = find_state(&path, &history, lost).expect_err("it lacks tasks");
            assert!(wrong.starts_with("the store has none of "), "{wrong}");
        }
    }
}
