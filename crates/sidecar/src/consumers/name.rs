//! The names that consumers go by.

use asofdb::{Error, Result};

/// Longest name in bytes.
const NAME_BYTES_MAX: usize = 64;

/// The prefix of the name of a consumer that names no other: `uid:1000`.
const UID_PREFIX: &str = "uid:";

/// Refuses names that cannot stand in a metric's label or a log as they are.
pub(crate) fn check_name(name: &str) -> Result<()> {
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

/// The name of a user who gives no other.
pub(crate) fn uid_name(uid: u32) -> String {
    format!("{UID_PREFIX}{uid}")
}

/// Returns whether a name is that of a user, and not of this one.
pub(crate) fn is_of_another_uid(name: &str, uid: Option<u32>) -> bool {
    name.starts_with(UID_PREFIX) && uid.is_none_or(|uid| uid_name(uid) != name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_of_few_characters() {
        for name in ["ranker", "uid:1000", "team-a.ranker_v2", &"x".repeat(64)] {
            check_name(name).unwrap();
        }
        for name in ["", "a b", "naïve", "a\"b", "a\n", &"x".repeat(65)] {
            let message = check_name(name).unwrap_err().to_string();
            assert!(message.starts_with("a consumer's name has 1 to 64 of "), "{message}");
        }
    }

    #[test]
    fn the_name_of_a_user_belongs_to_that_user() {
        assert!(!is_of_another_uid("uid:1000", Some(1000)));
        assert!(is_of_another_uid("uid:1000", Some(0)));
        assert!(is_of_another_uid("uid:0", None));
        assert!(!is_of_another_uid("ranker", None));
    }
}
