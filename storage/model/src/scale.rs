//! How small the world of a history is, so that its writes meet.

/// How many views there can be.
pub const VIEWS: usize = 4;
/// How many entities there are in each.
pub(crate) const KEYS: usize = 6;
