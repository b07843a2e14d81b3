//! Fail points of processes: the places at which they end themselves by SIGKILL.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::Setting;

/// True if the programs have fail points: those of this build, which are built alike.
pub const ARE_THERE: bool = cfg!(debug_assertions);

/// The variable that arms one.
const VARIABLE: &str = "ASOFDB_FAIL_POINT";

/// Has a process end when it comes to a place for the `hit`th time.
pub fn arm(command: &mut Command, name: &str, hit: u64) {
    command.env(VARIABLE, format!("{name}:{hit}"));
}

/// The list of the places that a process came to.
#[derive(Debug)]
pub struct Hits {
    path: PathBuf,
    _directory: TempDir,
}

impl Hits {
    /// An empty list.
    pub fn new(setting: &Setting) -> Self {
        let directory = setting.directory();
        Hits { path: directory.path().join("hits"), _directory: directory }
    }

    /// Has a process add to the list.
    pub fn record(&self, command: &mut Command) {
        command.env(VARIABLE, format!("list:{}", self.path.display()));
    }

    /// The number of times that it came to each place.
    pub fn counted(&self) -> BTreeMap<String, u64> {
        let mut hits = BTreeMap::new();
        for name in std::fs::read_to_string(&self.path).unwrap_or_default().lines() {
            *hits.entry(name.to_owned()).or_default() += 1;
        }
        hits
    }
}
