"""Tables from and to the libraries that people have: none of them is needed to import this package."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, cast

from .errors import InvalidError

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

__all__ = ["ArrowStream", "as_stream", "to_arrow", "to_pandas", "to_polars"]


class ArrowStream(Protocol):
    """Rows of any library that speaks the Arrow PyCapsule interface."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...


def _library(name: str, purpose: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(f"{purpose} needs {name}: pip install {name}") from error


def to_arrow(rows: ArrowStream) -> pyarrow.Table:
    """All rows as a ``pyarrow.Table``."""
    return cast("pyarrow.Table", _library("pyarrow", "to_arrow()").table(rows))


def to_pandas(rows: ArrowStream) -> pandas.DataFrame:
    """All rows as a ``pandas.DataFrame``."""
    _library("pandas", "to_pandas()")
    return cast("pandas.DataFrame", _library("pyarrow", "to_pandas()").table(rows).to_pandas())


def to_polars(rows: ArrowStream) -> polars.DataFrame:
    """All rows as a ``polars.DataFrame``."""
    return cast("polars.DataFrame", _library("polars", "to_polars()").DataFrame(rows))


def as_stream(table: Any) -> Any:
    """A table as something that speaks Arrow: a dict of columns or a list of dicts by way of pyarrow, which finds out
    their types."""
    if isinstance(table, Mapping):
        return _library("pyarrow", "a table from a dict").table(dict(table))
    if isinstance(table, list):
        return _library("pyarrow", "a table from a list").Table.from_pylist(table)
    if hasattr(table, "__arrow_c_stream__") or hasattr(table, "__arrow_c_array__"):
        return table
    # polars' lazy frames.
    if hasattr(table, "collect"):
        return table.collect()
    raise InvalidError(
        "rows are a table that speaks Arrow (pyarrow, polars, pandas with pyarrow), a dict of columns or a list of "
        f"dicts, not {type(table).__name__}"
    )
