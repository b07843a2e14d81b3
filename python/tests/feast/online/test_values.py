"""Every type of Feast comes back as what was written."""

from __future__ import annotations

import math
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from feast.online_response import OnlineResponse
from feast.protos.feast.serving.ServingService_pb2 import FieldStatus
from feast.protos.feast.types import Value_pb2 as pb
from feast.protos.feast.types.Value_pb2 import Value
from feast.type_map import NULL_TIMESTAMP_INT_VALUE
from feast.types import (
    Array,
    Bool,
    Bytes,
    Decimal,
    Float32,
    Float64,
    Int32,
    Int64,
    Json,
    Map,
    Set,
    String,
    UnixTimestamp,
    Uuid,
)
from feast.value_type import ValueType

import asofdb
from feast import FeatureStore, FeatureView, Field

from .support import DRIVER, HOUR, NOW, engine_of, key, source, write

CASES: dict[str, tuple[Any, list[Value]]] = {
    "a_bytes": (Bytes, [Value(bytes_val=b"\x00\xff"), Value(bytes_val=b"")]),
    "a_string": (String, [Value(string_val="déjà\x00vu"), Value(string_val="")]),
    "an_int32": (Int32, [Value(int32_val=-(2**31)), Value(int32_val=0)]),
    "an_int64": (Int64, [Value(int64_val=-(2**63)), Value(int64_val=2**63 - 1)]),
    "a_double": (Float64, [Value(double_val=0.1), Value(double_val=-0.0)]),
    "a_float": (Float32, [Value(float_val=0.1), Value(float_val=float("inf"))]),
    "a_bool": (Bool, [Value(bool_val=False), Value(bool_val=True)]),
    "a_time": (UnixTimestamp, [Value(unix_timestamp_val=-1), Value(unix_timestamp_val=1_700_000_000)]),
    "bytes_list": (
        Array(Bytes),
        [Value(bytes_list_val=pb.BytesList(val=[b"", b"\xff"])), Value(bytes_list_val=pb.BytesList())],
    ),
    "string_list": (
        Array(String),
        [Value(string_list_val=pb.StringList(val=["", "é"])), Value(string_list_val=pb.StringList())],
    ),
    "int32_list": (
        Array(Int32),
        [Value(int32_list_val=pb.Int32List(val=[-1, 0])), Value(int32_list_val=pb.Int32List())],
    ),
    "int64_list": (
        Array(Int64),
        [Value(int64_list_val=pb.Int64List(val=[-(2**63), 1])), Value(int64_list_val=pb.Int64List())],
    ),
    "double_list": (
        Array(Float64),
        [Value(double_list_val=pb.DoubleList(val=[0.1])), Value(double_list_val=pb.DoubleList())],
    ),
    "float_list": (
        Array(Float32),
        [Value(float_list_val=pb.FloatList(val=[0.5, -2])), Value(float_list_val=pb.FloatList())],
    ),
    "bool_list": (
        Array(Bool),
        [Value(bool_list_val=pb.BoolList(val=[True, False])), Value(bool_list_val=pb.BoolList())],
    ),
    "time_list": (
        Array(UnixTimestamp),
        [
            Value(unix_timestamp_list_val=pb.Int64List(val=[0, 5])),
            Value(unix_timestamp_list_val=pb.Int64List(val=[NULL_TIMESTAMP_INT_VALUE])),
        ],
    ),
    "bytes_set": (
        Set(Bytes),
        [Value(bytes_set_val=pb.BytesSet(val=[b"a"])), Value(bytes_set_val=pb.BytesSet())],
    ),
    "string_set": (
        Set(String),
        [Value(string_set_val=pb.StringSet(val=["a", "b"])), Value(string_set_val=pb.StringSet())],
    ),
    "int64_set": (
        Set(Int64),
        [Value(int64_set_val=pb.Int64Set(val=[1, 2])), Value(int64_set_val=pb.Int64Set())],
    ),
    "time_set": (Set(UnixTimestamp), [Value(unix_timestamp_set_val=pb.Int64Set(val=[1])), Value()]),
    "a_map": (Map, [Value(map_val=pb.Map(val={"k": Value(int64_val=1), "n": Value()})), Value(map_val=pb.Map())]),
    "map_list": (Array(Map), [Value(map_list_val=pb.MapList(val=[pb.Map(val={"k": Value(bool_val=True)})])), Value()]),
    "a_json": (Json, [Value(json_val='{"a": [1, null]}'), Value(json_val="null")]),
    "a_uuid": (Uuid, [Value(uuid_val="6a9ad1f6-3f9d-4cf1-bd1b-7f1df6f1a0d5"), Value()]),
    "uuid_list": (
        Array(Uuid),
        [Value(uuid_list_val=pb.StringList(val=["6a9ad1f6-3f9d-4cf1-bd1b-7f1df6f1a0d5"])), Value()],
    ),
    "a_decimal": (Decimal, [Value(decimal_val="0.10"), Value(decimal_val="1E+3")]),
    "nested": (
        Array(Array(Int64)),
        [Value(list_val=pb.RepeatedValue(val=[Value(int64_list_val=pb.Int64List(val=[1])), Value()])), Value()],
    ),
}

REFERENCES = [f"everything:{name}" for name in CASES]


@pytest.fixture
def everything(store: FeatureStore, tmp_path: Path) -> FeatureStore:
    """A view with a feature of each type, and rows of each example; of entity 9 everything is null."""
    view = FeatureView(
        name="everything",
        entities=[DRIVER],
        ttl=timedelta(days=1),
        schema=[Field(name="driver_id", dtype=Int64), *(Field(name=name, dtype=ty) for name, (ty, _) in CASES.items())],
        source=source(tmp_path),
    )
    store.apply([DRIVER, view])
    rows = [{name: values[n] for name, (_, values) in CASES.items()} for n in (0, 1)]
    rows.append({name: Value() for name in CASES})
    write(
        store,
        "everything",
        *(
            (key(driver_id=Value(int64_val=driver)), row, NOW - HOUR, None)
            for driver, row in zip((0, 1, 9), rows, strict=True)
        ),
    )
    return store


def test_every_type_round_trips_in_the_response(everything: FeatureStore) -> None:
    response = everything.get_online_features(REFERENCES, [{"driver_id": 0}, {"driver_id": 1}]).proto
    for name, vector in zip(response.metadata.feature_names.val[1:], response.results[1:], strict=True):
        assert list(vector.values) == CASES[name][1], name
        expected = [FieldStatus.NULL_VALUE if value == Value() else FieldStatus.PRESENT for value in CASES[name][1]]
        assert list(vector.statuses) == expected, name


def test_every_type_round_trips_in_a_plain_read(everything: FeatureStore) -> None:
    view = everything.get_feature_view("everything")
    keys = [key(driver_id=Value(int64_val=driver)) for driver in (0, 1, 7)]
    found = everything._get_provider().online_read(everything.config, view, keys)
    assert [row and row[1] for row in found] == [
        {name: values[0] for name, (_, values) in CASES.items()},
        {name: values[1] for name, (_, values) in CASES.items()},
        None,
    ]
    assert [row[0] for row in found] == [NOW - HOUR, NOW - HOUR, None]


def test_python_values_are_those_of_feast(everything: FeatureStore) -> None:
    response = everything.get_online_features(REFERENCES, [{"driver_id": driver} for driver in (0, 1, 9, 7)])
    types = {name: ty.to_value_type() for name, (ty, _) in CASES.items()}
    by_feast = OnlineResponse(response.proto, feature_types=types)
    for with_times in (False, True):
        assert response.to_dict(with_times) == by_feast.to_dict(with_times)
    assert math.copysign(1, response.to_dict()["a_double"][1]) == -1


def test_frames_are_those_of_feast(everything: FeatureStore) -> None:
    references = [reference for reference in REFERENCES if "map" not in reference and "set" not in reference]
    response = everything.get_online_features(references, [{"driver_id": driver} for driver in (0, 1, 9, 7)])
    by_feast = OnlineResponse(response.proto, feature_types=response._feature_types)
    assert response.to_df().equals(by_feast.to_df())
    assert response.to_arrow(True).to_pylist() == by_feast.to_arrow(True).to_pylist()


def test_nulls_are_null_values(everything: FeatureStore) -> None:
    response = everything.get_online_features(REFERENCES, [{"driver_id": 9}])
    assert all(values == [None] for name, values in response.to_dict().items() if name != "driver_id")
    statuses = {FieldStatus.Name(status) for vector in response.proto.results[1:] for status in vector.statuses}
    assert statuses == {"NULL_VALUE"}
    view = everything.get_feature_view("everything")
    rows = everything._get_provider().online_read(everything.config, view, [key(driver_id=Value(int64_val=9))])
    assert rows == [(NOW - HOUR, {name: Value() for name in CASES})]


def test_missing_entities_are_not_found(everything: FeatureStore) -> None:
    response = everything.get_online_features(REFERENCES, [{"driver_id": 7}])
    for vector in response.proto.results[1:]:
        assert (list(vector.values), list(vector.statuses)) == ([Value()], [FieldStatus.NOT_FOUND])
        assert vector.event_timestamps[0].ToMicroseconds() == 0


def test_a_time_that_is_none_is_null(everything: FeatureStore) -> None:
    """Returns what pandas' NaT becomes in Feast."""
    row = {name: Value() for name in CASES} | {"a_time": Value(unix_timestamp_val=NULL_TIMESTAMP_INT_VALUE)}
    write(everything, "everything", (key(driver_id=Value(int64_val=3)), row, NOW, None))
    response = everything.get_online_features(["everything:a_time"], [{"driver_id": 3}])
    assert response.to_dict()["a_time"] == [None]
    assert list(response.proto.results[1].statuses) == [FieldStatus.NULL_VALUE]


@pytest.mark.parametrize(
    ("feature", "value", "stored"),
    [
        ("an_int64", Value(int32_val=7), Value(int64_val=7)),
        ("an_int32", Value(int64_val=7), Value(int32_val=7)),
        ("a_double", Value(float_val=0.5), Value(double_val=0.5)),
        ("a_float", Value(double_val=0.5), Value(float_val=0.5)),
        ("a_float", Value(double_val=float("nan")), Value(float_val=float("nan"))),
    ],
)
def test_numbers_of_another_type_are_taken_exactly(
    everything: FeatureStore, feature: str, value: Value, stored: Value
) -> None:
    write(everything, "everything", (key(driver_id=Value(int64_val=3)), {feature: value}, NOW, None))
    response = everything.get_online_features([f"everything:{feature}"], [{"driver_id": 3}])
    assert str(response.proto.results[1].values[0]) == str(stored)


@pytest.mark.parametrize(
    ("feature", "value", "message"),
    [
        ("an_int32", Value(int64_val=2**31), 'row 1: feature "an_int32": an int32 has 32 bits: got 2147483648'),
        ("a_float", Value(double_val=0.1), 'feature "a_float": a float32 cannot hold this exactly: 0.1'),
        ("a_string", Value(bytes_val=b"a"), 'feature "a_string": the store has string: got bytes'),
        ("int64_list", Value(int64_val=1), 'feature "int64_list": the store has list<int64>: got int64'),
        ("a_bool", Value(json_val="true"), 'feature "a_bool": the store has bool: got value of field 32'),
        (
            "a_time",
            Value(unix_timestamp_val=2**62),
            "whole numbers are seconds since 1970, this looks like nanoseconds",
        ),
        ("what", Value(int64_val=1), 'the store has no feature "what": run `feast apply`'),
    ],
)
def test_values_that_do_not_fit_are_refused_whole(
    everything: FeatureStore, feature: str, value: Value, message: str
) -> None:
    good = (key(driver_id=Value(int64_val=4)), {"a_bool": Value(bool_val=True)}, NOW, None)
    with pytest.raises(asofdb.InvalidError) as error:
        write(everything, "everything", good, (key(driver_id=Value(int64_val=3)), {feature: value}, NOW, None))
    assert message in str(error.value)
    assert everything.get_online_features(["everything:a_bool"], [{"driver_id": 4}]).to_dict()["a_bool"] == [None]


def test_types_that_the_store_has_are_its_own(everything: FeatureStore) -> None:
    """So that its own reads show them as what they are; other types are serialized values."""
    engine = engine_of(everything)
    view = engine.catalog().feature_views["shop__everything"]
    types = {feature.name: (feature.type, feature.tags.get("feast_type")) for feature in view.features}
    assert types["a_float"] == ("float32", None)
    assert types["time_list"] == ("list<timestamp>", None)
    assert types["a_map"] == ("bytes", "MAP")
    assert types["nested"] == ("bytes", ValueType.VALUE_LIST.name)
    values = engine.latest(["shop__everything:a_time", "shop__everything:a_json"], {"driver_id": 0}).to_dict()
    assert values["a_time"][0].timestamp() == -1
    assert Value.FromString(values["a_json"][0]) == CASES["a_json"][1][0]
