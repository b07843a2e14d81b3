"""Values and lines of a definitions file in TOML."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta, timezone
from typing import Any, Protocol

from .errors import InvalidError

Span = str | timedelta
"""A length of time: ``"2h"``, ``"1d 12h"`` or a ``timedelta``."""


def text(value: str) -> str:
    # A JSON string is a TOML string, but for the one control character that JSON leaves as it is.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def table(items: Mapping[str, str]) -> str:
    return "{ " + ", ".join(f"{text(name)} = {text(value)}" for name, value in items.items()) + " }"


class Living(Protocol):
    """A view or a service, with its stage and what follows it."""

    status: str | None
    replaced_by: str | None
    drop_after: str | None


def life_cycle(one: Living) -> tuple[tuple[str, str | None], ...]:
    """The fields of a life cycle, and their values where there are any."""
    fields = (("status", one.status), ("replaced_by", one.replaced_by), ("drop_after", one.drop_after))
    return tuple((name, None if value is None else text(value)) for name, value in fields)


class Judged(Protocol):
    """A view, with what people have said of its features that look like others."""

    same_as: Mapping[str, Sequence[str]]
    not_same_as: Mapping[str, Mapping[str, str]]


def verdicts(view: Judged) -> tuple[tuple[str, str | None], ...]:
    """The fields of verdicts on features, and their values where there are any."""
    same = {name: texts(others) for name, others in view.same_as.items()}
    other = {name: table(reasons) for name, reasons in view.not_same_as.items()}
    return (("same_as", _nested(same)), ("not_same_as", _nested(other)))


def _nested(items: Mapping[str, str]) -> str | None:
    return "{ " + ", ".join(f"{text(name)} = {value}" for name, value in items.items()) + " }" if items else None


def span(span: Span) -> str:
    if not isinstance(span, timedelta):
        return text(span)
    if span < timedelta(0):
        raise InvalidError(f"a length of time is not negative: {span}")
    microseconds = span // timedelta(microseconds=1)
    seconds, rest = divmod(microseconds, 1_000_000)
    return text(f"{seconds}s {rest}us" if rest else f"{seconds}s")


def literal(value: Any, name: str) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return _float(value)
        case str():
            return text(value)
        case bytes():
            try:
                return text(value.decode())
            except UnicodeDecodeError:
                raise InvalidError(f"the default of feature {name!r}: bytes are written as UTF-8 text") from None
        case datetime():
            if value.utcoffset() is None:
                raise InvalidError(f"the default of feature {name!r} needs a time zone: {value!r}")
            return value.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case list() | tuple():
            return "[" + ", ".join(literal(item, name) for item in value) + "]"
        case _:
            # numpy's numbers and arrays.
            plain = value.tolist() if hasattr(value, "tolist") else value
            if type(plain) is type(value):
                raise InvalidError(f"the default of feature {name!r} cannot be a {type(value).__name__}")
            return literal(plain, name)


def _float(value: float) -> str:
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return repr(value)


def texts(values: str | Sequence[str]) -> str:
    """A list of texts; a single one may stand for itself."""
    listed = (values,) if isinstance(values, str) else values
    return "[" + ", ".join(map(text, listed)) + "]"


def lists(values: str | Sequence[str | Sequence[str]]) -> str:
    """A list of lists of texts; a single text may stand for a list, and for the whole."""
    listed = (values,) if isinstance(values, str) else values
    return "[" + ", ".join(map(texts, listed)) + "]"


def lines(*pairs: tuple[str, str | None]) -> str:
    return "".join(f"{name} = {value}\n" for name, value in pairs if value is not None)


def optional(value: str) -> str | None:
    return text(value) if value else None
