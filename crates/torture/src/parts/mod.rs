//! Every part, in the order of a whole run.

pub(crate) mod backups;
mod clocks;
mod crash;
mod disk;
mod errors;
mod flips;
mod histories;
pub(crate) mod hostile;
mod limits;
mod linear;
pub(crate) mod output;
mod power;
pub(crate) mod soak;
pub(crate) mod windows;

pub use self::power::new_store_after_a_power_cut;
use crate::Part;

/// Every part, in the order of a whole run.
pub const PARTS: &[Part] = &[
    crash::CRASH,
    output::OUTPUT,
    power::POWER,
    flips::PART,
    errors::PART,
    disk::PART,
    limits::PART,
    clocks::PART,
    histories::PART,
    windows::PART,
    linear::PART,
    hostile::PART,
    backups::BACKUPS,
    soak::PART,
];
