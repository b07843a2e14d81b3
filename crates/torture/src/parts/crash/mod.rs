//! Crashes of a process that writes: at random moments, at every fail point, at each of its first syncs.

mod episode;
mod moments;
mod points;
mod syncs;

use crate::{Part, Report, Setting};

/// Crashes of a process that writes.
pub const CRASH: Part = Part {
    name: "crash",
    about: "a process that writes is killed; every read is then compared with a model of what was acknowledged",
    run,
};

fn run(setting: &Setting, report: &mut Report) {
    moments::run(setting, report);
    points::run(setting, report);
    syncs::run(setting, report);
}
