//! Limits of the process, and limits of our own: at each of them, and one beyond.
//!
//! Each ends in an error that names the limit, or works. Nothing ends the process, no answer is wrong, and what is
//! refused has written nothing.

mod descriptors;
mod exact;
mod http;
mod load;
mod memory;
mod tables;
mod views;

use crate::{Part, Report, Setting};

/// Limits.
pub(super) const PART: Part = Part {
    name: "limits",
    about: "few descriptors and little memory under load; 10,000 views; keys, rows, batches and columns at their limits",
    run,
};

fn run(setting: &Setting, report: &mut Report) {
    descriptors::run(setting, report);
    memory::run(setting, report);
    views::run(setting, report);
    exact::run(setting, report);
    http::run(setting, report);
}
