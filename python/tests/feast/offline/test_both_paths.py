"""A value is the same whichever way it comes into the store, and whichever way it is asked for."""

from __future__ import annotations

import json
import math
import uuid
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from feast.data_source import PushMode
from feast.types import (
    Array,
    Bool,
    Bytes,
    Float32,
    Float64,
    ImageBytes,
    Int32,
    Int64,
    Json,
    Map,
    PdfBytes,
    Set,
    String,
    Struct,
    TimeUuid,
    UnixTimestamp,
    Uuid,
)
from feast.types import (
    Decimal as FeastDecimal,
)
from feast.value_type import ValueType

from asofdb.feast import AsofSource, connect
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, PushSource

from .repository import NOON, Repository, at

NAN = float("nan")
SECONDS = 1_717_243_200
TIME = datetime(2024, 6, 1, 12, tzinfo=timezone.utc)
ID = str(uuid.UUID(int=7))

# Of each feature: its type, the column of two rows that it comes from, and its values.
VALUES: dict[str, tuple[Any, pa.Array, list[Any]]] = {
    "bool": (Bool, pa.array([True, None]), [True, None]),
    "bool_of_int": (Bool, pa.array([2, 0]), [True, False]),
    "int32": (Int32, pa.array([7, None]), [7, None]),
    "int64_of_double": (Int64, pa.array([7.0, NAN]), [7, None]),
    "int64_of_text": (Int64, pa.array(["7", None]), [7, None]),
    "double_nan": (Float64, pa.array([0.1, NAN]), [0.1, None]),
    "double_of_int": (Float64, pa.array([2**53 + 1, 0]), [float(2**53), 0.0]),
    "float_of_double": (Float32, pa.array([1.5, NAN]), [1.5, None]),
    "text": (String, pa.array(["ä", ""]), ["ä", ""]),
    "text_of_double": (String, pa.array([7.0, NAN]), ["7.0", None]),
    "text_of_int": (String, pa.array([7, 8]), ["7", "8"]),
    "text_of_int_null": (String, pa.array([7, None]), ["7.0", None]),
    "text_of_bool": (String, pa.array([True, None]), ["True", None]),
    "text_of_time": (String, pa.array([TIME, None], pa.timestamp("us")), ["2024-06-01T12:00:00.000000", None]),
    "bytes": (Bytes, pa.array([b"\x00", None]), [b"\x00", None]),
    "pdf": (PdfBytes, pa.array([b"%PDF", None]), [b"%PDF", None]),
    "image": (ImageBytes, pa.array([b"\x89", None]), [b"\x89", None]),
    "time": (UnixTimestamp, pa.array([TIME + timedelta(seconds=0.5), None], pa.timestamp("us")), [TIME, None]),
    "time_of_int": (
        UnixTimestamp,
        pa.array([SECONDS, -1]),
        [TIME, datetime(1969, 12, 31, 23, 59, 59, tzinfo=timezone.utc)],
    ),
    "time_of_int_null": (UnixTimestamp, pa.array([SECONDS, None]), [TIME, None]),
    "time_of_double": (UnixTimestamp, pa.array([float(SECONDS), NAN]), [TIME, None]),
    "bools": (Array(Bool), pa.array([[True, None], None]), [[True, False], None]),
    "int32s": (Array(Int32), pa.array([[1, 2], []]), [[1, 2], []]),
    "int64s": (Array(Int64), pa.array([[2**60], None]), [[2**60], None]),
    "doubles": (Array(Float64), pa.array([[1.5, None], None]), [[1.5, "NaN"], None]),
    "floats": (Array(Float32), pa.array([[1.5, NAN], []]), [[1.5, "NaN"], []]),
    "texts": (Array(String), pa.array([["a", None], None]), [["a", ""], None]),
    "bytes_list": (Array(Bytes), pa.array([[b"a", None], None]), [[b"a", b""], None]),
    "times": (Array(UnixTimestamp), pa.array([[TIME, None], None], pa.list_(pa.timestamp("us"))), [[TIME, None], None]),
    "times_of_nanos": (Array(UnixTimestamp), pa.array([[TIME], None], pa.list_(pa.timestamp("ns"))), [[TIME], None]),
    "times_of_ints": (Array(UnixTimestamp), pa.array([[SECONDS], None]), [[TIME], None]),
    "json": (Json, pa.array(['{"a": [1, null]}', None]), [{"a": [1, None]}, None]),
    "jsons": (Array(Json), pa.array([['{"a": 1}', "2"], None]), [[{"a": 1}, 2], None]),
    "map": (Map, pa.array(['{"k": "v"}', None]), [{"k": "v"}, None]),
    "maps": (Array(Map), pa.array(['[{"k": "v"}]', None]), [[{"k": "v"}], None]),
    "struct": (Struct({"a": Int64}), pa.array([{"a": 3}, None]), [{"a": 3}, None]),
    "uuid": (Uuid, pa.array([ID, None]), [ID, None]),
    "time_uuid": (TimeUuid, pa.array([ID, None]), [ID, None]),
    "uuids": (Array(Uuid), pa.array([[ID], None]), [[ID], None]),
    "decimal": (FeastDecimal, pa.array([Decimal("1.20"), None]), ["1.20", None]),
    "decimals": (Array(FeastDecimal), pa.array([["1.20"], None]), [["1.20"], None]),
    "nested": (Array(Array(Int64)), pa.array([[[1, 2], [3]], None]), [[[1, 2], [3]], None]),
    **{
        f"{name}_set": (Set(dtype), pa.array([[value], None]), [[read], None])
        for name, dtype, value, read in [
            ("bool", Bool, True, True),
            ("int32", Int32, 1, 1),
            ("int64", Int64, 1, 1),
            ("double", Float64, 1.5, 1.5),
            ("float", Float32, 1.5, 1.5),
            ("text", String, "a", "a"),
            ("bytes", Bytes, b"a", b"a"),
            ("time", UnixTimestamp, SECONDS, TIME),
            ("uuid", Uuid, ID, ID),
            ("decimal", FeastDecimal, "1.20", "1.20"),
        ]
    },
}

# Feast makes them of what it pushes before a store sees it: nothing of doubles that are times, and seconds of the
# nanoseconds in lists. What is materialized from our offline store is kept from that.
LOST_BY_PUSHING = {"time_of_int_null", "time_of_double", "times_of_nanos"}


def _table(names: list[str]) -> pa.Table:
    keys = {"driver_id": pa.array([1, 2]), "event_timestamp": pa.array([at(), at()], pa.timestamp("us", tz="UTC"))}
    return pa.table({**keys, **{name: VALUES[name][1] for name in names}})


def _plain(name: str, value: Any) -> Any:
    """A value of either path as `VALUES` has it."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=timezone.utc)
    if isinstance(value, (uuid.UUID, Decimal)):
        return str(value)
    if isinstance(value, float):
        return "NaN" if math.isnan(value) else value
    if isinstance(value, str) and name.startswith("json"):
        return json.loads(value)
    if isinstance(value, list) and value and isinstance(value[0], tuple):
        return dict(value)
    return [_plain(name, item) for item in value] if isinstance(value, (list, set)) else value


def _offline(repository: Repository, view: str, names: list[str]) -> dict[str, list[Any]]:
    spine = pd.DataFrame({"driver_id": [1, 2], "event_timestamp": [NOON + timedelta(hours=1)] * 2})
    table = repository.store.get_historical_features(spine, [f"{view}:{name}" for name in names]).to_arrow()
    return {name: [_plain(name, value) for value in table[name].to_pylist()] for name in names}


def _online(repository: Repository, view: str, names: list[str]) -> dict[str, list[Any]]:
    entities = [{"driver_id": 1}, {"driver_id": 2}]
    found = repository.store.get_online_features([f"{view}:{name}" for name in names], entities).to_dict()
    return {name: [_plain(name, value) for value in found[name]] for name in names}


def _expected(names: list[str]) -> dict[str, list[Any]]:
    return {name: VALUES[name][2] for name in names}


def _of_file(repository: Repository, names: list[str]) -> None:
    path = repository.directory / "values.parquet"
    pq.write_table(_table(names), path)
    source = FileSource(name="values", path=str(path), timestamp_field="event_timestamp")
    repository.view("values", source, {name: VALUES[name][0] for name in names})


@pytest.mark.filterwarnings("ignore")
def test_a_training_set_is_the_same_before_and_after_materialization_and_as_online(repository: Repository) -> None:
    names = list(VALUES)
    _of_file(repository, names)
    before = _offline(repository, "values", names)
    assert before == _expected(names)
    repository.store.materialize(NOON - timedelta(days=1), NOON + timedelta(days=1))
    engine = connect.engine(repository.store.config.offline_store)
    history = engine.history("rides__values", {"driver_id": 1})
    assert len(history) == 2, "the materialized version lies over the one from the file"
    assert _online(repository, "values", names) == before
    assert _offline(repository, "values", names) == before


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("to", [PushMode.ONLINE, PushMode.OFFLINE])
def test_what_is_pushed_is_the_same_online_and_offline(repository: Repository, to: PushMode) -> None:
    names = [name for name in VALUES if name not in LOST_BY_PUSHING]
    source = PushSource(name="pushed", batch_source=AsofSource(name="values"))
    repository.view("values", source, {name: VALUES[name][0] for name in names})
    frame = _table(names).to_pandas().assign(created_timestamp=at())
    repository.store.push("pushed", frame, to=to)
    assert _offline(repository, "values", names) == _expected(names)
    assert _online(repository, "values", names) == _expected(names)


def test_the_registry_may_be_relative_to_the_repository(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Which columns are times is read from it."""
    _of_file(repository, ["time_of_double"])
    (repository.directory / "feature_store.yaml").write_text(
        "project: rides\nprovider: local\nregistry: rides.registry.db\nentity_key_serialization_version: 3\n"
        "online_store: {type: asofdb.feast.AsofOnlineStore, path: store}\n"
        "offline_store: {type: asofdb.feast.AsofOfflineStore, path: store}\n"
    )
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    store = FeatureStore(repo_path=str(repository.directory))
    store.materialize(NOON - timedelta(days=1), NOON + timedelta(days=1))
    found = store.get_online_features(["values:time_of_double"], [{"driver_id": 1}, {"driver_id": 2}]).to_dict()
    assert [_plain("time", value) for value in found["time_of_double"]] == [TIME, None]


def test_a_join_key_that_is_a_time_is_seconds(repository: Repository) -> None:
    moment = Entity(name="moment", join_keys=["moment"], value_type=ValueType.UNIX_TIMESTAMP)
    frame = pd.DataFrame({"moment": [SECONDS, SECONDS + 1], "event_timestamp": [at(), at()], "value": [1.5, 2.5]})
    view = FeatureView(
        name="moments",
        entities=[moment],
        schema=[Field(name="moment", dtype=UnixTimestamp), Field(name="value", dtype=Float64)],
        source=repository.file_source("moments", frame),
    )
    repository.store.apply([moment, view])

    def asked() -> list[list[float]]:
        found = []
        for keys in ([SECONDS, SECONDS + 1], [TIME, TIME + timedelta(seconds=1)]):
            spine = pd.DataFrame({"moment": keys, "event_timestamp": [at(hours=1)] * 2})
            found.append(repository.retrieve(spine, ["moments:value"])["value"].tolist())
        return found

    assert asked() == [[1.5, 2.5]] * 2
    repository.store.materialize(NOON - timedelta(days=1), NOON + timedelta(days=1))
    assert asked() == [[1.5, 2.5]] * 2
    for key in (SECONDS, TIME):
        assert repository.store.get_online_features(["moments:value"], [{"moment": key}]).to_dict()["value"] == [1.5]


def test_a_null_anywhere_in_a_file_makes_its_whole_numbers_doubles(repository: Repository) -> None:
    """As Feast has them when it materializes the file at once, however many batches we read it in."""
    rows = 70_000
    table = pa.table(
        {
            "driver_id": pa.array(range(rows)),
            "event_timestamp": pa.array([at()] * rows, pa.timestamp("us", tz="UTC")),
            "text": pa.array([*range(rows - 1), None], pa.int64()),
        }
    )
    path = repository.directory / "texts.parquet"
    pq.write_table(table, path, row_group_size=10_000)
    repository.view(
        "texts", FileSource(name="texts", path=str(path), timestamp_field="event_timestamp"), {"text": String}
    )
    spine = pd.DataFrame({"driver_id": [1, 69_998, 69_999], "event_timestamp": [at()] * 3})
    found = repository.store.get_historical_features(spine, ["texts:text"]).to_arrow()
    assert found["text"].to_pylist() == ["1.0", "69998.0", None]


@pytest.mark.parametrize(
    ("number", "unit"),
    [(SECONDS * 10**3, "milliseconds"), (SECONDS * 10**6, "microseconds"), (SECONDS * 10**9, "nanoseconds")],
)
def test_whole_numbers_of_another_unit_are_refused_and_the_unit_is_named(
    repository: Repository, number: int, unit: str
) -> None:
    for name, column, dtype in [
        ("time", pa.array([1, number]), UnixTimestamp),
        ("times", pa.array([[], [number]]), Array(UnixTimestamp)),
    ]:
        path = repository.directory / f"{name}.parquet"
        pq.write_table(_table([]).append_column(name, column), path)
        repository.view(name, FileSource(name=name, path=str(path), timestamp_field="event_timestamp"), {name: dtype})
        with pytest.raises(ValueError, match=f"column '{name}' of data source '{name}'.*looks like {unit}: {number}"):
            _offline(repository, name, [name])


def test_numbers_are_refused_where_a_row_has_its_times(repository: Repository) -> None:
    """Feast and pandas read nanoseconds, and so 1970, whichever unit they are in."""
    for column in ("event_timestamp", "created"):
        frame = pd.DataFrame({"driver_id": [1], "event_timestamp": [at()], "created": [at()], "value": [1.0]})
        frame[column] = SECONDS
        repository.view("trips", repository.file_source("trips", frame), {"value": Float64})
        message = f"column '{column}' of data source 'trips'.*does not say the unit of times"
        with pytest.raises(ValueError, match=message):
            _offline(repository, "trips", ["value"])
        with pytest.raises(ValueError, match=message):
            repository.store.materialize(NOON - timedelta(days=1), NOON + timedelta(days=1))
    for numbers in (pd.Series([SECONDS]), pd.Series([float(SECONDS)]), pd.Series([SECONDS], dtype="object")):
        spine = pd.DataFrame({"driver_id": [1], "event_timestamp": numbers})
        with pytest.raises(ValueError, match=r"column 'event_timestamp' of entity_df has numbers"):
            repository.store.get_historical_features(spine, ["trips:value"])


def test_a_refusal_names_the_file_that_was_given_and_no_other(repository: Repository) -> None:
    frame = pd.DataFrame({"driver_id": [1], "event_timestamp": [pd.Timestamp("1970-01-01", tz="UTC")], "value": [1.0]})
    repository.view("trips", repository.file_source("trips", frame), {"value": Float64})
    with pytest.raises(Exception, match=r"row 1") as raised:
        _offline(repository, "trips", ["value"])
    assert str(repository.directory / "trips.parquet") in str(raised.value)
    assert "rows.arrow" not in str(raised.value)
