//! Calls to the disk that fail: reads, writes and syncs, each at any place, and a directory that is made read-only.
//!
//! Everything that `sync` acknowledged is there, no value is wrong, a write says what is known of it, and a store that
//! cannot be written says so until it is opened again.

mod read_only;
mod round;

use crate::fault_shim::{Kind, Shim};
use crate::{Part, Report, Setting};

/// Errors of the disk.
pub(super) const PART: Part =
    Part { name: "errors", about: "EIO on reads, writes and syncs; a directory made read-only", run };

fn run(setting: &Setting, report: &mut Report) {
    match Shim::compile() {
        Ok(shim) => rounds(setting, &shim, report),
        Err(error) => report.figure("failing calls", format!("not run: no shim: {error}")),
    }
    read_only::run(setting, report);
}

fn rounds(setting: &Setting, shim: &Shim, report: &mut Report) {
    ["synced rows lost or torn", "wrong values"].iter().for_each(|wrong| report.count(wrong, 0));
    for kind in Kind::ALL {
        for number in 0..setting.scaled(2, 80) {
            let name = format!("{} round {number}, seed {}", kind.as_str(), setting.seed);
            let random = setting.random(2 << 32 | (kind as u64) << 16 | number);
            report.count("rounds", 1);
            if let Err(wrong) = round::run(setting, shim, kind, random, report) {
                report.count("synced rows lost or torn", u64::from(wrong.to_string().contains("LOST OR TORN")));
                report.count("wrong values", u64::from(wrong.to_string().contains("other values")));
                report.fault(format!("{name}: {wrong}"));
            }
        }
    }
}
