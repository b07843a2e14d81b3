"""A feature repository for a test: entities, sources from data frames, retrieval."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pandas as pd
from feast.repo_config import RegistryConfig
from feast.types import Float64, Int64
from feast.value_type import ValueType

from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig

DRIVER = Entity(name="driver", join_keys=["driver_id"], value_type=ValueType.INT64)

NOON = datetime(2026, 5, 1, 12, tzinfo=timezone.utc)


def at(**offset: float) -> datetime:
    """A time so long after noon."""
    return NOON + timedelta(**offset)


class Repository:
    """A feature store of Feast in a directory of its own."""

    def __init__(self, directory: Path, *, offline: Any = None, online: Any = None, project: str = "rides") -> None:
        self.directory = directory
        path = str(directory / "store")
        self.store = FeatureStore(
            config=RepoConfig(
                project=project,
                provider="local",
                registry=RegistryConfig(path=str(directory / f"{project}.registry.db"), cache_ttl_seconds=0),
                offline_store=offline or {"type": "asofdb.feast.AsofOfflineStore", "path": path},
                online_store=online or {"type": "asofdb.feast.AsofOnlineStore", "path": path},
                entity_key_serialization_version=3,
                repo_path=directory,
            )
        )
        self.store.config.repo_path = directory

    def file(self, name: str, rows: pd.DataFrame) -> Path:
        """Rows as a Parquet file."""
        path = self.directory / f"{name}.parquet"
        rows.to_parquet(path)
        return path

    def file_source(self, name: str, rows: pd.DataFrame, **options: Any) -> FileSource:
        """Rows as a source with the usual names of time columns."""
        options.setdefault("timestamp_field", "event_timestamp")
        if "created" in rows.columns:
            options.setdefault("created_timestamp_column", "created")
        return FileSource(name=name, path=str(self.file(name, rows)), **options)

    def view(
        self, name: str, source: Any, features: dict[str, Any], *, ttl: timedelta | None = None, **options: Any
    ) -> FeatureView:
        """A feature view of drivers, applied."""
        options.setdefault("entities", [DRIVER])
        schema = [Field(name=feature, dtype=dtype) for feature, dtype in features.items()]
        keys = [Field(name="driver_id", dtype=Int64)] if options["entities"] == [DRIVER] else []
        view = FeatureView(name=name, source=source, schema=keys + schema, ttl=ttl, **options)
        self.store.apply([*options["entities"], view])
        return view

    def trips(self, rows: list[tuple[Any, ...]], *, ttl: timedelta | None = None, **options: Any) -> FeatureView:
        """The feature view ``trips`` of (driver, event, created, value)."""
        frame = pd.DataFrame(rows, columns=["driver_id", "event_timestamp", "created", "value"])
        frame = frame.astype({"value": "float64"})
        for column in ("event_timestamp", "created"):
            frame[column] = pd.to_datetime(frame[column], utc=True)
        return self.view("trips", self.file_source("trips", frame), {"value": Float64}, ttl=ttl, **options)

    def retrieve(self, spine: pd.DataFrame, features: list[str], **options: Any) -> pd.DataFrame:
        """Historical features."""
        return self.store.get_historical_features(entity_df=spine, features=features, **options).to_df()

    def values(self, spine: list[tuple[Any, datetime]], **options: Any) -> list[float | None]:
        """The value of ``trips`` for (driver, time), row by row; ``None`` where there is none."""
        frame = pd.DataFrame(spine, columns=["driver_id", "event_timestamp"])
        frame["event_timestamp"] = pd.to_datetime(frame["event_timestamp"], utc=True)
        result = self.retrieve(frame, ["trips:value"], **options)
        assert list(result["driver_id"].isna()) == list(frame["driver_id"].isna())
        return [None if pd.isna(value) else value for value in result["value"]]
