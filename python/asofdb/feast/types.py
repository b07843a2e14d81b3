"""Types of Feast, and the types of the store that hold them.

The common scalars and the lists of them have types of their own in the store, so that its own reads, exports and
training sets show them as what they are. Every other type of Feast (sets, maps, JSON, UUIDs, decimals, nested lists,
zoned timestamps ...) is kept as it is: the serialized ``Value`` in a feature of type ``bytes`` with the tag
``feast_type``, which says what it is.
"""

from __future__ import annotations

from typing import Final

from feast.value_type import ValueType

OPAQUE_TAG: Final = "feast_type"
"""The tag of features that hold serialized values; its value is the name of the type in Feast."""

OPAQUE: Final = "bytes"
"""The store's type of serialized values."""

_LIST: Final = "list<"

_SCALARS: Final = {
    ValueType.BYTES: "bytes",
    ValueType.PDF_BYTES: "bytes",
    ValueType.IMAGE_BYTES: "bytes",
    ValueType.STRING: "string",
    ValueType.INT32: "int32",
    ValueType.INT64: "int64",
    ValueType.DOUBLE: "float64",
    ValueType.FLOAT: "float32",
    ValueType.BOOL: "bool",
    ValueType.UNIX_TIMESTAMP: "timestamp",
}

_LISTS: Final = {
    ValueType.BYTES_LIST: "list<bytes>",
    ValueType.STRING_LIST: "list<string>",
    ValueType.INT32_LIST: "list<int32>",
    ValueType.INT64_LIST: "list<int64>",
    ValueType.DOUBLE_LIST: "list<float64>",
    ValueType.FLOAT_LIST: "list<float32>",
    ValueType.BOOL_LIST: "list<bool>",
    ValueType.UNIX_TIMESTAMP_LIST: "list<timestamp>",
}

_NATIVE: Final = {**_SCALARS, **_LISTS}

_KEYS: Final = {
    ValueType.STRING: "string",
    ValueType.BYTES: "bytes",
    ValueType.INT32: "int32",
    ValueType.INT64: "int64",
    ValueType.UNIX_TIMESTAMP: "timestamp",
}


def is_native(value_type: ValueType) -> bool:
    """Returns whether the store has a type for it; else it is kept as serialized values."""
    return value_type in _NATIVE


def feature_type(value_type: ValueType) -> str:
    """The store's type of a feature."""
    return _NATIVE.get(value_type, OPAQUE)


def item_type(store_type: str) -> str | None:
    """The type of the items of a list type of the store; ``None`` for other types."""
    return store_type[len(_LIST) : -1] if store_type.startswith(_LIST) else None


def feature_tags(value_type: ValueType) -> dict[str, str]:
    """The tags that a feature of this type needs to be read back as what it was."""
    return {} if is_native(value_type) else {OPAQUE_TAG: value_type.name}


def key_type(value_type: ValueType) -> str:
    """The store's type of a join key; ``bytes`` of the serialized value where the store has none for it."""
    return _KEYS.get(value_type, OPAQUE)


def key_tags(value_type: ValueType) -> dict[str, str]:
    """The tags that the entity of a join key of this type needs."""
    return {} if value_type in _KEYS else {OPAQUE_TAG: value_type.name}
