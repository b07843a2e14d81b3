//! The history of one store: the tasks of a workload, each in one of the runs of a process.

use asofdb_storage::Timestamp;

use crate::workload::Workload;

/// The history of one store: the first tasks of a workload, each in one of the runs of a process.
#[derive(Debug, Clone)]
pub struct History {
    /// The workload.
    pub workload: Workload,
    /// The run of each task that was done or begun.
    runs: Vec<u64>,
    /// The number of tasks that were done when the last run was over.
    done: u64,
    acknowledged: u64,
    run: u64,
}

impl History {
    /// Nothing was done yet.
    pub const fn new(workload: Workload) -> Self {
        History { workload, runs: Vec::new(), done: 0, acknowledged: 0, run: 0 }
    }

    /// The number of tasks that were acknowledged, which is that of the next one.
    pub const fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// The number of the run that is next or under way.
    pub const fn run(&self) -> u64 {
        self.run
    }

    /// Says that the run under way has acknowledged all tasks before `acknowledged`, and may have begun that one.
    pub fn acknowledge(&mut self, acknowledged: u64) {
        self.runs.truncate(self.done as usize);
        self.runs.resize(acknowledged as usize + 1, self.run);
        self.acknowledged = acknowledged;
    }

    /// Says that the run has ended, and that the tasks before `done` are what is left of it.
    pub fn end_run(&mut self, done: u64) {
        (self.done, self.acknowledged) = (done, done);
        self.run += 1;
    }

    /// The time at which a task that begins at `start` in the first run was begun.
    pub fn time(&self, number: u64, start: Timestamp) -> Timestamp {
        Workload::in_run(start, self.runs.get(number as usize).copied().unwrap_or(self.run))
    }
}
