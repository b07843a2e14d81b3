//! Random histories of the model on a store on disk: after each operation every kind of read must agree.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use asofdb_model::{Op, Subject, run as run_history};
use asofdb_storage::{Backend, ManualClock, Options, Result, RocksBackend, Timestamp};
use tempfile::TempDir;

use crate::{Part, Report, Setting};

/// The part.
pub(super) const PART: Part = Part {
    name: "histories",
    about: "random histories on a store on disk: after each operation every read agrees with a list of the writes",
    run,
};

const SALT: u64 = 0x4157_0000;

/// 2024-01-01T00:00:00Z.
const START: Timestamp = Timestamp::from_micros(1_704_067_200_000_000);

/// Memory of a store: the least, as its rows are few.
const MEMORY_BUDGET_BYTES: usize = 32 << 20;

/// Most bytes that a history is read from.
const HISTORY_BYTES_MAX: u64 = 300;

/// Threads that try histories, one each at a time.
const THREADS: usize = 2;

/// A folder in memory: none of the histories is about power cuts, and a sync takes most of the time elsewhere.
const IN_MEMORY: &str = "/dev/shm";

fn run(setting: &Setting, report: &mut Report) {
    let cases = setting.cases.unwrap_or_else(|| setting.scaled(20, 5_000));
    let next = AtomicU64::new(0);
    let try_some = || {
        let (mut operations, mut faults) = (0, Vec::new());
        loop {
            let case = next.fetch_add(1, Ordering::Relaxed);
            if case >= cases {
                return (operations, faults);
            }
            let ops = history(setting, case);
            operations += ops.len() as u64;
            faults.extend(trial(&ops).err().map(|_| fault(setting, case, ops)));
        }
    };
    let found: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(try_some)).collect();
        threads.into_iter().map(|thread| thread.join().expect("panics are caught")).collect()
    });
    report.count("histories", cases);
    for (operations, faults) in found {
        report.count("operations", operations);
        faults.into_iter().for_each(|fault| report.fault(fault));
    }
}

fn history(setting: &Setting, case: u64) -> Vec<Op> {
    let mut random = setting.random(SALT + case);
    let bytes = random.below(HISTORY_BYTES_MAX) as usize;
    Op::history(&random.bytes(bytes))
}

/// Runs a history on a new store; an error is what the model panicked with.
fn trial(ops: &[Op]) -> std::thread::Result<()> {
    let directory = directory();
    let path = directory.path().join("store");
    catch_unwind(AssertUnwindSafe(|| {
        let clock = ManualClock::new(START);
        let subject = Subject::on_disk(opening(path, clock.clone())).expect("a new store");
        run_history(subject, clock, ops);
    }))
}

fn opening(path: PathBuf, clock: Arc<ManualClock>) -> impl Fn() -> Result<Box<dyn Backend>> + Send + Sync {
    move || {
        let options = Options { memory_budget_bytes: MEMORY_BUDGET_BYTES, ..Options::default() };
        Ok(Box::new(RocksBackend::open(&path, options, clock.clone())?))
    }
}

fn directory() -> TempDir {
    let mut builder = tempfile::Builder::new();
    let builder = builder.prefix("torture-");
    let directory = if Path::new(IN_MEMORY).is_dir() { builder.tempdir_in(IN_MEMORY) } else { builder.tempdir() };
    directory.expect("a directory for temporary files")
}

/// The fault of a history that failed, with as few of its operations as still fail.
fn fault(setting: &Setting, case: u64, ops: Vec<Op>) -> String {
    let fewest = fewest(ops, |ops| trial(ops).is_err());
    let panic = trial(&fewest).err();
    let text = panic
        .as_ref()
        .and_then(|panic| panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied()));
    let text = text.unwrap_or("it fails in some runs only");
    format!("seed {}, history {case}: {text}\n      {fewest:?}", setting.seed)
}

/// The operations without those that a failure does not need, dropped from the end to the start.
fn fewest(mut ops: Vec<Op>, fails: impl Fn(&[Op]) -> bool) -> Vec<Op> {
    for at in (0..ops.len()).rev() {
        let mut without = ops.clone();
        without.remove(at);
        if fails(&without) {
            ops = without;
        }
    }
    ops
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_with_as_few_operations_as_it_needs() {
        let ops = vec![Op::Flush, Op::Erase { key: 1 }, Op::Compact, Op::Reopen, Op::Flush];
        let fails = |ops: &[Op]| {
            let position = |op: &Op| ops.iter().position(|one| one == op);
            position(&Op::Erase { key: 1 }).zip(position(&Op::Reopen)).is_some_and(|(erase, reopen)| erase < reopen)
        };
        assert_eq!(fewest(ops, fails), [Op::Erase { key: 1 }, Op::Reopen]);
    }
}
