"""Rows of a view of the store, read at length."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from .connect import Engine

_ROLE: Final = b"asofdb.role"
_ONE: Final = timedelta(microseconds=1)


@dataclass(frozen=True)
class Versions:
    """Versions of a view, with the columns that were asked for and those below."""

    table: pa.Table
    event: str
    created: str


def versions_between(
    engine: Engine, view: str, columns: Sequence[str], start: datetime | None, end: datetime | None
) -> Versions:
    """Every version with an event from ``start`` to ``end``, both included; deletions are not among them."""
    after = None if end is None else end + _ONE
    if start is not None and after is not None and start >= after:
        after = start + _ONE
        return _none_of(_exported(engine, view, columns, start=start, end=after))
    return _exported(engine, view, columns, start=start, end=after)


def latest_between(
    engine: Engine, view: str, columns: Sequence[str], start: datetime | None, end: datetime | None
) -> Versions:
    """The newest version of each entity as of ``end``, where its event is not before ``start``."""
    versions = _exported(engine, view, columns, as_of=engine.now() if end is None else end)
    if start is None:
        return versions
    recent = pc.greater_equal(versions.table[versions.event], pa.scalar(start, pa.timestamp("us", tz="UTC")))
    return Versions(versions.table.filter(recent), versions.event, versions.created)


def _exported(
    engine: Engine,
    view: str,
    columns: Sequence[str],
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    as_of: datetime | None = None,
) -> Versions:
    """By way of files, which hold views larger than memory until the columns asked for are read."""
    with tempfile.TemporaryDirectory(prefix="asofdb-") as directory:
        out = Path(directory) / "rows"
        manifest = engine.export(view, out, start=start, end=end, as_of=as_of, compression="none")
        dataset = ds.dataset([str(out / file["path"]) for file in manifest["files"]], format="parquet")
        roles = {(field.metadata or {}).get(_ROLE, b"").decode(): field.name for field in dataset.schema}
        event, created = roles["event_timestamp"], roles["created_timestamp"]
        kept = ~ds.field(roles["deleted"]) if "deleted" in roles else None
        table = dataset.to_table(columns=list(dict.fromkeys([*columns, event, created])), filter=kept)
        return Versions(table, event, created)


def _none_of(versions: Versions) -> Versions:
    return Versions(versions.table.slice(0, 0), versions.event, versions.created)
