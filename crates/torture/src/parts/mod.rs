//! Every part, in the order of a whole run.

pub(crate) mod backups;
mod crash;
mod histories;
mod linear;
pub(crate) mod output;
mod power;

pub use self::power::new_store_after_a_power_cut;
use crate::Part;

/// Every part, in the order of a whole run.
pub const PARTS: &[Part] =
    &[crash::CRASH, output::OUTPUT, power::POWER, histories::PART, linear::PART, backups::BACKUPS];
