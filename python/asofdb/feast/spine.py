"""The entity rows of a historical retrieval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from feast.errors import FeastEntityDFMissingColumnsError
from feast.feature_view import DUMMY_ENTITY_ID, DUMMY_ENTITY_VAL
from feast.infra.offline_stores.offline_utils import infer_event_timestamp_from_entity_df
from feast.value_type import ValueType

from .arrow import key_to_store
from .times import Column, instants

_ZONE = "UTC"

_NUMBERS = {"integer", "floating", "mixed-integer-float", "decimal"}
"""Names of pandas for columns of numbers. It reads them as nanoseconds where times are wanted, and so as 1970."""


@dataclass(frozen=True)
class Spine:
    """Entity rows in the order and with the columns they were given."""

    table: pa.Table
    """All columns; the event timestamp has the zone UTC."""

    event_column: str
    """The column with the times to ask about."""

    @staticmethod
    def of(entity_rows: Any) -> Spine:
        """Makes a spine from a pandas data frame or a table of Arrow.

        Raises :class:`ValueError` for SQL text, which this store has nothing to run on.
        """
        if isinstance(entity_rows, pa.Table):
            return _from_table(entity_rows)
        if isinstance(entity_rows, pd.DataFrame):
            return _from_pandas(entity_rows)
        if isinstance(entity_rows, str):
            raise ValueError(
                "asofdb: entity_df is SQL text, but this offline store runs no SQL: run the query where the data is "
                "and hand over its result as a data frame"
            )
        raise ValueError(f"asofdb: entity_df must be a pandas data frame or a pyarrow table: {type(entity_rows)}")

    @property
    def times(self) -> pa.Array:
        """The times to ask about, as the store takes them."""
        return instants(self.table[self.event_column], up=False)

    def time_range(self) -> tuple[datetime | None, datetime | None]:
        """The first and the last time; ``None`` where there is none."""
        ends = pc.min_max(self.times)
        return ends["min"].as_py(), ends["max"].as_py()

    def other_columns(self) -> list[str]:
        """Every column but the event timestamp."""
        return [name for name in self.table.column_names if name != self.event_column]

    def require(self, columns: Sequence[str]) -> None:
        """Raises Feast's own error when a join key is missing."""
        needed = {column for column in columns if column != DUMMY_ENTITY_ID}
        missing = needed - set(self.table.column_names)
        if missing:
            raise FeastEntityDFMissingColumnsError(needed | {self.event_column}, missing)  # type: ignore[no-untyped-call]

    def keys(self, column: str, value_type: ValueType) -> Column:
        """A join key of each row, as the store takes it."""
        if column == DUMMY_ENTITY_ID and column not in self.table.column_names:
            return pa.array([DUMMY_ENTITY_VAL] * self.table.num_rows, pa.string())
        try:
            return key_to_store(self.table[column], value_type)
        except (pa.ArrowException, TypeError, ValueError) as error:
            raise ValueError(
                f"asofdb: column {column!r} of entity_df is {self.table[column].type} and cannot be read as the join "
                f"key's {value_type.name}: {error}"
            ) from error


def _from_pandas(rows: pd.DataFrame) -> Spine:
    event_column = infer_event_timestamp_from_entity_df(dict(zip(rows.columns, rows.dtypes, strict=True)))
    if pd.api.types.infer_dtype(rows[event_column], skipna=True) in _NUMBERS:
        raise ValueError(
            f"asofdb: column {event_column!r} of entity_df has numbers, which do not say the unit of times: make "
            "timestamps of them, as with pandas.to_datetime(..., unit='s', utc=True)"
        )
    rows = rows.copy(deep=False)
    rows[event_column] = pd.to_datetime(rows[event_column], utc=True)
    return Spine(pa.Table.from_pandas(rows, preserve_index=False), event_column)


def _from_table(rows: pa.Table) -> Spine:
    schema = {field.name: field.type.to_pandas_dtype() for field in rows.schema if pa.types.is_timestamp(field.type)}
    event_column = infer_event_timestamp_from_entity_df(schema)
    index = rows.schema.get_field_index(event_column)
    times = rows[event_column]
    if times.type.tz != _ZONE:
        times = times.cast(pa.int64()).cast(pa.timestamp(times.type.unit, tz=_ZONE))
    return Spine(rows.set_column(index, event_column, times), event_column)
