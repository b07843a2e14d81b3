//! The process that does the tasks of a workload, and is killed meanwhile.

use std::ops::Range;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use asofdb_model::{EntityRows, Op, Script};
use asofdb_storage::{Catalogs, Clock, History as _, ManualClock, Options, Result, RocksBackend, Timekeeping, Upkeep};

use crate::Setting;
use crate::history::History;
use crate::oracle::TEXT_BYTES;
use crate::workload::{Task, Workload, Writes};

/// The name of the child.
pub const WRITER: &str = "writer";

/// The exit code of a process whose store failed.
const FAILED: i32 = 3;

/// The command that does tasks of a history from where it is, at most so many.
pub fn command(setting: &Setting, store: &Path, history: &History, tasks: u64) -> Command {
    let mut command = setting.child(WRITER);
    let Workload { seed, writes } = history.workload;
    let (first, run) = (history.acknowledged(), history.run());
    command.arg(store).arg(writes.name()).args([seed, first, first + tasks, run].map(|number| number.to_string()));
    command
}

/// Opens a store as all runs of all tests do: with the least memory, so that it flushes often.
///
/// # Errors
/// Those of opening.
pub fn open(path: &Path, clock: Arc<dyn Clock>) -> Result<RocksBackend> {
    let options = Options { memory_budget_bytes: asofdb_storage::MEMORY_BUDGET_BYTES_MIN, ..Options::default() };
    RocksBackend::open(path, options, clock)
}

/// Does what [`command`] says, and says on its standard output `ready`, `done N` after each task, where N is the number
/// of tasks done, `failed WHY` if the store fails, and `end`.
///
/// # Panics
/// If the arguments are not those of [`command`].
pub fn run(arguments: &[String]) {
    let [store, writes, numbers @ ..] = arguments else { panic!("not the arguments of a writer: {arguments:?}") };
    let numbers: Vec<u64> = numbers.iter().map(|number| number.parse().expect("a number")).collect();
    let [seed, first, end, run] = numbers[..] else { panic!("not the arguments of a writer: {arguments:?}") };
    let workload = Workload { seed, writes: Writes::of(writes).expect("a kind of writes") };
    match (Writer { workload, run }).write(Path::new(store), first..end) {
        Ok(()) => println!("end"),
        Err(error) => {
            println!("failed {error:#}");
            std::process::exit(FAILED);
        }
    }
}

/// Does tasks of a workload.
pub struct Writer {
    /// The workload.
    pub workload: Workload,
    /// The number of the run, which sets the clock a little.
    pub run: u64,
}

impl Writer {
    /// Does tasks of the workload in the store at `path`, and says so on the standard output.
    ///
    /// # Errors
    /// Those of the store.
    pub fn write(&self, path: &Path, tasks: Range<u64>) -> Result<()> {
        let mut script = Script::new(TEXT_BYTES);
        (0..tasks.start).for_each(|number| skip(&mut script, &self.workload.task(number)));
        let mut start = self.workload.start(tasks.start);
        let clock = ManualClock::new(Workload::in_run(start, self.run));
        let mut store = open(path, clock.clone())?;
        store.confirm_clock()?;
        println!("ready");
        for number in tasks {
            clock.set(Workload::in_run(start, self.run));
            match self.workload.task(number) {
                Task::Do(Op::Reopen) => {
                    drop(store);
                    store = open(path, clock.clone())?;
                }
                task => do_task(&store, &mut script, &task)?,
            }
            println!("done {}", number + 1);
            start = self.workload.next_start(start, number);
        }
        Ok(())
    }
}

/// Takes note of a task that was done by an earlier run.
fn skip(script: &mut Script, task: &Task) {
    match task {
        Task::Do(Op::Write { .. }) => script.skip_write(),
        Task::Do(Op::Change(change)) => drop(script.change(*change)),
        _ => {}
    }
}

fn do_task(store: &RocksBackend, script: &mut Script, task: &Task) -> Result<()> {
    match task {
        Task::Define => define(store, script),
        Task::Do(Op::Write { rows, bulk, sync }) => {
            let now = store.now();
            script.write(rows, *bulk, *sync, &store.catalog(), now).commit(store, now).map(drop)
        }
        Task::Do(Op::Erase { key }) => store.erase(&EntityRows::of(&store.catalog(), *key).lookups()).map(drop),
        Task::Do(Op::Change(change)) => {
            if script.change(*change) {
                define(store, script)
            } else {
                Ok(())
            }
        }
        Task::Do(Op::Flush) => store.flush(),
        Task::Do(Op::Compact) => store.compact(),
        Task::Do(Op::Advance(_) | Op::Reopen | Op::Pinned(_)) => Ok(()),
    }
}

/// Sets the catalog that is wanted now. What a shorter retention hides for good goes by the believed time.
fn define(store: &RocksBackend, script: &Script) -> Result<()> {
    store.confirm_clock()?;
    store.set_catalog(script.plan(&store.catalog(), store.believed()))
}
