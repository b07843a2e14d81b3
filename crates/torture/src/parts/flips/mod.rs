//! Damaged files: bits that are flipped, files that are deleted, cut and zeroed, torn ends of logs, and repairs.
//!
//! Everything that was acknowledged as on disk is there, or the store is not opened and nothing of it is changed; no
//! read is wrong, and no open goes on for ever.

mod cuts;
mod files;
mod flip;
mod floors;
mod patient;
mod repairs;
mod rows;
mod tears;

use crate::check::Checked;
use crate::{Part, Report, Setting};

/// Flipped bits and other damage.
pub(super) const PART: Part =
    Part { name: "flips", about: "damaged, missing and torn files of a store, and their repair", run };

/// A case of damage, named for what is promised.
type Case = (&'static str, fn() -> Checked);

fn run(setting: &Setting, report: &mut Report) {
    flip::flips(setting, report);
    cuts::run(report);
    for (name, case) in tears::CASES.iter().chain(floors::CASES).chain(repairs::CASES) {
        report.check("other cases of damage", name, case);
    }
}
