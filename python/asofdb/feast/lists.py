"""Columns of lists as Feast converts them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import pyarrow as pa
from feast.protos.feast.types.Value_pb2 import Value
from feast.value_type import ValueType

from .scalars import TYPES, feast_values, kind_of
from .times import NO_TIME, NO_TIME_MICROS, UTC_MICROS, at_seconds, relisted, seconds_towards_1970

Convert = Callable[[pa.Array], pa.Array]

_NAN: Final = float("nan")


def lists(array: pa.Array, value_type: ValueType, item_type: str) -> pa.Array:
    """The lists as Feast has them for ``value_type``, whose items are ``item_type`` in the store.

    There is no null inside a list in Feast: it is zero, false, an empty text, NaN among numbers with fractions, and
    among timestamps the time that is none.

    Raises :class:`ValueError`, :class:`TypeError` or :class:`pyarrow.ArrowException` for what Feast does not take and
    for what does not fit.
    """
    if pa.types.is_null(array.type):
        return pa.nulls(len(array), pa.list_(TYPES[item_type]))
    convert = _CONVERSIONS.get((item_type, kind_of(array.type.value_type))) if _is_list(array.type) else None
    if convert is None:
        return _by_feast(array, value_type, item_type)
    array = array.cast(pa.list_(array.type.value_type))
    items = convert(array.flatten())
    return relisted(array, items.fill_null(_in_place_of_null(item_type, array.type.value_type)))


def _is_list(type_: pa.DataType) -> bool:
    is_of = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list, pa.types.is_list_view)
    return any(check(type_) for check in (*is_of, pa.types.is_large_list_view))


def _in_place_of_null(item_type: str, given: pa.DataType) -> pa.Scalar:
    if item_type in ("float32", "float64") and not pa.types.is_null(given):
        # Feast reads columns by way of numpy, where numbers among which one is null are doubles with NaN.
        return pa.scalar(_NAN, TYPES[item_type])
    return _IN_PLACE_OF_NULL[item_type]


_IN_PLACE_OF_NULL: Final[Mapping[str, pa.Scalar]] = {
    "bool": pa.scalar(False),
    "int32": pa.scalar(0, pa.int32()),
    "int64": pa.scalar(0, pa.int64()),
    "float32": pa.scalar(0.0, pa.float32()),
    "float64": pa.scalar(0.0, pa.float64()),
    "string": pa.scalar(""),
    "bytes": pa.scalar(b""),
    "timestamp": pa.scalar(NO_TIME_MICROS, pa.int64()).cast(UTC_MICROS),
}


def _by_feast(array: pa.Array, value_type: ValueType, item_type: str) -> pa.Array:
    values = [_items(value) for value in feast_values(array.to_numpy(zero_copy_only=False), value_type)]
    if item_type != "timestamp":
        return pa.array(values, pa.list_(TYPES[item_type]))
    seconds = pa.array(
        [None if value is None else [None if item == NO_TIME else item for item in value] for value in values],
        pa.list_(pa.int64()),
    )
    return lists(seconds, value_type, item_type)


def _items(value: Value) -> list[Any] | None:
    kind = value.WhichOneof("val")
    return None if kind is None else list(getattr(value, kind).val)


def _to(type_: pa.DataType, *, rounded: bool = False) -> Convert:
    return lambda items: items.cast(type_, safe=not rounded)


_CONVERSIONS: Final[Mapping[tuple[str, str], Convert]] = {
    **{(name, "null"): _to(type_) for name, type_ in TYPES.items()},
    ("bool", "bool"): _to(pa.bool_()),
    **{(name, kind): _to(TYPES[name]) for name in ("int32", "int64") for kind in ("whole", "float")},
    **{(name, kind): _to(TYPES[name], rounded=True) for name in ("float32", "float64") for kind in ("whole", "float")},
    ("string", "text"): _to(pa.string()),
    ("bytes", "bytes"): _to(pa.binary()),
    ("bytes", "text"): _to(pa.binary()),
    ("timestamp", "whole"): at_seconds,
    ("timestamp", "time"): seconds_towards_1970,
}
"""The conversions, by the store's type of items and the kind of the column's."""
