"""The rows that a materialization, or the reading of a saved data set, asks for."""

from __future__ import annotations

from typing import Final

import pyarrow as pa
from feast.data_source import DataSource
from feast.infra.offline_stores.file_source import FileSource
from feast.repo_config import RepoConfig
from feast.utils import make_tzaware
from feast.value_type import ValueType

from . import types
from .arrow import from_store
from .computed_source import ComputedSource
from .computing import no_rows
from .connect import Engine
from .declared import with_times
from .exported import latest_between, versions_between
from .files import Pull, latest_rows, open_files, pull_rows, with_dummy_key
from .location import offline_engine
from .source import AsofSource

__all__ = ["Pull", "pull"]

_NOT_AS_IT_IS: Final = {"list<timestamp>": ValueType.UNIX_TIMESTAMP_LIST}
"""The store's own types whose values Feast's users do not expect as the store has them."""


def pull(config: RepoConfig, source: DataSource, asked: Pull, *, latest: bool) -> pa.RecordBatchReader:
    """The rows of a source; with ``latest`` the newest of each entity. One that is computed has none to materialize.

    Raises :class:`ValueError` for sources of other kinds.
    """
    if isinstance(source, FileSource):
        rows = pull_rows(open_files(source, config.repo_path), asked, source.name)
        return with_times(latest_rows(rows, asked) if latest else rows, config, source).to_reader()
    if isinstance(source, ComputedSource):
        columns = [*asked.join_keys, *asked.features, *asked.order]
        return no_rows(offline_engine(config), source.computed_view, asked.order, columns)
    if isinstance(source, AsofSource):
        return _stored(config, offline_engine(config), source, asked, latest).to_reader()
    raise ValueError(
        f"asofdb: data source {source.name!r} is a {type(source).__name__}; "
        "the offline store reads AsofSource and FileSource"
    )


def _stored(config: RepoConfig, engine: Engine, source: AsofSource, asked: Pull, latest: bool) -> pa.Table:
    """The rows of the store, with the source's names."""
    name = source.store_view(config)
    names = [*asked.join_keys, *asked.features] or [key.name for key in engine.catalog().feature_views[name].features]
    columns = {source.store_column(column): column for column in names}
    start = None if asked.start is None else make_tzaware(asked.start)
    end = None if asked.end is None else make_tzaware(asked.end)
    read = latest_between if latest else versions_between
    versions = read(engine, name, list(columns), start, end)
    columns[versions.event] = asked.timestamp_field
    if asked.created_column:
        columns[versions.created] = asked.created_column
    table = _readable(engine, name, versions.table.select(list(columns)))
    table = table.rename_columns([columns[column] for column in table.column_names])
    return table if asked.join_keys else with_dummy_key(table)


def _readable(engine: Engine, view: str, table: pa.Table) -> pa.Table:
    """The values as Feast's users expect them."""
    for feature in engine.catalog().feature_views[view].features:
        tag = feature.tags.get(types.OPAQUE_TAG)
        value_type = _NOT_AS_IT_IS.get(feature.type) if tag is None else ValueType[tag]
        if value_type is not None and feature.name in table.column_names:
            column = from_store(table[feature.name], value_type)
            table = table.set_column(table.schema.get_field_index(feature.name), feature.name, column)
    return table
