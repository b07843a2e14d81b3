"""Making training sets: by a join to a spine, or from a log of what was served."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import _native
from ._frames import as_stream
from ._lineage import LineageRun, told
from ._origin import FileOrigin, Origin, file_state
from ._reports import JoinReport, time_of
from ._training import TrainingSet
from .errors import InvalidError

if TYPE_CHECKING:
    from ._store import JoinOptions, _Engine

__all__ = ["SpineJoin", "served_set"]

_JOB = "training-set"


@dataclass(frozen=True)
class SpineJoin:
    """A join of features to a spine, which is a table, a stream or the path of a file."""

    store: _Engine
    references: list[str]
    options: JoinOptions
    spine: Any

    @property
    def _is_file(self) -> bool:
        return isinstance(self.spine, (str, os.PathLike))

    def _rows(self) -> Any:
        """Raises ``InvalidError`` for what is no spine, and for a delimiter of what is no file."""
        if self.spine is None:
            raise InvalidError("a training set needs a spine, or a log of served features, from_log=")
        if self.options["delimiter"] is not None and not self._is_file:
            raise InvalidError("a delimiter is for a spine in a file of CSV")
        return os.fspath(self.spine) if self._is_file else as_stream(self.spine)

    def _begin(self, writes: Sequence[str]) -> LineageRun | None:
        reads = (self.references, [os.fspath(self.spine)] if self._is_file else [])
        return LineageRun.begin(self.store._lineage, self.store._engine, _JOB, reads=reads, writes=((), writes))

    def to_stream(self) -> TrainingSet:
        """The training set as a stream."""
        rows, run = self._rows(), self._begin(())
        try:
            ended = None if run is None else run.end
            join = _native.join(self.store._engine, rows, self.references, self.options, ended)
        except Exception as error:
            if run is not None:
                run.end(str(error))
            raise
        return TrainingSet(join, Origin(self.store, self.references, self.options, self.spine, *join.state()))

    def to_file(self, out: str, progress: Callable[[int, int, int | None], object] | None) -> JoinReport:
        """Writes the training set into a new file of Parquet."""
        rows = self._rows()
        with told(lambda: self._begin([out])):
            text, made = _native.join_to_file(self.store._engine, rows, out, self.references, self.options, progress)
        return JoinReport._of(text, self._origin(out, json.loads(made)))

    def _origin(self, out: str, made: dict[str, Any]) -> FileOrigin:
        states = {path: file_state(path) for path in ([os.fspath(self.spine), out] if self._is_file else [out])}
        state = (made["catalog_revision"], time_of(made["began"]))
        return FileOrigin(self.store, self.references, self.options, self.spine, *state, out, made["spine"], states)


def served_set(
    log: str,
    out: str | os.PathLike[str] | None,
    join: SpineJoin,
    progress: Callable[[int, int, int | None], object] | None,
) -> JoinReport:
    """Writes exactly what a log of served features says as a training set.

    Raises ``InvalidError`` without ``out``, and for options of a join to a spine: rows, their times and what was known
    are those of the log.
    """
    options = join.options
    given = (join.spine, options["known_at"], options["memory_bytes"], options["delimiter"])
    if out is None or options["event_timestamp"] != "event_timestamp" or any(one is not None for one in given):
        raise InvalidError(
            "a training set from a log goes to a file, out=, and takes references, statuses, event_timestamps "
            "and full_names: the rows, their times and what was known are those of the log"
        )
    columns = (options["statuses"], options["event_timestamps"], options["full_names"])
    return JoinReport._of(_native.served_to_file(log, os.fspath(out), join.references, columns, progress))
