"""Entities of every type, composite and none, by the names that a request gives them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from feast.protos.feast.serving.ServingService_pb2 import FieldStatus
from feast.protos.feast.types.Value_pb2 import Value
from feast.types import Bool, Bytes, Float64, Int32, Int64, String, UnixTimestamp

import asofdb
from feast import Entity, FeatureService, FeatureStore, FeatureView, Field, ValueType

from .support import DRIVER, HOUR, NOW, key, source, stats, stats_view, write

KEYS: list[tuple[Any, ValueType, list[Value], list[Any]]] = [
    (String, ValueType.STRING, [Value(string_val="é"), Value(string_val="")], ["é", ""]),
    (Bytes, ValueType.BYTES, [Value(bytes_val=b"\x00"), Value(bytes_val=b"\xff")], [b"\x00", b"\xff"]),
    (Int32, ValueType.INT32, [Value(int32_val=-1), Value(int32_val=2**31 - 1)], [-1, 2**31 - 1]),
    (Int64, ValueType.INT64, [Value(int64_val=-(2**63)), Value(int64_val=2**60 + 1)], [-(2**63), 2**60 + 1]),
    (
        UnixTimestamp,
        ValueType.UNIX_TIMESTAMP,
        [Value(unix_timestamp_val=5), Value(unix_timestamp_val=1_700_000_000)],
        [],
    ),
    (Bool, ValueType.BOOL, [Value(bool_val=True), Value(bool_val=False)], [True, False]),
    (Float64, ValueType.DOUBLE, [Value(double_val=0.5), Value(double_val=-2)], [0.5, -2.0]),
]


@pytest.mark.parametrize(("ty", "value_type", "values", "plain"), KEYS, ids=[str(key[0]) for key in KEYS])
def test_entity_keys_of_every_type(
    store: FeatureStore, tmp_path: Path, ty: Any, value_type: ValueType, values: list[Value], plain: list[Any]
) -> None:
    thing = Entity(name="thing", join_keys=["thing"], value_type=value_type)
    schema = [Field(name="thing", dtype=ty), Field(name="n", dtype=Int64)]
    store.apply([thing, FeatureView(name="v", entities=[thing], schema=schema, source=source(tmp_path))])
    write(store, "v", *((key(thing=value), {"n": Value(int64_val=n)}, NOW, None) for n, value in enumerate(values)))
    asked = plain or [5, 1_700_000_000]
    response = store.get_online_features(["v:n"], {"thing": asked})
    assert response.to_dict()["n"] == [0, 1]
    assert list(response.proto.results[0].values) == values
    found = store._get_provider().online_read(store.config, store.get_feature_view("v"), [key(thing=values[1])])
    assert found == [(NOW, {"n": Value(int64_val=1)})]


def test_entities_whose_type_feast_infers(store: FeatureStore, tmp_path: Path) -> None:
    rows: dict[str, list[Any]] = {
        "thing": ["a", "b"],
        "n": [1, 2],
        "event_timestamp": [NOW - HOUR] * 2,
        "created": [NOW] * 2,
    }
    thing = Entity(name="thing", join_keys=["thing"])
    store.apply([thing, FeatureView(name="v", entities=[thing], schema=[], source=source(tmp_path, "v", rows))])
    store.materialize(NOW - 2 * HOUR, NOW)
    assert store.get_online_features(["v:n"], [{"thing": "b"}]).to_dict() == {"thing": ["b"], "n": [2]}


def test_an_int32_written_is_found_as_int64_and_back(store: FeatureStore, tmp_path: Path) -> None:
    store.apply([DRIVER, stats_view(tmp_path)])
    narrow = (key(driver_id=Value(int32_val=5)), {"conv": Value(double_val=0.5)}, NOW, None)
    write(store, "stats", narrow)
    assert store.get_online_features(["stats:conv"], [{"driver_id": 5}]).to_dict()["conv"] == [0.5]
    view = store.get_feature_view("stats")
    found = store._get_provider().online_read(store.config, view, [key(driver_id=Value(int32_val=5))], ["conv"])
    assert found == [(NOW, {"conv": Value(double_val=0.5)})]


def test_keys_of_another_type_are_refused(store: FeatureStore, tmp_path: Path) -> None:
    store.apply([DRIVER, stats_view(tmp_path)])
    with pytest.raises(asofdb.InvalidError, match='join key "driver_id": the store has int64: got string'):
        write(store, "stats", (key(driver_id=Value(string_val="5")), {}, NOW, None))
    with pytest.raises(asofdb.InvalidError, match='join key "driver_id" is int64 in the store: got string'):
        view = store.get_feature_view("stats")
        store._get_provider().online_read(store.config, view, [key(driver_id=Value(string_val="5"))])
    with pytest.raises(asofdb.InvalidError, match="row 0: a join key cannot be null"):
        write(store, "stats", (key(driver_id=Value()), {}, NOW, None))


def test_composite_keys_whatever_their_order(store: FeatureStore, tmp_path: Path) -> None:
    city = Entity(name="city", join_keys=["city"], value_type=ValueType.STRING)
    schema = [Field(name="driver_id", dtype=Int64), Field(name="city", dtype=String), Field(name="n", dtype=Int64)]
    view = FeatureView(name="both", entities=[DRIVER, city], schema=schema, source=source(tmp_path))
    store.apply([DRIVER, city, view, stats_view(tmp_path)])
    driver, rome, oslo = Value(int64_val=1), Value(string_val="rome"), Value(string_val="oslo")
    write(store, "both", (key(driver_id=driver, city=rome), {"n": Value(int64_val=1)}, NOW, None))
    write(store, "both", (key(city=oslo, driver_id=driver), {"n": Value(int64_val=2)}, NOW, None))
    write(store, "stats", stats(1, 0.5, NOW))
    rows = [{"city": "oslo", "driver_id": 1}, {"city": "rome", "driver_id": 1}, {"city": "rome", "driver_id": 2}]
    found = store.get_online_features(["both:n", "stats:conv"], rows).to_dict()
    assert (found["n"], found["conv"]) == ([2, 1, None], [0.5, 0.5, None])


def test_views_without_entities(store: FeatureStore, tmp_path: Path) -> None:
    rows: dict[str, list[Any]] = {"n": [1, 2], "event_timestamp": [NOW - 2 * HOUR, NOW - HOUR], "created": [NOW] * 2}
    view = FeatureView(name="globals", schema=[Field(name="n", dtype=Int64)], source=source(tmp_path, "globals", rows))
    store.apply([DRIVER, view, stats_view(tmp_path)])
    store.materialize(NOW - 3 * HOUR, NOW, feature_views=["globals"])
    write(store, "stats", stats(1, 0.5, NOW))
    asked = {"driver_id": [1, 2]}
    found = store.get_online_features(["globals:n", "stats:conv"], asked)
    assert found.to_dict() == {"driver_id": [1, 2], "n": [2, 2], "conv": [0.5, None]}
    assert list(found.proto.metadata.feature_names.val) == ["driver_id", "n", "conv"]
    assert store.get_online_features(["globals:n"], [{"whatever": 1}]).to_dict() == {"n": [2]}


def test_one_view_by_several_columns(store: FeatureStore, tmp_path: Path) -> None:
    """Projections that map join keys: the same view for two roles of one entity."""
    view = stats_view(tmp_path)
    service = FeatureService(
        name="trip",
        features=[
            view[["conv"]].with_name("origin").with_join_key_map({"driver_id": "origin_id"}),
            view[["conv"]].with_name("destination").with_join_key_map({"driver_id": "destination_id"}),
        ],
    )
    store.apply([DRIVER, view, service])
    write(store, "stats", stats(1, 0.5, NOW), stats(2, 1.5, NOW))
    rows = {"origin_id": [1, 2, 1], "destination_id": [2, 2, 3]}
    found = store.get_online_features(store.get_feature_service("trip"), rows, full_feature_names=True)
    assert found.to_dict() == {**rows, "origin__conv": [0.5, 1.5, 0.5], "destination__conv": [1.5, 1.5, None]}


def test_entities_asked_for_twice_and_in_any_order(store: FeatureStore, tmp_path: Path) -> None:
    store.apply([DRIVER, stats_view(tmp_path)])
    write(store, "stats", *(stats(driver, driver / 4, NOW) for driver in range(5)))
    drivers = [4, 0, 4, 9, 1, 4]
    found = store.get_online_features(["stats:conv"], {"driver_id": drivers}).to_dict()
    assert found == {"driver_id": drivers, "conv": [1.0, 0.0, 1.0, None, 0.25, 1.0]}


def test_null_entities_are_not_found(store: FeatureStore, tmp_path: Path) -> None:
    store.apply([DRIVER, stats_view(tmp_path)])
    write(store, "stats", stats(1, 0.5, NOW))
    response = store.get_online_features(["stats:conv"], {"driver_id": [None, 1]})
    assert response.to_dict() == {"driver_id": [None, 1], "conv": [None, 0.5]}
    assert list(response.proto.results[1].statuses) == [FieldStatus.NOT_FOUND, FieldStatus.PRESENT]


def test_join_keys_that_are_not_given_are_named(store: FeatureStore, tmp_path: Path) -> None:
    store.apply([DRIVER, stats_view(tmp_path)])
    with pytest.raises(KeyError, match=r"feature view 'stats' needs values of the join keys \['driver_id'\]"):
        store.get_online_features(["stats:conv"], [{"rider_id": 1}])


def test_entity_names_in_place_of_join_keys(store: FeatureStore, tmp_path: Path) -> None:
    """Feast has deprecated this and still takes it."""
    store.apply([DRIVER, stats_view(tmp_path)])
    write(store, "stats", stats(1, 0.5, NOW))
    assert store.get_online_features(["stats:conv"], [{"driver": 1}]).to_dict() == {"driver_id": [1], "conv": [0.5]}


def test_columns_whose_names_the_store_does_not_take(store: FeatureStore, tmp_path: Path) -> None:
    thing = Entity(name="thing", join_keys=["the thing"], value_type=ValueType.INT64)
    schema = [
        Field(name="the thing", dtype=Int64),
        Field(name="größe (m²)", dtype=Float64),
        Field(name="1st", dtype=Int64),
    ]
    store.apply(
        [thing, FeatureView(name="v", entities=[thing], schema=schema, source=source(tmp_path), ttl=timedelta(1))]
    )
    values = {"größe (m²)": Value(double_val=1.5), "1st": Value(int64_val=1)}
    write(store, "v", (key(**{"the thing": Value(int64_val=1)}), values, NOW, None))
    found = store.get_online_features(["v:größe (m²)", "v:1st"], {"the thing": [1]})
    assert found.to_dict() == {"the thing": [1], "größe (m²)": [1.5], "1st": [1]}
