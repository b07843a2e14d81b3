//! Kills at named places of the code.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use super::episode::Episode;
use crate::fail_points::{self, Hits};
use crate::victim::When;
use crate::workload::{Workload, Writes};
use crate::{Report, Setting};

/// Tasks within which each place that writing comes to is come to.
const TASKS: u64 = 150;

/// Places that only a store comes to which was killed before.
const RECOVERING: [&str; 1] = ["load recovered"];

/// Keeps the random numbers of this apart from others.
const SALT: u64 = 0x706f;

pub(super) fn run(setting: &Setting, report: &mut Report) {
    if !fail_points::ARE_THERE {
        report.figure("kills at fail points", "not run: there are none in a release");
        return;
    }
    let hits = hits(setting, report);
    let names: Vec<&String> = hits.keys().collect();
    let rounds = setting.scaled(8, 250);
    let killed = Mutex::new(BTreeSet::new());
    setting.rounds(rounds, report, |round, report| {
        // A short run begins elsewhere with another seed.
        let place = round + setting.scaled(setting.seed * rounds, 0);
        let name = names[place as usize % names.len()];
        let variant = place / names.len() as u64;
        for name in kill(setting, round, name, variant, hits[name], report) {
            killed.lock().expect("nothing panics under it").insert(name);
        }
    });
    let killed = killed.into_inner().expect("nothing panics under it");
    report.figure("fail points killed at", format!("{} of {}", killed.len(), names.len() + RECOVERING.len()));
}

/// The number of times that a run comes to each place.
fn hits(setting: &Setting, report: &mut Report) -> BTreeMap<String, u64> {
    let mut episode = Episode::new(setting, Workload { seed: setting.random(SALT).next(), writes: Writes::Mixed });
    let (mut command, list) = (episode.command(TASKS), Hits::new(setting));
    list.record(&mut command);
    episode.run("listing fail points", command, When::Never, report);
    list.counted()
}

/// Kills a process at a place, and perhaps the next while it recovers; then compares. Returns the places.
fn kill(setting: &Setting, round: u64, name: &str, variant: u64, hits: u64, report: &mut Report) -> Vec<String> {
    let mut random = setting.random(SALT << 32 | round);
    let mut episode = Episode::new(setting, Workload { seed: random.next(), writes: Writes::Mixed });
    // The first time a fresh store, as some places are come to in no other.
    if variant > 0 {
        let before = random.below(TASKS);
        episode.run("writing", episode.command(before), When::Never, report);
    }
    let hit = 1 + if variant == 0 { 0 } else { random.below(hits.min(8)) };
    let again = match name {
        "load in history" | "load in latest" => "load recovered",
        name if name.starts_with("erasure") => ["erasure flushed", "erasure compacted"][random.below(2) as usize],
        _ => ["opening begun", "opening read", "floor written", "opening done"][random.below(4) as usize],
    };
    let mut killed = Vec::new();
    for (name, hit, tasks) in [(name, hit, TASKS), (again, 1, 0)] {
        let mut command = episode.command(tasks);
        fail_points::arm(&mut command, name, hit);
        let what = format!("killed at {name:?}, hit {hit}");
        if episode.run(&what, command, When::Never, report).is_killed {
            report.count("kills at fail points", 1);
            killed.push(name.to_owned());
        }
    }
    episode.examine(report);
    killed
}
