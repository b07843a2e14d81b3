//! Real power cuts: a mounted file system is shut down under a process that writes, and mounted again.

use std::fs;
use std::sync::Mutex;
use std::time::Duration;

use super::disk::Disk;
use crate::history::History;
use crate::states::{Lost, find_state};
use crate::victim::{self, Ended, When};
use crate::workload::{Workload, Writes};
use crate::{Random, Report, Setting, writer};

/// Cuts of one disk, before a new one is made.
const CUTS: u64 = 10;

/// The longest time that a process is left to write.
const WRITING: Duration = Duration::from_millis(400);

/// Tasks that no process comes to the end of.
const ENDLESS: u64 = 1_000_000;

/// Keeps the random numbers of this apart from others.
const SALT: u64 = 0x6375;

pub(super) fn run(setting: &Setting, report: &mut Report) {
    for (kind, writes, short, long) in [
        ("ext4", Writes::Synced, 2, 200),
        ("ext4", Writes::Unsynced, 2, 60),
        ("xfs", Writes::Synced, 2, 200),
        ("xfs", Writes::Unsynced, 2, 60),
    ] {
        let name = format!("{kind}, {} writes", writes.name());
        match Disk::new(setting, kind) {
            Ok(_) => cut_many(setting, kind, writes, setting.scaled(short, long), report),
            Err(why) => report.figure(&name, format!("power cuts not run: {why}")),
        }
    }
}

fn cut_many(setting: &Setting, kind: &'static str, writes: Writes, cuts: u64, report: &mut Report) {
    let windows = Mutex::new(Vec::new());
    let salt = SALT << 32 | (kind.len() as u64) << 24 | (writes as u64) << 16;
    setting.rounds(cuts.div_ceil(CUTS), report, |round, report| {
        let mut random = setting.random(salt | round);
        let disk = Disk::new(setting, kind).expect("one could be made before");
        let mut site = Site { setting, disk, history: new_history(writes, &mut random) };
        for _ in 0..CUTS.min(cuts - round * CUTS) {
            if writes == Writes::Unsynced {
                site.history = new_history(writes, &mut random);
            }
            windows.lock().expect("nothing panics under it").extend(site.cut(&mut random, report));
        }
    });
    if writes == Writes::Unsynced {
        let mut windows: Vec<Duration> = windows.into_inner().expect("nothing panics under it");
        windows.sort();
        let figure = |at: usize| windows.get(at).copied().unwrap_or_default().as_millis();
        let (median, most) = (figure(windows.len() / 2), figure(windows.len().saturating_sub(1)));
        report.figure(&format!("{kind}, unsynced: lost before the cut"), format!("median {median} ms, most {most} ms"));
    }
}

fn new_history(writes: Writes, random: &mut Random) -> History {
    History::new(Workload { seed: random.next(), writes })
}

/// A store on a disk whose power is cut.
struct Site<'s> {
    setting: &'s Setting,
    disk: Disk,
    history: History,
}

impl Site<'_> {
    /// Cuts the power once, and compares. Returns the time before the cut from which on tasks are lost; `None` where
    /// something is wrong.
    fn cut(&mut self, random: &mut Random, report: &mut Report) -> Option<Duration> {
        let path = self.disk.path().join(format!("store-{}", self.history.workload.seed));
        let (delay, journal) = (Duration::from_micros(random.below(WRITING.as_micros() as u64)), random.below(2) == 0);
        let before = self.history.acknowledged();
        let command = writer::command(self.setting, &path, &self.history, ENDLESS);
        let ended = victim::run(command, When::Ready(delay), |child| {
            self.disk.cut(journal);
            victim::kill(child);
        });
        let acknowledged = ended.acknowledged.unwrap_or(before);
        report.count("real power cuts", 1);
        report.count("tasks acknowledged before a cut", acknowledged - before);
        self.history.acknowledge(acknowledged);
        self.disk.restart();
        let found = find_state(&path, &self.history, Lost::Unsynced);
        let told = format!("cut after {delay:?}, journal written: {journal}, {acknowledged} tasks acknowledged");
        let done = match found {
            Ok(done) => done,
            Err(why) => {
                report.fault(format!("{told}: {why} [workload {}]", self.history.workload.seed));
                return None;
            }
        };
        self.history.end_run(done);
        if self.history.workload.writes == Writes::Unsynced {
            fs::remove_dir_all(&path).expect("a store that can be removed");
        }
        report.count("unsynced tasks lost by cuts", acknowledged.saturating_sub(done));
        report.count("cuts that lost some", u64::from(done < acknowledged));
        Some(window(&ended, done))
    }
}

/// The time between the acknowledgement of the first task that was lost and the cut.
fn window(ended: &Ended, done: u64) -> Duration {
    let first_lost = ended.heard.iter().find(|(number, _)| *number > done).map(|(_, when)| *when);
    match (first_lost, ended.struck) {
        (Some(lost), Some(struck)) => struck.saturating_duration_since(lost),
        _ => Duration::ZERO,
    }
}
