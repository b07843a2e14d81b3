"""The answer to a read."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ._frames import to_arrow, to_pandas, to_polars
from .errors import InvalidError

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

    from ._native import Answer

__all__ = ["Result", "Status"]


class Status(enum.IntEnum):
    """Status of a value: why it is or is not there."""

    PRESENT = 0
    """A value was stored, and it is within its ttl. Zero, False and "" are values."""
    NULL = 1
    """A null was stored, or the row was written before the feature was added."""
    MISSING = 2
    """No version of the row at the time asked, or the newest one is a deletion."""
    EXPIRED = 3
    """The newest version at the time asked is older than the view's ttl."""


class Result:
    """Answer for each entity, feature by feature, in the order asked.

    It holds the rows as they came; each ``to_...`` makes its form from them. A feature's default stands in wherever its
    status is not ``present``. Columns are the join keys, then the features by name (``view__feature`` where names
    collide).

    It speaks the Arrow PyCapsule interface: ``pyarrow.table(result)``, ``polars.DataFrame(result)`` and DuckDB take it
    without copying.
    """

    __slots__ = ("_answer",)

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def __len__(self) -> int:
        return len(self._answer)

    def __repr__(self) -> str:
        features = self.references
        shown = ", ".join(features[:4]) + (", ..." if len(features) > 4 else "")
        return f"<asofdb.Result of {len(self)} rows, {len(features)} features: {shown}>"

    @property
    def references(self) -> list[str]:
        """``view:feature`` of each feature."""
        return self._answer.references()

    @property
    def id(self) -> str | None:
        """The id of the answer in the log of served features, to be logged with a prediction; None where it was not
        logged."""
        return self._answer.id()

    def names(self, *, full_names: bool = False, entities: bool = True) -> list[str]:
        """The names of the features' columns."""
        return self._answer.names(full_names, entities)

    def to_numpy(self, dtype: npt.DTypeLike = np.float32, *, fill: float = float("nan")) -> npt.NDArray[Any]:
        """A matrix of entities × features, row by row, of float32 or float64. Bools are 0 and 1; whole numbers and
        float64 values are rounded to the nearest. ``fill`` stands where there is neither a value nor a default.

        Raises ``InvalidError`` when a feature is not a number or bool, naming it.
        """
        match np.dtype(dtype):
            case np.dtypes.Float32DType():
                return self._answer.to_float32(fill)
            case np.dtypes.Float64DType():
                return self._answer.to_float64(fill)
            case other:
                raise InvalidError(
                    f"a matrix is of float32 or float64, not {other}; columns of other types: to_arrow()"
                )

    def statuses(self) -> npt.NDArray[np.uint8]:
        """The :class:`Status` of each value, a matrix of entities × features."""
        return self._answer.statuses()

    def event_timestamps(self) -> npt.NDArray[np.datetime64]:
        """The event timestamp of the version that answers, UTC, a matrix of entities × features; NaT where
        it is ``missing``."""
        return self._answer.event_micros().view("datetime64[us]")

    def to_dict(self, *, full_names: bool = False, entities: bool = True) -> dict[str, list[Any]]:
        """Columns by name, as lists of Python values; None where there is no value and no default."""
        return self._answer.to_dict(full_names, entities)

    def to_dicts(self, *, full_names: bool = False, entities: bool = True) -> list[dict[str, Any]]:
        """Rows as dicts by column name, such as a web service answers with."""
        columns = self.to_dict(full_names=full_names, entities=entities)
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def to_arrow(
        self,
        *,
        statuses: bool = False,
        event_timestamps: bool = False,
        full_names: bool = False,
        entities: bool = True,
    ) -> pyarrow.Table:
        """A ``pyarrow.Table``. With ``statuses`` a column ``feature__status`` follows each feature, with
        ``event_timestamps`` a column ``view__event_timestamp`` a view comes last."""
        return to_arrow(_Stream(self._answer, statuses, event_timestamps, full_names, entities))

    def to_pandas(
        self,
        *,
        statuses: bool = False,
        event_timestamps: bool = False,
        full_names: bool = False,
        entities: bool = True,
    ) -> pandas.DataFrame:
        """A ``pandas.DataFrame`` with the columns of :meth:`to_arrow`."""
        return to_pandas(_Stream(self._answer, statuses, event_timestamps, full_names, entities))

    def to_polars(
        self,
        *,
        statuses: bool = False,
        event_timestamps: bool = False,
        full_names: bool = False,
        entities: bool = True,
    ) -> polars.DataFrame:
        """A ``polars.DataFrame`` with the columns of :meth:`to_arrow`."""
        return to_polars(_Stream(self._answer, statuses, event_timestamps, full_names, entities))

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._answer.stream(False, False, False, True)


class _Stream:
    """The columns that were asked for, for any consumer of Arrow streams."""

    __slots__ = ("_answer", "_columns")

    def __init__(
        self, answer: Answer, statuses: bool, event_timestamps: bool, full_names: bool, entities: bool
    ) -> None:
        self._answer = answer
        self._columns = (statuses, event_timestamps, full_names, entities)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._answer.stream(*self._columns)
