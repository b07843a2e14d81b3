"""A feature repository on disk, used as its owner would: by Feast's command line and by its Python API."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from asofdb import Store
from asofdb.feast import connect
from feast import FeatureStore

NOW = datetime.now(timezone.utc).replace(microsecond=0)
TWO_LINES = """
online_store: {type: asofdb.feast.AsofOnlineStore, path: store}
offline_store: {type: asofdb.feast.AsofOfflineStore, path: store}
"""
YAML = f"""
project: rides
registry: registry.db
provider: local
entity_key_serialization_version: 3
{TWO_LINES}
"""
DEFINITIONS = """
from datetime import timedelta

from feast import Entity, FeatureService, FeatureView, Field, FileSource, ValueType
from feast.types import Array, Float64, Int64, String

driver = Entity(name="driver", join_keys=["driver_id"], value_type=ValueType.INT64)
trips = FeatureView(
    name="trips",
    entities=[driver],
    ttl=timedelta(days=30),
    schema=[
        Field(name="driver_id", dtype=Int64),
        Field(name="value", dtype=Float64),
        Field(name="name", dtype=String),
        Field(name="marks", dtype=Array(Int64)),
    ],
    source=FileSource(
        name="trips", path="trips.parquet", timestamp_field="event_timestamp", created_timestamp_column="created"
    ),
)
service = FeatureService(name="model", features=[trips])
"""


def _feast(directory: Path, *arguments: str) -> str:
    command = [str(Path(sys.executable).parent / "feast"), *arguments]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _write(directory: Path, rows: list[tuple[int, timedelta, timedelta, float]]) -> None:
    """Rows of (driver, age of the event, age of the knowledge, value)."""
    frame = pd.DataFrame(
        {
            "driver_id": [driver for driver, *_ in rows],
            "event_timestamp": [NOW - event for _, event, _, _ in rows],
            "created": [NOW - created for _, _, created, _ in rows],
            "value": [value for *_, value in rows],
            "name": [f"driver {value:.0f}" for *_, value in rows],
            "marks": [[int(value)] * 2 for *_, value in rows],
        }
    )
    frame.to_parquet(directory / "trips.parquet")


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "feature_store.yaml").write_text(YAML)
    (tmp_path / "definitions.py").write_text(DEFINITIONS)
    yield tmp_path
    connect.close_all()


def _online(directory: Path, *drivers: int) -> dict[str, Any]:
    store = FeatureStore(repo_path=str(directory))
    answer = store.get_online_features(
        store.get_feature_service("model"), [{"driver_id": driver} for driver in drivers]
    ).to_dict()
    connect.close_all()
    return answer


def _historical(directory: Path, *asked: tuple[int, timedelta]) -> pd.DataFrame:
    store = FeatureStore(repo_path=str(directory))
    spine = pd.DataFrame(
        {"driver_id": [driver for driver, _ in asked], "event_timestamp": [NOW - age for _, age in asked]}
    )
    found = store.get_historical_features(spine, store.get_feature_service("model")).to_df()
    connect.close_all()
    return found


def _day(days: float) -> timedelta:
    return timedelta(days=days)


def test_apply_materialize_serve_train_and_tear_down(directory: Path) -> None:
    old, new = (1, _day(5), _day(5), 10.0), (1, _day(3), _day(3), 20.0)
    _write(directory, [old, new, (2, _day(4), _day(4), 7.0)])
    _feast(directory, "apply")
    assert _online(directory, 1)["value"] == [None]

    _feast(directory, "materialize", (NOW - _day(6)).isoformat(), (NOW - _day(4)).isoformat())
    assert _online(directory, 1, 2, 9) == {
        "driver_id": [1, 2, 9],
        "value": [10.0, 7.0, None],
        "name": ["driver 10", "driver 7", None],
        "marks": [[10, 10], [7, 7], None],
    }
    _feast(directory, "materialize-incremental", (NOW - _day(2)).isoformat())
    assert _online(directory, 1)["value"] == [20.0]

    found = _historical(directory, (1, _day(4.5)), (1, _day(2)), (2, _day(4)), (2, _day(4.1)), (9, _day(0)))
    assert found["value"].fillna(-1).tolist() == [10, 20, 7, -1, -1]
    assert found["marks"][0].tolist() == [10, 10]

    _feast(directory, "teardown")
    with Store.open(directory / "store") as engine:
        assert not engine.catalog().feature_views and not engine.catalog().entities


def test_late_rows_are_history_and_never_overwrite_newer_ones(directory: Path) -> None:
    new = (1, _day(1), _day(1), 20.0)
    _write(directory, [new])
    _feast(directory, "apply")
    _feast(directory, "materialize", (NOW - _day(6)).isoformat(), NOW.isoformat())
    _write(directory, [new, (1, _day(4), _day(0.5), 5.0)])
    _feast(directory, "materialize", (NOW - _day(6)).isoformat(), (NOW - _day(2)).isoformat())
    assert _online(directory, 1)["value"] == [20.0]
    assert _historical(directory, (1, _day(0)), (1, _day(2)))["value"].tolist() == [20, 5]


def test_what_was_materialized_is_history_for_training_without_the_file(directory: Path) -> None:
    _write(directory, [(1, _day(3), _day(3), 10.0)])
    _feast(directory, "apply")
    _feast(directory, "materialize", (NOW - _day(6)).isoformat(), NOW.isoformat())
    definitions = DEFINITIONS.replace(
        'FileSource(\n        name="trips", path="trips.parquet", ', 'AsofSource(name="trips", '
    ).replace('timestamp_field="event_timestamp", created_timestamp_column="created"\n    )', "\n    )")
    (directory / "definitions.py").write_text("from asofdb.feast import AsofSource\n" + definitions)
    (directory / "trips.parquet").unlink()
    _feast(directory, "apply")
    assert _historical(directory, (1, _day(1)), (1, _day(3.1)))["value"].fillna(-1).tolist() == [10, -1]


def test_a_training_set_serves_its_history_online_at_once_where_the_store_is_one(directory: Path) -> None:
    _write(directory, [(1, _day(1), _day(1), 10.0)])
    _feast(directory, "apply")
    assert _online(directory, 1)["value"] == [None]
    _historical(directory, (1, _day(0)))
    assert _online(directory, 1)["value"] == [10.0]


def test_two_projects_share_a_store_and_see_only_their_own(directory: Path) -> None:
    _write(directory, [(1, _day(1), _day(1), 10.0)])
    _feast(directory, "apply")
    other = directory / "other"
    other.mkdir()
    (other / "feature_store.yaml").write_text(
        YAML.replace("rides", "rides_two").replace("path: store", "path: ../store")
    )
    (other / "definitions.py").write_text(DEFINITIONS)
    _write(other, [(1, _day(1), _day(1), 99.0)])
    _feast(other, "apply")
    for place in (directory, other):
        _feast(place, "materialize", (NOW - _day(6)).isoformat(), NOW.isoformat())
    assert [_online(directory, 1)["value"], _online(other, 1)["value"]] == [[10.0], [99.0]]
    assert _historical(directory, (1, _day(0)))["value"].tolist() == [10]
    _feast(other, "teardown")
    assert _online(directory, 1)["value"] == [10.0]
