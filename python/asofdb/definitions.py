"""Definitions as objects: the same things that a definitions file in TOML says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ._toml import Span, life_cycle, lines, lists, literal, optional, span, table, text, texts, verdicts
from .computed import DerivedView, WindowView, derived_view, window_view
from .errors import InvalidError

__all__ = [
    "Column",
    "Definition",
    "Definitions",
    "Entity",
    "EventView",
    "Feature",
    "FeatureService",
    "FeatureView",
    "FeedSource",
    "Span",
]

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
class FreshnessObjective:
    """The freshness that a view promises: ages of its events.

    The view is late when its newest event is older than ``warn``, and stale when it is older than ``stale``, or when
    more than ``stale_share_max`` of its entities, from 0 to 1, are. ``warn`` is at most ``stale``; None: the same.
    """

    stale: Span
    warn: Span | None = None
    stale_share_max: float | None = None


@dataclass
class FeedSource:
    """The files that a view is fed from.

    In ``path``, ``*`` and ``?`` stand for any characters of a name. ``schedule``: how often new files are looked for,
    ``"every 1h"``; None: only when somebody asks.
    """

    path: str
    schedule: str | None = None


@dataclass
class FeatureView:
    """A group of features that are computed together and share an entity key and a timestamp.

    ``ttl``: how old a version may be to be served; None: any age. ``retention``: versions older than this may be
    reclaimed; None: kept for ever. ``max_future_skew``: how far in the future an event may lie; None: an hour.
    ``event_timestamp`` and ``created_timestamp`` are names of columns in sources. ``check`` is a condition that no row
    may break, in the expression language: ``"score >= 0"``. ``freshness`` is what it promises of the age of its events.
    ``status`` is experimental, production or deprecated. What is deprecated may name the view that it is
    ``replaced_by`` and the day, ``"2027-01-31"``, on which it may be dropped at the earliest: ``drop_after``.
    ``same_as`` and ``not_same_as`` are verdicts on features that look like others, named ``"view:feature"``: those that
    are the same, and those that are not, each with the reason. ``source`` are the files that it is fed from. ``hot``
    says whether its newest rows are kept in memory: ``"auto"``, those that are read most; ``"pin"``, all of them as far
    as there is room; ``"never"``.
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
    freshness: FreshnessObjective | None = None
    status: str | None = None
    replaced_by: str | None = None
    drop_after: str | None = None
    same_as: Mapping[str, Sequence[str]] = field(default_factory=dict)
    not_same_as: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    source: FeedSource | None = None
    hot: str = "auto"


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
    features: they are read by ``history`` and ``export``, and counted by a :class:`~asofdb.computed.WindowView`.
    ``also_by`` are other entities by which windows find them, each an entity or a list of entities whose join keys are
    columns and in the event id. The rest is as in :class:`FeatureView`.
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
    also_by: str | Sequence[str | Sequence[str]] = ()
    freshness: FreshnessObjective | None = None
    status: str | None = None
    replaced_by: str | None = None
    drop_after: str | None = None
    same_as: Mapping[str, Sequence[str]] = field(default_factory=dict)
    not_same_as: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    source: FeedSource | None = None


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
    status: str | None = None
    replaced_by: str | None = None
    drop_after: str | None = None


Definition = Entity | FeatureView | EventView | WindowView | DerivedView | FeatureService
"""Anything that a store has by name."""


@dataclass
class Definitions:
    """The whole wanted state of a store: what it does not name is dropped when it is applied."""

    entities: list[Entity] = field(default_factory=list)
    feature_views: list[FeatureView] = field(default_factory=list)
    feature_services: list[FeatureService] = field(default_factory=list)
    event_views: list[EventView] = field(default_factory=list)
    window_views: list[WindowView] = field(default_factory=list)
    derived_views: list[DerivedView] = field(default_factory=list)

    @classmethod
    def of(cls, objects: Iterable[Definition]) -> Definitions:
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
                case WindowView():
                    definitions.window_views.append(one)
                case DerivedView():
                    definitions.derived_views.append(one)
                case FeatureService():
                    definitions.feature_services.append(one)
                case _:
                    raise InvalidError(
                        "definitions are of Entity, FeatureView, EventView, WindowView, DerivedView and "
                        f"FeatureService, not {type(one).__name__}"
                    )
        return definitions

    def to_toml(self) -> str:
        """The definitions as a TOML file has them, for ``asof apply`` or for review."""
        parts = [_entity(entity) for entity in self.entities]
        parts += [_view(view) for view in self.feature_views]
        parts += [_event_view(view) for view in self.event_views]
        parts += [window_view(view) for view in self.window_views]
        parts += [derived_view(view) for view in self.derived_views]
        parts += [_service(service) for service in self.feature_services]
        return "\n".join(parts)


def _entity(entity: Entity) -> str:
    keys = ", ".join(f"{{ name = {text(name)}, type = {text(ty)} }}" for name, ty in entity.join_keys.items())
    return "[[entity]]\n" + lines(
        ("name", text(entity.name)),
        ("join_keys", f"[{keys}]"),
        ("description", optional(entity.description)),
        ("tags", table(entity.tags) if entity.tags else None),
    )


def _view(view: FeatureView) -> str:
    head = "[[feature_view]]\n" + lines(
        ("name", text(view.name)),
        ("entities", texts(view.entities)),
        ("ttl", None if view.ttl is None else span(view.ttl)),
        ("retention", None if view.retention is None else span(view.retention)),
        ("keep_newest", None if view.keep_newest else "false"),
        ("max_future_skew", None if view.max_future_skew is None else span(view.max_future_skew)),
        ("event_timestamp", text(view.event_timestamp)),
        ("created_timestamp", None if view.created_timestamp is None else text(view.created_timestamp)),
        ("owner", optional(view.owner)),
        ("team", optional(view.team)),
        ("description", optional(view.description)),
        ("tags", table(view.tags) if view.tags else None),
        ("check", None if view.check is None else text(view.check)),
        ("freshness", _freshness(view.freshness)),
        *life_cycle(view),
        *verdicts(view),
        ("source", _source(view.source)),
        ("hot", None if view.hot == "auto" else text(view.hot)),
    )
    return head + "".join(_feature(feature) for feature in view.features)


def _freshness(freshness: FreshnessObjective | None) -> str | None:
    if freshness is None:
        return None
    share = freshness.stale_share_max
    fields = [
        None if freshness.warn is None else f"warn = {span(freshness.warn)}",
        f"stale = {span(freshness.stale)}",
        None if share is None else f"stale_share_max = {literal(float(share), 'freshness')}",
    ]
    return "{ " + ", ".join(one for one in fields if one is not None) + " }"


def _feature(feature: Feature) -> str:
    return "[[feature_view.feature]]\n" + lines(
        ("name", text(feature.name)),
        ("type", text(feature.type)),
        ("description", optional(feature.description)),
        ("default", None if feature.default is None else literal(feature.default, feature.name)),
        ("tags", table(feature.tags) if feature.tags else None),
    )


def _source(source: FeedSource | None) -> str | None:
    if source is None:
        return None
    return table({"path": source.path} | ({} if source.schedule is None else {"schedule": source.schedule}))


def _event_view(view: EventView) -> str:
    head = "[[event_view]]\n" + lines(
        ("name", text(view.name)),
        ("entities", texts(view.entities)),
        ("also_by", lists(view.also_by) if view.also_by else None),
        ("event_id", texts(view.event_id) if view.event_id else None),
        ("retention", None if view.retention is None else span(view.retention)),
        ("max_future_skew", None if view.max_future_skew is None else span(view.max_future_skew)),
        ("event_timestamp", text(view.event_timestamp)),
        ("created_timestamp", None if view.created_timestamp is None else text(view.created_timestamp)),
        ("owner", optional(view.owner)),
        ("team", optional(view.team)),
        ("description", optional(view.description)),
        ("tags", table(view.tags) if view.tags else None),
        ("check", None if view.check is None else text(view.check)),
        ("freshness", _freshness(view.freshness)),
        *life_cycle(view),
        *verdicts(view),
        ("source", _source(view.source)),
    )
    return head + "".join(_column(column) for column in view.columns)


def _column(column: Column) -> str:
    return "[[event_view.columns]]\n" + lines(
        ("name", text(column.name)),
        ("type", text(column.type)),
        ("description", optional(column.description)),
        ("tags", table(column.tags) if column.tags else None),
    )


def _service(service: FeatureService) -> str:
    return "[[feature_service]]\n" + lines(
        ("name", text(service.name)),
        ("owner", optional(service.owner)),
        ("description", optional(service.description)),
        ("tags", table(service.tags) if service.tags else None),
        ("features", texts(service.features)),
        *life_cycle(service),
    )
