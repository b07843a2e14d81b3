//! One crowd after the other, and what is seen beside each.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::crowd::{CHILD, Outcome, Plan};
use super::kind::{Door, Kind, TimeOuts};
use super::watch::{Seen, Watch};
use super::{BUDGETS, STRANGER, works};
use crate::process::{Process, mib};
use crate::sidecar::Sidecar;
use crate::stopwatch::eventually;
use crate::{Report, Scale, Setting};

/// The most memory of a sidecar above its budgets, in bytes.
const ABOVE_BUDGET_MAX: u64 = 256 << 20;

/// The most memory that stays with it after a second crowd, above what has stayed after the first one like it, in
/// bytes.
const MEMORY_KEPT_MAX: u64 = 64 << 20;

/// Descriptors that may be open, or may not, at any time without anybody being there: a file of the store, a good
/// client that connects just now.
const DESCRIPTORS_SLACK: u64 = 12;

/// The time beyond what is stated that a client may be there in the eyes of its crowd: the sidecar counts from when it
/// takes a connection, and in a flood connections wait in the socket before, over HTTP for a place as well.
const CUT_SLACK: [Duration; 2] = [Duration::from_secs(15), Duration::from_secs(45)];

/// The most that the p99 of a good client may be beside crowds that share the machine with it and the sidecar: beside a
/// flood, and beside others. It is stated in docs/reliability.md.
const P99_MAX: [Duration; 2] = [Duration::from_secs(3), Duration::from_secs(1)];

/// The things that all phases share.
pub(super) struct Scene<'s> {
    setting: &'s Setting,
    sidecar: &'s Sidecar,
    times: TimeOuts,
    report: &'s mut Report,
    watch: Watch,
    /// The program whose children the crowds are, where another user can run it.
    torture: PathBuf,
    process: Process,
    descriptors: u64,
    resident_bytes: u64,
    quiet: Seen,
    worst: (Duration, String),
}

impl<'s> Scene<'s> {
    /// Watches the sidecar while it is quiet.
    pub(super) fn new(
        setting: &'s Setting,
        directory: &Path,
        sidecar: &'s Sidecar,
        times: TimeOuts,
        report: &'s mut Report,
    ) -> Self {
        let torture = directory.join("torture");
        fs::hard_link(&setting.torture, &torture)
            .or_else(|_| fs::copy(&setting.torture, &torture).map(drop))
            .expect("room for the program");
        let watch = Watch::start(sidecar);
        std::thread::sleep(works(setting));
        let (process, quiet) = (sidecar.process(), watch.take());
        let (descriptors, resident_bytes) = (process.descriptors(), process.resident_bytes());
        let worst = (Duration::ZERO, String::new());
        Scene { setting, sidecar, times, report, watch, torture, process, descriptors, resident_bytes, quiet, worst }
    }

    /// Lets crowds of some kinds come at once, each of so many clients.
    pub(super) fn play(&mut self, kinds: &[(Kind, Door)], count: usize) {
        let name = match kinds {
            [(kind, door)] => format!("{} {}", door.name(), kind.name()),
            _ => "all kinds at once".to_owned(),
        };
        self.process.reset_peak();
        let crowds: Vec<(Plan, Child)> = kinds.iter().map(|(kind, door)| self.send(*kind, *door, count)).collect();
        let outcomes: Vec<(Plan, Option<Outcome>)> =
            crowds.into_iter().map(|(plan, child)| (plan, outcome(child))).collect();
        if !self.watch.has_seen() {
            self.report.fault(format!("{name}: nobody was answered (seed {})", self.setting.seed));
        }
        let seen = self.watch.take();
        let mut figures: Vec<String> =
            outcomes.iter().filter_map(|(plan, outcome)| self.judge_crowd(plan, outcome.as_ref())).collect();
        figures.insert(0, self.judge_watch(&name, kinds, &seen));
        figures.push(self.judge_memory(&name));
        self.judge_descriptors(&name);
        if self.setting.scale == Scale::Long {
            let figures = figures.join(", ");
            eprintln!("    {name}: {figures}");
            self.report.figure(&name, figures);
        }
    }

    /// Starts a crowd, as another user where that is possible.
    fn send(&self, kind: Kind, door: Door, count: usize) -> (Plan, Child) {
        let stays = match kind.cut_within(door, &self.times) {
            None => Duration::ZERO,
            // Whoever is not cut off at all is found; whether it was in time is another question.
            Some(within) => within + Duration::from_secs(30),
        };
        let socket = if door == Door::Native { self.sidecar.socket() } else { self.sidecar.http_socket() };
        let (address, seed) = (self.sidecar.http_address(), self.setting.seed);
        let plan = Plan { kind, door, count, works: works(self.setting), stays, seed, socket, address };
        let mut command = Command::new(&self.torture);
        command.arg("child").arg(CHILD).args(plan.arguments()).stdin(Stdio::null()).stdout(Stdio::piped());
        if is_root() {
            command.uid(STRANGER).gid(STRANGER);
        }
        (plan, command.spawn().expect("a crowd"))
    }

    /// Judges how a crowd was treated; gives the time within which the last one was cut off.
    fn judge_crowd(&mut self, plan: &Plan, outcome: Option<&Outcome>) -> Option<String> {
        let (name, seed) = (format!("{} {}", plan.door.name(), plan.kind.name()), plan.seed);
        let Some(outcome) = outcome else {
            self.report.fault(format!("{name}: the crowd failed (seed {seed})"));
            return None;
        };
        self.report.count("connections", outcome.came);
        self.report.count("cut off", outcome.cut);
        let within = plan.kind.cut_within(plan.door, &self.times)?;
        if outcome.left > 0 {
            self.report.fault(format!("{name}: {} clients were never cut off (seed {seed})", outcome.left));
        }
        let longest = Duration::from_millis(outcome.longest_millis);
        let slack = CUT_SLACK[usize::from(plan.door == Door::Http)];
        if self.setting.scale == Scale::Long && longest > within + slack {
            self.report.fault(format!("{name}: cut off after {longest:?}, not within {within:?} (seed {seed})"));
        }
        Some(format!("{} cut off within {:.1} s", plan.kind.name(), longest.as_secs_f64()))
    }

    /// Judges what good clients saw; gives their p99.
    fn judge_watch(&mut self, name: &str, kinds: &[(Kind, Door)], seen: &Seen) -> String {
        let seed = self.setting.seed;
        let mut wrong: BTreeMap<&str, u64> = BTreeMap::new();
        seen.wrong.iter().for_each(|text| *wrong.entry(text).or_default() += 1);
        for (text, times) in wrong {
            self.report.fault(format!("{name}: {times} times {text} (seed {seed})"));
        }
        self.report.count("answers to good clients", seen.native.total() + seen.http.total());
        self.report.count("good clients told to come again over HTTP", seen.told_to_come_again);
        self.report.count("answers to another try", seen.tried_again);
        self.report.count("answers of /readyz", seen.ready);
        self.report.count("answers to operators", seen.operator);
        let p99 = [&seen.native, &seen.http].map(|seen| seen.quantile(0.99));
        let quiet = [&self.quiet.native, &self.quiet.http].map(|seen| seen.quantile(0.99));
        let worst = p99[0].max(p99[1]);
        if worst > self.worst.0 {
            self.worst = (worst, name.to_owned());
        }
        let most = P99_MAX[usize::from(!kinds.iter().any(|(kind, _)| *kind == Kind::Flooding))];
        if self.setting.scale == Scale::Long && worst > most {
            self.report.fault(format!("{name}: the p99 of a good client is {p99:?}, above {most:?} (seed {seed})"));
        }
        let [native, http] = [0, 1].map(|door: usize| {
            let times = p99[door].as_secs_f64() / quiet[door].as_secs_f64().max(1e-6);
            format!("{:.1} ms ({times:.1} times quiet)", p99[door].as_secs_f64() * 1e3)
        });
        format!("p99 native {native}, HTTP {http}")
    }

    /// Judges the memory of the sidecar; gives the most that it had.
    fn judge_memory(&mut self, name: &str) -> String {
        let (peak, budget) = (self.process.peak_bytes(), BUDGETS.iter().map(|(_, bytes)| bytes).sum::<u64>());
        let (most, seed) = (budget + ABOVE_BUDGET_MAX, self.setting.seed);
        if peak > most {
            self.report.fault(format!("{name}: {} of memory, not {} (seed {seed})", mib(peak), mib(most)));
        }
        format!("at most {}", mib(peak))
    }

    /// All have gone: so have their descriptors.
    fn judge_descriptors(&mut self, name: &str) {
        let most = self.descriptors + DESCRIPTORS_SLACK;
        if !eventually(Duration::from_secs(60), || self.process.descriptors() <= most) {
            let open = self.process.descriptors();
            let seed = self.setting.seed;
            self.report
                .fault(format!("{name}: {open} descriptors are open, {} before (seed {seed})", self.descriptors));
        }
    }

    /// Lets all kinds come at once, twice: what the first crowd has left, the second does not add to.
    pub(super) fn play_twice(&mut self, kinds: &[(Kind, Door)], count: usize) {
        let [first, second] = [1, 2].map(|_| {
            self.play(kinds, count);
            self.process.resident_bytes()
        });
        let (before, seed) = (self.resident_bytes, self.setting.seed);
        if second > first + MEMORY_KEPT_MAX {
            let kept = format!("{} and then {}", mib(first), mib(second));
            self.report.fault(format!("memory grows from crowd to crowd: {kept} (seed {seed})"));
        }
        let left = format!("{}; {} and {} when all have gone", mib(before), mib(first), mib(second));
        self.report.figure("memory at first", left);
    }

    /// Tells what is seen at the end.
    pub(super) fn finish(self) {
        let Scene { setting, sidecar, report, quiet, worst, .. } = self;
        report.figure("log", format!("{} KiB", sidecar.log().len() >> 10));
        if setting.scale == Scale::Long {
            let [native, http] = [quiet.native, quiet.http].map(|seen| seen.quantile(0.99));
            report.figure("p99 quiet", format!("native {native:?}, HTTP {http:?}"));
            report.figure("p99 at worst", format!("{:?}, beside {}", worst.0, worst.1));
        }
        if !is_root() {
            report.figure("places of operators", "not run: only root can be another user");
        }
    }
}

/// Waits for the end of a crowd.
fn outcome(mut child: Child) -> Option<Outcome> {
    let lines = BufReader::new(child.stdout.take()?).lines();
    let last = lines.map_while(Result::ok).last();
    let ended = child.wait().is_ok_and(|status| status.success());
    last.filter(|_| ended)?.parse().ok()
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
