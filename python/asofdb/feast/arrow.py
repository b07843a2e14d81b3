"""Arrow columns, from Feast's types to the store's and back.

Feast is lenient where the store is strict: a column of doubles with NaN stands for integers with nulls, and a double
is taken for a float. What Feast does when it writes online is done here to columns, so that a value is the same
whichever way it came in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, Union

import pyarrow as pa
import pyarrow.compute as pc
from feast.protos.feast.types.Value_pb2 import Value
from feast.type_map import (
    feast_value_type_to_pa,
    feast_value_type_to_python_type,
    python_values_to_proto_values,
)
from feast.types import FeastType, from_feast_to_pyarrow_type
from feast.value_type import ValueType

from . import types

Column = Union[pa.Array, pa.ChunkedArray]

UTC_MICROS: Final = pa.timestamp("us", tz="UTC")
"""Timestamps as the store keeps them."""

_NANOS_A_MICRO: Final = 1000

_SCALARS: Final[dict[str, pa.DataType]] = {
    "bool": pa.bool_(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "float32": pa.float32(),
    "float64": pa.float64(),
    "string": pa.string(),
    "bytes": pa.binary(),
    "timestamp": UTC_MICROS,
}


def arrow_type(store_type: str) -> pa.DataType:
    """The Arrow type of a type of the store."""
    if store_type.startswith("list<"):
        return pa.list_(_SCALARS[store_type[len("list<") : -1]])
    return _SCALARS[store_type]


def to_store(column: Column, value_type: ValueType) -> pa.Array:
    """A column of a feature as the store keeps it."""
    column = _plain(column)
    if not types.is_native(value_type):
        return _serialized(column, value_type)
    return _cast(column, arrow_type(types.feature_type(value_type)))


def key_to_store(column: Column, value_type: ValueType) -> pa.Array:
    """A column of a join key as the store keeps it."""
    column = _plain(column)
    store_type = types.key_type(value_type)
    if types.key_tags(value_type):
        return _serialized(column, value_type)
    return _cast(column, arrow_type(store_type))


def from_store(column: Column, value_type: ValueType, dtype: FeastType | None = None) -> Column:
    """A column of the store as Feast's users expect it; ``dtype`` says more about nested values."""
    if types.is_native(value_type):
        return column
    values = [None if value is None else _readable(Value.FromString(value)) for value in column.to_pylist()]
    return _nested(values, feast_value_type_to_pa(value_type) if dtype is None else from_feast_to_pyarrow_type(dtype))


def instants(column: Column, *, up: bool) -> pa.Array:
    """Times as UTC microseconds; those without a zone are UTC.

    Nanoseconds are rounded ``up`` where a fact must not seem true before it was, and down where a question must not
    see what came after it.
    """
    column = _plain(column)
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


def _plain(column: Column) -> pa.Array:
    """One array, without dictionaries."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    return array


def _cast(array: pa.Array, target: pa.DataType) -> pa.Array:
    if array.type == target:
        return array
    if target == UTC_MICROS:
        return instants(array, up=False)
    if pa.types.is_integer(target) and pa.types.is_floating(array.type):
        array = pc.if_else(pc.is_nan(array), None, array)
    # Doubles that are meant as floats are rounded, as Feast does; everything else must fit.
    return array.cast(target, safe=not _rounds(target))


def _rounds(target: pa.DataType) -> bool:
    inner = target.value_type if pa.types.is_list(target) else target
    return bool(pa.types.is_floating(inner))


def _serialized(array: pa.Array, value_type: ValueType) -> pa.Array:
    """Each value as the bytes of Feast's ``Value``; what Feast holds for null is null."""
    protos = python_values_to_proto_values(_python_values(array), value_type)
    return pa.array([proto.SerializeToString() or None for proto in protos], pa.binary())


def _python_values(array: pa.Array) -> list[Any]:
    unwrap = _unwrapped(array.type)
    values = array.to_pylist()
    return values if unwrap is None else [None if value is None else unwrap(value) for value in values]


def _unwrapped(type_: pa.DataType) -> Callable[[Any], Any] | None:
    """What makes dictionaries of Arrow's maps, which read as lists of pairs."""
    if pa.types.is_map(type_):
        return dict
    if pa.types.is_list(type_) or pa.types.is_large_list(type_):
        inner = _unwrapped(type_.value_type)
        return None if inner is None else lambda values: [None if value is None else inner(value) for value in values]
    return None


def _readable(value: Value) -> Any:
    """A value as Arrow can hold it: JSON, UUIDs and decimals as text, sets as lists, maps as dictionaries."""
    kind = value.WhichOneof("val")
    if kind == "json_val":
        return value.json_val
    if kind == "json_list_val":
        return list(value.json_list_val.val)
    return _without_sets(feast_value_type_to_python_type(value))


def _without_sets(value: Any) -> Any:
    if isinstance(value, (set, frozenset)):
        return [_without_sets(item) for item in _sorted(value)]
    if isinstance(value, list):
        return [_without_sets(item) for item in value]
    if value.__class__.__name__ in ("UUID", "Decimal"):
        return str(value)
    return value


def _sorted(values: Iterable[Any]) -> list[Any]:
    """A set in an order that does not change from run to run."""
    return sorted(values, key=lambda value: (value is None, str(type(value)), value))


def _nested(values: list[Any], declared: pa.DataType) -> pa.Array:
    """An array of the declared type, or of what the values are where they are not of it."""
    if pa.types.is_struct(declared) and not declared.num_fields:
        return pa.array(values)
    paired = [_paired(value, declared) for value in values]
    try:
        return pa.array(paired, declared)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array(values)


def _paired(value: Any, type_: pa.DataType) -> Any:
    """Dictionaries as the pairs that Arrow makes maps of."""
    if value is None:
        return None
    if pa.types.is_map(type_):
        return list(value.items())
    if pa.types.is_list(type_):
        return [_paired(item, type_.value_type) for item in value]
    return value
