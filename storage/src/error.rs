//! The one error type of the engine.
//!
//! A kind says what a caller would do differently; the message names the thing and the rule, lower case,
//! values last. Types of dependencies never leak: their text is kept as the source of the chain.

use std::fmt;

/// The kind of an error, which says what a caller can do about it. The wire and Python have the same list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A view, feature, service, entity, file or store does not exist.
    NotFound,
    /// The caller's input breaks a rule; nothing was written.
    Invalid,
    /// The input is well formed but contradicts what is stored (a schema change, an output that exists).
    Conflict,
    /// The store cannot do it now and may later: locked, read-only, disk full, overloaded.
    Unavailable,
    /// This caller may not, whenever it asks: it needs a greater role, or to be another user.
    Denied,
    /// This caller, or a view, has used up what it may ask for; later it may again.
    Limited,
    /// Stored bytes cannot be read as what they claim to be.
    Corrupt,
    /// The store was closed.
    Closed,
    /// A bug in asofdb.
    Internal,
}

impl ErrorKind {
    /// Every kind.
    pub const ALL: [ErrorKind; 9] = [
        ErrorKind::NotFound,
        ErrorKind::Invalid,
        ErrorKind::Conflict,
        ErrorKind::Unavailable,
        ErrorKind::Denied,
        ErrorKind::Limited,
        ErrorKind::Corrupt,
        ErrorKind::Closed,
        ErrorKind::Internal,
    ];

    /// The stable lower-case name of the kind, as used on the wire and in logs.
    pub fn as_str(self) -> &'static str {
        match self {
            ErrorKind::NotFound => "not_found",
            ErrorKind::Invalid => "invalid",
            ErrorKind::Conflict => "conflict",
            ErrorKind::Unavailable => "unavailable",
            ErrorKind::Denied => "denied",
            ErrorKind::Limited => "limited",
            ErrorKind::Corrupt => "corrupt",
            ErrorKind::Closed => "closed",
            ErrorKind::Internal => "internal",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Advice, as plain data: each front end words it in its own terms, an option of the command line or an argument
/// of Python. It does not travel to other processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Hint {
    /// Allow that definitions drop what they do not name.
    AllowDrop,
    /// Allow redefinitions.
    AllowRedefine,
    /// Name what may be dropped or redefined although consumers read it.
    AllowUsed,
    /// Say the format of the input.
    InputFormat,
    /// Ingest everything again, whatever an earlier run has noted.
    FromScratch,
    /// Say which column has the times of the spine.
    EventTimestamp,
    /// Start a sidecar on the socket.
    StartSidecar,
    /// Let the sidecar take longer frames.
    FrameBytesMax,
    /// Give callers over HTTP a token to show.
    HttpToken,
    /// Let the store's directory be open to others.
    SharedStore,
    /// Let somebody else approve the plan.
    Approve,
}

type Source = Box<dyn std::error::Error + Send + Sync + 'static>;

/// An error with its kind, a one-line message and, where there is one, its cause.
///
/// `{}` prints the message alone; `{:#}` prints the whole chain on one line.
pub struct Error {
    inner: Box<Inner>,
}

struct Inner {
    kind: ErrorKind,
    message: String,
    hint: Option<Hint>,
    source: Option<Source>,
}

/// The result of every fallible function of the engine.
pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! constructors {
    ($($(#[$doc:meta])* $name:ident => $kind:ident;)*) => {
        $($(#[$doc])* pub fn $name(message: impl Into<String>) -> Self { Error::new(ErrorKind::$kind, message) })*
    };
}

impl Error {
    /// Builds an error of `kind`; the message is one line, lower case, values last.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error { inner: Box::new(Inner { kind, message: message.into(), hint: None, source: None }) }
    }

    constructors! {
        /// Something that was named does not exist.
        not_found => NotFound;
        /// The caller's input breaks a rule.
        invalid => Invalid;
        /// The input contradicts what is stored.
        conflict => Conflict;
        /// It cannot be done now.
        unavailable => Unavailable;
        /// This caller may not.
        denied => Denied;
        /// This caller, or a view, has used up what it may ask for.
        limited => Limited;
        /// Stored bytes are not what they claim to be.
        corrupt => Corrupt;
        /// The store was closed.
        closed => Closed;
        /// A bug in asofdb.
        internal => Internal;
    }

    /// Attaches the cause of this error.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Source>) -> Self {
        self.inner.source = Some(source.into());
        self
    }

    /// Attaches what would help.
    #[must_use]
    pub fn with_hint(mut self, hint: Hint) -> Self {
        self.inner.hint = Some(hint);
        self
    }

    /// Wraps this error in a message that says what was being done, keeping the kind and the hint.
    #[must_use]
    pub fn context(self, message: impl Into<String>) -> Self {
        let (kind, hint) = (self.kind(), self.hint());
        let mut error = Error::new(kind, message).with_source(self);
        error.inner.hint = hint;
        error
    }

    /// Returns the kind: what a caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        self.inner.kind
    }

    /// Returns the advice, if there is any.
    pub fn hint(&self) -> Option<Hint> {
        self.inner.hint
    }

    /// The message without its cause.
    pub fn message(&self) -> &str {
        &self.inner.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.inner.message)?;
        if f.alternate() {
            let mut cause = std::error::Error::source(self);
            while let Some(error) = cause {
                write!(f, ": {}", error.to_string().trim_end())?;
                cause = error.source();
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {self:#}", self.kind())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.inner.source.as_deref().map(|e| e as &(dyn std::error::Error + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alternate_form_prints_the_whole_chain_on_one_line() {
        let error = Error::corrupt("row is cut short").context("cannot read view \"weather\"");
        assert_eq!(error.to_string(), "cannot read view \"weather\"");
        assert_eq!(format!("{error:#}"), "cannot read view \"weather\": row is cut short");
        assert_eq!(error.kind(), ErrorKind::Corrupt);
    }
}
