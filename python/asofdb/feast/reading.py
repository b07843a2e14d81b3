"""Calls of Feast that read: from what a caller gives to what the store finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Union

from feast.feature_service import FeatureService
from feast.feature_view import DUMMY_ENTITY_ID, DUMMY_ENTITY_VAL
from feast.infra.registry.base_registry import BaseRegistry
from feast.online_response import OnlineResponse
from feast.protos.feast.serving.ServingService_pb2 import GetOnlineFeaturesResponse
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import RepeatedValue, Value
from feast.type_map import python_values_to_proto_values
from feast.value_type import ValueType

from asofdb import _native
from feast import utils

from .context import Context
from .metrics import count_values
from .requests import Grouped, Wanted, dummy_key, plain_key, request_of, serialized_key, wanted_features
from .response import AsofOnlineResponse, add_view_versions, view_version
from .views import features, join_keys
from .writing import time_of

EntityRows = Union[list[dict[str, Any]], Mapping[str, Union[Sequence[Any], Sequence[Value], RepeatedValue]]]
FeastRow = tuple[datetime | None, dict[str, Value] | None]


class Question(NamedTuple):
    """A caller's request."""

    features: Union[list[str], FeatureService]
    columns: dict[str, list[Any]]
    full_feature_names: bool

    def key(self) -> tuple[Any, ...]:
        """Returns what the answer's shape depends on, beside Feast's definitions."""
        asked = self.features
        names = ("service", asked.name) if isinstance(asked, FeatureService) else tuple(asked)
        return (names, self.full_feature_names, tuple(self.columns))


class Plan(NamedTuple):
    """A question that was worked out against Feast's definitions."""

    request: _native.FeastRequest
    inputs: list[tuple[str, ValueType | None]]
    is_entityless: bool
    feature_types: dict[str, ValueType]
    versions: list[tuple[str, int]]
    views: list[str]

    def keys(self, columns: Mapping[str, list[Any]]) -> list[_native.FeastKey]:
        """The entity columns of a call."""
        keys = [_key(columns[name], value_type) for name, value_type in self.inputs]
        if self.is_entityless:
            keys.append(dummy_key(len(next(iter(columns.values())))))
        return keys


def entity_columns(entity_rows: EntityRows) -> dict[str, list[Any]]:
    """The entities of a call as columns of one length."""
    if isinstance(entity_rows, list):
        columns = _transposed(entity_rows)
    else:
        columns = {
            name: list(values.val) if isinstance(values, RepeatedValue) else list(values)
            for name, values in entity_rows.items()
        }
    if len({len(values) for values in columns.values()}) > 1:
        raise ValueError("all entity columns must have the same length")
    return columns


def _transposed(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    if not rows:
        raise ValueError("there are no entity rows")
    names = rows[0].keys()
    for row in rows:
        if row.keys() != names:
            raise ValueError("all entity rows must have the same keys")
    return {name: [row[name] for row in rows] for name in names}


def plan_of(context: Context, registry: BaseRegistry, project: str, question: Question) -> Plan | None:
    """The plan of a question; None where it takes what only Feast does, on-demand transformations above all."""
    resolved = utils._get_cached_request_context(registry, project, question.features, question.full_feature_names)
    grouped = resolved[5]
    key = (project, *question.key())
    # Feast gives the same object as long as its definitions are the same.
    plan: Plan | None = context.kept.find(key, grouped, context.engine)
    if plan is None:
        plan = _new_plan(context, question, *resolved)
        if plan is not None:
            context.kept.keep(key, grouped, context.engine, plan)
    return plan


def _new_plan(
    context: Context,
    question: Question,
    references: list[str],
    on_demand_views: list[Any],
    join_key_of_entity: dict[str, str],
    entity_types: dict[str, ValueType],
    known_join_keys: set[str],
    grouped: Grouped,
    result_names: frozenset[str],
    request_data: set[str],
    is_entityless: bool,
) -> Plan | None:
    named = set(question.columns)
    by_entity_name = named.intersection(join_key_of_entity) - known_join_keys
    is_empty = not any(question.columns.values())
    if on_demand_views or request_data or by_entity_name or is_empty:
        return None
    inputs = [name for name in question.columns if name in known_join_keys]
    wanted = in_order(references, wanted_features(grouped, question.full_feature_names))
    columns = [*inputs, DUMMY_ENTITY_ID] if is_entityless else inputs
    request = request_of(context, wanted, columns, shown=len(inputs))
    return Plan(
        request,
        [(name, entity_types.get(name)) for name in inputs],
        is_entityless,
        _feature_types(grouped),
        [view_version(table) for table, _ in grouped],
        [one.view.name for one in wanted],
    )


def in_order(references: list[str], wanted: list[Wanted]) -> list[Wanted]:
    """The features in the order asked; Feast's own order comes of a set."""
    by_reference = {(one.view.projection.name_to_use(), one.feature): one for one in wanted}
    ordered = []
    for reference in references:
        view, version, feature = utils._parse_feature_ref(reference)
        ordered.append(by_reference[f"{view}@v{version}" if version is not None else view, feature])
    return ordered


def _feature_types(grouped: Grouped) -> dict[str, ValueType]:
    types: dict[str, ValueType] = {}
    for table, names in grouped:
        for field in table.features:
            if field.name in names:
                types[field.name] = types[f"{table.projection.name_to_use()}__{field.name}"] = (
                    field.dtype.to_value_type()
                )
    return types


def _key(values: list[Any], value_type: ValueType | None) -> _native.FeastKey:
    """An entity column; what is not plain Feast converts."""
    plain = plain_key(values, value_type)
    if plain is not None:
        return plain
    if values and isinstance(values[0], Value):
        return serialized_key(values)
    return serialized_key(python_values_to_proto_values(values, value_type or ValueType.UNKNOWN))


def respond(plan: Plan, answer: _native.FeastAnswer, with_versions: bool) -> AsofOnlineResponse:
    """Feast's response to a call."""
    count_values(plan.views, answer)
    return AsofOnlineResponse(answer, plan.feature_types, plan.versions if with_versions else ())


# Calls that take what only Feast does


class Prepared(NamedTuple):
    """A call as Feast prepares it."""

    join_key_values: dict[str, list[Value]]
    grouped: Grouped
    join_key_of_entity: dict[str, str]
    on_demand_views: list[Any]
    references: list[str]
    result_names: set[str]
    response: GetOnlineFeaturesResponse

    @property
    def to_read(self) -> tuple[Grouped, dict[str, list[Value]], dict[str, str], GetOnlineFeaturesResponse]:
        """Returns what is to be read, and where it goes."""
        return self.grouped, self.join_key_values, self.join_key_of_entity, self.response


def prepare(registry: BaseRegistry, project: str, question: Question) -> Prepared:
    """Lets Feast resolve and convert everything."""
    features, columns, full_feature_names = question
    return Prepared(
        *utils._prepare_entities_to_read_from_online_store(
            registry=registry,
            project=project,
            features=features,
            entity_values=columns,
            full_feature_names=full_feature_names,
            native_entity_values=True,
        )
    )


def finish(prepared: Prepared, full_feature_names: bool, feature_types: dict[str, ValueType]) -> OnlineResponse:
    """Feast's on-demand transformations, and the response without what only they needed."""
    if prepared.on_demand_views:
        utils._augment_response_with_on_demand_transforms(
            prepared.response,
            prepared.references,
            prepared.on_demand_views,
            full_feature_names,
            feature_types=feature_types,
        )
    utils._drop_unneeded_columns(prepared.response, prepared.result_names)
    return OnlineResponse(prepared.response, feature_types=feature_types)


# Reads of values that Feast has converted


class Grouping(NamedTuple):
    """A request for Feast's groups of features, whose entities are Feast's values."""

    request: _native.FeastRequest
    keys: list[_native.FeastKey]
    views: list[str]
    versions: list[tuple[str, int]]


def grouping_of(
    context: Context, grouped: Grouped, join_key_values: Mapping[str, Sequence[Value]], full_feature_names: bool
) -> Grouping:
    """Lists what Feast wants to read, view by view."""
    inputs = list(join_key_values)
    wanted = wanted_features(grouped, full_feature_names)
    request = request_of(context, wanted, inputs, shown=0)
    keys = [serialized_key(values) for values in join_key_values.values()]
    versions = [view_version(table) for table, _ in grouped]
    return Grouping(request, keys, [one.view.name for one in wanted], versions)


def merge(
    response: GetOnlineFeaturesResponse,
    grouping: Grouping,
    answer: _native.FeastAnswer,
    with_versions: bool,
) -> None:
    """Adds what was found to Feast's response."""
    count_values(grouping.views, answer)
    response.MergeFromString(answer.message())
    add_view_versions(response, grouping.versions if with_versions else ())


# Reads of one view, row by row


def read_rows(
    context: Context, table: Any, entity_keys: Sequence[EntityKey], asked: Sequence[str] | None
) -> list[FeastRow]:
    """The values of a view for each entity, as Feast's stores give them."""
    if not entity_keys:
        return []
    keys, names = list(join_keys(table)), list(features(table) if asked is None else asked)
    wanted = [Wanted(table, name, name) for name in names]
    request = request_of(context, wanted, keys, shown=0, is_aliased=False)
    answer = request.read([serialized_key(_values(entity_keys, key)) for key in keys])
    return [_row(event, names, values) for event, values in answer.rows()]


def _values(entity_keys: Sequence[EntityKey], join_key: str) -> list[Value]:
    return [_value(entity_key, join_key) for entity_key in entity_keys]


def _value(entity_key: EntityKey, join_key: str) -> Value:
    for name, value in zip(entity_key.join_keys, entity_key.entity_values, strict=False):
        if name == join_key:
            found: Value = value
            return found
    if join_key == DUMMY_ENTITY_ID:
        return Value(string_val=DUMMY_ENTITY_VAL)
    raise KeyError(f"join key {join_key!r} is not given: got {list(entity_key.join_keys)}")


def _row(event: int | None, names: Sequence[str], values: Sequence[bytes | None]) -> FeastRow:
    if event is None:
        return None, None
    found = zip(names, values, strict=True)
    return time_of(event), {name: Value.FromString(value) for name, value in found if value is not None}
