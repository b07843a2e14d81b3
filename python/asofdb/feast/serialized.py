"""Columns of types that the store has not: Feast's serialized values, written and read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pyarrow as pa
from feast.protos.feast.types.Value_pb2 import Value
from feast.type_map import feast_value_type_to_pa, feast_value_type_to_python_type
from feast.types import FeastType, from_feast_to_pyarrow_type
from feast.value_type import ValueType

from .scalars import feast_values
from .times import Column


def serialized(array: pa.Array, value_type: ValueType) -> pa.Array:
    """Each value as the bytes of Feast's ``Value``; what Feast holds for null is null.

    Raises :class:`ValueError` or :class:`TypeError` for what Feast does not take.
    """
    return pa.array([value.SerializeToString() or None for value in _values(array, value_type)], pa.binary())


def readable(column: Column, value_type: ValueType, dtype: FeastType | None = None) -> pa.Array:
    """Serialized values as Feast's users expect them; ``dtype`` says more about nested ones."""
    values = [None if value is None else _readable(Value.FromString(value)) for value in column.to_pylist()]
    return _nested(values, _declared(value_type, dtype))


def _declared(value_type: ValueType, dtype: FeastType | None) -> pa.DataType | None:
    """Arrow's type for one of Feast; ``None`` where Feast knows none: for some sets, and for times with a zone."""
    try:
        return feast_value_type_to_pa(value_type) if dtype is None else from_feast_to_pyarrow_type(dtype)
    except (KeyError, ValueError):
        return None


def _values(array: pa.Array, value_type: ValueType) -> list[Value]:
    """By way of numpy, as Feast reads columns: it infers the types of nested values from what it sees there."""
    unwrap = _unwrapped(array.type)
    if unwrap is not None:
        return feast_values([None if value is None else unwrap(value) for value in array.to_pylist()], value_type)
    try:
        return feast_values(array.to_numpy(zero_copy_only=False), value_type)
    except (TypeError, ValueError):
        # Feast takes plain values for more types than numpy's: lists within JSON and structs, times with a zone.
        return feast_values(array.to_pylist(), value_type)


def _unwrapped(type_: pa.DataType) -> Callable[[Any], Any] | None:
    """Returns the option that makes dictionaries of Arrow's maps, which read as lists of pairs."""
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
    try:
        return _without_sets(feast_value_type_to_python_type(value))
    except (ValueError, ArithmeticError):
        # The text that stands for a null within a list is neither a UUID nor a decimal.
        content = getattr(value, str(kind))
        return list(content.val) if hasattr(content, "val") else content


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


def _nested(values: list[Any], declared: pa.DataType | None) -> pa.Array:
    """An array of the declared type, or of what the values are where they are not of it."""
    if declared is None or (pa.types.is_struct(declared) and not declared.num_fields):
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
