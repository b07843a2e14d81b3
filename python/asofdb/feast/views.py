"""Definitions of the store, made from Feast's feature views."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from feast.feature_view import DUMMY_ENTITY_ID
from feast.repo_config import RepoConfig
from feast.value_type import ValueType

from asofdb import Entity, Feature, FeatureView

from . import names, types

PROJECT_TAG: Final = "feast_project"
"""The tag of entities and views: which project they belong to."""

VIEW_TAG: Final = "feast_view"
"""The tag of views: how Feast calls them."""

REMOVED_TAG: Final = "feast_removed"
"""The tag of features that were taken out of their view in Feast. Their history stays, and new rows have null."""

STAGE_TAGS: Final = {
    "status": "asofdb_status",
    "replaced_by": "asofdb_replaced_by",
    "drop_after": "asofdb_drop_after",
}
"""The tags by which a feature view of Feast says its stage: they become the view's own. An empty one takes it back."""

SAID_TAGS: Final = {**STAGE_TAGS, "hot": "asofdb_hot"}
"""All tags that say something of the view itself: its stage, and its place in memory."""

EVENT_COLUMN: Final = "event_timestamp"
CREATED_COLUMN: Final = "created"

MAX_FUTURE_SKEW: Final = timedelta(days=3650)
"""The farthest that events of Feast's views may lie in the future.

Feast writes what its sources have, and other stores take it. Here rows of the future wait until their time has come, so
that they do no harm; what is further off than this is a wrong unit rather than a plan.
"""


@dataclass(frozen=True)
class Naming:
    """A project's names for its things in the store."""

    project: str
    prefix: str
    with_versions: bool

    @classmethod
    def of(cls, config: RepoConfig, prefix: str | None) -> Naming:
        """The naming of the project of a configuration."""
        with_versions = bool(getattr(config.registry, "enable_online_feature_view_versioning", False))
        return cls(config.project, names.project_prefix(config.project, prefix), with_versions)

    def view(self, table: Any) -> str:
        """The store's name of a feature view, in the version that is meant; of one that is computed, that of the view
        which computes it."""
        return computed_view(table) or names.view_name(self.prefix, table.name, self._version(table))

    def _version(self, table: Any) -> int | None:
        if not self.with_versions:
            return None
        version = getattr(table.projection, "version_tag", None)
        if version is None:
            version = getattr(table, "current_version_number", None)
        return version if version else None


def computed_view(table: Any) -> str | None:
    """The view of the store that computes the features of a feature view; None where rows of it are written."""
    view: str | None = getattr(getattr(table, "batch_source", None), "computed_view", None)
    return view


def join_keys(table: Any) -> dict[str, ValueType]:
    """The join keys of a view with their types, in the store's order; those of a view without entities are Feast's."""
    columns = {field.name: field.dtype.to_value_type() for field in table.entity_columns}
    return dict(sorted(columns.items())) or {DUMMY_ENTITY_ID: ValueType.STRING}


def features(table: Any) -> dict[str, ValueType]:
    """The features of a view with their types."""
    keys = join_keys(table)
    return {field.name: field.dtype.to_value_type() for field in table.features if field.name not in keys}


def entities_of(table: Any, naming: Naming) -> list[Entity]:
    """The store's entities of a view: one for each join key."""
    return [_entity(naming, key, value_type) for key, value_type in join_keys(table).items()]


def view_of(table: Any, naming: Naming) -> FeatureView:
    """The store's definition of a view."""
    wanted = [_feature(field) for field in table.features if field.name not in join_keys(table)]
    event, created = _time_columns(table, {feature.name for feature in wanted})
    return FeatureView(
        name=naming.view(table),
        entities=[entity.name for entity in entities_of(table, naming)],
        features=wanted,
        ttl=_ttl(table),
        max_future_skew=MAX_FUTURE_SKEW,
        event_timestamp=event,
        created_timestamp=created,
        owner=getattr(table, "owner", "") or "",
        team=getattr(table, "org", "") or "",
        description=getattr(table, "description", "") or "",
        tags={**_own_tags(table), PROJECT_TAG: naming.project, VIEW_TAG: table.name},
        **_said(table, naming),
    )


def _entity(naming: Naming, join_key: str, value_type: ValueType) -> Entity:
    store_type = types.key_type(value_type)
    kind = value_type.name if types.key_tags(value_type) else store_type
    tags = {PROJECT_TAG: naming.project, **types.key_tags(value_type)}
    return Entity(
        names.entity_name(naming.prefix, join_key, kind), {names.column_name(join_key): store_type}, tags=tags
    )


def _feature(field: Any) -> Feature:
    value_type = field.dtype.to_value_type()
    return Feature(
        names.column_name(field.name),
        types.feature_type(value_type),
        description=getattr(field, "description", "") or "",
        tags={**_tags(field), **types.feature_tags(value_type)},
    )


def _tags(thing: Any) -> dict[str, str]:
    return {str(name): str(value) for name, value in (getattr(thing, "tags", None) or {}).items()}


def _own_tags(table: Any) -> dict[str, str]:
    """The tags of a view that mean nothing to us."""
    return {name: value for name, value in _tags(table).items() if name not in SAID_TAGS.values()}


def _said(table: Any, naming: Naming) -> dict[str, Any]:
    """The stage and the place in memory that the tags of a view say: None where they say nothing, the empty text where
    they take it back. The view that replaces it is named as in Feast."""
    tags = _tags(table)
    said: dict[str, Any] = {field: tags.get(tag) for field, tag in SAID_TAGS.items()}
    if said["replaced_by"]:
        said["replaced_by"] = names.view_name(naming.prefix, said["replaced_by"], None)
    return said


def _ttl(table: Any) -> timedelta | None:
    ttl: timedelta | None = getattr(table, "ttl", None)
    return ttl if ttl else None


def _time_columns(table: Any, features: set[str]) -> tuple[str, str]:
    """The timestamp columns of a view's sources, so that the files of Feast's source can be ingested as they are.

    Where a name is taken, or no column of the store, another one stands in.
    """
    source = getattr(table, "batch_source", None)
    taken = features | {names.column_name(key) for key in join_keys(table)}
    event = _free(getattr(source, "timestamp_field", None), EVENT_COLUMN, taken)
    created = _free(getattr(source, "created_timestamp_column", None), CREATED_COLUMN, taken | {event})
    return event, created


def _free(given: str | None, default: str, taken: set[str]) -> str:
    return next(name for name in _candidates(given, default) if name not in taken)


def _candidates(given: str | None, default: str) -> Iterator[str]:
    if given and len(given.encode()) <= names.NAME_BYTES_MAX:
        yield given
    while True:
        yield default
        default += "_"
