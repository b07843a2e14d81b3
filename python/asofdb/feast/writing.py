"""Writing rows of Feast into the store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value

from asofdb import InvalidError, _native

from . import names
from .connect import Engine

Row = tuple[EntityKey, dict[str, Value], datetime, datetime | None]
"""An entity, its values, their event timestamp and, if it is known, their created timestamp."""

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_DAY_SECONDS = 86_400
_MICROSECONDS = timedelta(microseconds=1)


def write_rows(engine: Engine, view: str, rows: Sequence[Row], progress: Callable[[int], Any] | None) -> None:
    """Writes rows, in several steps where there are many; ``progress`` is told how many each of them has.

    Raises ``NotFoundError`` where the store does not know the view, ``InvalidError`` for what it refuses.
    """
    events = [_event(row[2], view) for row in rows]
    created = [_created(row[3]) for row in rows]
    values = [(row[0], row[1]) for row in rows]
    writer = _native.FeastWriter(engine._engine, view, names.feast_column)
    start = 0
    while start < len(rows):
        end = start + WRITE_ROWS
        try:
            written = writer.write(values[start:end], events[start:end], created[start:end])
        except InvalidError as error:
            raise (InvalidError(f"{error} (counted from row {start} on)") if start else error) from error
        start += written
        if progress is not None:
            progress(written)


WRITE_ROWS = 10_000
"""Rows that are handed over at a time."""


def micros(time: datetime) -> int:
    """Microseconds since the epoch; a naive datetime is UTC."""
    if time.tzinfo is None:
        time = time.replace(tzinfo=timezone.utc)
    since: timedelta = time - _EPOCH
    return (since.days * _DAY_SECONDS + since.seconds) * 1_000_000 + since.microseconds


def time_of(micros: int | None) -> datetime | None:
    """The aware datetime of microseconds since the epoch."""
    return None if micros is None else _EPOCH + micros * _MICROSECONDS


def _event(time: Any, view: str) -> int:
    if time is None or time != time:
        raise InvalidError(f"feature view {view!r}: every row needs an event timestamp: {time!r}")
    return micros(time)


def _created(time: Any) -> int | None:
    # NaT is not equal to itself.
    return None if time is None or time != time else micros(time)
