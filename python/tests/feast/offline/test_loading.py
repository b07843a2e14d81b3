"""Loading whole feature views, and the offline store of a sidecar."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from feast.types import Float64

from asofdb import InvalidError
from asofdb.feast import AsofSource, connect, load

from .repository import Repository, at


def test_what_is_loaded_is_served_and_is_history(repository: Repository) -> None:
    repository.trips([(1, at(days=-400), at(), 10), (1, at(days=-300), at(), 20)])
    assert load(repository.store) == {"trips": 2}
    assert load(repository.store, ["trips"]) == {"trips": 0}
    online = repository.store.get_online_features(["trips:value"], [{"driver_id": 1}]).to_dict()
    assert online["value"] == [20]
    assert repository.values([(1, at(days=-350))]) == [10]


def test_a_view_of_the_store_itself_is_defined_where_the_online_store_is_another(tmp_path: Path) -> None:
    repository = Repository(tmp_path, online={"type": "sqlite", "path": str(tmp_path / "online.db")})
    repository.view("trips", AsofSource(name="trips", created_timestamp_column=""), {"value": Float64})
    rows = pd.DataFrame({"driver_id": [1], "event_timestamp": pd.to_datetime([at()], utc=True), "value": [3.0]})
    with pytest.raises(ValueError, match="has no view 'rides__trips' yet"):
        repository.store.write_to_offline_store("trips", rows)
    assert load(repository.store) == {"trips": 0}
    repository.store.write_to_offline_store("trips", rows)
    assert repository.values([(1, at())]) == [3]
    connect.close_all()


def test_a_file_with_a_bad_row_leaves_nothing(repository: Repository) -> None:
    repository.trips([(1, at(), at(), 10), (2, at(days=9_000), at(), 20)])
    with pytest.raises(InvalidError, match="max_future_skew"):
        load(repository.store)
    engine = connect.engine(repository.store.config.offline_store)
    assert engine.history("rides__trips", {"driver_id": 1}) == []


def test_a_sidecar_answers_as_an_embedded_store_does(tmp_path: Path, sidecar: Any) -> None:
    where = {"socket": str(sidecar.socket)}
    repository = Repository(
        tmp_path,
        offline={"type": "asofdb.feast.AsofOfflineStore", **where},
        online={"type": "asofdb.feast.AsofOnlineStore", **where},
    )
    repository.trips([(1, at(), at(), 10), (1, at(), at(hours=5), 20), (2, at(), at(), 7)])
    spine = [(1, at(hours=1)), (2, at()), (3, at()), (1, at(hours=-1))]
    assert repository.values(spine) == [20, 7, None, None]
    assert repository.values(spine, filter_by_created_timestamp=True) == [10, 7, None, None]
    connect.close_all()
