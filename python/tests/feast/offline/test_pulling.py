"""Reads that a materialization asks of the offline store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from feast.errors import FeastJoinKeysDuringMaterialization
from feast.types import Float64

from asofdb.feast import AsofOfflineStore, AsofSource, connect

from .repository import Repository, at

ROWS = [
    (1, at(), at(), 1.0),
    (1, at(hours=1), at(hours=1), 2.0),
    (1, at(hours=1), at(hours=2), 3.0),
    (1, at(hours=1), pd.NaT, 4.0),
    (1, at(hours=5), at(hours=5), 5.0),
    (2, at(hours=-5), at(), 6.0),
]


def _pull(
    repository: Repository, source: Any, latest: bool, created: str = "created", **options: Any
) -> list[tuple[Any, ...]]:
    asked: dict[str, Any] = {
        "join_key_columns": ["driver_id"],
        "feature_name_columns": ["value"],
        "timestamp_field": "event_timestamp",
        "created_timestamp_column": created,
        "start_date": at(),
        "end_date": at(hours=2),
        **options,
    }
    pull = AsofOfflineStore.pull_latest_from_table_or_query if latest else AsofOfflineStore.pull_all_from_table_or_query
    table = pull(repository.store.config, source, **asked).to_arrow()
    assert {"driver_id", "event_timestamp", created, "value"} <= set(table.column_names)
    rows = table.to_pylist()
    return sorted((row["driver_id"], row["event_timestamp"], row["value"]) for row in rows)


@pytest.fixture(params=["file", "store"])
def source(repository: Repository, request: pytest.FixtureRequest) -> Any:
    frame = pd.DataFrame(ROWS, columns=["driver_id", "event_timestamp", "created", "value"])
    file = repository.file_source("trips", frame)
    if request.param == "file":
        return file
    repository.view("trips", file, {"value": Float64})
    repository.values([(1, at())])
    return AsofSource(name="trips", created_timestamp_column="created")


def test_the_newest_row_of_each_entity_within_the_range(repository: Repository, source: Any) -> None:
    assert _pull(repository, source, latest=True) == [(1, at(hours=1), 3.0)]
    assert _pull(repository, source, latest=True, start_date=at(days=-1)) == [
        (1, at(hours=1), 3.0),
        (2, at(hours=-5), 6.0),
    ]


def test_both_ends_of_the_range_are_included(repository: Repository, source: Any) -> None:
    ends: dict[str, Any] = {"start_date": at(), "end_date": at()}
    assert _pull(repository, source, latest=True, **ends) == [(1, at(), 1.0)]
    assert _pull(repository, source, latest=False, **ends) == [(1, at(), 1.0)]


def test_all_rows_within_the_range(repository: Repository, source: Any) -> None:
    rows = [(1, at(), 1.0), (1, at(hours=1), 2.0), (1, at(hours=1), 3.0), (1, at(hours=1), 4.0)]
    assert _pull(repository, source, latest=False) == rows


def test_a_range_that_is_empty_has_no_rows(repository: Repository, source: Any) -> None:
    ends: dict[str, Any] = {"start_date": at(hours=2), "end_date": at(hours=1)}
    assert _pull(repository, source, latest=False, **ends) == _pull(repository, source, latest=True, **ends) == []


def test_deleted_entities_are_not_pulled(repository: Repository) -> None:
    repository.view("trips", AsofSource(name="trips"), {"value": Float64})
    engine = connect.engine(repository.store.config.offline_store)
    engine.write("rides__trips", {"driver_id": [1, 2], "event_timestamp": [at(), at()], "value": [1.0, 2.0]})
    engine.delete("rides__trips", {"driver_id": 1}, at=at(hours=1))
    source = AsofSource(name="trips")
    assert _pull(repository, source, latest=True, created="created_timestamp") == [(2, at(), 2.0)]
    assert _pull(repository, source, latest=False, created="created_timestamp") == [(1, at(), 1.0), (2, at(), 2.0)]


def test_a_join_key_that_the_file_lacks_is_feasts_error(repository: Repository) -> None:
    source = repository.file_source("trips", pd.DataFrame({"event_timestamp": [at()], "value": [1.0]}))
    with pytest.raises(FeastJoinKeysDuringMaterialization):
        _pull(repository, source, latest=True, created_timestamp_column=None)


def test_other_resolutions_of_time_are_compared_exactly(repository: Repository, tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "driver_id": [1, 2],
            "event_timestamp": pd.to_datetime([at(), at(seconds=1)], utc=True).as_unit("ms"),
            "value": [1.0, 2.0],
        }
    )
    source = repository.file_source("trips", frame.assign(created=frame["event_timestamp"]))
    assert _pull(repository, source, latest=True, start_date=at(microseconds=1)) == [(2, at(seconds=1), 2.0)]
