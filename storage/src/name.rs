//! Names of things that are defined.

use crate::problem::{At, Checked};

/// Longest name in bytes: it is part of file names and column names, which other systems limit to 255.
pub const NAME_BYTES_MAX: usize = 128;

/// Refuses what cannot be the name of a `what`.
pub(crate) fn check_name(at: &At, what: &str, name: &str) -> Checked {
    let first = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    let rest = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'));
    if first && rest && name.len() <= NAME_BYTES_MAX {
        return Ok(());
    }
    let rule = "starts with a letter or underscore and goes on with letters, digits, '_', '.' and '-'";
    at.invalid(format!("the name of {what} {rule}, at most {NAME_BYTES_MAX} bytes: {:?}", shortened(name)))
}

/// Enough of a name to recognise it in a message.
pub(crate) fn shortened(name: &str) -> &str {
    name.char_indices().nth(NAME_BYTES_MAX + 1).map_or(name, |(end, _)| &name[..end])
}
