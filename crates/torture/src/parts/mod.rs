//! Every part, in the order of a whole run.

pub(crate) mod hostile;
pub(crate) mod soak;

use crate::Part;

/// Every part, in the order of a whole run.
pub const PARTS: &[Part] = &[hostile::PART, soak::PART];
