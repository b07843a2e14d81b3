"""Times as columns of Arrow: UTC, microseconds."""

from __future__ import annotations

from typing import Final, Union

import pyarrow as pa
import pyarrow.compute as pc

Column = Union[pa.Array, pa.ChunkedArray]

UTC_MICROS: Final = pa.timestamp("us", tz="UTC")
"""Timestamps as the store keeps them."""

NO_TIME: Final = -(2**63)
"""The seconds by which Feast means that there is no time: numpy's NaT."""

NO_TIME_MICROS: Final = -62_135_596_799_999_999
"""The value that stands for it inside a list of the store, which has no nulls: a microsecond into the year 1.

It is a time that every reader can show, and none that Feast could mean: Feast's times are whole seconds.
"""

_A_SECOND: Final = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_MICROS: Final = 1_000_000
_NANOS_A_MICRO: Final = 1_000

# The years 1 to 9999, in seconds: beyond them Feast cannot show a time.
_FIRST: Final = -62_135_596_800
_LAST: Final = 253_402_300_799


def plain(column: Column) -> pa.Array:
    """One array, without dictionaries."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    return array


def instants(column: Column, *, up: bool) -> pa.Array:
    """Times as UTC microseconds; those without a zone are UTC.

    Nanoseconds are rounded ``up`` where a fact must not seem true before it was, and down where a question must not
    see what came after it.

    Raises :class:`ValueError` for numbers.
    """
    column = plain(column)
    require_unit(column.type)
    if not pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us"))
    if column.type.unit == "ns":
        micros = pc.divide(column.cast(pa.int64()), _NANOS_A_MICRO)
        rest = pc.subtract(column.cast(pa.int64()), pc.multiply(micros, _NANOS_A_MICRO))
        # Division goes towards zero: a rest below it asks for one less, one above it for one more.
        step = pc.greater(rest, 0) if up else pc.less(rest, 0)
        micros = pc.add(micros, pc.multiply(step.cast(pa.int64()), 1 if up else -1))
        return micros.cast(UTC_MICROS)
    return column.cast(pa.timestamp("us", tz=column.type.tz)).cast(pa.int64()).cast(UTC_MICROS)


def require_unit(type_: pa.DataType) -> None:
    """Raises :class:`ValueError` for the type of a column of times that has no unit: numbers.

    Feast takes them for nanoseconds, and so for times in the year 1970, whichever unit they are in.
    """
    if pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_decimal(type_):
        raise ValueError(f"it is {type_}, which does not say the unit of times: cast it to timestamps")


def seconds_down(times: pa.Array) -> pa.Array:
    """The last whole second not after each timestamp or date, as Feast has the value of a feature."""
    times = _with_unit(times)
    whole = _whole_seconds(times)
    is_after = pc.greater(pc.multiply(whole, _A_SECOND[times.type.unit]), times.cast(pa.int64()))
    return at_seconds(pc.subtract(whole, is_after.cast(pa.int64())))


def seconds_towards_1970(times: pa.Array) -> pa.Array:
    """The whole second of each timestamp or date, as Feast has the item of a list: cut off, not rounded down."""
    return at_seconds(_whole_seconds(_with_unit(times)))


def at_seconds(seconds: pa.Array) -> pa.Array:
    """Whole numbers as the times that they are in Feast: seconds since 1970.

    Raises :class:`ValueError` naming the unit that they look like, where they are not of the years 1 to 9999.
    """
    seconds = seconds.cast(pa.int64())
    ends = pc.min_max(seconds)
    for end in (ends["min"].as_py(), ends["max"].as_py()):
        if end is not None and not _FIRST <= end <= _LAST:
            raise ValueError(f"whole numbers are seconds since 1970, this looks like {_unit_of(abs(end))}: {end}")
    return pc.multiply(seconds, _MICROS).cast(UTC_MICROS)


def nulls_for_no_time(column: pa.Array) -> pa.Array:
    """A column of lists of timestamps of the store, with null for each time that is none; other columns as they are."""
    if not (pa.types.is_list(column.type) and pa.types.is_timestamp(column.type.value_type)):
        return column
    items = column.flatten()
    is_none = pc.equal(items.cast(pa.int64()), NO_TIME_MICROS)
    if not pc.any(is_none).as_py():
        return column
    return relisted(column, pc.if_else(is_none, pa.scalar(None, items.type), items))


def relisted(lists: pa.Array, items: pa.Array) -> pa.Array:
    """Lists of the same lengths, and null in the same places, with other items."""
    lengths = pc.fill_null(pc.list_value_length(lists), 0).cast(pa.int32())
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(lengths)])
    mask = pc.is_null(lists) if lists.null_count else None
    return pa.ListArray.from_arrays(offsets, items, type=pa.list_(items.type), mask=mask)


def _with_unit(times: pa.Array) -> pa.Array:
    """Dates as timestamps."""
    return times if pa.types.is_timestamp(times.type) else times.cast(pa.timestamp("s"))


def _whole_seconds(times: pa.Array) -> pa.Array:
    # Division of whole numbers goes towards zero.
    return pc.divide(times.cast(pa.int64()), _A_SECOND[times.type.unit])


def _unit_of(magnitude: int) -> str:
    if magnitude < 10**14:
        return "milliseconds"
    return "microseconds" if magnitude < 10**17 else "nanoseconds"
