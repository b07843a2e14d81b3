"""Definitions as objects: the same things that a definitions file in TOML says."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from typing import Any

from .errors import InvalidError

__all__ = ["Column", "Definitions", "Entity", "EventView", "Feature", "FeatureService", "FeatureView", "Span"]

Span = str | timedelta
"""A length of time: ``"2h"``, ``"1d 12h"`` or a ``timedelta``."""

TYPES = ("bool", "int32", "int64", "float32", "float64", "string", "bytes", "timestamp", "date")


@dataclass
class Entity:
    """A thing that features describe.

    ``join_keys`` are the columns that identify it, with their types, in key order: ``{"user_id": "int64"}``.
    """

    name: str
    join_keys: Mapping[str, str]
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Feature:
    """One feature of a view.

    ``type`` is one of bool, int32, int64, float32, float64, string, bytes, timestamp, date or ``list<...>`` of one.
    ``default`` stands in for null, missing and expired values; the status still says why.
    """

    name: str
    type: str
    description: str = ""
    default: Any = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass
class FeatureView:
    """A group of features that are computed together and share an entity key and a timestamp.

    ``ttl``: how old a version may be to be served; None: any age. ``retention``: versions older than this may be
    reclaimed; None: kept for ever. ``max_future_skew``: how far in the future an event may lie; None: an hour.
    ``event_timestamp`` and ``created_timestamp`` are names of columns in sources. ``check`` is a condition that no row
    may break, in the expression language: ``"score >= 0"``.
    """

    name: str
    entities: str | Sequence[str]
    features: Sequence[Feature]
    ttl: Span | None = None
    retention: Span | None = None
    keep_newest: bool = True
    max_future_skew: Span | None = None
    event_timestamp: str = "event_timestamp"
    created_timestamp: str | None = None
    owner: str = ""
    team: str = ""
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    check: str | None = None


@dataclass
class Column:
    """One column of events. ``type`` is one of those of a feature."""

    name: str
    type: str
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass
class EventView:
    """Events of entities: facts that are counted, and not superseded by the next one.

    ``event_id`` names the columns that make a redelivery the same event; none: all columns together. Events have no
    features: they are read by ``history`` and ``export``. The rest is as in :class:`FeatureView`.
    """

    name: str
    entities: str | Sequence[str]
    columns: Sequence[Column]
    event_id: str | Sequence[str] = ()
    retention: Span | None = None
    max_future_skew: Span | None = None
    event_timestamp: str = "event_timestamp"
    created_timestamp: str | None = None
    owner: str = ""
    team: str = ""
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    check: str | None = None


@dataclass
class FeatureService:
    """The named list of features that one model version reads, in the order of the model's inputs.

    ``features`` are references: ``"view:feature"`` or ``"view:*"``.
    """

    name: str
    features: str | Sequence[str]
    owner: str = ""
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Definitions:
    """The whole wanted state of a store: what it does not name is dropped when it is applied."""

    entities: list[Entity] = field(default_factory=list)
    feature_views: list[FeatureView] = field(default_factory=list)
    feature_services: list[FeatureService] = field(default_factory=list)
    event_views: list[EventView] = field(default_factory=list)

    @classmethod
    def of(cls, objects: Iterable[Entity | FeatureView | EventView | FeatureService]) -> Definitions:
        """Definitions of any objects, in any order.

        Raises ``InvalidError`` for an object of another type.
        """
        definitions = cls()
        for one in objects:
            match one:
                case Entity():
                    definitions.entities.append(one)
                case FeatureView():
                    definitions.feature_views.append(one)
                case EventView():
                    definitions.event_views.append(one)
                case FeatureService():
                    definitions.feature_services.append(one)
                case _:
                    raise InvalidError(
                        "definitions are of Entity, FeatureView, EventView and FeatureService, "
                        f"not {type(one).__name__}"
                    )
        return definitions

    def to_toml(self) -> str:
        """The definitions as a TOML file has them, for ``asof apply`` or for review."""
        parts = [_entity(entity) for entity in self.entities]
        parts += [_view(view) for view in self.feature_views]
        parts += [_event_view(view) for view in self.event_views]
        parts += [_service(service) for service in self.feature_services]
        return "\n".join(parts)


def _text(value: str) -> str:
    # A JSON string is a TOML string, but for the one control character that JSON leaves as it is.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _table(items: Mapping[str, str]) -> str:
    return "{ " + ", ".join(f"{_text(name)} = {_text(value)}" for name, value in items.items()) + " }"


def _span(span: Span) -> str:
    if not isinstance(span, timedelta):
        return _text(span)
    if span < timedelta(0):
        raise InvalidError(f"a length of time is not negative: {span}")
    microseconds = span // timedelta(microseconds=1)
    seconds, rest = divmod(microseconds, 1_000_000)
    return _text(f"{seconds}s {rest}us" if rest else f"{seconds}s")


def _literal(value: Any, name: str) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return _float(value)
        case str():
            return _text(value)
        case bytes():
            try:
                return _text(value.decode())
            except UnicodeDecodeError:
                raise InvalidError(f"the default of feature {name!r}: bytes are written as UTF-8 text") from None
        case datetime():
            if value.utcoffset() is None:
                raise InvalidError(f"the default of feature {name!r} needs a time zone: {value!r}")
            return value.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case list() | tuple():
            return "[" + ", ".join(_literal(item, name) for item in value) + "]"
        case _:
            # numpy's numbers and arrays.
            plain = value.tolist() if hasattr(value, "tolist") else value
            if type(plain) is type(value):
                raise InvalidError(f"the default of feature {name!r} cannot be a {type(value).__name__}")
            return _literal(plain, name)


def _float(value: float) -> str:
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return repr(value)


def _texts(values: str | Sequence[str]) -> str:
    """A list of texts; a single one may stand for itself."""
    listed = (values,) if isinstance(values, str) else values
    return "[" + ", ".join(map(_text, listed)) + "]"


def _lines(*pairs: tuple[str, str | None]) -> str:
    return "".join(f"{name} = {value}\n" for name, value in pairs if value is not None)


def _optional(value: str) -> str | None:
    return _text(value) if value else None


def _entity(entity: Entity) -> str:
    keys = ", ".join(f"{{ name = {_text(name)}, type = {_text(ty)} }}" for name, ty in entity.join_keys.items())
    return "[[entity]]\n" + _lines(
        ("name", _text(entity.name)),
        ("join_keys", f"[{keys}]"),
        ("description", _optional(entity.description)),
        ("tags", _table(entity.tags) if entity.tags else None),
    )


def _view(view: FeatureView) -> str:
    head = "[[feature_view]]\n" + _lines(
        ("name", _text(view.name)),
        ("entities", _texts(view.entities)),
        ("ttl", None if view.ttl is None else _span(view.ttl)),
        ("retention", None if view.retention is None else _span(view.retention)),
        ("keep_newest", None if view.keep_newest else "false"),
        ("max_future_skew", None if view.max_future_skew is None else _span(view.max_future_skew)),
        ("event_timestamp", _text(view.event_timestamp)),
        ("created_timestamp", None if view.created_timestamp is None else _text(view.created_timestamp)),
        ("owner", _optional(view.owner)),
        ("team", _optional(view.team)),
        ("description", _optional(view.description)),
        ("tags", _table(view.tags) if view.tags else None),
        ("check", None if view.check is None else _text(view.check)),
    )
    return head + "".join(_feature(feature) for feature in view.features)


def _feature(feature: Feature) -> str:
    return "[[feature_view.feature]]\n" + _lines(
        ("name", _text(feature.name)),
        ("type", _text(feature.type)),
        ("description", _optional(feature.description)),
        ("default", None if feature.default is None else _literal(feature.default, feature.name)),
        ("tags", _table(feature.tags) if feature.tags else None),
    )


def _event_view(view: EventView) -> str:
    head = "[[event_view]]\n" + _lines(
        ("name", _text(view.name)),
        ("entities", _texts(view.entities)),
        ("event_id", _texts(view.event_id) if view.event_id else None),
        ("retention", None if view.retention is None else _span(view.retention)),
        ("max_future_skew", None if view.max_future_skew is None else _span(view.max_future_skew)),
        ("event_timestamp", _text(view.event_timestamp)),
        ("created_timestamp", None if view.created_timestamp is None else _text(view.created_timestamp)),
        ("owner", _optional(view.owner)),
        ("team", _optional(view.team)),
        ("description", _optional(view.description)),
        ("tags", _table(view.tags) if view.tags else None),
        ("check", None if view.check is None else _text(view.check)),
    )
    return head + "".join(_column(column) for column in view.columns)


def _column(column: Column) -> str:
    return "[[event_view.columns]]\n" + _lines(
        ("name", _text(column.name)),
        ("type", _text(column.type)),
        ("description", _optional(column.description)),
        ("tags", _table(column.tags) if column.tags else None),
    )


def _service(service: FeatureService) -> str:
    return "[[feature_service]]\n" + _lines(
        ("name", _text(service.name)),
        ("owner", _optional(service.owner)),
        ("description", _optional(service.description)),
        ("tags", _table(service.tags) if service.tags else None),
        ("features", _texts(service.features)),
    )
