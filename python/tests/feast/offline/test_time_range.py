"""Retrieval without entity rows: everything in a range of time."""

from __future__ import annotations

import pandas as pd
import pytest
from feast.types import Float64, String

from feast import Entity, FeatureView, Field

from .repository import Repository, at


def test_each_version_in_the_range_is_a_row_as_of_its_time(repository: Repository) -> None:
    repository.trips(
        [(1, at(), at(), 1), (1, at(hours=1), at(), 2), (1, at(hours=1), at(hours=1), 3), (2, at(hours=9), at(), 4)]
    )
    job = repository.store.get_historical_features(
        entity_df=None, features=["trips:value"], start_date=at(), end_date=at(hours=1)
    )
    rows = job.to_df()
    assert list(rows.columns) == ["driver_id", "event_timestamp", "value"]
    assert rows.values.tolist() == [[1, pd.Timestamp(at()), 1.0], [1, pd.Timestamp(at(hours=1)), 3.0]]
    assert job.metadata is not None
    assert (job.metadata.min_event_timestamp, job.metadata.max_event_timestamp) == (at(), at(hours=1))


def test_views_of_one_entity_meet_at_the_times_of_both(repository: Repository) -> None:
    repository.trips([(1, at(), at(), 1)])
    rows = pd.DataFrame(
        {"driver_id": [1], "event_timestamp": pd.to_datetime([at(minutes=5)], utc=True), "speed": [9.0]}
    )
    repository.view("moves", repository.file_source("moves", rows), {"speed": Float64})
    found = repository.store.get_historical_features(
        entity_df=None, features=["trips:value", "moves:speed"], start_date=at(), end_date=at(hours=1)
    ).to_df()
    assert found["value"].tolist() == [1, 1]
    assert found["speed"].isna().tolist() == [True, False]


def test_views_of_different_entities_are_refused(repository: Repository) -> None:
    repository.trips([(1, at(), at(), 1)])
    place = Entity(name="place", join_keys=["place_id"])
    rows = pd.DataFrame({"place_id": ["a"], "event_timestamp": pd.to_datetime([at()], utc=True), "heat": [9.0]})
    view = FeatureView(
        name="weather",
        entities=[place],
        schema=[Field(name="place_id", dtype=String), Field(name="heat", dtype=Float64)],
        source=repository.file_source("weather", rows),
    )
    repository.store.apply([place, view])
    job = repository.store.get_historical_features(
        entity_df=None, features=["trips:value", "weather:heat"], start_date=at(), end_date=at(hours=1)
    )
    with pytest.raises(ValueError, match="retrieve them apart"):
        job.to_df()


def test_a_range_without_versions_has_no_rows(repository: Repository) -> None:
    repository.trips([(1, at(), at(), 1)])
    found = repository.store.get_historical_features(
        entity_df=None, features=["trips:value"], start_date=at(hours=1), end_date=at(hours=2)
    ).to_df()
    assert len(found) == 0 and "value" in found.columns
