//! Sources by their addresses.

#[cfg(feature = "tail")]
use std::path::Path;

use asofdb::{Error, Result};

#[cfg(feature = "redis")]
use crate::redis::RedisStream;
use crate::source::Source;
#[cfg(feature = "tail")]
use crate::tail::{Pipe, Tail};

/// The source of an address: a path or `file:PATH` for a file that grows by lines of JSON, `-` for the standard input,
/// `redis://HOST:PORT/DB#KEY` for a stream of Valkey or Redis (`rediss:` over TLS, `redis+unix:` over a socket; `valkey` is the
/// same).
///
/// # Errors
/// `Invalid` for an address of which there is no source; `Unavailable` when no thread can be started.
pub fn source(address: &str) -> Result<Box<dyn Source>> {
    #[cfg(feature = "redis")]
    if RedisStream::is_address(address) {
        return Ok(Box::new(RedisStream::new(address)?));
    }
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
    // Not the whole of it: it may have a password.
    let scheme = address.split(':').next().unwrap_or_default();
    Err(Error::invalid(format!(
        "there is no source for {scheme:?}; give a path, file:PATH, redis://HOST:PORT/DB#KEY, or - for the standard input"
    )))
}
