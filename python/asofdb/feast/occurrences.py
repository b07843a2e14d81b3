"""Entity rows of a retrieval that has none: everything that happened in a range of time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pyarrow as pa

from .connect import Engine
from .exported import versions_between
from .histories import History, KeyColumn
from .spine import Spine
from .views import computed_view

_EVENT = "event_timestamp"


def occurrences(engine: Engine, histories: Sequence[History], start: datetime, end: datetime) -> Spine:
    """Each entity at each time at which one of its features changed, from ``start`` to ``end``, both included.

    Views that are computed are asked at the times of others: they change at every time.

    Raises :class:`ValueError` when no view that has rows has the join keys of all others.
    """
    keys = _widest(histories)
    with_rows = [history for history in histories if computed_view(history.feature_view) is None]
    tables = [_of_view(engine, history, start, end) for history in with_rows if _spines(history) == _names(keys)]
    if not tables:
        computed = [
            history.feature_view.name for history in histories if computed_view(history.feature_view) is not None
        ]
        raise ValueError(
            f"asofdb: feature views {computed} are computed and have no times of their own: give an entity_df"
        )
    together = pa.concat_tables(tables, promote_options="permissive")
    distinct = together.group_by(together.column_names, use_threads=False).aggregate([])
    order = [(name, "ascending") for name in (_EVENT, *sorted(_names(keys)))]
    return Spine(distinct.sort_by(order), _EVENT)


def _widest(histories: Sequence[History]) -> Sequence[KeyColumn]:
    widest = max(histories, key=lambda history: len(history.keys))
    for history in histories:
        if not _spines(history) <= _spines(widest):
            raise ValueError(
                "asofdb: without entity_df, features are retrieved for the entities of one view: "
                f"{widest.view!r} does not have the join keys of {history.view!r}; retrieve them apart"
            )
    return widest.keys


def _of_view(engine: Engine, history: History, start: datetime, end: datetime) -> pa.Table:
    columns = {key.store: key.spine for key in history.keys}
    versions = versions_between(engine, history.view, list(columns), start, end)
    columns[versions.event] = _EVENT
    table = versions.table.select(list(columns))
    return table.rename_columns([columns[column] for column in table.column_names])


def _spines(history: History) -> set[str]:
    return _names(history.keys)


def _names(keys: Sequence[KeyColumn]) -> set[str]:
    return {key.spine for key in keys}
