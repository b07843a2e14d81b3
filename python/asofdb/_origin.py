"""The origin of a training set: what it was made of, to say so elsewhere."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from . import _native
from ._frames import library
from .errors import ConflictError, InvalidError

if TYPE_CHECKING:
    from ._store import JoinOptions, _Engine

__all__ = ["Digest", "FileOrigin", "Origin", "file_state"]


@dataclass(frozen=True)
class Digest:
    """The digest of a table, 32 hexadecimal digits, and of each of its columns.

    Two tables have the same digest where they have the same columns, of the same types, and the same rows in the same
    order, bit for bit. How Arrow keeps texts, bytes and lists (``string``, ``large_string``, dictionaries) makes no
    difference, nor how rows come in batches.
    """

    digest: str
    rows: int
    columns: dict[str, str]

    @classmethod
    def _of(cls, tree: dict[str, Any]) -> Digest:
        if "failed" in tree:
            raise InvalidError(f"the table has no digest: {tree['failed']}")
        return cls(tree["digest"], tree["rows"], tree["columns"])

    @classmethod
    def of_rows(cls, rows: Any) -> Digest:
        """The digest of a table, or of a stream that is read to its end.

        Raises ``InvalidError``, naming the column, for types that have none: maps, unions and runs.
        """
        return cls._of(json.loads(_native.digest_rows(rows)))


def file_state(path: str | os.PathLike[str]) -> tuple[int, int]:
    """The size of a file and the time of its last change, by which one sees that it is another now."""
    status = os.stat(path)
    return status.st_size, status.st_mtime_ns


def digest_of_parquet(path: str) -> Digest:
    """The digest of the rows of a Parquet file, which are read batch by batch."""
    with library("pyarrow.parquet", "the digest of a file").ParquetFile(path) as file:
        reader = library("pyarrow", "the digest of a file").RecordBatchReader
        return Digest.of_rows(reader.from_batches(file.schema_arrow, file.iter_batches()))


@dataclass(frozen=True)
class Origin:
    """What a training set was made of. ``began`` is the present of the store before it was made."""

    store: _Engine
    references: list[str]
    options: JoinOptions
    spine: Any
    catalog_revision: int
    began: datetime

    @property
    def spine_path(self) -> str | None:
        """The path of the spine, where it is a file."""
        return os.fspath(self.spine) if isinstance(self.spine, (str, os.PathLike)) else None

    def digest_of_spine_file(self, path: str) -> Digest:
        """The digest of a spine in a file, as a join reads it."""
        names, options = self.references, self.options
        return Digest._of(json.loads(_native.spine_digest(self.store._engine, path, names, options)))


@dataclass(frozen=True)
class FileOrigin(Origin):
    """What a training set in the file ``out`` was made of."""

    out: str = ""
    spooled: dict[str, Any] | None = None
    """The digest of a spine that was no file."""
    states: dict[str, tuple[int, int]] = field(default_factory=dict)
    """The states of the files of spine and result when it was made."""

    def digests(self) -> tuple[Digest, Digest]:
        """The digests of the spine and of the result, which are read for it.

        Raises ``ConflictError`` where a file has changed since.
        """
        for path, state in self.states.items():
            if file_state(path) != state:
                raise ConflictError(f"the file has changed since the training set was made: {path}")
        source = self.spine_path
        spine = Digest._of(self.spooled or {}) if source is None else self.digest_of_spine_file(source)
        return spine, digest_of_parquet(self.out)
