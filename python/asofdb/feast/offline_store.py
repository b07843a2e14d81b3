"""Feast's offline store on a store of asofdb."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Union

import pyarrow as pa
from feast.data_source import DataSource
from feast.feature_logging import LoggingConfig, LoggingSource
from feast.feature_view import FeatureView
from feast.infra.offline_stores.offline_store import OfflineStore, RetrievalMetadata
from feast.infra.registry.base_registry import BaseRegistry
from feast.on_demand_feature_view import OnDemandFeatureView
from feast.repo_config import RepoConfig
from feast.utils import (
    _get_requested_feature_views_to_features_dict,
    _get_requested_on_demand_feature_views,
    compute_non_entity_date_range,
)

from .appending import append
from .defining import ensure_defined
from .histories import history
from .job import AsofRetrievalJob
from .loading import load
from .location import AsofOfflineLocation, offline_engine
from .occurrences import occurrences
from .pulling import Pull, pull
from .retrieval import Retrieval
from .saved import write_logs
from .spine import Spine


class AsofOfflineStoreConfig(AsofOfflineLocation):
    """``offline_store`` of a ``feature_store.yaml``: either ``path`` or ``socket``."""


class AsofOfflineStore(OfflineStore):
    """Historical features by the store's own point-in-time join.

    Rows come from the store itself (:class:`asofdb.feast.AsofSource`) or from Feast's Parquet files, which are written
    into the history of their feature view once, when they are first asked for.
    """

    supports_filter_by_created_timestamp = True

    @staticmethod
    def get_historical_features(
        config: RepoConfig,
        feature_views: list[FeatureView],
        feature_refs: list[str],
        entity_df: Any,
        registry: BaseRegistry,
        project: str,
        full_feature_names: bool = False,
        filter_by_created_timestamp: bool = False,
        **kwargs: Any,
    ) -> AsofRetrievalJob:
        """Features of entity rows as of each row's time; without entity rows, of everything in a range of time.

        Raises :class:`ValueError` for entity rows that lack a join key or a time, and for sources of other kinds.
        """
        requested = _requested(feature_views, feature_refs, registry, project)
        retrieval = Retrieval(
            histories=[history(config, view, features) for view, features in requested],
            full_names=full_feature_names,
            filter_by_created=filter_by_created_timestamp,
        )
        time_range = compute_non_entity_date_range(feature_views, kwargs.get("start_date"), kwargs.get("end_date"))
        given = None if entity_df is None else Spine.of(entity_df)
        if given is not None:
            retrieval.check(given)

        def run() -> pa.RecordBatchReader:
            engine = offline_engine(config)
            for view in retrieval.histories:
                ensure_defined(config, engine, view)
                load(config, engine, view)
            spine = occurrences(engine, retrieval.histories, *time_range) if given is None else given
            return retrieval.join(engine, spine)

        first, last = time_range if given is None else given.time_range()
        return AsofRetrievalJob(
            run,
            repo_path=config.repo_path,
            full_feature_names=full_feature_names,
            on_demand_feature_views=OnDemandFeatureView.get_requested_odfvs(feature_refs, project, registry),
            metadata=RetrievalMetadata(
                features=feature_refs,
                keys=[] if given is None else given.other_columns(),
                min_event_timestamp=first,
                max_event_timestamp=last,
            ),
        )

    @staticmethod
    def pull_latest_from_table_or_query(
        config: RepoConfig,
        data_source: DataSource,
        join_key_columns: list[str],
        feature_name_columns: list[str],
        timestamp_field: str,
        created_timestamp_column: str | None,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
    ) -> AsofRetrievalJob:
        """The newest row of each entity with an event from ``start_date`` to ``end_date``, both included."""
        asked = Pull(
            join_key_columns, feature_name_columns, timestamp_field, created_timestamp_column, start_date, end_date
        )
        return AsofRetrievalJob(lambda: pull(config, data_source, asked, latest=True), repo_path=config.repo_path)

    @staticmethod
    def pull_all_from_table_or_query(
        config: RepoConfig,
        data_source: DataSource,
        join_key_columns: list[str],
        feature_name_columns: list[str],
        timestamp_field: str,
        created_timestamp_column: str | None = None,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
    ) -> AsofRetrievalJob:
        """Every row with an event from ``start_date`` to ``end_date``, both included."""
        asked = Pull(
            join_key_columns, feature_name_columns, timestamp_field, created_timestamp_column, start_date, end_date
        )
        return AsofRetrievalJob(lambda: pull(config, data_source, asked, latest=False), repo_path=config.repo_path)

    @staticmethod
    def write_logged_features(
        config: RepoConfig,
        data: Union[pa.Table, Path],
        source: LoggingSource,
        logging_config: LoggingConfig,
        registry: BaseRegistry,
    ) -> None:
        """Adds logged features to Parquet files where the destination says."""
        write_logs(data, logging_config, config.repo_path)

    @staticmethod
    def offline_write_batch(
        config: RepoConfig,
        feature_view: FeatureView,
        table: pa.Table,
        progress: Callable[[int], Any] | None,
    ) -> None:
        """Adds rows to the source of a feature view: to its file, or to the store itself."""
        append(config, feature_view, table)
        if progress is not None:
            progress(table.num_rows)


def _requested(
    feature_views: list[FeatureView], feature_refs: list[str], registry: BaseRegistry, project: str
) -> list[tuple[FeatureView, list[str]]]:
    """Returns the features of each feature view that are asked for, also by on-demand feature views."""
    on_demand = _get_requested_on_demand_feature_views(feature_refs, project, registry)
    requested, _ = _get_requested_feature_views_to_features_dict(feature_refs, feature_views, on_demand)
    return list(requested.items())
