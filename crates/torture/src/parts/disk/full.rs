//! The words of a full disk.

use asofdb::Error;

use crate::check::{Checked, check};

/// The words that every refusal has.
const FULL: &str = "the disk is full";

/// Checks that an error names the full disk.
pub(super) fn says_full(error: &Error) -> Checked {
    let text = format!("{error:#}");
    check(text.contains(FULL), || format!("an error does not name the full disk: {text}"))
}
