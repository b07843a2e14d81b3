//! The binding of operators, from the loosest to the tightest.

pub(crate) const OR: u8 = 1;
pub(crate) const AND: u8 = 2;
pub(crate) const NOT: u8 = 3;
pub(crate) const COMPARE: u8 = 4;
pub(crate) const SUM: u8 = 5;
pub(crate) const PRODUCT: u8 = 6;
pub(crate) const NEGATE: u8 = 7;
/// The binding of what is no operator.
pub(crate) const ATOM: u8 = 8;
