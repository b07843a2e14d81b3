"""Answers of Feast's calls, in every form of a question that Feast has."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from feast.errors import FeatureNameCollisionError, FeatureViewNotFoundException
from feast.on_demand_feature_view import on_demand_feature_view
from feast.protos.feast.types.Value_pb2 import Value
from feast.types import Float64, Int64, Map

import asofdb
from asofdb.feast import fast_online_features
from asofdb.feast.response import AsofOnlineResponse
from feast import FeatureService, FeatureStore, Field, RequestSource

from .support import DRIVER, HOUR, NOW, key, stats, stats_view, write

DRIVERS = [{"driver_id": 2}, {"driver_id": 1}]


@pytest.fixture
def views(store: FeatureStore, tmp_path: Path) -> FeatureStore:
    """Two views of a driver with features of the same names, and services over them."""
    first, second = stats_view(tmp_path), stats_view(tmp_path, name="other", ttl=timedelta(hours=3))
    services = [
        FeatureService(name="one", features=[first[["trips", "conv"]]]),
        FeatureService(name="both", features=[first.with_name("mine"), second[["conv"]]]),
        FeatureService(name="precomputed", features=[first], precompute_online=True),
    ]
    store.apply([DRIVER, first, second, *services])
    write(store, "stats", stats(1, 0.25, NOW - HOUR, trips=1), stats(2, 0.5, NOW - HOUR, trips=2))
    write(store, "other", stats(1, 10.0, NOW - 2 * HOUR), stats(2, 20.0, NOW - 4 * HOUR))
    return store


def test_features_come_in_the_order_asked(views: FeatureStore) -> None:
    response = views.get_online_features(["stats:trips", "stats:conv"], DRIVERS)
    assert list(response.to_dict().items()) == [("driver_id", [2, 1]), ("trips", [2, 1]), ("conv", [0.5, 0.25])]
    assert list(response.proto.metadata.feature_names.val) == ["driver_id", "trips", "conv"]


def test_full_names_tell_views_apart(views: FeatureStore) -> None:
    references = ["other:conv", "stats:conv"]
    found = views.get_online_features(references, DRIVERS, full_feature_names=True).to_dict()
    assert found == {"driver_id": [2, 1], "other__conv": [None, 10.0], "stats__conv": [0.5, 0.25]}
    with pytest.raises(FeatureNameCollisionError):
        views.get_online_features(references, DRIVERS)


def test_feature_services(views: FeatureStore) -> None:
    one = views.get_online_features(views.get_feature_service("one"), DRIVERS)
    assert one.to_dict() == {"driver_id": [2, 1], "trips": [2, 1], "conv": [0.5, 0.25]}
    both = views.get_online_features(views.get_feature_service("both"), DRIVERS, full_feature_names=True)
    assert both.to_dict() == {
        "driver_id": [2, 1],
        "mine__conv": [0.5, 0.25],
        "mine__trips": [2, 1],
        "other__conv": [None, 10.0],
    }


def test_services_that_feast_would_precompute_are_read_live(views: FeatureStore) -> None:
    service = views.get_feature_service("precomputed")
    assert views.get_online_features(service, DRIVERS).to_dict()["conv"] == [0.5, 0.25]
    write(views, "stats", stats(1, 0.75, NOW))
    assert views.get_online_features(service, DRIVERS).to_dict()["conv"] == [0.5, 0.75]


def test_versions_of_views_in_the_metadata(views: FeatureStore) -> None:
    response = views.get_online_features(
        ["stats:conv", "stats:trips"], DRIVERS, include_feature_view_version_metadata=True
    )
    assert [(view.name, view.version) for view in response.proto.metadata.feature_view_metadata] == [("stats", 0)]


def test_event_timestamps(views: FeatureStore) -> None:
    response = views.get_online_features(["stats:conv", "other:trips"], [{"driver_id": 1}, {"driver_id": 9}])
    found = response.to_dict(include_event_timestamps=True)
    assert found["conv__ts"] == [int((NOW - HOUR).timestamp()), 0]
    assert found["trips__ts"] == [int((NOW - 2 * HOUR).timestamp()), 0]


def test_unknown_names_are_feasts_errors(views: FeatureStore) -> None:
    with pytest.raises(FeatureViewNotFoundException):
        views.get_online_features(["nothing:conv"], DRIVERS)
    with pytest.raises(KeyError, match="wrong"):
        views.get_online_features(["stats:wrong"], DRIVERS)
    with pytest.raises(ValueError, match="same length"):
        views.get_online_features(["stats:conv"], {"driver_id": [1, 2], "city": ["rome"]})
    with pytest.raises(ValueError, match="there are no entity rows"):
        views.get_online_features(["stats:conv"], [])


def test_a_changed_definition_is_seen_at_once(views: FeatureStore, tmp_path: Path) -> None:
    assert views.get_online_features(["stats:conv"], DRIVERS).to_dict()["conv"] == [0.5, 0.25]
    views.apply([stats_view(tmp_path, ttl=timedelta(seconds=1))])
    assert views.get_online_features(["stats:conv"], DRIVERS).to_dict()["conv"] == [None, None]


def _on_demand(store: FeatureStore, tmp_path: Path) -> None:
    request = RequestSource(name="asked", schema=[Field(name="factor", dtype=Float64)])

    @on_demand_feature_view(  # type: ignore[untyped-decorator]
        sources=[stats_view(tmp_path), request], schema=[Field(name="scaled", dtype=Float64)], mode="pandas"
    )
    def scaled(inputs: pd.DataFrame) -> pd.DataFrame:
        made: pd.DataFrame = pd.DataFrame({"scaled": inputs["conv"] * inputs["factor"]})
        return made

    store.apply([scaled])


def test_on_demand_features(views: FeatureStore, tmp_path: Path) -> None:
    _on_demand(views, tmp_path)
    rows: dict[str, list[Any]] = {"driver_id": [1, 2], "factor": [2.0, 4.0]}
    found = views.get_online_features(["scaled:scaled", "other:trips"], rows)
    assert found.to_dict() == {"driver_id": [1, 2], "scaled": [0.5, 2.0], "trips": [1, None]}
    found = asyncio.run(views.get_online_features_async(["scaled:scaled"], rows))
    assert found.to_dict() == {"driver_id": [1, 2], "scaled": [0.5, 2.0]}


def test_on_demand_features_that_are_written(views: FeatureStore, tmp_path: Path) -> None:
    @on_demand_feature_view(  # type: ignore[untyped-decorator]
        entities=[DRIVER],
        sources=[stats_view(tmp_path)],
        schema=[Field(name="driver_id", dtype=Int64), Field(name="double", dtype=Float64)],
        mode="pandas",
        write_to_online_store=True,
    )
    def stored(inputs: pd.DataFrame) -> pd.DataFrame:
        made: pd.DataFrame = pd.DataFrame({"double": inputs["conv"] * 2})
        return made

    views.apply([stored])
    rows = pd.DataFrame({"driver_id": [1], "conv": [3.5], "trips": [1], "event_timestamp": [NOW], "created": [NOW]})
    views.write_to_online_store("stored", rows)
    assert views.get_online_features(["stored:double"], [{"driver_id": 1}]).to_dict()["double"] == [7.0]


def test_asynchronous_reads_and_writes(views: FeatureStore) -> None:
    assert views._get_provider().async_supported.online.read
    assert views._get_provider().async_supported.online.write

    async def ask() -> tuple[Any, Any, Any]:
        await views.initialize()
        view, provider = views.get_feature_view("stats"), views._get_provider()
        await provider.online_write_batch_async(views.config, view, [stats(3, 3.5, NOW)], None)
        many = {"driver_id": [1, 3] * 100}
        responses = await asyncio.gather(
            views.get_online_features_async(["stats:conv"], [{"driver_id": 3}, {"driver_id": 9}]),
            views.get_online_features_async(["stats:conv"], many),
        )
        rows = await provider.online_read_async(views.config, view, [key(driver_id=Value(int64_val=3))], ["conv"])
        await views.close()
        return *responses, rows

    few, many, rows = asyncio.run(ask())
    assert few.to_dict() == {"driver_id": [3, 9], "conv": [3.5, None]}
    assert many.to_dict()["conv"] == [0.25, 3.5] * 100
    assert rows == [(NOW, {"conv": Value(double_val=3.5)})]
    assert views.get_online_features(["stats:conv"], [{"driver_id": 3}]).to_dict()["conv"] == [3.5]


def test_the_message_is_made_when_it_is_asked_for(views: FeatureStore) -> None:
    response = views.get_online_features(["stats:conv"], DRIVERS)
    assert isinstance(response, AsofOnlineResponse)
    assert response._proto is None
    assert response.proto is response.proto


# fast_online_features


def test_fast_reads_are_those_of_feast(views: FeatureStore) -> None:
    for features, full in ((["stats:trips", "stats:conv"], False), (["other:conv", "stats:conv"], True)):
        result = fast_online_features(views, features, DRIVERS, full_feature_names=full)
        assert result.to_dict() == views.get_online_features(features, DRIVERS, full_feature_names=full).to_dict()
    result = fast_online_features(views, views.get_feature_service("one"), DRIVERS)
    assert result.to_dict() == {"driver_id": [2, 1], "trips": [2, 1], "conv": [0.5, 0.25]}
    np.testing.assert_array_equal(result.to_numpy(), np.array([[2, 0.5], [1, 0.25]], dtype=np.float32))


def test_fast_reads_have_statuses_and_feasts_names_in_every_form(views: FeatureStore) -> None:
    result = fast_online_features(views, ["other:conv", "stats:conv"], DRIVERS, full_feature_names=True)
    assert result.statuses().tolist() == [[asofdb.Status.EXPIRED, 0], [0, 0]]
    assert result.names() == ["other__conv", "stats__conv"]
    table = result.to_arrow(statuses=True)
    assert table.column_names == [
        "driver_id",
        "other__conv",
        "other__conv__status",
        "stats__conv",
        "stats__conv__status",
    ]
    assert table["other__conv"].to_pylist() == [None, 10.0]
    assert list(result.to_pandas(entities=False).columns) == ["other__conv", "stats__conv"]
    assert result.names(full_names=True, entities=False) == ["shop__other__conv", "shop__stats__conv"]


def test_fast_reads_follow_the_definitions(views: FeatureStore, tmp_path: Path) -> None:
    assert fast_online_features(views, ["stats:conv"], DRIVERS).to_dict()["conv"] == [0.5, 0.25]
    views.apply([stats_view(tmp_path, ttl=timedelta(seconds=1))])
    assert fast_online_features(views, ["stats:conv"], DRIVERS).to_dict()["conv"] == [None, None]


def test_what_fast_reads_cannot_read_is_refused(views: FeatureStore, tmp_path: Path) -> None:
    _on_demand(views, tmp_path)
    with pytest.raises(asofdb.InvalidError, match="on-demand feature views are computed by Feast"):
        fast_online_features(views, ["scaled:scaled"], {"driver_id": [1], "factor": [2.0]})
    views.apply(
        [stats_view(tmp_path, name="maps", schema=[Field(name="driver_id", dtype=Int64), Field(name="m", dtype=Map)])]
    )
    with pytest.raises(asofdb.InvalidError, match="feature maps:m is of Feast's type MAP: use get_online_features"):
        fast_online_features(views, ["maps:m"], DRIVERS)
    with pytest.raises(KeyError, match="driver_id"):
        fast_online_features(views, ["stats:conv"], {"city": ["rome"]})
