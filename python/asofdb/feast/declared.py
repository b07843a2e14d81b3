"""Columns of a source that Feast would lose times of, before it converts them."""

from __future__ import annotations

import pyarrow as pa
from feast.data_source import DataSource
from feast.repo_config import RepoConfig
from feast.value_type import ValueType

from feast import FeatureStore

from .arrow import to_store
from .histories import source_name


def with_times(table: pa.Table, config: RepoConfig, source: DataSource) -> pa.Table:
    """The rows of a source, with times where Feast would read something else.

    By way of numpy, whole numbers among which one is null are doubles, and Feast makes null of each double that is a
    time; of lists it takes nanoseconds for seconds. So columns of numbers come as timestamps where feature views
    declare times, and times in lists as microseconds.

    Raises :class:`ValueError` naming the column, for numbers that are no seconds since 1970.
    """
    for field in table.schema:
        if _is_list_of_nanos(field.type):
            micros = pa.list_(pa.timestamp("us", tz=field.type.value_type.tz))
            table = _replaced(table, field.name, table[field.name].cast(micros, safe=False))
    numbers = [field.name for field in table.schema if _would_be_doubles(table[field.name])]
    for name in sorted(_declared_times(config, source).intersection(numbers)) if numbers else ():
        try:
            times = to_store(table[name], ValueType.UNIX_TIMESTAMP)
        except (pa.ArrowException, ValueError) as error:
            raise ValueError(f"asofdb: column {name!r} of data source {source.name!r}: {error}") from error
        table = _replaced(table, name, times)
    return table


def _declared_times(config: RepoConfig, source: DataSource) -> set[str]:
    """The columns of a source that every feature view of it declares as times."""
    # The path of a registry may be relative to the repository.
    store = FeatureStore(repo_path=str(config.repo_path) if config.repo_path else None, config=config)
    views = [*store.list_batch_feature_views(), *store.list_stream_feature_views()]
    times: set[str] = set()
    others: set[str] = set()
    for view in views:
        if view.batch_source is None or view.batch_source.name != source.name:
            continue
        for feature in view.features:
            is_time = feature.dtype.to_value_type() == ValueType.UNIX_TIMESTAMP
            (times if is_time else others).add(source_name(source, feature.name))
    return times - others


def _would_be_doubles(column: pa.ChunkedArray) -> bool:
    whole = pa.types.is_integer(column.type) and column.null_count > 0
    return bool(whole or pa.types.is_floating(column.type))


def _is_list_of_nanos(type_: pa.DataType) -> bool:
    is_list = pa.types.is_list(type_) or pa.types.is_large_list(type_)
    return bool(is_list and pa.types.is_timestamp(type_.value_type) and type_.value_type.unit == "ns")


def _replaced(table: pa.Table, name: str, column: pa.Array) -> pa.Table:
    return table.set_column(table.schema.get_field_index(name), name, column)
