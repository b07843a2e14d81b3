"""Definitions of features that the store computes: by windows over events, and by expressions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from ._toml import Span, life_cycle, lines, literal, optional, span, table, text, texts, verdicts
from .errors import InvalidError

__all__ = ["DerivedFeature", "DerivedView", "RequestValue", "WindowFeature", "WindowView"]


@dataclass
class WindowFeature:
    """An aggregate of the events in windows: a feature a window, named ``name_24h``.

    ``aggregate`` is count, sum, min, max, mean, variance, stddev, first, last, first_k, last_k, distinct, count_by,
    approx_distinct or quantile. ``of`` is the column that it is of; count has none. ``where`` is an expression that is
    true of the events that it takes, beside that of the view. ``windows`` are those of the view where none are named.
    ``default`` stands in where there is no value; the status still says why. ``settings`` are those of the aggregate:
    ``{"k": 3, "distinct": True}`` of last_k, ``{"q": 0.95, "error": 0.01}`` of quantile, ``{"values": ["a", "b"]}`` or
    ``{"top": 3}`` of count_by, ``cap``, ``precision`` and ``population``.
    """

    name: str
    aggregate: str
    of: str | None = None
    where: str | None = None
    windows: Span | Sequence[Span] = ()
    default: Any = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass
class WindowView:
    """Features that are computed from the events of an event view when they are read.

    ``events`` is the name of the event view. The windows of a time T have the events after T − window and up to T.
    They are texts, whole minutes, hours or days (``"30m"``, ``"24h"``, ``"7d"``), which name the features; a
    ``timedelta`` is named in the largest unit that it is a whole number of: ``timedelta(hours=24)`` is ``"1d"``.
    ``entities``: those of the event view where none are named. ``where`` is an expression over the columns of an event:
    the windows have those for which it is true. T is set back by ``offset``, and then rounded down to ``every``.
    """

    name: str
    events: str
    features: Sequence[WindowFeature]
    windows: Span | Sequence[Span] = ()
    entities: str | Sequence[str] = ()
    where: str | None = None
    every: Span | None = None
    offset: Span | None = None
    owner: str = ""
    team: str = ""
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    status: str | None = None
    replaced_by: str | None = None
    drop_after: str | None = None
    same_as: Mapping[str, Sequence[str]] = field(default_factory=dict)
    not_same_as: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass
class RequestValue:
    """A value that comes with the question. ``type`` is one of those of a feature. One that is not ``required`` is
    null where it is not given."""

    name: str
    type: str
    required: bool = True
    description: str = ""


@dataclass
class DerivedFeature:
    """A feature that is computed by an expression: ``"year(now) - profile_v1:birth_year"``.

    It may read features of any view (``view:feature``), request values of its own view by their name, and ``now``, the
    time that is asked about. ``type`` is that of the expression. ``default`` stands in where there is no value; the
    status still says why.
    """

    name: str
    type: str
    expression: str
    default: Any = None
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass
class DerivedView:
    """Features that are computed by expressions when they are read, from other features and from ``request`` values.

    Its entities are those of the features that its expressions read.
    """

    name: str
    features: Sequence[DerivedFeature]
    request: Sequence[RequestValue] = ()
    owner: str = ""
    team: str = ""
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    status: str | None = None
    replaced_by: str | None = None
    drop_after: str | None = None
    same_as: Mapping[str, Sequence[str]] = field(default_factory=dict)
    not_same_as: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


_UNITS = (("d", timedelta(days=1)), ("h", timedelta(hours=1)), ("m", timedelta(minutes=1)))


def _window(window: Span) -> str:
    """The text of a window, which is part of the names of its features."""
    if not isinstance(window, timedelta):
        return text(window)
    for unit, length in _UNITS:
        if window >= length and not window % length:
            return text(f"{window // length}{unit}")
    raise InvalidError(f"a window is a whole number of minutes, hours or days: {window}")


def _windows(windows: Span | Sequence[Span]) -> str | None:
    listed = (windows,) if isinstance(windows, (str, timedelta)) else windows
    return "[" + ", ".join(map(_window, listed)) + "]" if listed else None


def _optional(value: str | None) -> str | None:
    return None if value is None else text(value)


def _described(view: WindowView | DerivedView) -> str:
    return lines(
        ("owner", optional(view.owner)),
        ("team", optional(view.team)),
        ("description", optional(view.description)),
        ("tags", table(view.tags) if view.tags else None),
        *life_cycle(view),
        *verdicts(view),
    )


def window_view(view: WindowView) -> str:
    """A window view as a definitions file has it."""
    head = "[[window_view]]\n" + lines(
        ("name", text(view.name)),
        ("from", text(view.events)),
        ("entities", texts(view.entities) if view.entities else None),
        ("where", _optional(view.where)),
        ("windows", _windows(view.windows)),
        ("every", None if view.every is None else span(view.every)),
        ("offset", None if view.offset is None else span(view.offset)),
    )
    return head + _described(view) + "".join(map(_window_feature, view.features))


def _window_feature(feature: WindowFeature) -> str:
    return "[[window_view.feature]]\n" + lines(
        ("name", text(feature.name)),
        ("aggregate", text(feature.aggregate)),
        ("of", _optional(feature.of)),
        ("where", _optional(feature.where)),
        ("windows", _windows(feature.windows)),
        ("default", None if feature.default is None else literal(feature.default, feature.name)),
        *((text(name), literal(value, feature.name)) for name, value in feature.settings.items()),
        ("description", optional(feature.description)),
        ("tags", table(feature.tags) if feature.tags else None),
    )


def derived_view(view: DerivedView) -> str:
    """A derived view as a definitions file has it."""
    head = "[[derived_view]]\n" + lines(("name", text(view.name))) + _described(view)
    return head + "".join(map(_request_value, view.request)) + "".join(map(_derived_feature, view.features))


def _request_value(value: RequestValue) -> str:
    return "[[derived_view.request]]\n" + lines(
        ("name", text(value.name)),
        ("type", text(value.type)),
        ("required", None if value.required else "false"),
        ("description", optional(value.description)),
    )


def _derived_feature(feature: DerivedFeature) -> str:
    return "[[derived_view.feature]]\n" + lines(
        ("name", text(feature.name)),
        ("type", text(feature.type)),
        ("expression", text(feature.expression)),
        ("description", optional(feature.description)),
        ("default", None if feature.default is None else literal(feature.default, feature.name)),
        ("tags", table(feature.tags) if feature.tags else None),
    )
