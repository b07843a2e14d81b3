//! Every part, in the order of a whole run.

use crate::Part;

/// Every part, in the order of a whole run.
pub const PARTS: &[Part] = &[];
