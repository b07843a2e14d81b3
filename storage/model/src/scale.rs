//! The size of a history's world: small, so that its writes meet.

/// Views there can be.
pub const VIEWS: usize = 5;
/// Entities in each view.
pub(crate) const KEYS: usize = 6;
