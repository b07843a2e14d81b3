"""Arrow columns, from Feast's types to the store's and back: the one conversion of files, tables and entity rows.

What Feast converts itself, before a store sees it, comes to the same values: see :mod:`.scalars`.
"""

from __future__ import annotations

import pyarrow as pa
from feast.types import FeastType
from feast.value_type import ValueType

from . import types
from .lists import lists
from .scalars import TYPES, scalars
from .serialized import readable, serialized
from .times import Column, nulls_for_no_time, plain


def arrow_type(store_type: str) -> pa.DataType:
    """The Arrow type of a type of the store."""
    item = types.item_type(store_type)
    return TYPES[store_type] if item is None else pa.list_(TYPES[item])


def to_store(column: Column, value_type: ValueType) -> pa.Array:
    """A column of a feature as the store keeps it.

    Raises :class:`ValueError`, :class:`TypeError` or :class:`pyarrow.ArrowException` for values that Feast does not
    take for the type and for those that do not fit.
    """
    array = plain(column)
    if not types.is_native(value_type):
        return serialized(array, value_type)
    store_type = types.feature_type(value_type)
    item = types.item_type(store_type)
    return scalars(array, value_type, store_type) if item is None else lists(array, value_type, item)


def key_to_store(column: Column, value_type: ValueType) -> pa.Array:
    """A column of a join key as the store keeps it.

    A null makes no doubles of the whole numbers beside it: rows without a key are nobody's.

    Raises what :func:`to_store` raises.
    """
    array = plain(column)
    if types.key_tags(value_type):
        return serialized(array, value_type)
    store_type = types.key_type(value_type)
    if store_type == "string" and pa.types.is_integer(array.type):
        return array.cast(pa.string())
    return scalars(array, value_type, store_type)


def from_store(column: Column, value_type: ValueType, dtype: FeastType | None = None) -> Column:
    """A column of the store as Feast's users expect it; ``dtype`` says more about nested values."""
    if not types.is_native(value_type):
        return readable(column, value_type, dtype)
    return nulls_for_no_time(plain(column)) if value_type == ValueType.UNIX_TIMESTAMP_LIST else column
