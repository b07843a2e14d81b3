"""Feature views that the store computes: read like any other, never written, and nothing of Feast's to drop."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from computed import DEFINITIONS, fill
from feast.aggregation import Aggregation
from feast.protos.feast.serving.ServingService_pb2 import FieldStatus
from feast.types import Array, Float32, Float64, Int32, Int64, String

import asofdb
from asofdb.feast import ComputedSource, fast_online_features
from feast import BatchFeatureView, Entity, FeatureService, FeatureStore, FeatureView, Field, ValueType

from .support import DRIVER, engine_of, stats, stats_view, write

USER = Entity(name="user", join_keys=["user_id"], value_type=ValueType.INT64)
OTHER = Entity(name="person", join_keys=["person_id"], value_type=ValueType.INT64)

FEATURES = {"n_24h": Int64, "spent_24h": Float64, "shops_24h": Array(String)}


def fields(features: dict[str, Any], key: str = "user_id") -> list[Field]:
    return [Field(name=name, dtype=dtype) for name, dtype in {key: Int64, **features}.items()]


def spending(features: dict[str, Any] | None = None, **changes: Any) -> FeatureView:
    """The window view `spending` of the store, as a feature view."""
    given: dict[str, Any] = {
        "name": "spending",
        "entities": [USER],
        "schema": fields(features or FEATURES),
        "source": ComputedSource(name="spending"),
    }
    return FeatureView(**{**given, **changes})


def define(store: FeatureStore) -> Any:
    """The store's own definitions, beside those of Feast's project, with purchases around now."""
    engine = engine_of(store)
    known = engine.catalog().definitions()
    wanted = asofdb.Definitions.of(DEFINITIONS)
    wanted.entities += known.entities
    wanted.feature_views += known.feature_views
    engine.apply(wanted)
    fill(engine, engine.now())
    return engine


def test_windows_are_read_online_like_any_other_features(store: FeatureStore, tmp_path: Path) -> None:
    engine = define(store)
    store.apply([USER, spending(), DRIVER, stats_view(tmp_path)])
    write(store, "stats", stats(1, 0.5, engine.now()))
    references = ["spending:n_24h", "spending:spent_24h", "spending:shops_24h", "stats:conv"]
    rows = [{"user_id": 1, "driver_id": 1}, {"user_id": 2, "driver_id": 2}]
    response = store.get_online_features(references, rows)
    assert response.to_dict() == {
        "user_id": [1, 2],
        "driver_id": [1, 2],
        # The event a microsecond after "now" has happened by the time of the read.
        "n_24h": [3, None],
        "spent_24h": [47.0, None],
        "shops_24h": [["a", "b"], None],
        "conv": [0.5, None],
    }
    statuses = [[FieldStatus.Name(status) for status in vector.statuses] for vector in response.proto.results[2:]]
    assert statuses == [["PRESENT", "NOT_FOUND"]] * 4
    assert asyncio.run(store.get_online_features_async(references, rows)).to_dict() == response.to_dict()
    assert fast_online_features(store, references, rows).to_dict() == response.to_dict()
    store.apply([FeatureService(name="model", features=[store.get_feature_view("spending")[["n_24h"]]])])
    served = store.get_online_features(store.get_feature_service("model"), [{"user_id": 1}], full_feature_names=True)
    assert served.to_dict() == {"user_id": [1], "spending__n_24h": [3]}


def test_a_view_is_computed_under_another_name_too(store: FeatureStore) -> None:
    define(store)
    source = ComputedSource(name="money", view="spending", description="d", tags={"a": "b"}, owner="o")
    store.apply([USER, spending(name="money", source=source)])
    kept: Any = store.get_data_source("money")
    assert isinstance(kept, ComputedSource)
    assert kept == source
    assert (kept.computed_view, kept.description, kept.owner) == ("spending", "d", "o")
    assert store.get_online_features(["money:n_24h"], [{"user_id": 1}]).to_dict()["n_24h"] == [3]


def test_nothing_is_written_to_a_view_that_is_computed(store: FeatureStore) -> None:
    engine = define(store)
    store.apply([USER, spending()])
    times = {"event_timestamp": [engine.now()], "created_timestamp": [engine.now()]}
    row = pd.DataFrame({"user_id": [1], **times, "n_24h": [9], "spent_24h": [1.0], "shops_24h": [["x"]]})
    with pytest.raises(asofdb.InvalidError, match="'spending' is computed by 'spending' of the store: no rows"):
        store.write_to_online_store("spending", row)
    provider = store._get_provider()
    provider.online_write_batch(store.config, store.get_feature_view("spending"), [], None)
    assert store.get_online_features(["spending:n_24h"], [{"user_id": 1}]).to_dict()["n_24h"] == [3]


def test_changes_in_feast_leave_what_the_store_computes(store: FeatureStore, tmp_path: Path) -> None:
    engine = define(store)
    before = engine.catalog()
    store.apply([USER, spending()])
    assert engine.catalog().revision == before.revision, "it is the store's own view"
    view = stats_view(tmp_path)
    store.apply([DRIVER, view])
    store.apply([], objects_to_delete=[view, spending()], partial=False)
    after = engine.catalog()
    assert "shop__stats" not in after.feature_views
    for kind in ("event_views", "window_views", "derived_views"):
        assert getattr(after, kind) == getattr(before, kind)
    assert "user" in after.entities
    store.apply([DRIVER, view, spending()])
    store.teardown()  # type: ignore[no-untyped-call]
    assert list(engine.catalog().window_views) == ["spending"]
    assert engine.latest("spending:n_24h", {"user_id": 1}).to_dict()["n_24h"] == [3]


def test_a_view_that_something_is_computed_from_is_not_dropped(store: FeatureStore, tmp_path: Path) -> None:
    view = stats_view(tmp_path)
    store.apply([DRIVER, view])
    engine = engine_of(store)
    wanted = engine.catalog().definitions()
    twice = asofdb.DerivedFeature("twice", "float64", "shop__stats:conv * 2.0")
    wanted.derived_views.append(asofdb.DerivedView("derived", [twice]))
    engine.apply(wanted)
    with pytest.raises(asofdb.Error, match="shop__stats"):
        store.apply([], objects_to_delete=[view], partial=False)
    assert "shop__stats" in engine.catalog().feature_views


def test_what_feast_says_of_a_computed_view_is_compared_with_the_store(store: FeatureStore) -> None:
    define(store)

    def refused(view: FeatureView, message: str, kind: type[asofdb.Error] = asofdb.InvalidError) -> None:
        with pytest.raises(kind, match=message):
            store.apply([USER, OTHER, view])

    nowhere = spending(source=ComputedSource(name="spendings"))
    refused(nowhere, "no window view and no derived view 'spendings'", asofdb.NotFoundError)
    refused(spending({"n_25h": Int64}), "it has no feature 'n_25h'", asofdb.NotFoundError)
    refused(spending({"n_24h": Int32}), "n_24h is INT32 in Feast and int64 there")
    refused(spending({"spent_24h": Float32}), "spent_24h is FLOAT in Feast and float64 there")
    refused(spending(ttl=timedelta(days=1)), "it has no ttl")
    other = spending(entities=[OTHER], schema=fields(FEATURES, "person_id"))
    refused(other, r"person_id \(int64\) in Feast and user_id \(int64\) in the store")
    derived = spending({"age": Int64}, name="derived", source=ComputedSource(name="derived"))
    refused(derived, r"needs values of the request \(amount\)")
    aggregated = BatchFeatureView(
        name="spending",
        entities=[USER],
        schema=fields({"n_24h": Int64}),
        source=ComputedSource(name="spending"),
        online=True,
        aggregations=[Aggregation("amount", "count", timedelta(days=1))],
    )
    refused(aggregated, "it has no aggregations in Feast")


def test_expired_values_are_served_but_none_that_was_computed_at_another_time(
    make_store: Any, online: dict[str, Any]
) -> None:
    store = make_store({**online, "serve_expired": True})
    engine = engine_of(store)
    year = asofdb.DerivedFeature("age", "int64", "year(now) - profile:birth_year")
    profile = next(one for one in DEFINITIONS if isinstance(one, asofdb.FeatureView))
    user = asofdb.Entity("user", {"user_id": "int64"})
    engine.apply([user, profile, asofdb.DerivedView("ages", [year])])
    now = engine.now()
    times = [now - timedelta(hours=1), now - timedelta(days=400)]
    engine.write("profile", {"user_id": [1, 2], "event_timestamp": times, "birth_year": [1990] * 2, "limit": [1.0] * 2})
    store.apply([USER, spending({"age": Int64}, name="ages", source=ComputedSource(name="ages"))])
    response = store.get_online_features(["ages:age"], [{"user_id": 1}, {"user_id": 2}])
    assert response.to_dict()["age"] == [now.year - 1990, None]
    statuses = [FieldStatus.Name(status) for status in response.proto.results[1].statuses]
    assert statuses == ["PRESENT", "OUTSIDE_MAX_AGE"]
