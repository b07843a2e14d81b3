//! The names that consumers go by.

use asofdb_storage::{Error, Result};

/// Longest name in bytes.
const NAME_BYTES_MAX: usize = 64;

/// Refuses names of consumers that cannot stand in a metric's label or a log as they are.
///
/// # Errors
/// `Invalid`, with the rule.
pub fn check_consumer_name(name: &str) -> Result<()> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte);
    match (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(allowed) {
        true => Ok(()),
        false => {
            let shown: String = name.chars().take(NAME_BYTES_MAX).collect();
            let message = format!("a consumer's name has 1 to {NAME_BYTES_MAX} of A-Z a-z 0-9 _ . : -: {shown:?}");
            Err(Error::invalid(message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_of_few_characters() {
        for name in ["ranker", "uid:1000", "team-a.ranker_v2", &"x".repeat(64)] {
            check_consumer_name(name).unwrap();
        }
        for name in ["", "a b", "naïve", "a\"b", "a\n", &"x".repeat(65)] {
            let message = check_consumer_name(name).unwrap_err().to_string();
            assert!(message.starts_with("a consumer's name has 1 to 64 of "), "{message}");
        }
    }
}
