"""Columns are converted to what Feast's own conversion makes of their values, whichever type they are declared."""

from __future__ import annotations

import decimal
import logging
import uuid
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from feast.protos.feast.types.Value_pb2 import Value
from feast.type_map import python_values_to_proto_values
from feast.value_type import ValueType

from asofdb.feast.arrow import to_store
from asofdb.feast.times import NO_TIME, NO_TIME_MICROS
from asofdb.feast.types import is_native

NAN, INFINITY = float("nan"), float("inf")
NOON = 1_717_243_200
BEFORE_1970 = datetime(1969, 12, 31, 23, 59, 59, 500000)
LATE = datetime(2024, 6, 1, 12, 0, 0, 999999)

SCALARS: dict[str, pa.Array] = {
    "bool": pa.array([True, False]),
    "bool, null": pa.array([True, None, False]),
    "int64": pa.array([0, 2, NOON]),
    "int64, null": pa.array([7, None, 0]),
    "int64, large": pa.array([2**53 + 1, -(2**62)]),
    "int32": pa.array([7, -2], pa.int32()),
    "int8": pa.array([0, 1], pa.int8()),
    "uint64": pa.array([7, 2**63], pa.uint64()),
    "double": pa.array([1.0, 0.0, NAN, None, 2.5, -0.5, 1e16, 1e-5, 0.1]),
    "double, large": pa.array([1.0, 1e300]),
    "double, infinite": pa.array([INFINITY, -INFINITY]),
    "float": pa.array([0.1, NAN, None, 1e16], pa.float32()),
    "half": pa.array(np.array([0.5, 2], np.float16)),
    "text": pa.array(["", "x", None]),
    "text, numbers": pa.array(["7", " 8 ", "-9"]),
    "text, large": pa.array(["a"], pa.large_string()),
    "text, dictionary": pa.array(["a", None, "a"]).dictionary_encode(),
    "bytes": pa.array([b"\x00\xff", b"", None]),
    "bytes, fixed": pa.array([b"ab"], pa.binary(2)),
    "timestamp": pa.array([LATE, BEFORE_1970, None], pa.timestamp("us")),
    "timestamp, zone": pa.array([LATE, BEFORE_1970, None], pa.timestamp("us", tz="America/New_York")),
    "timestamp, seconds": pa.array([NOON, -1], pa.timestamp("s")),
    "timestamp, nanoseconds": pa.array([NOON * 10**9 + 1, -1, None], pa.timestamp("ns")),
    "date": pa.array([date(2024, 6, 1), date(1969, 12, 31), None]),
    "decimal": pa.array([decimal.Decimal("7.50"), None]),
    "time": pa.array([time(1, 2, 3)]),
    "duration": pa.array([timedelta(seconds=5)]),
    "null": pa.nulls(2),
    "uuid": pa.array([str(uuid.UUID(int=7)), None]),
    "json": pa.array(['{"a": [1, null]}', None]),
}

LISTS: dict[str, pa.Array] = {
    "texts": pa.array([["a", None], [], None, ["b"]]),
    "texts, large": pa.array([["a", None]], pa.large_list(pa.large_string())),
    "bytes": pa.array([[b"a", None], None]),
    "bytes, none null": pa.array([[b"b", b""], []]),
    "maps in JSON": pa.array(['[{"a": 1}]', None]),
    "bools": pa.array([[True, None], [False], None]),
    "int64s": pa.array([[1, 2], [], None]),
    "int8s": pa.array([[1]], pa.list_(pa.int8())),
    "doubles": pa.array([[1.5, None, NAN], None, []]),
    "floats": pa.array([[0.1]], pa.list_(pa.float32())),
    "floats, fixed": pa.array([[1.0, 2.0], None, [3.0, 4.0]], pa.list_(pa.float32(), 2)),
    "int64s, null": pa.array([[NOON, None], None]),
    "timestamps": pa.array([[LATE, None, BEFORE_1970], None], pa.list_(pa.timestamp("us"))),
    "timestamps, zone": pa.array([[LATE]], pa.list_(pa.timestamp("us", tz="UTC"))),
    "timestamps, seconds": pa.array([[NOON, -1]], pa.list_(pa.timestamp("s"))),
    "nulls": pa.array([[None], None], pa.list_(pa.null())),
    "sliced": pa.array([[1], [2, 3], None, [4]]).slice(1, 3),
    "nested": pa.array([[[1, 2], [3]], None, []]),
    "nested, int32": pa.array([[[1]]], pa.list_(pa.list_(pa.int32()))),
    "structs": pa.array([[{"a": 1, "b": None}], None]),
    "struct": pa.array([{"a": 1, "b": [1, 2]}, None]),
    "uuids": pa.array([[str(uuid.UUID(int=7)), None], None]),
}

COLUMNS = {**SCALARS, **LISTS}
TYPES = [type_ for type_ in ValueType if type_ not in (ValueType.UNKNOWN, ValueType.NULL)]

# What Feast takes and the store refuses: fractions, which Feast cuts off, and seconds beyond the year 9999.
REFUSED = {
    *((name, type_) for name in ("double", "float", "half", "decimal") for type_ in (ValueType.INT32, ValueType.INT64)),
    ("int64, large", ValueType.UNIX_TIMESTAMP),
}

# Feast makes null of a double that is a time, and so of every time of a column of whole numbers with a null: by way of
# numpy that is a column of doubles. Here they are seconds like all others.
SECONDS_OF_DOUBLES = {"int64, null", "double", "double, large", "double, infinite"}


def of_feast(array: pa.Array, value_type: ValueType) -> list[Any] | None:
    """The values that Feast hands to an online store; ``None`` where it takes none of this type."""
    try:
        values = python_values_to_proto_values(array.to_numpy(zero_copy_only=False), value_type)
    except Exception:
        return None
    if not is_native(value_type):
        return [_opaque(value.SerializeToString() or None) for value in values]
    return [_content(value) for value in values]


def _opaque(serialized: bytes | None) -> Any:
    """Sets have no order, with NaN not even within one process."""
    kind = None if serialized is None else Value.FromString(serialized).WhichOneof("val")
    if serialized is None or kind is None or not kind.endswith("_set_val"):
        return serialized
    return kind, sorted(repr(item) for item in getattr(Value.FromString(serialized), kind).val)


def _content(value: Value) -> Any:
    kind = value.WhichOneof("val")
    if kind is None:
        return None
    content = getattr(value, kind)
    content = list(content.val) if hasattr(content, "val") else content
    return None if content == NO_TIME else content


def ours(array: pa.Array, value_type: ValueType) -> list[Any]:
    """Returns these values as they go into the store, with times as Feast's seconds."""
    column = to_store(array, value_type)
    if not is_native(value_type):
        return [_opaque(value) for value in column.to_pylist()]
    if "TIMESTAMP" not in value_type.name:
        return list(column.to_pylist())
    whole = pa.list_(pa.int64()) if pa.types.is_list(column.type) else pa.int64()
    return [_seconds(value) for value in column.cast(whole).to_pylist()]


def _seconds(micros: Any) -> Any:
    if isinstance(micros, list):
        return [_seconds(item) for item in micros]
    if micros is None or micros == NO_TIME_MICROS:
        return micros and NO_TIME
    assert micros % 1_000_000 == 0
    return micros // 1_000_000


@pytest.fixture(autouse=True)
def _feast_logs_nothing() -> Iterator[None]:
    logging.disable(logging.ERROR)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("value_type", TYPES, ids=lambda type_: type_.name)
@pytest.mark.parametrize("name", COLUMNS)
def test_what_feast_takes_is_what_feast_makes_of_it(name: str, value_type: ValueType) -> None:
    expected = of_feast(COLUMNS[name], value_type)
    if (name, value_type) in REFUSED:
        with pytest.raises((pa.ArrowException, ValueError)):
            to_store(COLUMNS[name], value_type)
        return
    if expected is None or (value_type is ValueType.UNIX_TIMESTAMP and name in SECONDS_OF_DOUBLES):
        return
    # NaN is not equal to itself, and 0 and False are equal: their texts are not.
    assert [repr(value) for value in ours(COLUMNS[name], value_type)] == [repr(value) for value in expected]


def test_the_table_is_no_table_of_refusals() -> None:
    """Feast takes some column of each type, or the test above says nothing about it."""
    taken = {type_ for type_ in TYPES for column in COLUMNS.values() if any(of_feast(column, type_) or [])}
    # Arrow has no dictionaries with keys other than texts, and Feast reads no zone from numpy.
    assert set(TYPES) - taken == {ValueType.SCALAR_MAP, ValueType.ZONED_TIMESTAMP}
