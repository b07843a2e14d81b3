//! A random workload that can be replayed from its seed.

use asofdb_model::{Op, Step};
use asofdb_storage::Timestamp;

use crate::Random;

/// 2024-01-01T00:00:00Z.
const START_MICROS: i64 = 1_704_067_200_000_000;

/// The time that each task takes.
const TASK_MICROS: i64 = 1_000;

/// The time by which each run of a process is later than the one before, so that a task that is done again is done
/// later. There are fewer runs than this makes a task long.
const RUN_MICROS: i64 = 10;

/// Bytes that one operation is drawn from.
const OP_BYTES: usize = 96;

/// Of so many tasks of a workload of writes that are not synced one may be anything else.
const OTHERS_EVERY: u64 = 150;

/// The kind of writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writes {
    /// Some wait for the disk.
    Mixed,
    /// All wait for the disk.
    Synced,
    /// None does, and hardly anything else happens.
    Unsynced,
}

impl Writes {
    const NAMES: [(&str, Writes); 3] =
        [("mixed", Writes::Mixed), ("synced", Writes::Synced), ("unsynced", Writes::Unsynced)];

    /// The name, for a command line.
    pub fn name(self) -> &'static str {
        Writes::NAMES.iter().find(|(_, writes)| *writes == self).map_or("", |(name, _)| name)
    }

    /// The writes of this name.
    pub fn of(name: &str) -> Option<Self> {
        Writes::NAMES.iter().find(|(found, _)| *found == name).map(|(_, writes)| *writes)
    }
}

/// A random workload: tasks with numbers from 0, and a clock that goes by them.
#[derive(Debug, Clone, Copy)]
pub struct Workload {
    /// The start of everything random.
    pub seed: u64,
    /// The kind of writes.
    pub writes: Writes,
}

/// A step of a workload, which is done whole or not at all.
#[derive(Debug, Clone)]
pub enum Task {
    /// Defines the views: the first task.
    Define,
    /// An operation, which is not one of several ([`Op::Pinned`]).
    Do(Op),
}

impl Workload {
    /// The task of this number.
    pub fn task(&self, number: u64) -> Task {
        if number == 0 {
            return Task::Define;
        }
        let mut random = Random::new(self.seed ^ Random::new(number).next());
        let is_other = random.below(OTHERS_EVERY) == 0;
        loop {
            let Some(op) = Op::history(&random.bytes(OP_BYTES)).into_iter().next() else { continue };
            match (self.writes, op) {
                (_, Op::Pinned(_)) => {}
                (Writes::Synced, Op::Write { rows, bulk, .. }) => {
                    return Task::Do(Op::Write { rows, bulk, sync: true });
                }
                (Writes::Unsynced, Op::Write { rows, bulk: false, .. }) if !is_other => {
                    return Task::Do(Op::Write { rows, bulk: false, sync: false });
                }
                (Writes::Unsynced, Op::Advance(step)) => return Task::Do(Op::Advance(step)),
                (Writes::Unsynced, _) if !is_other => {}
                (_, op) => return Task::Do(op),
            }
        }
    }

    /// The time at which a task begins in the first run.
    pub fn start(&self, number: u64) -> Timestamp {
        (0..number).fold(Timestamp::from_micros(START_MICROS), |time, number| self.next_start(time, number))
    }

    /// The time at which the task after `number` begins, if that one begins at `start`.
    pub fn next_start(&self, start: Timestamp, number: u64) -> Timestamp {
        let passed = match self.task(number) {
            Task::Do(Op::Advance(step)) => Step::span(step).as_micros(),
            _ => 0,
        };
        Timestamp::from_micros(start.as_micros() + TASK_MICROS + passed)
    }

    /// The time in a later run that is `start` in the first.
    pub fn in_run(start: Timestamp, run: u64) -> Timestamp {
        Timestamp::from_micros(start.as_micros() + RUN_MICROS * run as i64)
    }
}
