//! Targets that are directories of this machine. Others are refused by their name.

use std::path::Path;

use crate::error::{Error, Result};

/// Refuses a URL as the place of a checkpoint or of backups: it would become a directory of an odd name.
///
/// # Errors
/// `Invalid`, naming it.
pub fn refuse_url(path: &Path) -> Result<()> {
    let text = path.to_string_lossy();
    let scheme = text.split_once("://").map(|(scheme, _)| scheme);
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.chars().all(|other| other.is_ascii_alphanumeric() || "+-.".contains(other))
    };
    match scheme.is_some_and(is_scheme) {
        false => Ok(()),
        true => {
            let rule = "checkpoints and backups go to a directory of this machine; URLs are not supported yet";
            Err(Error::invalid(format!("{rule}: {text}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_refused_by_their_name_and_paths_are_not() {
        for url in ["s3://bucket/backups", "gs://b", "file:///backup", "https://host/x"] {
            let error = refuse_url(Path::new(url)).unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::Invalid);
            assert!(error.to_string().contains(url) && error.to_string().contains("not supported yet"), "{error}");
        }
        for path in ["/backup", "backups", "a:b", "s3:/bucket", "./s3://bucket", "://x", ""] {
            refuse_url(Path::new(path)).unwrap();
        }
    }
}
