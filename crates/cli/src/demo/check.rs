//! Checks of the demo.

/// One comparison.
pub(super) struct Check {
    /// True if both are the same.
    pub(super) holds: bool,
    /// The line that says what was compared.
    pub(super) text: String,
}

impl Check {
    /// Makes one check of several, which tells of those that do not hold.
    pub(super) fn all(checks: Vec<Check>, text: &str) -> Check {
        let wrong: Vec<&str> = checks.iter().filter(|check| !check.holds).map(|check| check.text.as_str()).collect();
        match wrong.is_empty() {
            true => Check { holds: true, text: text.to_owned() },
            false => Check { holds: false, text: format!("{text}: {}", wrong.join("; ")) },
        }
    }
}
