"""Columns of single values as Feast converts them.

Feast converts what is materialized and pushed before a store sees it: value by value, by ``feast.type_map``. Files that
are loaded, tables that are written and entity rows are converted here, to the same values. The pairs of types that
columns usually have are converted as columns; every other pair is left to Feast itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from feast.protos.feast.types.Value_pb2 import Value
from feast.type_map import python_values_to_proto_values
from feast.value_type import ValueType

from .times import NO_TIME, UTC_MICROS, at_seconds, seconds_down

Convert = Callable[[pa.Array], pa.Array]

TYPES: Final[Mapping[str, pa.DataType]] = {
    "bool": pa.bool_(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "float32": pa.float32(),
    "float64": pa.float64(),
    "string": pa.string(),
    "bytes": pa.binary(),
    "timestamp": UTC_MICROS,
}
"""The Arrow types of the store's scalar types."""


def scalars(array: pa.Array, value_type: ValueType, store_type: str) -> pa.Array:
    """The values as Feast has them for ``value_type``, which is ``store_type`` in the store.

    NaN is null. Raises :class:`ValueError`, :class:`TypeError` or :class:`pyarrow.ArrowException` for what Feast does
    not take and for what does not fit.
    """
    kind = kind_of(array.type)
    if kind == "null":
        return pa.nulls(len(array), TYPES[store_type])
    convert = _CONVERSIONS.get((store_type, kind))
    if convert is not None:
        return convert(array)
    values = [_content(value) for value in feast_values(array.to_numpy(zero_copy_only=False), value_type)]
    if store_type == "timestamp":
        return at_seconds(pa.array([None if value == NO_TIME else value for value in values], pa.int64()))
    return pa.array(values, TYPES[store_type])


def kind_of(type_: pa.DataType) -> str:
    """Returns the kind of a type's values in Feast; empty for rarer ones."""
    return next((kind for kind, is_of in _KINDS.items() if is_of(type_)), "")


def feast_values(values: Any, value_type: ValueType) -> list[Value]:
    """The values as Feast converts them.

    Raises :class:`ValueError` or :class:`TypeError` for those that it does not take.
    """
    try:
        return python_values_to_proto_values(values, value_type)
    except (AssertionError, ArithmeticError, LookupError) as error:
        raise ValueError(f"Feast does not take them: {error}") from error


def without_nan(array: pa.Array) -> pa.Array:
    """Floating-point numbers with null for NaN."""
    is_nan = pc.is_nan(array)
    return pc.if_else(is_nan, pa.scalar(None, array.type), array) if pc.any(is_nan).as_py() else array


def _content(value: Value) -> Any:
    kind = value.WhichOneof("val")
    return None if kind is None else getattr(value, kind)


def _is_text(type_: pa.DataType) -> bool:
    return bool(pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_))


def _is_bytes(type_: pa.DataType) -> bool:
    is_binary = pa.types.is_binary(type_) or pa.types.is_large_binary(type_) or pa.types.is_binary_view(type_)
    return bool(is_binary or pa.types.is_fixed_size_binary(type_))


_KINDS: Final[Mapping[str, Callable[[pa.DataType], bool]]] = {
    "null": pa.types.is_null,
    "bool": pa.types.is_boolean,
    "whole": pa.types.is_integer,
    "float": pa.types.is_floating,
    "decimal": pa.types.is_decimal,
    "text": _is_text,
    "bytes": _is_bytes,
    "time": lambda type_: bool(pa.types.is_timestamp(type_) or pa.types.is_date(type_)),
}


def _to(type_: pa.DataType) -> Convert:
    """Values that must fit."""
    return lambda array: array.cast(type_)


def _whole_to_float(type_: pa.DataType) -> Convert:
    """Converts by way of doubles, which round, as Python's numbers do."""
    return lambda array: array.cast(pa.float64(), safe=False).cast(type_, safe=False)


def _float_to_float(type_: pa.DataType) -> Convert:
    return lambda array: without_nan(array).cast(type_, safe=False)


def _float_to_whole(type_: pa.DataType) -> Convert:
    """A fraction is refused: it would be lost."""
    return lambda array: without_nan(array).cast(type_)


def _float_to_bool(array: pa.Array) -> pa.Array:
    return without_nan(array.cast(pa.float64())).cast(pa.int64()).cast(pa.bool_())


def _bool_to_text(array: pa.Array) -> pa.Array:
    return pc.if_else(array, "True", "False")


def _whole_to_text(array: pa.Array) -> pa.Array:
    # Feast reads columns by way of numpy, where whole numbers among which one is null are doubles.
    return _numpy_text(array.cast(pa.float64(), safe=False)) if array.null_count else array.cast(pa.string())


def _time_to_text(array: pa.Array) -> pa.Array:
    return _numpy_text(array.cast(pa.date32()) if pa.types.is_date(array.type) else array)


def _numpy_text(array: pa.Array) -> pa.Array:
    """Returns the text that Python's ``str()`` makes of each value; NaN is null."""
    is_null = pc.is_null(array, nan_is_null=True)
    texts = pa.array(array.to_numpy(zero_copy_only=False).astype(str), pa.string())
    return pc.if_else(is_null, pa.scalar(None, pa.string()), texts)


def _float_to_time(array: pa.Array) -> pa.Array:
    return at_seconds(pc.trunc(without_nan(array.cast(pa.float64()))).cast(pa.int64()))


_CONVERSIONS: Final[Mapping[tuple[str, str], Convert]] = {
    ("bool", "bool"): _to(pa.bool_()),
    ("bool", "whole"): _to(pa.bool_()),
    ("bool", "float"): _float_to_bool,
    **{(name, kind): _to(TYPES[name]) for name in ("int32", "int64") for kind in ("bool", "whole", "decimal")},
    **{(name, "float"): _float_to_whole(TYPES[name]) for name in ("int32", "int64")},
    **{(name, "bool"): _to(TYPES[name]) for name in ("float32", "float64")},
    **{(name, "whole"): _whole_to_float(TYPES[name]) for name in ("float32", "float64")},
    **{(name, "float"): _float_to_float(TYPES[name]) for name in ("float32", "float64")},
    ("string", "text"): _to(pa.string()),
    ("string", "bool"): _bool_to_text,
    ("string", "whole"): _whole_to_text,
    ("string", "float"): _numpy_text,
    ("string", "time"): _time_to_text,
    ("bytes", "bytes"): _to(pa.binary()),
    ("bytes", "text"): _to(pa.binary()),
    ("timestamp", "bool"): at_seconds,
    ("timestamp", "whole"): at_seconds,
    ("timestamp", "float"): _float_to_time,
    ("timestamp", "time"): seconds_down,
}
"""The conversions, by the store's type and the kind of the column."""
