//! Every part, in the order of a whole run.

mod crash;
pub(crate) mod output;
mod power;

use crate::Part;

/// Every part, in the order of a whole run.
pub const PARTS: &[Part] = &[crash::CRASH, output::OUTPUT, power::POWER];
