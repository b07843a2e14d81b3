"""One exception for each kind of error of the engine: what a caller would do differently."""

__all__ = [
    "ClosedError",
    "ConflictError",
    "CorruptError",
    "DeniedError",
    "Error",
    "InternalError",
    "InvalidError",
    "LimitedError",
    "NotFoundError",
    "UnavailableError",
]


class Error(Exception):
    """The base of all errors of asofdb. Its text is one line: the thing, the rule, and what to do."""


class NotFoundError(Error, LookupError):
    """A view, feature, service, entity, file or store does not exist."""


class InvalidError(Error, ValueError):
    """The input breaks a rule; nothing was written."""


class ConflictError(Error):
    """The input is well formed but contradicts what is stored: a schema change, an output that exists."""


class UnavailableError(Error):
    """It cannot be done now and may be later: locked, read-only, disk full, overloaded, no sidecar."""


class DeniedError(Error):
    """This caller may not, whenever it asks: it needs a greater role, or to be another user."""


class LimitedError(Error):
    """This caller, or a view, has used up what it may ask for; later it may again."""


class CorruptError(Error):
    """Stored bytes, or a file, cannot be read as what they claim to be."""


class ClosedError(Error):
    """The store or client was closed, or belongs to the process that this one was forked from."""


class InternalError(Error):
    """A bug in asofdb."""
