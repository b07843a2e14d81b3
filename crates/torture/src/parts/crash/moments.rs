//! Kills at random moments.

use std::time::Duration;

use super::episode::Episode;
use crate::victim::When;
use crate::workload::{Workload, Writes};
use crate::{Random, Report, Setting};

/// Kills of one store, before a new one is made: comparing takes longer the more was written.
const KILLS: u64 = 12;

/// Of so many kills one hits a process that is opening its store.
const OPENING_EVERY: u64 = 5;

/// Of so many kills one is followed by another while the store recovers from it.
const AGAIN_EVERY: u64 = 4;

/// The longest time that a process is left to write.
const WRITING: Duration = Duration::from_millis(200);

/// The longest time that a process is left to open its store.
const OPENING: Duration = Duration::from_millis(120);

/// Tasks that no process comes to the end of.
const ENDLESS: u64 = 1_000_000;

/// Keeps the random numbers of this apart from others.
const SALT: u64 = 0x6d6f;

pub(super) fn run(setting: &Setting, report: &mut Report) {
    let kills = setting.scaled(12, 600);
    report.count("kills at random moments", 0);
    setting.rounds(kills.div_ceil(KILLS), report, |round, report| {
        let mut random = setting.random(SALT << 32 | round);
        let mut episode = Episode::new(setting, Workload { seed: random.next(), writes: Writes::Mixed });
        (0..KILLS.min(kills - round * KILLS)).all(|_| kill(&mut episode, &mut random, report));
    });
}

/// Kills once or twice and compares; false if the store is not as it must be.
fn kill(episode: &mut Episode<'_>, random: &mut Random, report: &mut Report) -> bool {
    let (what, when) = match random.below(OPENING_EVERY) {
        0 => ("killed while opening", When::Started(up_to(random, OPENING))),
        _ => ("killed while writing", When::Ready(up_to(random, WRITING))),
    };
    episode.run(what, episode.command(ENDLESS), when, report);
    report.count("kills at random moments", 1);
    if random.below(AGAIN_EVERY) == 0 {
        let when = When::Started(up_to(random, OPENING));
        let ended = episode.run("killed while recovering", episode.command(0), when, report);
        report.count("kills while recovering", u64::from(ended.is_killed));
    }
    episode.examine(report)
}

fn up_to(random: &mut Random, longest: Duration) -> Duration {
    Duration::from_micros(random.below(longest.as_micros() as u64))
}
