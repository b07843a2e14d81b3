//! Power cuts: real file systems that are shut down, and images of what a disk may hold after one.

mod cuts;
mod disk;
mod image;
mod images;
mod recording;
mod shutdown;

use crate::{Part, Report, Setting};

/// Power cuts.
pub const POWER: Part = Part {
    name: "power",
    about: "the power is cut: file systems are shut down, and unsynced writes are dropped, reordered and torn",
    run,
};

fn run(setting: &Setting, report: &mut Report) {
    images::run(setting, report);
    cuts::run(setting, report);
}
