"""Reads by Feast's definitions that go straight to the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Union

from feast.feature_service import FeatureService

from asofdb import InvalidError, Request, Result, _native
from feast import FeatureStore, utils

from . import names, types
from .online_store import AsofOnlineStore
from .reading import EntityRows, Question, entity_columns, in_order
from .requests import Wanted, reads_of, wanted_features
from .views import join_keys

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow


def fast_online_features(
    store: FeatureStore,
    features: Union[list[str], FeatureService],
    entity_rows: EntityRows,
    full_feature_names: bool = False,
) -> Result:
    """The features of each entity, as ``store.get_online_features`` would find them, as a result of ``asofdb``.

    Names are resolved by Feast's definitions, once for each version of the registry. Values come with their statuses,
    and go into numpy, Arrow or a data frame without a Python object a value. A value older than its view's ttl is
    expired, whatever ``serve_expired`` says.

    Raises ``InvalidError`` for what only ``get_online_features`` can read: on-demand feature views, types that the
    store has not, one view under several aliases of its join keys; ``KeyError`` where a join key is not given.
    """
    online = store._get_provider().online_store
    if not isinstance(online, AsofOnlineStore):
        raise InvalidError(f"the online store is a {type(online).__name__}, not asofdb.feast.AsofOnlineStore")
    context = online._context(store.config)
    question = Question(features, entity_columns(entity_rows), full_feature_names)
    resolved = utils._get_cached_request_context(store.registry, store.project, features, full_feature_names)
    key = ("fast", store.project, *question.key())
    plan = context.kept.find(key, resolved[5], context.engine)
    if plan is None:
        plan = _plan(context.engine, context.naming, question, resolved)
        context.kept.keep(key, resolved[5], context.engine, plan)
    found: Result = plan.read(question.columns)
    return found


class _Plan(NamedTuple):
    request: Request
    inputs: dict[str, str]
    """The column that each join key of the store comes from."""
    names: list[str]
    is_renamed: bool

    def read(self, columns: dict[str, list[Any]]) -> Result:
        rows = len(next(iter(columns.values()), ()))
        entities = {key: columns.get(column, _DUMMY * rows) for key, column in self.inputs.items()}
        answer = self.request._request.read(entities)
        return FeastResult(answer, self.inputs, self.names) if self.is_renamed else Result(answer)


_DUMMY = [""]
"""The value of the one entity of views without entities."""


def _plan(engine: Any, naming: Any, question: Question, resolved: tuple[Any, ...]) -> _Plan:
    references, on_demand_views, grouped = resolved[0], resolved[1], resolved[5]
    if on_demand_views:
        raise InvalidError("on-demand feature views are computed by Feast: use get_online_features")
    wanted = in_order(references, wanted_features(grouped, question.full_feature_names))
    _check_types(wanted)
    columns = [*question.columns, *(key for one in wanted for key in join_keys(one.view) if key in _DUMMY_KEYS)]
    reads, outputs = reads_of(naming, wanted, columns)
    if len(reads) > 1:
        raise InvalidError("one view or join key comes from several columns: use get_online_features")
    request = engine.prepare(reads[0].references)
    given = {key: columns[position] for key, position in reads[0].inputs.items()}
    inputs = {key: given[key] for key in request.join_keys}
    output_names = [name for name, _, _ in outputs]
    same = [names.column_name(one.feature) for one in wanted] == output_names
    return _Plan(request, inputs, output_names, not same or list(inputs) != list(inputs.values()))


_DUMMY_KEYS = frozenset({"__dummy_id"})


def _check_types(wanted: list[Wanted]) -> None:
    for view, feature, _ in wanted:
        value_type = next((field.dtype.to_value_type() for field in view.features if field.name == feature), None)
        if value_type is not None and not types.is_native(value_type):
            raise InvalidError(
                f"feature {view.name}:{feature} is of Feast's type {value_type.name}: use get_online_features"
            )


class FeastResult(Result):
    """A result whose columns are called as Feast calls them, unless the store's full names are asked for."""

    __slots__ = ("_entity_names", "_feature_names")

    def __init__(self, answer: _native.Answer, entity_names: dict[str, str], feature_names: list[str]) -> None:
        super().__init__(answer)
        self._entity_names = entity_names
        self._feature_names = feature_names

    def names(self, *, full_names: bool = False, entities: bool = True) -> list[str]:
        return super().names(full_names=True, entities=entities) if full_names else list(self._feature_names)

    def to_dict(self, *, full_names: bool = False, entities: bool = True) -> dict[str, list[Any]]:
        columns = super().to_dict(full_names=full_names, entities=entities)
        renamed = self._renamed(full_names, entities)
        return {renamed.get(name, name): values for name, values in columns.items()}

    def to_arrow(
        self,
        *,
        statuses: bool = False,
        event_timestamps: bool = False,
        full_names: bool = False,
        entities: bool = True,
    ) -> pyarrow.Table:
        table = super().to_arrow(
            statuses=statuses, event_timestamps=event_timestamps, full_names=full_names, entities=entities
        )
        renamed = self._renamed(full_names, entities)
        return table.rename_columns([renamed.get(name, name) for name in table.column_names])

    def to_pandas(self, **columns: bool) -> pandas.DataFrame:
        frame: pandas.DataFrame = self.to_arrow(**columns).to_pandas()
        return frame

    def to_polars(self, **columns: bool) -> polars.DataFrame:
        import polars

        return polars.DataFrame(self.to_arrow(**columns))

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.to_arrow().__arrow_c_stream__()

    def _renamed(self, full_names: bool, entities: bool) -> dict[str, str]:
        """Returns Feast's name for each column of the store."""
        renamed = dict(self._entity_names) if entities else {}
        stored = super().names(full_names=full_names, entities=entities)
        for old, new in zip(stored, self.names(full_names=full_names, entities=entities), strict=True):
            renamed[old] = new
            renamed[f"{old}__status"] = f"{new}__status"
        return renamed
