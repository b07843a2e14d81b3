//! Getting a page, as a browser does.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use asofdb::{Error, Result};

/// The longest time that a page may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Gets a page of a sidecar, with the head of the answer.
///
/// # Errors
/// `Unavailable` when there is no answer.
pub(super) fn get(address: &str, path: &str) -> Result<String> {
    let failed = |error| Error::unavailable(format!("no page at http://{address}{path}")).with_source(error);
    let mut stream = TcpStream::connect(address).map_err(failed)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).map_err(failed)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).map_err(failed)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
