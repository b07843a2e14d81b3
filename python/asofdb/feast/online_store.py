"""The online store of Feast over asofdb."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, Literal, TypeVar, Union

from feast.entity import Entity
from feast.feature_service import FeatureService
from feast.feature_view import FeatureView
from feast.infra.online_stores.online_store import OnlineStore
from feast.infra.registry.base_registry import BaseRegistry
from feast.infra.supported_async_methods import SupportedAsyncMethods
from feast.online_response import OnlineResponse
from feast.protos.feast.serving.ServingService_pb2 import GetOnlineFeaturesResponse
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from feast.repo_config import FeastConfigBaseModel, RepoConfig
from pydantic import StrictBool, StrictStr, model_validator

from asofdb import Store

from . import connect
from .computing import refuse_rows
from .connect import Engine
from .context import Context
from .kept import Kept
from .metrics import timed_read
from .reading import (
    EntityRows,
    FeastRow,
    Question,
    entity_columns,
    finish,
    grouping_of,
    merge,
    plan_of,
    prepare,
    read_rows,
    respond,
)
from .requests import Grouped
from .update import apply_views, drop_project
from .views import Naming
from .writing import Row, write_rows

T = TypeVar("T")

_AT_ONCE_ROWS_MAX: Final = 100
"""An embedded store reads this many rows in less time than a thread takes to start on it."""


class AsofOnlineStoreConfig(FeastConfigBaseModel):
    """``online_store`` in ``feature_store.yaml``."""

    type: Literal["asofdb.feast.AsofOnlineStore"] = "asofdb.feast.AsofOnlineStore"

    path: StrictStr | None = None
    """The directory of a store that this process opens; one process at a time can."""

    socket: StrictStr | None = None
    """The Unix socket of a sidecar (``asof serve``), for any number of processes."""

    serve_expired: StrictBool = False
    """True to serve values older than their view's ttl are served as present, as Feast's own stores do."""

    prefix: StrictStr | None = None
    """Prefix of the names of this project's views in the store; ``project__`` if it is not given."""

    @model_validator(mode="after")
    def _one_location(self) -> AsofOnlineStoreConfig:
        connect.check_location(self)
        return self


class AsofOnlineStore(OnlineStore):
    """An online store that keeps every version, and that never serves a value older than its ttl as present."""

    _versioned_read_supported = True

    def __init__(self) -> None:
        self._kept = Kept()

    @property
    def async_supported(self) -> SupportedAsyncMethods:
        return SupportedAsyncMethods(read=True, write=True)

    # Definitions

    def update(
        self,
        config: RepoConfig,
        tables_to_delete: Sequence[FeatureView],
        tables_to_keep: Sequence[FeatureView],
        entities_to_delete: Sequence[Entity],
        entities_to_keep: Sequence[Entity],
        partial: bool,
    ) -> None:
        """Defines the views to keep and drops those to delete; other views, other projects' too, stay as they are."""
        drop = [] if partial else tables_to_delete
        if tables_to_keep or drop:
            apply_views(self._engine(config), Naming.of(config, config.online_store.prefix), tables_to_keep, drop)

    def teardown(self, config: RepoConfig, tables: Sequence[FeatureView], entities: Sequence[Entity]) -> None:
        """Drops the project's views with their history."""
        drop_project(self._engine(config), Naming.of(config, config.online_store.prefix))

    # Writes

    def online_write_batch(
        self, config: RepoConfig, table: FeatureView, data: list[Row], progress: Callable[[int], Any] | None
    ) -> None:
        """Writes rows. Their order does not matter: of one entity the newest event is served, and of one event the
        version that was created last."""
        if not data:
            return
        refuse_rows(table)
        write_rows(self._engine(config), Naming.of(config, config.online_store.prefix).view(table), data, progress)

    async def online_write_batch_async(
        self, config: RepoConfig, table: FeatureView, data: list[Row], progress: Callable[[int], Any] | None
    ) -> None:
        """:meth:`online_write_batch` in another thread."""
        await asyncio.to_thread(self.online_write_batch, config, table, data, progress)

    # Reads

    def online_read(
        self,
        config: RepoConfig,
        table: FeatureView,
        entity_keys: list[EntityKey],
        requested_features: list[str] | None = None,
    ) -> list[FeastRow]:
        """The values of a view for each entity; of an expired one its event timestamp and no values."""
        return read_rows(self._context(config), table, entity_keys, requested_features)

    async def online_read_async(
        self,
        config: RepoConfig,
        table: FeatureView,
        entity_keys: list[EntityKey],
        requested_features: list[str] | None = None,
    ) -> list[FeastRow]:
        """:meth:`online_read`, elsewhere than in the event loop where it may take long."""
        read = partial(self.online_read, config, table, entity_keys, requested_features)
        return await _apart(self._engine(config), len(entity_keys), read)

    def get_online_features(
        self,
        config: RepoConfig,
        features: Union[list[str], FeatureService],
        entity_rows: EntityRows,
        registry: BaseRegistry,
        project: str,
        full_feature_names: bool = False,
        include_feature_view_version_metadata: bool = False,
    ) -> OnlineResponse:
        """The features of each entity, in the order asked, by one read of the store."""
        context = self._context(config)
        question = Question(features, entity_columns(entity_rows), full_feature_names)
        plan = plan_of(context, registry, project, question)
        if plan is not None:
            with timed_read():
                answer = plan.request.read(plan.keys(question.columns))
            return respond(plan, answer, include_feature_view_version_metadata)
        prepared = prepare(registry, project, question)
        with timed_read():
            self._read_features_per_fv(
                config, *prepared.to_read, full_feature_names, include_feature_view_version_metadata
            )
        return finish(prepared, full_feature_names, self._build_feature_types(list(prepared.grouped)))

    async def get_online_features_async(
        self,
        config: RepoConfig,
        features: Union[list[str], FeatureService],
        entity_rows: EntityRows,
        registry: BaseRegistry,
        project: str,
        full_feature_names: bool = False,
        include_feature_view_version_metadata: bool = False,
    ) -> OnlineResponse:
        """:meth:`get_online_features`, elsewhere than in the event loop where it may take long."""
        context = self._context(config)
        question = Question(features, entity_columns(entity_rows), full_feature_names)
        plan = plan_of(context, registry, project, question)
        if plan is not None:
            keys = plan.keys(question.columns)
            with timed_read():
                answer = await _apart(context.engine, len(keys[0]), partial(plan.request.read, keys))
            return respond(plan, answer, include_feature_view_version_metadata)
        prepared = prepare(registry, project, question)
        with timed_read():
            await self._read_features_per_fv_async(
                config, *prepared.to_read, full_feature_names, include_feature_view_version_metadata
            )
        return finish(prepared, full_feature_names, self._build_feature_types(list(prepared.grouped)))

    def _read_features_per_fv(
        self,
        config: RepoConfig,
        grouped_refs: Grouped,
        join_key_values: dict[str, list[Value]],
        entity_name_to_join_key_map: dict[str, str],
        online_features_response: GetOnlineFeaturesResponse,
        full_feature_names: bool,
        include_feature_view_version_metadata: bool,
    ) -> None:
        """Reads all views at once, and adds what it finds to the response as one message."""
        grouping = grouping_of(self._context(config), grouped_refs, join_key_values, full_feature_names)
        answer = grouping.request.read(grouping.keys)
        merge(online_features_response, grouping, answer, include_feature_view_version_metadata)

    async def _read_features_per_fv_async(
        self,
        config: RepoConfig,
        grouped_refs: Grouped,
        join_key_values: dict[str, list[Value]],
        entity_name_to_join_key_map: dict[str, str],
        online_features_response: GetOnlineFeaturesResponse,
        full_feature_names: bool,
        include_feature_view_version_metadata: bool,
    ) -> None:
        context = self._context(config)
        grouping = grouping_of(context, grouped_refs, join_key_values, full_feature_names)
        rows = len(grouping.keys[0]) if grouping.keys else 0
        answer = await _apart(context.engine, rows, partial(grouping.request.read, grouping.keys))
        merge(online_features_response, grouping, answer, include_feature_view_version_metadata)

    # The engine

    async def initialize(self, config: RepoConfig) -> None:
        """Opens the store, or connects to its sidecar."""
        await asyncio.to_thread(self._engine, config)

    async def close(self) -> None:
        """Closes the store unless another online store of this process uses it."""
        await asyncio.to_thread(connect.release, self)

    def _engine(self, config: RepoConfig) -> Engine:
        return connect.engine(config.online_store, config.repo_path, self)

    def _context(self, config: RepoConfig) -> Context:
        online = config.online_store
        return Context(self._engine(config), Naming.of(config, online.prefix), self._kept, online.serve_expired)


async def _apart(engine: Engine, rows: int, read: Callable[[], T]) -> T:
    """Runs a read in another thread, unless it is over before that would have started."""
    if isinstance(engine, Store) and rows <= _AT_ONCE_ROWS_MAX:
        return read()
    return await asyncio.to_thread(read)
