//! Checks of the demo.

/// One comparison.
pub(super) struct Check {
    /// True if both are the same.
    pub(super) holds: bool,
    /// The line that says what was compared.
    pub(super) text: String,
}
