//! The bearer token that callers over TCP must know.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use asofdb::{Error, Result};

/// Shortest token in bytes: 16 random bytes in base64 have 24.
const TOKEN_BYTES_MIN: usize = 16;

/// Longest token in bytes; a file over it is something else given by mistake.
const TOKEN_BYTES_MAX: usize = 4096;

/// A secret that callers send as `Authorization: Bearer TOKEN`. It is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpToken(Vec<u8>);

impl HttpToken {
    /// Takes a token.
    ///
    /// # Errors
    /// `Invalid` when it is short, long, or has characters that a header cannot carry.
    pub fn new(token: &str) -> Result<Self> {
        if !(TOKEN_BYTES_MIN..=TOKEN_BYTES_MAX).contains(&token.len()) {
            let message = format!(
                "a token has {TOKEN_BYTES_MIN} to {TOKEN_BYTES_MAX} bytes; make one with `openssl rand -base64 24`"
            );
            return Err(Error::invalid(format!("{message}: {} bytes", token.len())));
        }
        match token.bytes().all(|byte| byte.is_ascii_graphic()) {
            true => Ok(HttpToken(token.as_bytes().to_vec())),
            false => Err(Error::invalid("a token has visible ASCII characters only, no spaces")),
        }
    }

    /// Reads a token from a file, without the line end. Others than the owner must not be able to read it.
    ///
    /// # Errors
    /// `NotFound` when there is no such file, `Unavailable` when it cannot be read, `Invalid` when others can read it
    /// or for what [`HttpToken::new`] refuses.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let name = path.as_ref().display().to_string();
        let fail = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => Error::not_found(format!("token file does not exist: {name}")),
            _ => Error::unavailable(format!("token file cannot be read: {name}: {error}")).with_source(error),
        };
        let file = File::open(&path).map_err(fail)?;
        let mode = file.metadata().map_err(fail)?.mode() & 0o777;
        if mode & 0o077 != 0 {
            let message =
                format!("token file is open to others than its owner (mode {mode:04o}); chmod 600 it: {name}");
            return Err(Error::invalid(message));
        }
        let mut text = String::new();
        file.take(TOKEN_BYTES_MAX as u64 + 2).read_to_string(&mut text).map_err(fail)?;
        HttpToken::new(text.trim_end())
            .map_err(|error| Error::invalid(format!("token file {name}: {}", error.message())))
    }

    /// Returns whether `given` is this token, in a time that does not tell how much of it is right.
    pub(super) fn is(&self, given: &[u8]) -> bool {
        let differs = self.0.iter().zip(given).fold(0, |differs, (a, b)| std::hint::black_box(differs | (a ^ b)));
        self.0.len() == given.len() && differs == 0
    }
}

impl fmt::Debug for HttpToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HttpToken(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use asofdb::ErrorKind;

    use super::*;

    #[test]
    fn a_token_is_only_itself_and_is_not_printed() {
        let token = HttpToken::new("0123456789abcdef").unwrap();
        assert!(token.is(b"0123456789abcdef"));
        for other in ["", "0123456789abcde", "0123456789abcdef0", "0123456789abcdeg", "x123456789abcdef"] {
            assert!(!token.is(other.as_bytes()), "{other}");
        }
        assert_eq!(format!("{token:?}"), "HttpToken(..)");
        assert!(HttpToken::new("short").is_err() && HttpToken::new("0123456789 abcdef").is_err());
    }

    #[test]
    fn a_token_file_must_be_its_owners_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        assert_eq!(HttpToken::read(&path).unwrap_err().kind(), ErrorKind::NotFound);
        fs::write(&path, "0123456789abcdef\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = HttpToken::read(&path).unwrap_err();
        assert!(error.message().contains("(mode 0640); chmod 600 it"), "{error}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(HttpToken::read(&path).unwrap().is(b"0123456789abcdef"));
    }
}
