"""The catalog, and plans of its changes."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .computed import DerivedFeature, DerivedView, RequestValue, WindowFeature, WindowView
from .definitions import (
    Column,
    Definitions,
    Entity,
    EventView,
    Feature,
    FeatureService,
    FeatureView,
    FeedSource,
    FreshnessObjective,
)

__all__ = ["Catalog", "Change", "Plan"]


@dataclass(frozen=True)
class Change:
    """One line of a plan. ``kind`` is create, change or drop; ``what`` says to what sort of thing."""

    kind: str
    what: str
    name: str
    details: list[str]
    text: str = field(repr=False)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Plan:
    """The changes that lead from what is defined to what is wanted. It is false where there are none."""

    changes: list[Change]

    def __bool__(self) -> bool:
        return bool(self.changes)

    def __iter__(self) -> Iterator[Change]:
        return iter(self.changes)

    def __str__(self) -> str:
        return "\n".join(map(str, self.changes)) or "nothing to do"

    @classmethod
    def _of(cls, text: str) -> Plan:
        return cls([Change(**change) for change in json.loads(text)])


@dataclass(frozen=True)
class Catalog:
    """Everything that is defined, by name, as of one ``revision``, which grows by one with each change."""

    revision: int
    entities: dict[str, Entity]
    feature_views: dict[str, FeatureView]
    feature_services: dict[str, FeatureService]
    event_views: dict[str, EventView]
    window_views: dict[str, WindowView]
    derived_views: dict[str, DerivedView]

    def definitions(self) -> Definitions:
        """The definitions, to be changed and applied again."""
        return Definitions(
            list(self.entities.values()),
            list(self.feature_views.values()),
            list(self.feature_services.values()),
            list(self.event_views.values()),
            list(self.window_views.values()),
            list(self.derived_views.values()),
        )

    @classmethod
    def _of(cls, text: str) -> Catalog:
        tree = json.loads(text)
        events = {one["name"]: one for one in tree["event_views"]}
        return cls(
            tree["revision"],
            {one["name"]: _entity(one) for one in tree["entities"]},
            {one["name"]: _view(one) for one in tree["feature_views"]},
            {one["name"]: _service(one) for one in tree["feature_services"]},
            {name: _event_view(one) for name, one in events.items()},
            {one["name"]: _window_view(one, events[one["from"]]) for one in tree["window_views"]},
            {one["name"]: _derived_view(one) for one in tree["derived_views"]},
        )


def _entity(tree: dict[str, Any]) -> Entity:
    keys = {key["name"]: key["type"] for key in tree["join_keys"]}
    return Entity(tree["name"], keys, tree["description"], tree["tags"])


def _view(tree: dict[str, Any]) -> FeatureView:
    same = ("name", "entities", "ttl", "retention", "keep_newest", "max_future_skew", "event_timestamp")
    more = ("created_timestamp", "owner", "team", "description", "tags", "check", "hot")
    features = [_feature(feature) for feature in tree["features"]]
    fields = {name: tree[name] for name in same + more}
    return FeatureView(features=features, freshness=_freshness(tree), source=_source(tree), **fields, **_said(tree))


def _freshness(tree: dict[str, Any]) -> FreshnessObjective | None:
    return FreshnessObjective(**tree["freshness"]) if tree["freshness"] else None


def _life(tree: dict[str, Any]) -> dict[str, Any]:
    """The stage of a view or a service, and what follows it."""
    return {name: tree[name] for name in ("status", "replaced_by", "drop_after")}


def _said(tree: dict[str, Any]) -> dict[str, Any]:
    """The stage of a view, and what people have said of its features that look like others."""
    return _life(tree) | {name: tree[name] for name in ("same_as", "not_same_as")}


def _source(tree: dict[str, Any]) -> FeedSource | None:
    return FeedSource(**tree["source"]) if tree["source"] else None


def _event_view(tree: dict[str, Any]) -> EventView:
    same = ("name", "entities", "event_id", "retention", "max_future_skew", "event_timestamp", "created_timestamp")
    more = ("owner", "team", "description", "tags", "check", "also_by")
    columns = [Column(one["name"], one["type"], one["description"], one["tags"]) for one in tree["columns"]]
    fields = {name: tree[name] for name in same + more}
    return EventView(columns=columns, freshness=_freshness(tree), source=_source(tree), **fields, **_said(tree))


def _window_view(tree: dict[str, Any], events: dict[str, Any]) -> WindowView:
    same = ("name", "entities", "where", "every", "offset", "owner", "team", "description", "tags")
    columns = {column["name"]: column["type"] for column in events["columns"]}
    types = {feature["name"]: feature["type"] for feature in tree["features"]}
    features = [_window_feature(one, columns, types) for one in tree["aggregates"]]
    return WindowView(events=tree["from"], features=features, **{name: tree[name] for name in same}, **_said(tree))


def _window_feature(tree: dict[str, Any], columns: dict[str, str], types: dict[str, str]) -> WindowFeature:
    """An aggregate. ``columns`` are those of its events, and ``types`` are of the view's features, both by name."""
    same = ("name", "aggregate", "of", "where", "windows", "description", "tags")
    settings = dict(tree["settings"])
    if "values" in settings:
        settings["values"] = [_default(value, columns[tree["of"]]) for value in settings["values"]]
    # The values of an aggregate have one type in all windows; a count of each value is a whole number.
    ty = types.get(f"{tree['name']}_{tree['windows'][0]}", "int64")
    default = _default(tree["default"], ty)
    return WindowFeature(default=default, settings=settings, **{name: tree[name] for name in same})


def _derived_view(tree: dict[str, Any]) -> DerivedView:
    same = ("name", "owner", "team", "description", "tags")
    features = [_derived_feature(feature) for feature in tree["features"]]
    request = [RequestValue(**value) for value in tree["request"]]
    return DerivedView(features=features, request=request, **{name: tree[name] for name in same}, **_said(tree))


def _derived_feature(tree: dict[str, Any]) -> DerivedFeature:
    default = _default(tree["default"], tree["type"])
    same = ("name", "type", "expression", "description", "tags")
    return DerivedFeature(default=default, **{name: tree[name] for name in same})


def _feature(tree: dict[str, Any]) -> Feature:
    default = _default(tree["default"], tree["type"])
    return Feature(tree["name"], tree["type"], tree["description"], default, tree["tags"])


def _default(value: Any, ty: str) -> Any:
    """A default as JSON has it, as the value that it is."""
    if value is None:
        return None
    if ty.startswith("list<"):
        return [_default(item, ty[5:-1]) for item in value]
    match ty:
        case "bytes":
            return base64.b64decode(value)
        case "timestamp":
            return datetime.fromisoformat(value.replace("Z", "+00:00"))
        case "float32" | "float64":
            return float(value)
        case _:
            return value


def _service(tree: dict[str, Any]) -> FeatureService:
    same = ("name", "features", "owner", "description", "tags")
    return FeatureService(**{name: tree[name] for name in same}, **_life(tree))
