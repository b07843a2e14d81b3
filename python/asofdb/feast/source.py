"""A data source whose rows are those of the store itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Final

from feast.data_source import DataSource
from feast.protos.feast.core.DataSource_pb2 import DataSource as DataSourceProto
from feast.repo_config import RepoConfig
from feast.value_type import ValueType

from asofdb import Catalog, Feature, FeatureView

from . import types
from .location import naming, offline_engine
from .names import column_name, feast_column, view_name

EVENT_TIMESTAMP: Final = "event_timestamp"
"""Name of the event timestamp in the rows of the source."""

CREATED_TIMESTAMP: Final = "created_timestamp"
"""Name of the created timestamp in the rows of the source."""

_CLASS: Final = "asofdb.feast.source.AsofSource"
_TAG_PREFIX: Final = "feast:"

_VALUE_TYPES: Final[dict[str, ValueType]] = {}
for _candidate in ValueType:
    if types.is_native(_candidate):
        # Several types of Feast are bytes in the store; the plain one comes first.
        _VALUE_TYPES.setdefault(types.feature_type(_candidate), _candidate)


class AsofSource(DataSource):
    """The history of a feature view in the store: what was pushed, materialized, written or ingested.

    ``name`` is the feature view of this project whose history it is, unless ``view`` names a view of the store, such as
    one that was defined and filled without Feast. Such a view has its own names; ``field_mapping`` maps them to those
    of Feast.
    """

    def __init__(
        self,
        *,
        name: str,
        view: str | None = None,
        timestamp_field: str | None = EVENT_TIMESTAMP,
        created_timestamp_column: str | None = CREATED_TIMESTAMP,
        field_mapping: dict[str, str] | None = None,
        description: str | None = "",
        tags: dict[str, str] | None = None,
        owner: str | None = "",
    ) -> None:
        super().__init__(
            name=name,
            timestamp_field=timestamp_field,
            created_timestamp_column=created_timestamp_column,
            field_mapping=field_mapping,
            description=description,
            tags=tags,
            owner=owner,
        )
        self.view = view

    def __hash__(self) -> int:
        return hash((self.name, self.view))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AsofSource) and bool(DataSource.__eq__(self, other)) and self.view == other.view  # type: ignore[no-untyped-call]

    def source_type(self) -> DataSourceProto.SourceType.ValueType:
        """Feast's kind of source: one that it does not know."""
        return DataSourceProto.CUSTOM_SOURCE

    def store_view(self, config: RepoConfig) -> str:
        """The name of the view in the store."""
        if self.view is not None:
            return self.view
        return view_name(naming(config).prefix, self.name)

    def store_column(self, column: str) -> str:
        """Returns the store's name for a join key or feature of this source."""
        return column if self.view is not None else column_name(column)

    def source_column(self, column: str) -> str:
        """Returns this source's name for a join key or feature of the store."""
        return column if self.view is not None else feast_column(column)

    @staticmethod
    def from_proto(data_source: DataSourceProto) -> AsofSource:
        """Reads what the registry holds."""
        options = json.loads(data_source.custom_options.configuration)
        return AsofSource(
            name=data_source.name,
            view=options["view"],
            timestamp_field=data_source.timestamp_field,
            created_timestamp_column=data_source.created_timestamp_column,
            field_mapping=dict(data_source.field_mapping),
            description=data_source.description,
            tags=dict(data_source.tags),
            owner=data_source.owner,
        )

    def _to_proto_impl(self) -> DataSourceProto:
        options = DataSourceProto.CustomSourceOptions(configuration=json.dumps({"view": self.view}).encode())
        return DataSourceProto(
            name=self.name,
            type=DataSourceProto.CUSTOM_SOURCE,
            data_source_class_type=_CLASS,
            custom_options=options,
            timestamp_field=self.timestamp_field,
            created_timestamp_column=self.created_timestamp_column,
            field_mapping=self.field_mapping,
            description=self.description,
            tags=self.tags,
            owner=self.owner,
        )

    def validate(self, config: RepoConfig) -> None:
        """A view of the store that is named must be there; that of a feature view comes with ``feast apply``."""
        if self.view is not None:
            _catalog_view(config, self)

    def get_table_column_names_and_types(self, config: RepoConfig) -> Iterable[tuple[str, str]]:
        """The columns of the view, with the store's types; of values that the store cannot read, with Feast's."""
        catalog, view = _catalog_view(config, self)
        keys = {name: type_ for entity in view.entities for name, type_ in catalog.entities[entity].join_keys.items()}
        columns = [(self.source_column(name), type_) for name, type_ in keys.items()]
        columns.append((self.timestamp_field, "timestamp"))
        if self.created_timestamp_column:
            columns.append((self.created_timestamp_column, "timestamp"))
        columns += [(self.source_column(feature.name), _type_name(feature)) for feature in view.features]
        return columns

    @staticmethod
    def source_datatype_to_feast_value_type() -> Callable[[str], ValueType]:
        """From the type names of :meth:`get_table_column_names_and_types` to Feast's."""
        return _value_type


def _type_name(feature: Feature) -> str:
    value_type = feature.tags.get(types.OPAQUE_TAG)
    return feature.type if value_type is None else f"{_TAG_PREFIX}{value_type}"


def _value_type(type_name: str) -> ValueType:
    if type_name.startswith(_TAG_PREFIX):
        return ValueType[type_name[len(_TAG_PREFIX) :]]
    return _VALUE_TYPES[type_name]


def _catalog_view(config: RepoConfig, source: AsofSource) -> tuple[Catalog, FeatureView]:
    name = source.store_view(config)
    catalog = offline_engine(config).catalog()
    view = catalog.feature_views.get(name)
    if name in catalog.window_views or name in catalog.derived_views:
        raise ValueError(
            f"asofdb: data source {source.name!r}: the store computes view {name!r} when it is read, and has no "
            "history of it: its source is a ComputedSource"
        )
    if view is None:
        raise ValueError(
            f"asofdb: data source {source.name!r}: the store has no view {name!r} yet. `feast apply` defines it where "
            "the online store is the same store and the feature view has a schema; else "
            "asofdb.feast.load(feature_store) does"
        )
    return catalog, view
