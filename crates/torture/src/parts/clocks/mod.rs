//! Clocks that step, ahead and back, under a running sidecar and between two of its runs.
//!
//! Nothing is believed that should not be; once the clock is right, nothing is hidden, and nothing was deleted.

mod round;
mod rows;

use crate::fault_shim::Shim;
use crate::{Part, Report, Setting};

/// Steps of the clock.
pub(super) const PART: Part =
    Part { name: "clocks", about: "steps of the clock under a sidecar and between its runs", run };

fn run(setting: &Setting, report: &mut Report) {
    let shim = match Shim::compile() {
        Ok(shim) => shim,
        Err(error) => return report.figure("steps of the clock", format!("not run: no shim: {error}")),
    };
    for number in 0..setting.scaled(4, 150) {
        report.count("rounds", 1);
        if let Err(wrong) = round::run(setting, &shim, setting.random(5 << 32 | number), report) {
            report.fault(format!("round {number}, seed {}: {wrong}", setting.seed));
        }
    }
}
