"""Training sets: a spine with the features as of each row's time."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from ._frames import ArrowStream, to_arrow, to_pandas, to_polars
from ._origin import Digest
from ._reports import JoinReport

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

    from ._native import JoinStream
    from ._origin import Origin

__all__ = ["TrainingSet"]

T = TypeVar("T")


class TrainingSet:
    """The spine's rows in their order and with all their columns, then a column a feature, as they are joined.

    It is a stream: rows are joined while they are read, so that neither the spine nor the result has to fit into
    memory, and it can be read once. It speaks the Arrow PyCapsule interface, for
    ``pyarrow.RecordBatchReader.from_stream(training_set)``, DuckDB and others.
    """

    __slots__ = ("_join", "_origin")

    def __init__(self, join: JoinStream, origin: Origin | None = None) -> None:
        self._join = join
        self._origin = origin

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._join.stream()

    def to_arrow(self) -> pyarrow.Table:
        """All rows as a ``pyarrow.Table``."""
        return self._read(to_arrow)

    def to_pandas(self) -> pandas.DataFrame:
        """All rows as a ``pandas.DataFrame``."""
        return self._read(to_pandas)

    def to_polars(self) -> polars.DataFrame:
        """All rows as a ``polars.DataFrame``."""
        return self._read(to_polars)

    def _read(self, form: Callable[[ArrowStream], T]) -> T:
        try:
            return form(self)
        except Exception:
            # Of our error the library has only the text.
            self._join.check()
            raise

    @property
    def names(self) -> list[str]:
        """The names of the columns: the spine's, then the features'."""
        return self._join.names()

    @property
    def spine_digest(self) -> Digest | None:
        """The digest of the spine; None until all rows were read. Raises ``InvalidError`` where a column has none."""
        return self._digest("spine")

    @property
    def digest(self) -> Digest | None:
        """The digest of all rows; None until they were read. Raises ``InvalidError`` where a column has none."""
        return self._digest("rows")

    def _digest(self, of: str) -> Digest | None:
        text = self._join.digests_json()
        return None if text is None else Digest._of(json.loads(text)[of])

    @property
    def report(self) -> JoinReport | None:
        """Counts of each feature's statuses; None until all rows were read."""
        text = self._join.report_json()
        return None if text is None else JoinReport._of(text)
