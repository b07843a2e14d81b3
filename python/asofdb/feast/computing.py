"""Views of the store that compute their features, as feature views of Feast are over them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from asofdb import InvalidError, NotFoundError

from . import names, types
from .arrow import arrow_type
from .connect import Engine
from .views import computed_view, features, join_keys


@dataclass(frozen=True)
class Computed:
    """A window view or derived view of the store."""

    view: str
    keys: dict[str, str]
    """The types of its join keys, by name."""

    features: dict[str, str]
    """The types of its features, by name."""

    needed: list[str]
    """The values that every question about it must come with."""


def computed_in(engine: Engine, view: str) -> Computed:
    """A view of the store that is computed.

    Raises ``NotFoundError`` where the store has none of that name.
    """
    catalog = engine.catalog()
    if view not in catalog.window_views and view not in catalog.derived_views:
        raise NotFoundError(
            f"the store has no window view and no derived view {view!r}: `asof apply`, or `apply` in Python, defines it"
        )
    request = engine.prepare(view)
    feature_names = [reference.split(":")[1] for reference in request.features]
    return Computed(
        view,
        dict(request.join_keys),
        dict(zip(feature_names, request.types, strict=True)),
        [name for name, value in request.request_values.items() if value.required],
    )


def check_computed(engine: Engine, table: Any) -> None:
    """Refuses a feature view that says something else than the view of the store that computes its features.

    Raises ``NotFoundError`` where the store has no such view or feature, ``InvalidError`` for the rest.
    """
    computed = computed_in(engine, computed_view(table) or table.name)
    if table.ttl:
        raise InvalidError(f"{_named(table, computed)}: it has no ttl, which is that of what it is computed from")
    if getattr(table, "aggregations", None):
        raise InvalidError(
            f"{_named(table, computed)}: it has no aggregations in Feast, which end their windows elsewhere; "
            "define windows in the store"
        )
    if computed.needed:
        raise InvalidError(
            f"{_named(table, computed)}: it needs values of the request ({', '.join(computed.needed)}), which Feast "
            "has none of: read it with asofdb.Client"
        )
    wanted = {names.column_name(key): types.key_type(value_type) for key, value_type in join_keys(table).items()}
    if wanted != computed.keys:
        raise InvalidError(
            f"{_named(table, computed)}: its join keys are {_listed(wanted)} in Feast and {_listed(computed.keys)} "
            "in the store"
        )
    _check_features(table, computed)


def _check_features(table: Any, computed: Computed) -> None:
    for name, value_type in features(table).items():
        stored = computed.features.get(names.column_name(name))
        if stored is None:
            known = ", ".join(computed.features)
            raise NotFoundError(f"{_named(table, computed)}: it has no feature {name!r} ({known})")
        if not types.is_native(value_type) or types.feature_type(value_type) != stored:
            raise InvalidError(f"{_named(table, computed)}: {name} is {value_type.name} in Feast and {stored} there")


def _named(table: Any, computed: Computed) -> str:
    return f"feature view {table.name!r} is computed by {computed.view!r} of the store"


def _listed(columns: dict[str, str]) -> str:
    return ", ".join(f"{name} ({type_})" for name, type_ in columns.items()) or "none"


def refuse_rows(table: Any) -> None:
    """Refuses to write rows of a feature view that is computed.

    Raises ``InvalidError`` naming the view that computes it.
    """
    view = computed_view(table)
    if view is not None:
        raise InvalidError(
            f"feature view {table.name!r} is computed by {view!r} of the store: no rows are written to it, but to what "
            "it is computed from"
        )


def no_rows(engine: Engine, view: str, times: list[str], columns: list[str]) -> pa.RecordBatchReader:
    """Nothing, with the columns of a view that is computed: what there is to materialize of it."""
    computed = computed_in(engine, view)
    known = {**computed.keys, **computed.features, **dict.fromkeys(times, "timestamp")}
    schema = pa.schema([pa.field(column, arrow_type(known[column])) for column in columns])
    return schema.empty_table().to_reader()
