"""Rows with a source's columns, made rows of a view of the store."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
from feast.data_source import DataSource
from feast.feature_view import DUMMY_ENTITY_ID, DUMMY_ENTITY_VAL
from feast.value_type import ValueType

from . import types
from .arrow import arrow_type, key_to_store, to_store
from .connect import Engine
from .histories import History, source_name
from .times import UTC_MICROS, instants

CREATED_UNKNOWN: Final = pa.scalar(-2_208_988_800_000_000, pa.int64()).cast(UTC_MICROS)
"""The created timestamp of a row whose source has a column for it that is null: the year 1900.

It loses against every other one, as in Feast; the store's own answer, the time of writing, would win.
"""

_CREATED: Final = "created_timestamp"
_ROLE: Final = "asofdb.role"

Convert = Callable[[pa.Array], pa.Array]


@dataclass(frozen=True)
class RowTranslation:
    """Rules by which rows of a source become rows of a view. Rows without a key or an event timestamp are left out."""

    view: str
    source_schema: pa.Schema
    source_columns: Sequence[str]
    schema: pa.Schema
    converts: Sequence[tuple[str | None, Convert]]
    required: int
    """Number of the first columns that may not be null."""

    texts_of_numbers: Sequence[str]
    """The columns of the source that have whole numbers for features that are texts."""

    @staticmethod
    def of(
        engine: Engine, history: History, source_schema: pa.Schema, *, missing_as_null: bool = False
    ) -> RowTranslation:
        """For the features of a history.

        Raises :class:`ValueError` naming the columns that the source lacks; features among them are null with
        ``missing_as_null``.
        """
        columns = _Columns(history, source_schema)
        for key in history.keys:
            columns.key(key.name, key.store, key.value_type)
        columns.event(engine.catalog().feature_views[history.view].event_timestamp)
        required = len(columns.fields)
        columns.created()
        for feature in history.features:
            columns.feature(feature.name, feature.store, feature.value_type, missing_as_null)
        columns.check()
        return RowTranslation(
            view=history.view,
            source_schema=source_schema,
            source_columns=list(dict.fromkeys(column for column, _ in columns.converts if column is not None)),
            schema=pa.schema(columns.fields),
            converts=columns.converts,
            required=required,
            texts_of_numbers=columns.texts_of_numbers,
        )

    def translate(self, batch: pa.RecordBatch, with_nulls: Collection[str]) -> pa.RecordBatch:
        """One batch of the source as the store takes it.

        ``with_nulls`` are those of ``texts_of_numbers`` that are null somewhere in the source, if not in this batch: to
        Feast they are columns of doubles.
        """
        arrays = []
        for column, convert in self.converts:
            array = pa.nulls(batch.num_rows) if column is None else batch.column(column)
            arrays.append(convert(array.cast(pa.float64(), safe=False) if column in with_nulls else array))
        translated = pa.RecordBatch.from_arrays(arrays, schema=self.schema)
        for array in arrays[: self.required]:
            if array.null_count:
                return translated.filter(_all_valid(arrays[: self.required]))
        return translated


class _Columns:
    """The columns of a translation, being collected."""

    def __init__(self, history: History, source_schema: pa.Schema) -> None:
        source = history.feature_view.batch_source
        assert source is not None, "a feature view without a source has no rows to translate"
        self.history = history
        self.source: DataSource = source
        self.present = set(source_schema.names)
        self.fields: list[pa.Field] = []
        self.converts: list[tuple[str | None, Convert]] = []
        self.missing: list[str] = []
        self.texts_of_numbers: list[str] = []
        self._schema = source_schema

    def key(self, name: str, store: str, value_type: ValueType) -> None:
        if name == DUMMY_ENTITY_ID and self._find(name) is None:
            self._add(pa.field(store, pa.string()), None, lambda nulls: pa.array([DUMMY_ENTITY_VAL] * len(nulls)))
            return
        type_ = arrow_type(types.key_type(value_type))
        convert = partial(key_to_store, value_type=value_type)
        self._add(pa.field(store, type_), self._expect(name), self._named(name, value_type.name, convert))

    def event(self, store: str) -> None:
        column = self._expect(self.source.timestamp_field)
        self._add(pa.field(store, UTC_MICROS), column, self._named(self.source.timestamp_field, "a time", _event))

    def created(self) -> None:
        if self.source.created_timestamp_column:
            field = pa.field(_CREATED, UTC_MICROS, metadata={_ROLE: _CREATED})
            name = self.source.created_timestamp_column
            self._add(field, self._expect(name), self._named(name, "a time", _created))

    def feature(self, name: str, store: str, value_type: ValueType, missing_as_null: bool) -> None:
        type_ = arrow_type(types.feature_type(value_type))
        field = pa.field(store, type_)
        if missing_as_null and self._find(name) is None:
            self._add(field, None, lambda nulls: pa.nulls(len(nulls), type_))
            return
        column = self._expect(name)
        convert = partial(to_store, value_type=value_type)
        self._add(field, column, self._named(name, value_type.name, convert))
        if (
            pa.types.is_string(type_)
            and column in self.present
            and pa.types.is_integer(self._schema.field(column).type)
        ):
            self.texts_of_numbers.append(column)

    def check(self) -> None:
        if self.missing:
            raise ValueError(
                f"asofdb: data source {self.source.name!r} of feature view {self.history.feature_view.name!r} has no "
                f"columns {self.missing}; it has {sorted(self.present)}"
            )

    def _add(self, field: pa.Field, column: str | None, convert: Convert) -> None:
        self.fields.append(field)
        self.converts.append((column, convert))

    def _named(self, name: str, wanted: str, convert: Convert) -> Convert:
        """A conversion whose failure says where it happened."""

        def named(array: pa.Array) -> pa.Array:
            try:
                return convert(array)
            except (pa.ArrowException, TypeError, ValueError) as error:
                raise ValueError(
                    f"asofdb: column {name!r} of data source {self.source.name!r} is {array.type} and cannot be read "
                    f"as {wanted}: {error}"
                ) from error

        return named

    def _find(self, name: str) -> str | None:
        """The source's column of that name, before or after its field mapping."""
        mapped = source_name(self.source, name)
        return next((column for column in (mapped, name) if column in self.present), None)

    def _expect(self, name: str) -> str:
        column = self._find(name)
        if column is None:
            self.missing.append(name)
        return column or name


def _event(array: pa.Array) -> pa.Array:
    return instants(array, up=True)


def _created(array: pa.Array) -> pa.Array:
    return instants(array, up=True).fill_null(CREATED_UNKNOWN)


def _all_valid(arrays: Sequence[pa.Array]) -> pa.Array:
    valid = pc.is_valid(arrays[0])
    for array in arrays[1:]:
        valid = pc.and_(valid, pc.is_valid(array))
    return valid
