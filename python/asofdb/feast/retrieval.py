"""Historical retrieval: the features of entity rows as of each row's time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from .arrow import arrow_type, from_store
from .connect import Engine
from .histories import FeatureColumn, History
from .join import Group, answers, grouped
from .spine import Spine
from .types import feature_type, is_native


@dataclass(frozen=True)
class Retrieval:
    """The features that are asked of each view."""

    histories: Sequence[History]
    full_names: bool
    filter_by_created: bool

    @property
    def features(self) -> list[tuple[History, FeatureColumn]]:
        """The features of the result, in its order."""
        return [(view, feature) for view in self.histories for feature in view.features]

    def check(self, spine: Spine) -> None:
        """Raises when the entity rows lack a join key, or have a column of a feature's name."""
        spine.require([key.spine for view in self.histories for key in view.keys])
        seen = set(spine.table.column_names)
        for view, feature in self.features:
            name = view.result_name(feature, self.full_names)
            if name in seen:
                raise ValueError(
                    f"asofdb: two columns of the result would be named {name!r}; ask with full_feature_names=True, or "
                    "rename the column of entity_df"
                )
            seen.add(name)

    def join(self, engine: Engine, spine: Spine) -> pa.RecordBatchReader:
        """The entity rows, in their order and with their columns, then a column a feature.

        The stream is made as it is read, unless features have values that only Feast can read.
        """
        groups = grouped(self.histories, filter_by_created=self.filter_by_created)
        schema = self._stored_schema(spine)
        batches = self._assembled(spine, groups, [answers(engine, group, spine) for group in groups], schema)
        reader = pa.RecordBatchReader.from_batches(schema, batches)
        if all(is_native(feature.value_type) for _, feature in self.features):
            return reader
        return self._readable(reader.read_all()).to_reader()

    def _stored_schema(self, spine: Spine) -> pa.Schema:
        schema = spine.table.schema.remove_metadata()
        for view, feature in self.features:
            type_ = arrow_type(feature_type(feature.value_type))
            schema = schema.append(pa.field(view.result_name(feature, self.full_names), type_))
        return schema

    def _assembled(
        self, spine: Spine, groups: Sequence[Group], streams: Sequence[Iterator[pa.RecordBatch]], schema: pa.Schema
    ) -> Iterator[pa.RecordBatch]:
        """The columns of all groups beside the entity rows they belong to."""
        if not groups:
            yield from spine.table.cast(schema).to_batches()
            return
        places = {
            (id(view), feature.name): (number, column)
            for number, group in enumerate(groups)
            for column, (view, feature) in enumerate(group.features)
        }
        order = [places[id(view), feature.name] for view, feature in self.features]
        pending = [_Pending(stream) for stream in streams]
        done = 0
        while rows := min(stream.available() for stream in pending):
            taken = [stream.take(rows) for stream in pending]
            beside = [column.combine_chunks() for column in spine.table.slice(done, rows).columns]
            columns = [_one(column) for column in beside] + [taken[number][column] for number, column in order]
            yield pa.RecordBatch.from_arrays(columns, schema=schema)
            done += rows

    def _readable(self, table: pa.Table) -> pa.Table:
        """The values of types that the store has not, as Arrow has them."""
        for view, feature in self.features:
            if not is_native(feature.value_type):
                name = view.result_name(feature, self.full_names)
                column = from_store(table[name], feature.value_type, feature.dtype)
                table = table.set_column(table.schema.get_field_index(name), name, column)
        return table


class _Pending:
    """A stream of batches that is taken in pieces of other sizes."""

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self._batches = batches
        self._current: pa.RecordBatch | None = None

    def available(self) -> int:
        """Rows that can be taken at once; 0 at the end."""
        while self._current is None or self._current.num_rows == 0:
            self._current = next(self._batches, None)
            if self._current is None:
                return 0
        return int(self._current.num_rows)

    def take(self, rows: int) -> list[pa.Array]:
        """The columns of the next rows, of which as many are available."""
        current = self._current
        assert current is not None, "nothing is available"
        self._current = current.slice(rows)
        return list(current.slice(0, rows).columns)


def _one(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """One array of what may be none or several."""
    if isinstance(column, pa.ChunkedArray):
        return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    return column
