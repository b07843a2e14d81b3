"""Helpers that the tests of the Feast plug-in share."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pandas as pd
from feast.protos.feast.serving.ServingService_pb2 import FieldStatus
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from feast.types import Float64, Int64

from feast import Entity, FeatureStore, FeatureView, Field, FileSource, ValueType

UTC = timezone.utc
NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)

DRIVER = Entity(name="driver", join_keys=["driver_id"], value_type=ValueType.INT64)


def source(tmp_path: Path, name: str = "stats", rows: dict[str, list[Any]] | None = None) -> FileSource:
    """A Parquet file as a batch source; without rows it is not there."""
    path = tmp_path / f"{name}.parquet"
    if rows is not None:
        pd.DataFrame(rows).to_parquet(path)
    return FileSource(name=name, path=str(path), timestamp_field="event_timestamp", created_timestamp_column="created")


def stats_view(tmp_path: Path, **changes: Any) -> FeatureView:
    """Two features of a driver."""
    given: dict[str, Any] = {
        "name": "stats",
        "entities": [DRIVER],
        "ttl": timedelta(days=1),
        "schema": [
            Field(name="driver_id", dtype=Int64),
            Field(name="conv", dtype=Float64),
            Field(name="trips", dtype=Int64),
        ],
        "source": source(tmp_path),
    }
    return FeatureView(**{**given, **changes})


def key(**values: Value) -> EntityKey:
    """An entity."""
    return EntityKey(join_keys=list(values), entity_values=list(values.values()))


def write(
    store: FeatureStore,
    view: str,
    *rows: tuple[EntityKey, dict[str, Value], datetime, datetime | None],
) -> None:
    """Writes rows as materialization does."""
    store._get_provider().online_write_batch(store.config, store.get_feature_view(view), list(rows), None)


def stats(driver: int, conv: float | None, event: Any, created: Any = None, trips: int = 1) -> Any:
    """A row of the view `stats`."""
    value = Value() if conv is None else Value(double_val=conv)
    return key(driver_id=Value(int64_val=driver)), {"conv": value, "trips": Value(int64_val=trips)}, event, created


def engine_of(store: FeatureStore) -> Any:
    """The engine of the online store."""
    online: Any = store._get_provider().online_store
    return online._engine(store.config)


def conv(store: FeatureStore, driver: int = 1) -> tuple[Any, str, datetime]:
    """The contents of a driver's `stats:conv`: value, status and event timestamp."""
    response = store.get_online_features(["stats:conv"], [{"driver_id": driver}])
    vector = response.proto.results[1]
    time = vector.event_timestamps[0].ToDatetime(UTC)
    return response.to_dict()["conv"][0], FieldStatus.Name(vector.statuses[0]), time
