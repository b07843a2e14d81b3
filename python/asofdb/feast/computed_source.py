"""A data source whose values the store computes when they are read."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

from feast.protos.feast.core.DataSource_pb2 import DataSource as DataSourceProto
from feast.repo_config import RepoConfig

from .computing import computed_in
from .location import offline_engine
from .source import AsofSource

_CLASS: Final = "asofdb.feast.computed_source.ComputedSource"


class ComputedSource(AsofSource):
    """A window view or derived view of the store, which computes its features from events and from other features.

    A feature view over it has no rows: it is read, online and as of a time, and neither written nor materialized.
    ``view`` is the view's name in the store, the name of the source if none is given. Features and join keys are called
    as they are in the store.
    """

    def __init__(
        self,
        *,
        name: str,
        view: str | None = None,
        description: str | None = "",
        tags: dict[str, str] | None = None,
        owner: str | None = "",
    ) -> None:
        super().__init__(name=name, view=view or name, description=description, tags=tags, owner=owner)

    __hash__ = AsofSource.__hash__

    @property
    def computed_view(self) -> str:
        """The name of the view in the store."""
        return self.view or self.name

    @staticmethod
    def from_proto(data_source: DataSourceProto) -> ComputedSource:
        """Reads what the registry holds."""
        return ComputedSource(
            name=data_source.name,
            view=json.loads(data_source.custom_options.configuration)["view"],
            description=data_source.description,
            tags=dict(data_source.tags),
            owner=data_source.owner,
        )

    def _to_proto_impl(self) -> DataSourceProto:
        proto = super()._to_proto_impl()
        proto.data_source_class_type = _CLASS
        return proto

    def validate(self, config: RepoConfig) -> None:
        """The view must be there."""
        computed_in(offline_engine(config), self.computed_view)

    def get_table_column_names_and_types(self, config: RepoConfig) -> Iterable[tuple[str, str]]:
        """The columns of the view, with the store's types."""
        computed = computed_in(offline_engine(config), self.computed_view)
        times = [(self.timestamp_field, "timestamp"), (self.created_timestamp_column, "timestamp")]
        return [*computed.keys.items(), *times, *computed.features.items()]
