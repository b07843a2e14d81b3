"""Odd tables and times that come in all the same, or are refused with a reason."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from support import ALL_TYPES, HOUR, T0, UTC, activity

import asofdb

LAST = datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)


@pytest.fixture
def everything(tmp_path: Path) -> Any:
    with asofdb.Store.open(tmp_path / "everything") as store:
        store.apply(ALL_TYPES)
        yield store


def test_a_frame_of_polars_with_a_column_of_nulls_alone_is_taken_everywhere(store: asofdb.Store) -> None:
    nulls = pl.Series("other", [None, None])
    assert nulls.dtype == pl.Null
    frame = pl.DataFrame(activity([1, 2], T0, rate=[0.25, 0.5])).with_columns(nulls, pl.struct(nulls).alias("nested"))
    store.write("activity", frame)
    assert store.ingest("activity", frame.with_columns(pl.col("user_id") + 10)).rows_written == 2
    clicks = store.as_of("activity:clicks", frame.select("user_id", "other"), at=T0).to_dict()["clicks"]
    assert clicks == [0, 1]
    spine = frame.select("user_id", "event_timestamp", "other")
    joined = store.training_set(spine, "activity:rate").to_arrow()
    assert joined["rate"].to_pylist() == [0.25, 0.5]
    assert joined["other"].to_pylist() == [None, None]
    # A column of the view that is null alone, a list of nulls, and a single column.
    store.write("activity", frame.with_columns(rate=None, clicks=pl.Series([[None], [None]]).list.first()))
    assert store.as_of("activity:rate", {"user_id": [1]}, at=T0).to_dict()["rate"] == [0.5]
    empty = store.as_of("activity:rate", {"user_id": pl.Series([None, None])}, at=T0)
    assert empty.to_dict()["rate"] == [0.5, 0.5]


def test_missing_values_among_objects_of_pandas_are_null_in_a_dict_as_in_a_frame(everything: asofdb.Store) -> None:
    columns = {
        "a_string": pd.Series(["a", np.nan], dtype=object),
        "a_bool": pd.Series([True, np.nan], dtype=object),
        "a_int64": pd.Series([2**53 + 1, None], dtype=object),
        "a_bytes": pd.Series([b"a", float("nan")], dtype=object),
        "l_float32": pd.Series([[0.5], np.nan], dtype=object),
    }
    others = [feature.name for feature in ALL_TYPES[1].features if feature.name not in columns]
    rows: dict[str, Any] = {"thing": ["a", "b"], "event_timestamp": [T0, T0], **columns}
    everything.write("everything", {**rows, **{name: [None, None] for name in others}})
    found = everything.as_of("everything", {"thing": ["a", "b"]}, at=T0).to_dict()
    assert {name: found[name] for name in columns} == {
        "a_string": ["a", None],
        "a_bool": [True, None],
        "a_int64": [2**53 + 1, None],
        "a_bytes": [b"a", None],
        "l_float32": [[0.5], None],
    }


def test_nothing_to_write_is_written(store: asofdb.Store) -> None:
    tables: list[Any] = [[], {}, pd.DataFrame(), pl.DataFrame(), pd.DataFrame({"user_id": []}), pa.table({})]
    for nothing in tables:
        store.write("activity", nothing)
    assert store.verify().versions == 0


@pytest.mark.parametrize("nat", [pd.NaT, np.datetime64("NaT")])
def test_no_time_is_no_time_to_ask_about(store: asofdb.Store, nat: Any) -> None:
    for question in ({"at": nat}, {"at": T0, "known_at": nat}):
        with pytest.raises(asofdb.InvalidError, match="a time is needed, not NaT"):
            store.as_of("activity", {"user_id": 1}, **question)


@pytest.mark.parametrize(("number", "unit"), [(1717243200, "seconds"), (1717243200000, "milliseconds")])
@pytest.mark.parametrize("kind", [int, np.int64])
def test_a_whole_number_is_no_time_and_its_unit_is_guessed(
    store: asofdb.Store, kind: Any, number: int, unit: str
) -> None:
    for question in ({"at": kind(number)}, {"at": T0, "known_at": kind(number)}):
        with pytest.raises(asofdb.InvalidError, match=f"this looks like {unit}: {number}"):
            store.as_of("activity", {"user_id": 1}, **question)
    tables: list[Any] = [
        activity([1], T0) | {"event_timestamp": [kind(number)]},
        activity([1], T0) | {"event_timestamp": np.array([number])},
        pa.table(activity([1], T0) | {"event_timestamp": [number]}),
    ]
    for table in tables:
        with pytest.raises(asofdb.InvalidError, match=f"this looks like {unit}: {number}"):
            store.write("activity", table)
    spine = {"user_id": [1], "event_timestamp": np.array([number])}
    with pytest.raises(asofdb.InvalidError, match=f"this looks like {unit}: {number}"):
        store.training_set(spine, "activity").to_arrow()


def test_numbers_are_no_features_that_are_times(everything: asofdb.Store) -> None:
    row: dict[str, Any] = {feature.name: [None] for feature in ALL_TYPES[1].features}
    row |= {"thing": ["a"], "event_timestamp": [T0]}
    for table in (
        {**row, "a_timestamp": np.array([1717243200])},
        {**row, "a_timestamp": [1717243200]},
        {**row, "l_timestamp": [[1717243200]]},
        {**row, "l_timestamp": pa.array([[1717243200]])},
    ):
        with pytest.raises(asofdb.InvalidError, match="this looks like seconds: 1717243200"):
            everything.write("everything", table)
    assert everything.verify().versions == 0


def test_the_last_moment_of_9999_comes_back_as_it_was_given(everything: asofdb.Store) -> None:
    row: dict[str, Any] = {feature.name: [None] for feature in ALL_TYPES[1].features}
    row |= {"thing": ["a"], "event_timestamp": [T0]}
    micros = np.datetime64("9999-12-31T23:59:59.999999")
    for value in (LAST, "9999-12-31T23:59:59.999999Z", micros, pa.scalar(LAST, pa.timestamp("us", "UTC"))):
        given = pa.array([LAST], pa.timestamp("us", "UTC")) if isinstance(value, pa.Scalar) else [value]
        everything.write("everything", {**row, "a_timestamp": given})
        assert everything.as_of("everything:a_timestamp", {"thing": "a"}, at=LAST).to_dict()["a_timestamp"] == [LAST]
    for outside in (np.datetime64("10000-01-01"), np.datetime64("-0001-01-01")):
        with pytest.raises(asofdb.InvalidError, match="outside the years 1 to 9999"):
            everything.write("everything", {**row, "a_timestamp": np.array([outside], "datetime64[us]")})


def test_names_of_two_columns_are_refused_where_they_are_asked_for(store: asofdb.Store) -> None:
    table = pa.table(activity([1], T0))
    for name in ("user_id", "clicks", "event_timestamp"):
        twice = table.append_column(name, table[name])
        for write in (store.write, store.ingest):
            with pytest.raises(asofdb.InvalidError, match=f'two columns are named "{name}"'):
                write("activity", twice)
    ids = table.select(["user_id"]).append_column("user_id", pa.array([2]))
    with pytest.raises(asofdb.InvalidError, match='two columns are named "user_id"'):
        store.latest("activity", ids)
    store.write("activity", table.append_column("x", pa.array([1])).append_column("x", pa.array([2])))


def test_a_delimiter_is_given_for_files_and_only_for_them(store: asofdb.Store, tmp_path: Path) -> None:
    at = T0.isoformat()
    rows = tmp_path / "rows.csv"
    rows.write_text(f"user_id;clicks;rate;active;event_timestamp\n1;5;0.5;true;{at}\n")
    with pytest.raises(asofdb.InvalidError, match='looks like ";"'):
        store.ingest("activity", rows)
    assert store.ingest("activity", rows, delimiter=";").rows_written == 1
    spine = tmp_path / "spine.csv"
    spine.write_text(f"zip;user_id;event_timestamp\n00501;1;{at}\n")
    table = store.training_set(spine, "activity:clicks", delimiter=";").to_arrow()
    assert table.select(["zip", "clicks"]).to_pylist() == [{"zip": "00501", "clicks": 5}]
    out = tmp_path / "out.parquet"
    assert store.training_set(spine, "activity:clicks", delimiter=";", out=out).rows == 1
    for wrong in (
        lambda: store.ingest("activity", pa.table({}), delimiter=";"),
        lambda: store.training_set(pa.table({}), "activity", delimiter=";"),
        lambda: store.ingest("activity", rows, delimiter="::"),
    ):
        with pytest.raises(asofdb.InvalidError, match="delimiter"):
            wrong()


def test_frames_that_pandas_writes_as_json_are_loaded(store: asofdb.Store, tmp_path: Path) -> None:
    frame = pd.DataFrame(activity([1, 2], T0.astimezone(timezone.utc)))
    path = tmp_path / "frame.json"
    frame.to_json(path, orient="records", date_format="iso", date_unit="us")
    assert path.read_text().startswith("[")
    assert store.ingest("activity", path).rows_written == 2
    assert store.as_of("activity:clicks", {"user_id": [1, 2]}, at=T0 + HOUR).to_dict()["clicks"] == [0, 1]
    frame.to_json(path, orient="records", date_format="epoch")
    with pytest.raises(asofdb.InvalidError, match="looks like milliseconds"):
        store.ingest("activity", path)


def test_columns_of_runs_views_and_dates_are_read(everything: asofdb.Store) -> None:
    row: dict[str, Any] = {feature.name: [None] for feature in ALL_TYPES[1].features}
    row |= {"thing": ["a"], "event_timestamp": [T0]}
    columns = {
        "a_string": pa.RunEndEncodedArray.from_arrays(pa.array([1], pa.int32()), pa.array(["x"])),
        "a_timestamp": pa.array([T0.date()], pa.date64()),
        "l_int64": pa.array([[1, 2]], pa.list_view(pa.int64())),
    }
    everything.write("everything", {**row, **columns})
    found = everything.as_of("everything", {"thing": "a"}, at=T0).to_dict()
    assert found["a_string"] == ["x"]
    assert found["a_timestamp"] == [datetime(2024, 5, 1, tzinfo=UTC)]
    assert found["l_int64"] == [[1, 2]]
