//! Failures of requests, and checks of their answers.

use std::io::{self, ErrorKind as IoKind};
use std::path::Path;
use std::time::Duration;

use asofdb::{Error, Hint, Result};
use asofdb_protocol::{ErrorMessage, HEADER_BYTES, Header, Kind, Welcome, decode_message};

/// The reason why a request failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The sidecar answered so; the connection is good.
    Refused(Error),
    /// The request has to be prepared again.
    Stale,
    /// The connection is no good any more. `sent` tells whether the sidecar may have got the request.
    Broken { error: Error, sent: bool },
}

impl Failure {
    /// The connection is no good any more, because of `error`; an answer was waited for so long at most.
    pub(crate) fn broken(error: &io::Error, timeout: Duration, sent: bool) -> Self {
        let what = match error.kind() {
            IoKind::WouldBlock | IoKind::TimedOut => {
                format!("the sidecar did not answer within {timeout:?}; it may still do what was asked")
            }
            _ => "the connection to the sidecar broke; it was stopped, or it closed the connection".to_owned(),
        };
        Failure::Broken { error: Error::unavailable(format!("{what}: {error}")), sent }
    }

    pub(crate) fn into_error(self) -> Error {
        match self {
            Failure::Refused(error) | Failure::Broken { error, .. } => error,
            Failure::Stale => ErrorMessage::stale().into_error(),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Refused(error)
    }
}

/// Refuses a request that the sidecar would not take, before any of it is sent: the sidecar would close the connection.
pub(crate) fn check_length(kind: Kind, frame_bytes: usize, welcome: &Welcome) -> Result<()> {
    let (most, bytes) = (welcome.body_bytes_max, frame_bytes.saturating_sub(HEADER_BYTES));
    // Before it is welcome, a client does not know.
    if kind == Kind::Hello || bytes as u64 <= most {
        return Ok(());
    }
    let instead = if kind == Kind::Write { "; write fewer rows at a time, or ingest them" } else { "" };
    Err(Error::invalid(format!("the sidecar takes requests of at most {most} bytes: {bytes}{instead}"))
        .with_hint(Hint::FrameBytesMax))
}

/// Makes the error for a write's caller when the connection broke under it.
pub(crate) fn unknown_outcome(error: &Error) -> Error {
    let message = format!("{error:#}; whether it was done is not known: read before doing it again");
    Error::new(error.kind(), message)
}

/// Makes the error that says why nobody answers at `path`.
pub(crate) fn cannot_connect(path: &Path, error: io::Error) -> Error {
    let shown = path.display();
    let what = match error.kind() {
        IoKind::NotFound | IoKind::ConnectionRefused => {
            format!("no sidecar listens on {shown}; start one")
        }
        IoKind::PermissionDenied => format!("this user may not connect to the sidecar on {shown}"),
        _ => format!("cannot connect to the sidecar on {shown}"),
    };
    if error.kind() == IoKind::PermissionDenied {
        return Error::denied(what).with_source(error);
    }
    let nobody = matches!(error.kind(), IoKind::NotFound | IoKind::ConnectionRefused);
    let failed = Error::unavailable(what).with_source(error);
    if nobody { failed.with_hint(Hint::StartSidecar) } else { failed }
}

/// Checks that a frame belongs to the answer to request `id`; tells whether it is a piece of a stream.
pub(crate) fn check_answer(header: Header, body: &[u8], kind: Kind, id: u64) -> Result<bool, Failure> {
    let broken = |error| Failure::Broken { error, sent: true };
    if header.is_answer && header.kind == Kind::Error && (header.id == id || header.id == 0) {
        let message: ErrorMessage = decode_message(body).map_err(broken)?;
        return Err(match (header.id, message.is_stale()) {
            (0, _) => broken(message.into_error()),
            (_, true) => Failure::Stale,
            _ => Failure::Refused(message.into_error()),
        });
    }
    if !header.is_answer || header.id != id || (header.kind != kind && header.kind != Kind::Chunk) {
        return Err(broken(unexpected()));
    }
    Ok(header.kind == Kind::Chunk)
}

#[cold]
pub(crate) fn unexpected() -> Error {
    Error::internal("the sidecar answered another request than was asked")
}
