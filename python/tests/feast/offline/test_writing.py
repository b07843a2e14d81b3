"""Rows and results that are written through the offline store."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from feast.data_source import PushMode
from feast.errors import SavedDatasetLocationAlreadyExists
from feast.feature_logging import LoggingConfig
from feast.infra.offline_stores.file_source import FileLoggingDestination, SavedDatasetFileStorage
from feast.types import Float64

from asofdb.feast import AsofSource
from feast import FeatureService, FileSource, PushSource

from .repository import Repository, at


def _row(value: float, hours: float = 1) -> Any:
    return pd.DataFrame(
        {"driver_id": [1], "event_timestamp": pd.to_datetime([at(hours=hours)], utc=True), "value": [value]}
    )


def test_rows_are_added_to_the_history_of_the_store(repository: Repository) -> None:
    source = AsofSource(name="trips", created_timestamp_column="")
    repository.view("trips", source, {"value": Float64})
    repository.store.write_to_offline_store("trips", _row(7))
    assert repository.values([(1, at(hours=1)), (1, at())]) == [7, None]


def test_rows_are_added_to_a_file_and_are_found(repository: Repository) -> None:
    source = repository.file_source("trips", _row(1, hours=0))
    repository.view("trips", source, {"value": Float64})
    assert repository.values([(1, at(hours=2))]) == [1]
    repository.store.write_to_offline_store("trips", _row(2)[["value", "event_timestamp", "driver_id"]])
    assert repository.values([(1, at(hours=2)), (1, at())]) == [2, 1]
    assert pq.read_table(source.path).num_rows == 2
    assert [path.name for path in repository.directory.glob("trips*")] == ["trips.parquet"]


def test_rows_are_added_to_a_directory_as_a_file_of_their_own(repository: Repository) -> None:
    (repository.directory / "parts").mkdir()
    repository.file("parts/0", _row(1, hours=0))
    source = FileSource(name="parts", path=str(repository.directory / "parts"), timestamp_field="event_timestamp")
    repository.view("trips", source, {"value": Float64})
    repository.store.write_to_offline_store("trips", _row(2))
    assert repository.values([(1, at(hours=2)), (1, at())]) == [2, 1]
    assert len(list((repository.directory / "parts").iterdir())) == 2


def test_rows_with_other_columns_are_refused(repository: Repository) -> None:
    repository.view("trips", repository.file_source("trips", _row(1)), {"value": Float64})
    with pytest.raises(ValueError, match="extra_unexpected_columns"):
        repository.store.write_to_offline_store("trips", _row(1).assign(other=1))


def test_a_push_to_both_stores_is_served_and_is_history(repository: Repository) -> None:
    push = PushSource(name="moves", batch_source=AsofSource(name="trips", created_timestamp_column=""))
    repository.view("trips", push, {"value": Float64})
    repository.store.push("moves", _row(5), to=PushMode.ONLINE_AND_OFFLINE)
    online = repository.store.get_online_features(["trips:value"], [{"driver_id": 1}]).to_dict()
    assert online["value"] == [5]
    assert repository.values([(1, at(hours=1))]) == [5]


def test_a_data_set_is_saved_once_and_read_back(repository: Repository) -> None:
    repository.trips([(1, at(), at(), 10)])
    spine = pd.DataFrame({"driver_id": [1, 2], "event_timestamp": pd.to_datetime([at(), at(hours=1)], utc=True)})
    job = repository.store.get_historical_features(spine, ["trips:value"])
    storage = SavedDatasetFileStorage(path=str(repository.directory / "saved.parquet"))
    repository.store.create_saved_dataset(job, "saved", storage)
    read = repository.store.get_saved_dataset("saved").to_df().sort_values("driver_id")
    assert read["driver_id"].tolist() == [1, 2] and read["value"].isna().tolist() == [False, True]
    with pytest.raises(SavedDatasetLocationAlreadyExists):
        job.persist(storage)
    job.persist(storage, allow_overwrite=True)


def test_a_data_set_is_saved_as_a_directory(repository: Repository) -> None:
    repository.trips([(1, at(), at(), 10)])
    spine = pd.DataFrame({"driver_id": [1], "event_timestamp": pd.to_datetime([at()], utc=True)})
    job = repository.store.get_historical_features(spine, ["trips:value"])
    job.persist(SavedDatasetFileStorage(path="saved"))
    assert pq.read_table(repository.directory / "saved")["value"].to_pylist() == [10]


def test_logged_features_are_added_and_read_back(repository: Repository) -> None:
    trips = repository.trips([(1, at(), at(), 10)])
    logs = repository.directory / "logs"
    service = FeatureService(
        name="model",
        features=[trips],
        logging_config=LoggingConfig(destination=FileLoggingDestination(path=str(logs)), sample_rate=1.0),
    )
    repository.store.apply([service])
    from feast.feature_logging import FeatureServiceLoggingSource

    schema = FeatureServiceLoggingSource(service, repository.store.project).get_schema(repository.store.registry)
    for request in ("first", "second"):
        columns = {field.name: pa.nulls(1, field.type) for field in schema}
        columns["__request_id"] = pa.array([request], schema.field("__request_id").type)
        columns["__log_timestamp"] = pa.array([at()], schema.field("__log_timestamp").type)
        repository.store.write_logged_features(pa.table(columns, schema=schema), service)
    provider = repository.store._get_provider()
    job = provider.retrieve_feature_service_logs(
        service, at(hours=-1), at(hours=1), repository.store.config, repository.store.registry
    )
    assert sorted(job.to_arrow()["__request_id"].to_pylist()) == ["first", "second"]
