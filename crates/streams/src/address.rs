//! Sources by their addresses.

#[cfg(feature = "tail")]
use std::path::Path;

use asofdb::{Error, Result};

use crate::source::Source;
#[cfg(feature = "tail")]
use crate::tail::{Pipe, Tail};

/// The source of an address: a path or `file:PATH` for a file that grows by lines of JSON, `-` for the standard input.
///
/// # Errors
/// `Invalid` for an address of which there is no source; `Unavailable` when no thread can be started.
pub fn source(address: &str) -> Result<Box<dyn Source>> {
    #[cfg(feature = "tail")]
    {
        if address == "-" {
            return Ok(Box::new(Pipe::new("the standard input", std::io::stdin())?));
        }
        let path = address.strip_prefix("file:").unwrap_or(address);
        if !path.is_empty() && !path.contains("://") {
            return Ok(Box::new(Tail::new(Path::new(path))?));
        }
    }
    Err(Error::invalid(format!(
        "there is no source for {address:?}; give a path, file:PATH, or - for the standard input"
    )))
}
