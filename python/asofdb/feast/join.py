"""The point-in-time join of a historical retrieval, as requests to the store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from .connect import Engine
from .histories import FeatureColumn, History, KeyColumn
from .spine import Spine
from .times import nulls_for_no_time

_TIME: Final = "event_timestamp"
"""The column of times in what the store is asked; no join key can have its name."""


@dataclass(frozen=True)
class Group:
    """Views that are asked with the same keys, and so in one join."""

    keys: Sequence[KeyColumn]
    histories: Sequence[History]
    known_at_own_time: bool
    """Returns whether each row uses only versions that were created by its own time."""

    @property
    def references(self) -> list[str]:
        """Returns the references that the store is asked for."""
        return [reference for history in self.histories for reference in history.references]

    @property
    def features(self) -> list[tuple[History, FeatureColumn]]:
        """The columns of the answer, in the same order."""
        return [(history, feature) for history in self.histories for feature in history.features]

    def spine(self, spine: Spine) -> pa.Table:
        """The entity rows as the store takes them."""
        keys = {key.store: spine.keys(key.spine, key.value_type) for key in self.keys}
        return pa.table({**keys, _TIME: spine.times})


def grouped(histories: Iterable[History], *, filter_by_created: bool) -> list[Group]:
    """The fewest joins that answer for all views.

    With ``filter_by_created`` views whose sources say when rows were created use only what each row could know;
    other views are not restricted, as in Feast.
    """
    groups: list[tuple[set[KeyColumn], bool, list[History]]] = []
    for history in histories:
        keys, restricted = set(history.keys), filter_by_created and history.keeps_created
        for asked, known_at_own_time, together in groups:
            # A view is asked once a join: its second projection is another join.
            fresh = all(history.view != other.view for other in together)
            if fresh and known_at_own_time == restricted and _agree(asked, keys):
                asked |= keys
                together.append(history)
                break
        else:
            groups.append((keys, restricted, [history]))
    return [Group(sorted(keys, key=lambda key: key.store), together, known) for keys, known, together in groups]


def _agree(some: set[KeyColumn], others: set[KeyColumn]) -> bool:
    """Returns whether no join key of the store would have to be two columns, or two types, of one spine."""
    by_name = {key.store: key for key in some}
    return all(by_name.get(key.store, key) == key for key in others)


def answers(engine: Engine, group: Group, spine: Spine) -> Iterator[pa.RecordBatch]:
    """The features of a group for each entity row, in the rows' order: a column a feature.

    Values are null where the store has none, where it has a null, and where what it has is older than the ttl.
    """
    asked = group.spine(spine)
    joined = engine.training_set(
        asked,
        group.references,
        known_at="own_time" if group.known_at_own_time else None,
        full_names=True,
        event_timestamps=True,
    )
    for batch in pa.RecordBatchReader.from_stream(joined):
        yield _answer(group, batch, asked.num_columns)


def _answer(group: Group, batch: pa.RecordBatch, asked: int) -> pa.RecordBatch:
    """The columns of the features alone."""
    features = group.features
    answered = batch.columns[asked : asked + len(features)]
    columns = []
    for column, (history, _) in zip(answered, features, strict=True):
        if history.ttl is not None:
            events = batch.column(f"{history.view}__event_timestamp")
            column = _within(history.ttl, column, batch.column(_TIME), events)
        columns.append(nulls_for_no_time(column))
    return pa.RecordBatch.from_arrays(columns, names=[str(index) for index in range(len(columns))])


def _within(ttl: timedelta, column: pa.Array, times: pa.Array, events: pa.Array) -> pa.Array:
    """Nulls where a value is older than the feature view's ttl; one exactly as old as it is valid.

    The view of the store has a ttl too, but it may be read for another feature view, with a shorter one.
    """
    expired = pc.greater(pc.subtract(times, events), pa.scalar(ttl, pa.duration("us")))
    return pc.if_else(pc.fill_null(expired, False), pa.scalar(None, column.type), column)
