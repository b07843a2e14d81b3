//! Windows of a store whose process is killed while tiles are made and removed.

mod episode;
mod task;
mod world;

use std::time::Duration;

use self::episode::Episode;
pub(crate) use self::episode::{CHILD, run as run_child};
use crate::victim::When;
use crate::{Part, Random, Report, Setting};

/// Windows of a store whose process is killed.
pub const PART: Part = Part {
    name: "windows",
    about: "a process that writes events and reads windows is killed; tiles and events then agree, as do windows",
    run,
};

/// Kills of one store, before a new one is made.
const KILLS: u64 = 8;

/// The longest time that a process is left to work.
const WORKING: Duration = Duration::from_millis(1_000);

/// Keeps the random numbers of this apart from others.
const SALT: u64 = 0x7769;

fn run(setting: &Setting, report: &mut Report) {
    let kills = setting.scaled(8, 160);
    setting.rounds(kills.div_ceil(KILLS), report, |round, report| {
        let mut random = setting.random(SALT << 32 | round);
        match Episode::new(setting, random.next()) {
            Ok(mut episode) => kill_often(&mut episode, &mut random, report),
            Err(why) => report.fault(format!("no store in memory: {why}")),
        }
    });
}

/// Kills the process of an episode some times, and compares after each.
fn kill_often(episode: &mut Episode<'_>, random: &mut Random, report: &mut Report) {
    for _ in 0..KILLS {
        let after = When::Ready(Duration::from_micros(random.below(WORKING.as_micros() as u64)));
        report.count("kills", 1);
        if let Err(why) = episode.kill_and_compare(after, random, report) {
            episode.keep();
            return report.fault(format!("{why} [{episode}]"));
        }
    }
}
