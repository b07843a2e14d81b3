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

__all__ = ["ArrowStream", "as_stream", "collected", "library", "to_arrow", "to_pandas", "to_polars"]


class ArrowStream(Protocol):
    """Rows of any library that speaks the Arrow PyCapsule interface."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...


def library(name: str, purpose: str) -> Any:
    """A library that is needed for ``purpose``; raises ``ImportError``, with what to do, where it is not there."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise ImportError(f"{purpose} needs {package}: pip install {package}") from error


def to_arrow(rows: ArrowStream) -> pyarrow.Table:
    """All rows as a ``pyarrow.Table``."""
    return cast("pyarrow.Table", library("pyarrow", "to_arrow()").table(rows))


def to_pandas(rows: ArrowStream) -> pandas.DataFrame:
    """All rows as a ``pandas.DataFrame``."""
    library("pandas", "to_pandas()")
    return cast("pandas.DataFrame", library("pyarrow", "to_pandas()").table(rows).to_pandas())


def to_polars(rows: ArrowStream) -> polars.DataFrame:
    """All rows as a ``polars.DataFrame``."""
    return cast("polars.DataFrame", library("polars", "to_polars()").DataFrame(rows))


def collected(table: Any) -> Any:
    """A lazy frame of polars as the frame that it describes; everything else as it is."""
    return table.collect() if hasattr(table, "collect") else table


def as_stream(table: Any) -> Any:
    """A table as something that speaks Arrow: a dict of columns or a list of dicts by way of pyarrow, which finds out
    their types."""
    if isinstance(table, Mapping):
        return library("pyarrow", "a table from a dict").table(dict(table))
    if isinstance(table, list):
        return library("pyarrow", "a table from a list").Table.from_pylist(table)
    if hasattr(table, "__arrow_c_stream__") or hasattr(table, "__arrow_c_array__"):
        return table
    if hasattr(table, "collect"):
        return collected(table)
    raise InvalidError(
        "rows are a table that speaks Arrow (pyarrow, polars, pandas with pyarrow), a dict of columns or a list of "
        f"dicts, not {type(table).__name__}"
    )
