//! The setting that the parts of a run share.

use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use tempfile::TempDir;

use crate::part::panic_text;
use crate::{Random, Report};

/// The length of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Some seconds a part.
    Short,
    /// All parts together in an hour of two cores.
    Long,
}

/// The setting that the parts of a run share.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The start of everything random.
    pub seed: u64,
    /// The length of the run.
    pub scale: Scale,
    /// The number of random histories, in place of the part's own.
    pub cases: Option<u64>,
    /// The binary `asof`.
    pub asof: PathBuf,
    /// The binary `torture`, which is also what is killed.
    pub torture: PathBuf,
    /// The minutes of the long form of the soak; `None`: as many as a whole run has room for.
    pub soak_minutes: Option<u64>,
}

impl Setting {
    /// The setting of a run whose binaries stand beside each other.
    ///
    /// # Panics
    /// If `asof` is not there.
    pub fn new(seed: u64, scale: Scale, torture: &Path) -> Self {
        let asof = torture.with_file_name("asof");
        assert!(asof.exists(), "no asof beside {}: run `make torture`, or build the workspace", torture.display());
        Setting { seed, scale, cases: None, soak_minutes: None, asof, torture: torture.to_owned() }
    }

    /// A number that goes by the length of the run.
    pub const fn scaled(&self, short: u64, long: u64) -> u64 {
        match self.scale {
            Scale::Short => short,
            Scale::Long => long,
        }
    }

    /// Random numbers of one part: `salt` keeps parts, and rounds of a part, apart.
    pub fn random(&self, salt: u64) -> Random {
        Random::new(Random::new(self.seed ^ salt.rotate_left(32)).next())
    }

    /// Does `rounds` independent rounds of a part, as many at a time as there are processors; each has its number and
    /// a report of its own. A panic in one is a fault of it.
    pub fn rounds(&self, rounds: u64, report: &mut Report, round: impl Fn(u64, &mut Report) + Sync) {
        let next = AtomicU64::new(0);
        let work = || {
            let mut mine = Report::default();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= rounds {
                    return mine;
                }
                if let Err(panic) = catch_unwind(AssertUnwindSafe(|| round(number, &mut mine))) {
                    mine.fault(format!("round {number}, seed {}: {}", self.seed, panic_text(&*panic)));
                }
            }
        };
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            for worker in workers {
                report.add(worker.join().expect("panics are caught within"));
            }
        });
    }

    /// A directory that is removed when it is dropped.
    ///
    /// # Panics
    /// If there is no room for one.
    pub fn directory(&self) -> TempDir {
        tempfile::Builder::new().prefix("torture-").tempdir().expect("a directory for temporary files")
    }

    /// The command that runs a child of [`run_child`](crate::run_child).
    pub fn child(&self, name: &str) -> Command {
        let mut command = Command::new(&self.torture);
        command.arg("child").arg(name);
        command
    }
}
