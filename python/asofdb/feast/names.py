"""Names in the store for the things of a Feast project.

The store's names begin with a letter or an underscore, go on with letters, digits, ``_``, ``.`` and ``-``, and have at
most 128 bytes. Feast allows more, so that other characters are escaped as ``.`` and two hexadecimal digits a byte;
``.`` itself too. No two things of Feast ever get one name:

=========================================  ==================================
a feature view ``v`` of project ``p``      ``p__v``
its version 2, where versions are served   ``p__v.v2``
a join key ``k`` of type int64 in ``p``    entity ``p__k.int64``
a feature or join key ``c``                ``c``, the column's own name
=========================================  ==================================

The escaped project never contains ``__`` and never ends with ``_``, so that the first ``__`` of a name is the one that
ends the project.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

NAME_BYTES_MAX: Final = 128
"""The longest name that the store takes."""

SEPARATOR: Final = "__"
"""Between the project and the rest of a name."""

_RESERVED_COLUMNS: Final = frozenset({"event_timestamp", "created_timestamp"})
"""Columns of results, which neither features nor join keys may be called."""

_LETTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_PLAIN: Final = _LETTERS | frozenset("0123456789_-")
_REMEMBERED: Final = 4096
_ESCAPED: Final = re.compile(r"\.([0-9A-F]{2})")


class NameTooLong(ValueError):
    """A name of Feast does not fit into a name of the store."""


@lru_cache(maxsize=_REMEMBERED)
def project_prefix(project: str, prefix: str | None = None) -> str:
    """Returns the prefix of the names of a project's views: ``prefix`` where one is configured."""
    if prefix is not None:
        return prefix
    return _start(_escape_project(project)) + SEPARATOR


@lru_cache(maxsize=_REMEMBERED)
def view_name(prefix: str, view: str, version: int | None = None) -> str:
    """The store's name of a feature view."""
    name = prefix + _escape(view)
    if version is not None:
        name += f".v{version}"
    return _checked(_start(name), "feature view", view)


def entity_name(prefix: str, join_key: str, store_type: str) -> str:
    """The store's name of the entity that stands for a join key of one type."""
    return _checked(_start(f"{prefix}{_escape(join_key)}.{store_type}"), "join key", join_key)


@lru_cache(maxsize=_REMEMBERED)
def column_name(column: str) -> str:
    """The store's name of a feature or a join key."""
    name = _escape(column)
    if column in _RESERVED_COLUMNS:
        name = name[:-1] + _escape_all(name[-1])
    return _checked(_start(name), "column", column)


def feast_column(name: str) -> str:
    """The column of Feast that the store calls ``name``: the inverse of :func:`column_name`."""
    text = name[1:] if name.startswith("_.") else name
    raw = bytearray()
    position = 0
    for match in _ESCAPED.finditer(text):
        raw += text[position : match.start()].encode()
        raw.append(int(match[1], 16))
        position = match.end()
    raw += text[position:].encode()
    return raw.decode()


def _escape_all(text: str) -> str:
    return "".join(f".{byte:02X}" for byte in text.encode())


def _escape(text: str) -> str:
    """Escapes what the store's names do not take; of a text that would then begin with ``_.``, the ``_`` too."""
    escaped = "".join(char if char in _PLAIN else _escape_all(char) for char in text)
    return _escape_all("_") + escaped[1:] if escaped.startswith("_.") else escaped


def _escape_project(project: str) -> str:
    """As :func:`_escape`, and every ``_`` that another one or the end follows, or that begins the name."""
    text = _escape(project)
    return re.sub(r"^_|_(?=_|$)", _escape_all("_"), text)


def _start(name: str) -> str:
    """Makes a name begin as the store's names do."""
    if name[:1] in _LETTERS or name[:1] == "_":
        return name
    first = name[:1] if name.startswith(".") else _escape_all(name[:1])
    return "_" + first + name[1:]


def _checked(name: str, what: str, given: str) -> str:
    if len(name) > NAME_BYTES_MAX:
        raise NameTooLong(
            f"the {what} {given!r} is {name!r} in the store, whose names have at most {NAME_BYTES_MAX} bytes: "
            "shorten it, or the project's name, or configure a short prefix"
        )
    return name
