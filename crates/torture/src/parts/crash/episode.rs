//! One store, which is killed and examined again and again.

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::history::History;
use crate::states::{Lost, find_state};
use crate::victim::{self, Ended, When};
use crate::workload::Workload;
use crate::{Report, Setting, writer};

/// One store, which is killed and examined again and again.
pub(super) struct Episode<'s> {
    setting: &'s Setting,
    directory: TempDir,
    history: History,
    /// The history of the episode, in words.
    told: Vec<String>,
}

impl<'s> Episode<'s> {
    /// A store that is not there yet.
    pub(super) fn new(setting: &'s Setting, workload: Workload) -> Self {
        Episode { setting, directory: setting.directory(), history: History::new(workload), told: Vec::new() }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("store")
    }

    /// The command that does the next tasks, at most so many.
    pub(super) fn command(&self, tasks: u64) -> Command {
        writer::command(self.setting, &self.path(), &self.history, tasks)
    }

    /// Runs a process and kills it at a moment. A failure that it tells is a fault.
    pub(super) fn run(&mut self, what: &str, command: Command, when: When, report: &mut Report) -> Ended {
        let ended = victim::run(command, when, victim::kill);
        let acknowledged = ended.acknowledged.unwrap_or(self.history.acknowledged());
        report.count("tasks acknowledged", acknowledged - self.history.acknowledged());
        self.history.acknowledge(acknowledged);
        self.told.push(format!("{what} ({acknowledged} tasks acknowledged)"));
        if let Some(why) = &ended.failed {
            self.fault(why, report);
        }
        ended
    }

    /// Opens the store and compares it with what was acknowledged; false if it is not as it must be.
    pub(super) fn examine(&mut self, report: &mut Report) -> bool {
        match find_state(&self.path(), &self.history, Lost::Nothing) {
            Ok(done) => {
                report.count("stores compared", 1);
                report.count("tasks found that were under way", done - self.history.acknowledged());
                self.history.end_run(done);
                true
            }
            Err(why) => {
                self.fault(&why, report);
                false
            }
        }
    }

    /// Reports what is wrong, and keeps the store.
    fn fault(&mut self, why: &str, report: &mut Report) {
        self.directory.disable_cleanup(true);
        let (seed, path) = (self.history.workload.seed, self.path());
        let told = self.told.join(", then ");
        report.fault(format!("{told}: {why} [workload {seed}, store kept at {}]", path.display()));
    }
}
