"""Feast's file sources: Parquet files, in a directory or alone, here or where pyarrow can read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from feast.data_format import ParquetFormat
from feast.errors import FeastJoinKeysDuringMaterialization
from feast.feature_view import DUMMY_ENTITY_ID, DUMMY_ENTITY_VAL
from feast.infra.offline_stores.file_source import FileSource
from feast.utils import make_tzaware

from .times import require_unit

_EXACT_UNITS: Final = ("us", "ns")
_BEFORE_ALL: Final = -(2**63)


def open_files(source: FileSource, repo_path: Path | None) -> ds.FileSystemDataset:
    """The files of a source; schemas are read, rows are not.

    Raises :class:`ValueError` for formats other than Parquet, :class:`FileNotFoundError` for files that are not there.
    """
    if source.file_format is not None and not isinstance(source.file_format, ParquetFormat):
        raise ValueError(
            f"asofdb: data source {source.name!r} is in {type(source.file_format).__name__}; the offline store reads "
            "Parquet, and whatever is written into the store itself (AsofSource)"
        )
    uri = FileSource.get_uri_for_file_path(repo_path=repo_path, uri=source.path)
    filesystem, path = FileSource.create_filesystem_and_path(
        uri, source.s3_endpoint_override or "", resolved_credentials=source.resolve_credentials()
    )
    return ds.dataset(path, filesystem=filesystem, format="parquet", partitioning="hive")


@dataclass(frozen=True)
class Pull:
    """The rows that a materialization asks for."""

    join_keys: Sequence[str]
    features: Sequence[str]
    timestamp_field: str
    created_column: str | None
    start: datetime | None
    end: datetime | None

    @property
    def order(self) -> list[str]:
        """Columns by which the versions of one entity are ordered."""
        return [column for column in (self.timestamp_field, self.created_column) if column]

    @property
    def columns(self) -> list[str]:
        """The columns asked for, each once; none is all of them."""
        return list(dict.fromkeys([*self.join_keys, *self.features, *self.order])) if self.features else []


def pull_rows(dataset: ds.Dataset, pull: Pull, name: str) -> pa.Table:
    """The rows whose event timestamps are from ``start`` to ``end``, both included."""
    present = set(dataset.schema.names)
    if not set(pull.join_keys) <= present:
        raise FeastJoinKeysDuringMaterialization(name, set(pull.join_keys), present)
    missing = [column for column in pull.columns if column not in present]
    if missing:
        raise ValueError(f"asofdb: data source {name!r} has no columns {missing}; it has {sorted(present)}")
    for column in pull.order:
        try:
            require_unit(dataset.schema.field(column).type)
        except ValueError as error:
            raise ValueError(f"asofdb: column {column!r} of data source {name!r}: {error}") from error
    within = _within(dataset.schema.field(pull.timestamp_field), pull.start, pull.end)
    table = dataset.to_table(columns=pull.columns or None, filter=within)
    for column in pull.order:
        table = _with_zone(table, column)
    return table if pull.join_keys else with_dummy_key(table)


def latest_rows(table: pa.Table, pull: Pull) -> pa.Table:
    """The greatest version of each entity: by event timestamp, then by created timestamp, where a null loses."""
    keys = list(pull.join_keys) or [DUMMY_ENTITY_ID]
    row = "__asofdb_row"
    times = pa.table([table[column].cast(pa.int64()).fill_null(_BEFORE_ALL) for column in pull.order], names=pull.order)
    table = table.take(pc.sort_indices(times, sort_keys=[(column, "ascending") for column in pull.order]))
    numbered = table.select(keys).append_column(row, pa.array(range(table.num_rows), pa.int64()))
    last = numbered.group_by(keys, use_threads=False).aggregate([(row, "max")])[f"{row}_max"]
    return table.take(last)


def _within(field: pa.Field, start: datetime | None, end: datetime | None) -> ds.Expression | None:
    column, type_ = ds.field(field.name), field.type
    if not (pa.types.is_timestamp(type_) and type_.unit in _EXACT_UNITS):
        type_ = pa.timestamp("us", tz=getattr(type_, "tz", None))
        column = column.cast(type_)
    bounds = []
    if start is not None:
        bounds.append(column >= _literal(start, type_))
    if end is not None:
        bounds.append(column <= _literal(end, type_))
    return None if not bounds else bounds[0] if len(bounds) == 1 else bounds[0] & bounds[1]


def _literal(time: datetime, type_: pa.DataType) -> pa.Scalar:
    """A time as a scalar of a column's type; those without a zone are UTC."""
    micros = pa.scalar(make_tzaware(time), pa.timestamp("us", tz="UTC")).cast(pa.int64())
    return micros.cast(pa.timestamp("us", tz=type_.tz)).cast(type_)


def _with_zone(table: pa.Table, column: str) -> pa.Table:
    """Times without a zone are UTC."""
    index, type_ = table.schema.get_field_index(column), table.schema.field(column).type
    if not pa.types.is_timestamp(type_) or type_.tz == "UTC":
        return table
    times = table[column].cast(pa.int64()).cast(pa.timestamp(type_.unit, tz="UTC"))
    return table.set_column(index, column, times)


def with_dummy_key(table: pa.Table) -> pa.Table:
    """The one entity of views without entities, which Feast expects as a column."""
    return table.append_column(DUMMY_ENTITY_ID, pa.array([DUMMY_ENTITY_VAL] * table.num_rows, pa.string()))
