//! The names that versions of models go by.

use asofdb_storage::{Error, Result};

/// Longest name and version together, in bytes.
const MODEL_BYTES_MAX: usize = 128;

/// Refuses what is no `name/version` of a model, or cannot stand in a header or a log as it is.
///
/// # Errors
/// `Invalid`, with the rule.
pub fn check_model_name(model: &str) -> Result<()> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte);
    let is_part = |part: &str| !part.is_empty() && part.bytes().all(allowed);
    let is_model = model.split_once('/').is_some_and(|(name, version)| is_part(name) && is_part(version));
    match is_model && model.len() <= MODEL_BYTES_MAX {
        true => Ok(()),
        false => {
            let shown: String = model.chars().take(MODEL_BYTES_MAX).collect();
            let rule = "a model is NAME/VERSION, each of A-Z a-z 0-9 _ . : -";
            Err(Error::invalid(format!("{rule}, together at most {MODEL_BYTES_MAX}: {shown:?}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_a_name_and_a_version() {
        for model in ["fraud/3", "team-a.ranker_v2/2026-11-29", &format!("{}/1", "x".repeat(126))] {
            check_model_name(model).unwrap();
        }
        for model in
            ["", "fraud", "/3", "fraud/", "a/b/c", "a b/1", "naïve/1", "a/1\n", &format!("{}/1", "x".repeat(127))]
        {
            let message = check_model_name(model).unwrap_err().to_string();
            assert!(message.starts_with("a model is NAME/VERSION, each of "), "{message}");
        }
    }
}
