//! Every part, in the order of a whole run.

mod histories;
mod linear;

use crate::Part;

/// Every part, in the order of a whole run.
pub const PARTS: &[Part] = &[histories::PART, linear::PART];
