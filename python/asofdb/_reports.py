"""Reports of operations."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

__all__ = [
    "Erased",
    "FeatureCounts",
    "Freshness",
    "IngestReport",
    "IngestedFile",
    "JoinReport",
    "Verified",
    "Version",
]


@dataclass(frozen=True)
class Version:
    """One version of an entity's row. ``values`` is by feature, and empty for a deletion."""

    event_timestamp: datetime
    created_timestamp: datetime
    deleted: bool
    values: dict[str, Any]


@dataclass(frozen=True)
class Erased:
    """The receipt of an erasure in one view: how many versions were removed, and the bytes of their keys and rows."""

    view: str
    versions: int
    bytes: int


@dataclass(frozen=True)
class Freshness:
    """A view's freshness: its newest event against its ttl, which tells whether it is fed. Ages are in seconds."""

    view: str
    stale: bool
    newest_event_timestamp: datetime | None
    age_seconds: float | None
    ttl_seconds: float | None
    entities: int
    expired_entities: int
    now: datetime

    @classmethod
    def _of(cls, text: str) -> Freshness:
        tree = json.loads(text)
        for name in ("newest_event_timestamp", "now"):
            tree[name] = tree[name] and datetime.fromisoformat(tree[name].replace("Z", "+00:00"))
        return cls(**tree)


@dataclass(frozen=True)
class Verified:
    """The counts of a check of everything, and the problems that it found: none, if all is well."""

    versions: int
    entities: int
    problems: list[str]


@dataclass(frozen=True)
class IngestedFile:
    """Report of one input of an ingest. Rows that an earlier run had read are in ``rows_resumed`` only."""

    name: str
    rows_read: int
    rows_written: int
    rows_rejected: int
    rows_resumed: int


@dataclass(frozen=True)
class IngestReport:
    """Report of an ingest. ``rejects`` is the file of bad rows, if there is one."""

    rows_read: int
    rows_written: int
    rows_rejected: int
    rows_resumed: int
    rejects: str | None
    seconds: float
    files: list[IngestedFile]

    @classmethod
    def _of(cls, text: str) -> IngestReport:
        tree = json.loads(text)
        tree["files"] = [IngestedFile(**file) for file in tree["files"]]
        return cls(**tree)


@dataclass(frozen=True)
class FeatureCounts:
    """Counts of each status of a feature."""

    present: int
    null: int
    missing: int
    expired: int


@dataclass(frozen=True)
class JoinReport:
    """Report of a training set: ``null_rows`` are rows whose time or a join key was null; ``features`` by reference."""

    rows: int
    null_rows: int
    features: dict[str, FeatureCounts]

    @classmethod
    def _of(cls, text: str) -> JoinReport:
        tree = json.loads(text)
        features = {name: FeatureCounts(**counts) for name, counts in tree["features"].items()}
        return cls(tree["rows"], tree["null_rows"], features)
