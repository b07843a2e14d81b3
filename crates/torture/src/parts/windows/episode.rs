//! One store whose process is killed again and again.

use std::fmt::{Display, Formatter};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use asofdb::{Durability, ManualClock, Options, Result, Span, Store, Timestamp};
use tempfile::TempDir;

use super::task::Task;
use super::world::read_all;
use crate::victim::{self, When};
use crate::{Random, Report, Setting};

/// The name of the child.
pub(crate) const CHILD: &str = "windows";

/// Tasks that no process comes to the end of.
const ENDLESS: u64 = 1_000_000;

/// Reads that are compared after a kill.
const READS: u64 = 6;

/// The farthest that they look back, in microseconds: 60 hours.
const BACK_MICROS: u64 = 60 * 3_600_000_000;

/// One store, and one in memory that does the same tasks and folds every window from its events.
pub(super) struct Episode<'s> {
    setting: &'s Setting,
    seed: u64,
    directory: TempDir,
    clock: Arc<ManualClock>,
    memory: Store,
    /// Tasks that the store in memory has done.
    done: u64,
}

impl<'s> Episode<'s> {
    pub(super) fn new(setting: &'s Setting, seed: u64) -> Result<Self> {
        let clock = ManualClock::new(Task::new(seed, 0).now());
        let memory = Store::in_memory(clock.clone());
        memory.confirm_clock()?;
        Ok(Episode { setting, seed, directory: setting.directory(), clock, memory, done: 0 })
    }

    fn path(&self) -> std::path::PathBuf {
        self.directory.path().join("store")
    }

    /// Leaves the store where it is.
    pub(super) fn keep(&mut self) {
        self.directory.disable_cleanup(true);
    }

    /// Lets a process work from where the last one was killed, kills it, and compares.
    pub(super) fn kill_and_compare(
        &mut self,
        when: When,
        random: &mut Random,
        report: &mut Report,
    ) -> std::result::Result<(), String> {
        let ended = victim::run(self.command(), when, victim::kill);
        if let Some(why) = ended.failed {
            return Err(format!("the process failed: {why}"));
        }
        let acknowledged = ended.acknowledged.unwrap_or(self.done);
        report.count("tasks acknowledged", acknowledged - self.done);
        let failed = |error: asofdb::Error| format!("{error:#}");
        self.step_to(acknowledged).map_err(failed)?;
        let store = open(&self.path(), self.clock.clone()).map_err(failed)?;
        report.count("tiles found", tiles(&store).map_err(failed)?);
        if let Some(problem) = store.verify().map_err(failed)?.problems.first() {
            return Err(format!("verify tells: {problem}"));
        }
        // The task that was under way is done or not.
        if self.difference(&store, &mut random.clone()).map_err(failed)?.is_some() {
            self.step_to(acknowledged + 1).map_err(failed)?;
        }
        report.count("reads compared", READS);
        match self.difference(&store, random).map_err(failed)? {
            None => Ok(()),
            Some(difference) => Err(difference),
        }
    }

    fn command(&self) -> Command {
        let mut command = self.setting.child(CHILD);
        command.arg(self.path()).args([self.seed, self.done].map(|number| number.to_string()));
        command
    }

    /// Does the tasks up to a number in memory.
    fn step_to(&mut self, done: u64) -> Result<()> {
        for number in self.done..done {
            let task = Task::new(self.seed, number);
            self.clock.set(task.now());
            self.memory.confirm_clock()?;
            task.run(&self.memory, false)?;
        }
        self.done = done;
        Ok(())
    }

    /// Reads both stores at random times; says where they differ.
    fn difference(&self, store: &Store, random: &mut Random) -> Result<Option<String>> {
        if self.done == 0 {
            let has_views = store.catalog().views().next().is_some();
            return Ok(has_views.then(|| "there are definitions".to_owned()));
        }
        if store.catalog().views().next().is_none() {
            return Ok(Some("there are no definitions".to_owned()));
        }
        let now = Task::new(self.seed, self.done).now();
        for read in 0..READS {
            let at = if read == 0 { now } else { before(now, random) };
            let known_at = (random.below(3) == 0).then(|| before(at, random));
            let (mine, theirs) = (read_all(&self.memory, at, known_at)?, read_all(store, at, known_at)?);
            if mine != theirs {
                return Ok(Some(format!(
                    "windows differ at {at}, known at {known_at:?}: {theirs:?}; must be {mine:?}"
                )));
            }
        }
        Ok(None)
    }
}

impl Display for Episode<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "seed {}, {} tasks, store kept at {}", self.seed, self.done, self.path().display())
    }
}

fn before(time: Timestamp, random: &mut Random) -> Timestamp {
    time.minus(Span::from_micros(random.below(BACK_MICROS) as i64))
}

fn tiles(store: &Store) -> Result<u64> {
    let mut tiles = 0;
    store.backend().each_tile(&mut |_, _, _| {
        tiles += 1;
        Ok(())
    })?;
    Ok(tiles)
}

/// Opens the store with the least memory, so that it flushes often.
fn open(path: &Path, clock: Arc<ManualClock>) -> Result<Store> {
    let options = Options { memory_budget_bytes: asofdb_storage::MEMORY_BUDGET_BYTES_MIN, ..Options::default() };
    Store::open_with(path, options, clock, Durability::Os)
}

/// Does tasks in the store at a path, from a number on, and says so on the standard output, as
/// [`crate::writer::run`] does.
///
/// # Panics
/// If the arguments are not a path, a seed and a number.
pub(crate) fn run(arguments: &[String]) {
    let [path, seed, first] = arguments else { panic!("not the arguments of this child: {arguments:?}") };
    let (seed, first) = (seed.parse().expect("a seed"), first.parse().expect("a number"));
    if let Err(error) = work(Path::new(path), seed, first) {
        println!("failed {error:#}");
    }
}

fn work(path: &Path, seed: u64, first: u64) -> Result<()> {
    let clock = ManualClock::new(Task::new(seed, first).now());
    let store = open(path, clock.clone())?;
    println!("ready");
    for number in first..ENDLESS {
        let task = Task::new(seed, number);
        clock.set(task.now());
        store.confirm_clock()?;
        task.run(&store, true)?;
        println!("done {}", number + 1);
    }
    Ok(())
}
