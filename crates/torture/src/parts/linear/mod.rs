//! Linearisability: threads in a process and clients of a sidecar write, read and erase few entities, and an order of
//! their calls must explain every answer.

mod checker;
mod embedded;
mod history;
mod judge;
mod register;
mod round;
mod served;
mod world;

use crate::{Part, Report, Setting};

/// The part.
pub(super) const PART: Part = Part {
    name: "linear",
    about: "threads and clients of a sidecar write, read and erase few entities: an order explains every answer",
    run,
};

fn run(setting: &Setting, report: &mut Report) {
    embedded::run(setting, setting.scaled(4, 150), report);
    served::run(setting, setting.scaled(3, 45), report);
}
