//! Every part, in the order of a whole run.

mod clocks;
mod disk;
mod errors;
mod flips;
mod limits;

use crate::Part;

/// Every part, in the order of a whole run.
pub const PARTS: &[Part] = &[flips::PART, errors::PART, disk::PART, limits::PART, clocks::PART];
