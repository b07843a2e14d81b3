//! The names that consumers go by.

/// The prefix of the name of a consumer that names no other: `uid:1000`.
const UID_PREFIX: &str = "uid:";

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
    fn the_name_of_a_user_belongs_to_that_user() {
        assert!(!is_of_another_uid("uid:1000", Some(1000)));
        assert!(is_of_another_uid("uid:1000", Some(0)));
        assert!(is_of_another_uid("uid:0", None));
        assert!(!is_of_another_uid("ranker", None));
    }
}
