//! Power cuts: real file systems that are shut down, and images of what a disk may hold after one.

mod cuts;
mod disk;
mod image;
mod images;
mod recording;
mod shutdown;

use crate::shim::Shim;
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

/// Makes a store in new directories and cuts the power, on a file system as strict as POSIX allows; `Err` says what is
/// lost. Without a C compiler nothing is tried.
pub fn new_store_after_a_power_cut(setting: &Setting) -> Result<(), String> {
    match Shim::new(setting.directory()) {
        Ok(shim) => images::new_store(setting, &shim),
        Err(why) => {
            println!("skipped: {why}");
            Ok(())
        }
    }
}
