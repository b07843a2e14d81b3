//! Kills at each of the first syncs of a process.

use super::episode::Episode;
use crate::shim::Shim;
use crate::victim::When;
use crate::workload::{Workload, Writes};
use crate::{Report, Setting};

/// Tasks that come to more syncs than are tried.
const TASKS: u64 = 1_000;

/// Keeps the random numbers of this apart from others.
const SALT: u64 = 0x7379;

pub(super) fn run(setting: &Setting, report: &mut Report) {
    let shim = match Shim::new(setting.directory()) {
        Ok(shim) => shim,
        Err(why) => return report.figure("kills at syncs", format!("not run: {why}")),
    };
    let (syncs, seed) = (setting.scaled(6, 200), setting.random(SALT).next());
    // A few of a short run lie far apart.
    let every = setting.scaled(17, 1);
    setting.rounds(syncs, report, |round, report| {
        let mut episode = Episode::new(setting, Workload { seed, writes: Writes::Mixed });
        let (number, is_after) = (1 + round * every, round % 2 == 1);
        let mut command = episode.command(TASKS);
        shim.kill_at_sync(&mut command, number, is_after);
        let what = format!("killed {} sync {number}", if is_after { "after" } else { "before" });
        let ended = episode.run(&what, command, When::Never, report);
        report.count("kills at syncs", u64::from(ended.is_killed));
        if !ended.is_killed {
            report.fault(format!("it was not {what}"));
        }
        episode.examine(report);
    });
}
