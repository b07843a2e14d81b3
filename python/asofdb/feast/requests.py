"""Calls of Feast as one request of the store each: which features of which views, by which entity columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from feast.value_type import ValueType

from asofdb import NotFoundError, _native

from . import names, types
from .context import Context
from .views import Naming, join_keys

Grouped = Sequence[tuple[Any, Sequence[str]]]
"""Feature views with the features that are asked of each, as Feast groups them."""


class Wanted(NamedTuple):
    """A feature of the answer."""

    view: Any
    feature: str
    name: str


@dataclass
class Read:
    """Features that can be read at once: no two of their views take one join key from different columns."""

    references: list[str]
    inputs: dict[str, int]
    sources: dict[str, tuple[int, str]]


def wanted_features(grouped: Grouped, full_feature_names: bool) -> list[Wanted]:
    """The features in the order of Feast's groups, with the names that Feast gives them in its response."""
    wanted = []
    for table, features in grouped:
        prefix = f"{table.projection.name_to_use()}__" if full_feature_names else ""
        wanted += [Wanted(table, feature, prefix + feature) for feature in features]
    return wanted


def request_of(
    context: Context, wanted: Iterable[Wanted], inputs: Sequence[str], shown: int, is_aliased: bool = True
) -> _native.FeastRequest:
    """The request for features by the entity columns that a call has, of which the first ``shown`` are echoed.

    ``is_aliased``: whether the columns are called as views' projections map their join keys.

    Raises ``KeyError`` where an entity column is not there, ``NotFoundError`` where the store does not know a view.
    """
    key = _content(context.naming, wanted := list(wanted), inputs, shown, is_aliased)
    request: _native.FeastRequest | None = context.kept.find(key, None, context.engine)
    if request is not None:
        return request
    reads, outputs = reads_of(context.naming, wanted, inputs, is_aliased)
    known = [(read.references, read.inputs) for read in reads]
    try:
        request = _native.FeastRequest(
            context.engine._engine, list(inputs), shown, known, outputs, context.serve_expired
        )
    except NotFoundError as error:
        raise NotFoundError(f"{error}; `feast apply` defines what the store does not know") from error
    context.kept.keep(key, None, context.engine, request)
    return request


def reads_of(
    naming: Naming, wanted: Iterable[Wanted], inputs: Sequence[str], is_aliased: bool = True
) -> tuple[list[Read], list[tuple[str, int, int]]]:
    """The features that are read together; and of each feature its name, its read and its position there.

    Raises ``KeyError`` where an entity column is not there.
    """
    reads: list[Read] = []
    outputs: list[tuple[str, int, int]] = []
    for one in wanted:
        position = _read_for(reads, one.view, inputs, is_aliased)
        references = reads[position].references
        reference = f"{naming.view(one.view)}:{names.column_name(one.feature)}"
        if reference not in references:
            references.append(reference)
        outputs.append((one.name, position, references.index(reference)))
    return reads, outputs


def _content(
    naming: Naming, wanted: Iterable[Wanted], inputs: Sequence[str], shown: int, is_aliased: bool
) -> tuple[Any, ...]:
    """Everything that a request is made of."""
    features: list[tuple[int, str, str]] = []
    views: list[Any] = []
    for one in wanted:
        if not any(one.view is known for known in views):
            views.append(one.view)
        position = next(at for at, known in enumerate(views) if known is one.view)
        features.append((position, one.feature, one.name))
    described = [
        (naming.view(view), *sorted((view.projection.join_key_map or {}).items()), *_key_types(view).items())
        for view in views
    ]
    return (tuple(inputs), shown, is_aliased, tuple(features), tuple(described))


def _key_types(table: Any) -> dict[str, str]:
    """The store's type of each join key of a view."""
    return {key: types.key_type(value_type) for key, value_type in join_keys(table).items()}


def _read_for(reads: list[Read], table: Any, inputs: Sequence[str], is_aliased: bool) -> int:
    """The read that a view belongs to, or a new one."""
    columns = _columns(table, inputs, is_aliased)
    # Within a read a join key comes from one column and has one type, whichever view it is of.
    fits = [all(read.sources.get(key, source) == source for key, source in columns.items()) for read in reads]
    position = fits.index(True) if True in fits else len(reads)
    if position == len(reads):
        reads.append(Read([], {}, {}))
    reads[position].inputs.update({key: column for key, (column, _) in columns.items()})
    reads[position].sources.update(columns)
    return position


def _columns(table: Any, inputs: Sequence[str], is_aliased: bool) -> dict[str, tuple[int, str]]:
    """By join key of the store: the position of the column that its values come from, and its type."""
    aliases: Mapping[str, str] = (table.projection.join_key_map or {}) if is_aliased else {}
    columns, missing = {}, []
    for key, store_type in _key_types(table).items():
        given = aliases.get(key, key)
        if given in inputs:
            columns[names.column_name(key)] = (inputs.index(given), store_type)
        else:
            missing.append(given)
    if missing:
        raise KeyError(f"feature view {table.name!r} needs values of the join keys {missing}: got {list(inputs)}")
    return columns


def plain_key(values: list[Any], value_type: ValueType | None) -> _native.FeastKey | None:
    """An entity column of plain values; None where Feast has to convert them."""
    if value_type is None or types.key_tags(value_type):
        return None
    return _native.FeastKey.plain(types.key_type(value_type), values)


def serialized_key(values: Iterable[Any]) -> _native.FeastKey:
    """An entity column of Feast's values."""
    return _native.FeastKey.serialized([value.SerializeToString(deterministic=True) for value in values])


def dummy_key(rows: int) -> _native.FeastKey:
    """The column of the one entity of views without entities."""
    return _native.FeastKey.serialized([_DUMMY_VALUE] * rows)


_DUMMY_VALUE: Final = b"\x12\x00"
"""A serialized value: an empty string."""
