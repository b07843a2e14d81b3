"""Writing: tables in every form, values of every type, all or nothing."""

from __future__ import annotations

import threading
import time
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from support import ALL_TYPES, HOUR, T0, UTC, activity

import asofdb

EAST = timezone(timedelta(hours=5, minutes=30))
FLOAT32 = 0.10000000149011612

VALUES: dict[str, list[Any]] = {
    "bool": [True, False],
    "int32": [-(2**31), 2**31 - 1],
    "int64": [-(2**63), 2**63 - 1],
    "float32": [FLOAT32, float("inf")],
    "float64": [0.1, -5e-324],
    "string": ["", "héllo\0"],
    "bytes": [b"", b"\x00\xff"],
    "timestamp": [T0, datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)],
    "date": [date(9999, 12, 31), date(1969, 12, 31)],
}


def test_values_of_every_type_round_trip(tmp_path: Path) -> None:
    with asofdb.Store.open(tmp_path / "store") as store:
        store.apply(ALL_TYPES)
        for index in (0, 1):
            row = {f"a_{name}": values[index] for name, values in VALUES.items()}
            row |= {f"l_{name}": values[:index] for name, values in VALUES.items()}
            store.write("everything", [{"thing": "a", **row, "event_timestamp": T0}])
            columns = store.latest("everything", {"thing": "a"}).to_dict(entities=False)
            assert {name: values[0] for name, values in columns.items()} == row
            table = store.latest("everything", {"thing": "a"}).to_arrow(entities=False)
            assert {name: values[0] for name, values in table.to_pydict().items()} == row
            [version] = store.history("everything", {"thing": "a"}, limit=1)
            assert version.values == row
            # And once more as Arrow.
            again = store.latest("everything", {"thing": "a"}).to_arrow()
            store.write("everything", again.append_column("event_timestamp", pa.array([T0])))
            columns = store.latest("everything", {"thing": "a"}).to_dict(entities=False)
            assert {name: values[0] for name, values in columns.items()} == row


def test_numpy_columns_of_every_kind(tmp_path: Path) -> None:
    columns = {
        "a_bool": np.array([True, False]),
        "a_int32": np.array([1, -2], np.int16),
        "a_int64": np.array([1, 2], np.uint32),
        "a_float32": np.array([0.5, np.nan], np.float32),
        "a_float64": np.array([0.5, 1.5], np.float32),
        "a_string": np.array(["é", "b"]),
        "a_bytes": np.array([b"x", None], object),
        "a_timestamp": np.array([T0.replace(tzinfo=None), "NaT"], "datetime64[us]"),
        "a_date": np.array(["1969-12-31", "NaT"], "datetime64[D]"),
        "l_float32": np.array([[1, 2], [3, 4]], np.float32),
        "l_int64": [np.array([1, 2]), None],
    }
    with asofdb.Store.open(tmp_path / "store") as store:
        store.apply(ALL_TYPES)
        times = np.array(["2024-05-01T12:00:00"] * 2, "datetime64[ns]")
        rest = {name: [None, None] for name in store.latest("everything", []).to_dict(entities=False)}
        store.write("everything", {"thing": ["a", "b"], **rest, **columns, "event_timestamp": times})
        found = store.latest("everything", {"thing": ["a", "b"]}).to_dict(entities=False)
        assert found["a_bool"] == [True, False]
        assert found["a_int32"] == [1, -2]
        assert found["a_int64"] == [1, 2]
        assert found["a_float32"][0] == 0.5 and np.isnan(found["a_float32"][1])
        assert found["a_float64"] == [0.5, 1.5]
        assert found["a_string"] == ["é", "b"]
        assert found["a_bytes"] == [b"x", None]
        assert found["a_timestamp"] == [T0, None]
        assert found["a_date"] == [date(1969, 12, 31), None]
        assert found["l_float32"] == [[1, 2], [3, 4]]
        assert found["l_int64"] == [[1, 2], None]
        [version] = store.history("everything", {"thing": "a"})
        assert version.event_timestamp == datetime(2024, 5, 1, 12, tzinfo=UTC)


def test_what_is_missing_in_pandas_is_null(engine: Any) -> None:
    series = {
        "clicks": pd.Series([1.0, np.nan]),
        "rate": pd.Series([np.nan, 0.5], dtype="float32"),
        "active": pd.Series([True, None], dtype="boolean"),
    }
    engine.write("activity", {"user_id": [1, 2], **series, "event_timestamp": [T0, T0]})
    engine.write("activity", activity([3], T0, clicks=[pd.NA], rate=[pd.NA], active=[None]))
    engine.write("visits", {"user_id": [1], "shop": ["a"], "count": [pd.NaT], "event_timestamp": [T0]})
    result = engine.as_of("activity", {"user_id": [1, 2, 3, pd.NA]}, at=T0)
    assert result.statuses().tolist() == [[0, 1, 0], [1, 0, 1], [1, 1, 1], [2, 2, 2]]


@pytest.mark.parametrize("form", ["pandas", "polars", "lazy", "arrow", "batch", "reader"])
def test_tables_of_every_library_are_taken(engine: Any, form: str) -> None:
    table = pa.table(
        {
            "user_id": [1, 2],
            "clicks": [3, None],
            "rate": pa.array([0.1, None], pa.float32()),
            "active": [True, None],
            "event_timestamp": [T0, T0],
        }
    )
    tables: dict[str, Any] = {
        "pandas": table.to_pandas(),
        "polars": pl.DataFrame(table),
        "lazy": pl.DataFrame(table).lazy(),
        "arrow": table,
        "batch": table.to_batches()[0],
        "reader": pa.RecordBatchReader.from_batches(table.schema, iter(table.to_batches(max_chunksize=1))),
    }
    if form == "pandas":
        # pandas makes floats of whole numbers with holes.
        tables["pandas"]["active"] = tables["pandas"]["active"].astype("boolean")
    engine.write("activity", tables[form])
    found = engine.as_of("activity", {"user_id": [1, 2]}, at=T0).to_dict()
    assert found["clicks"] == [3, None]
    assert found["active"] == [True, None]


def test_times_of_columns_are_utc_to_the_microsecond(engine: Any) -> None:
    naive = T0.replace(tzinfo=None)
    for user, event in enumerate((T0, T0.astimezone(EAST), pd.Timestamp(T0), T0.isoformat(), np.datetime64(naive))):
        engine.write("activity", activity([user], event))
        [version] = engine.history("activity", {"user_id": user})
        assert version.event_timestamp == T0
        assert version.event_timestamp.tzinfo is UTC
    with pytest.raises(asofdb.InvalidError, match='column "event_timestamp", row 0: a datetime needs a time zone'):
        engine.write("activity", activity([1], naive))
    # A column of a data frame without a zone is UTC.
    engine.write("activity", pd.DataFrame(activity([9], naive)).astype({"rate": "float32"}))
    assert engine.history("activity", {"user_id": 9})[0].event_timestamp == T0
    visits = {"user_id": [1], "shop": ["a"], "count": [1]}
    nanoseconds = pa.array([1714564800000000001], pa.timestamp("ns"))
    with pytest.raises(asofdb.InvalidError, match="event_timestamp"):
        engine.write("visits", pa.table({**visits, "event_timestamp": nanoseconds}))


def test_a_write_gives_the_created_timestamp(engine: Any) -> None:
    before = engine.now()
    created = engine.write("activity", activity([1], T0))
    assert before <= created <= engine.now()
    assert engine.history("activity", {"user_id": 1})[0].created_timestamp == created


def test_late_rows_never_hide_newer_ones(engine: Any) -> None:
    for clicks, event in ((1, T0 + HOUR), (2, T0), (3, T0 + 2 * HOUR), (4, T0 + HOUR - timedelta(microseconds=1))):
        engine.write("activity", activity([1], event, clicks=[clicks]))
    at = T0 + 2 * HOUR
    assert engine.as_of("activity:clicks", {"user_id": 1}, at=at).to_dict()["clicks"] == [3]
    assert [version.values["clicks"] for version in engine.history("activity", {"user_id": 1})] == [3, 1, 4, 2]
    assert [version.values["clicks"] for version in engine.history("activity", {"user_id": 1}, limit=2)] == [3, 1]


def test_several_views_are_written_together_or_not_at_all(engine: Any) -> None:
    visits = {"user_id": [1], "shop": ["a"], "count": [2], "event_timestamp": [T0]}
    bad = {**visits, "count": [2**31]}
    with pytest.raises(asofdb.InvalidError, match='column "count", row 0: not int32'):
        engine.write_all({"activity": activity([1], T0), "visits": bad})
    with pytest.raises(asofdb.InvalidError, match="visits"):
        engine.write_all({"activity": activity([1], T0), "visits": pa.table({**visits, "count": [2**31]})})
    assert engine.history("activity", {"user_id": 1}) == []
    engine.write_all({"activity": activity([1], T0), "visits": visits}, durability="sync")
    assert len(engine.history("activity", {"user_id": 1})) == 1
    assert len(engine.history("visits", {"user_id": 1, "shop": "a"})) == 1


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (activity([1], T0, clicks=["x"]), "column \"clicks\", row 0: not int64: 'x'"),
        (activity([1], T0, clicks=[1, 2]), "has 2 rows, the first one 1"),
        (activity([None], T0), "a join key cannot be null"),  # type: ignore[list-item]
        (activity([1], datetime(2500, 1, 1, tzinfo=UTC)), "future"),
        (activity([1], datetime(1970, 1, 2, tzinfo=UTC)), "looks like"),
        ({"nothing": [1]}, "none of the columns"),
        ([{"user_id": 1}, 7], "row 1 is not a dict"),
        ([{7: 1}], "named by texts"),
        ("rows", "not str"),
        (activity([1], T0, rate="abc"), 'column "rate" is a list of values, not one text'),  # type: ignore[arg-type]
    ],
)
def test_bad_rows_are_refused_whole_by_name(engine: Any, rows: Any, words: str) -> None:
    with pytest.raises(asofdb.InvalidError) as raised:
        engine.write("activity", rows)
    assert words in str(raised.value)
    assert engine.history("activity", {"user_id": 1}) == []


def test_floats_that_lose_digits_are_refused_in_columns_and_rounded_in_lists(engine: Any) -> None:
    with pytest.raises(asofdb.InvalidError, match="rate"):
        engine.write("activity", activity([1], T0, rate=np.array([0.1])))  # type: ignore[arg-type]
    engine.write("activity", activity([1], T0, rate=[0.1]))
    assert engine.as_of("activity:rate", {"user_id": 1}, at=T0).to_dict()["rate"] == [FLOAT32]


def test_unknown_views_and_durabilities_are_named(engine: Any) -> None:
    with pytest.raises(asofdb.NotFoundError, match='did you mean "activity"'):
        engine.write("activty", activity([1], T0))
    with pytest.raises(asofdb.InvalidError, match='"os" or "sync": "fast"'):
        engine.write("activity", activity([1], T0), durability="fast")


def test_delete_hides_from_then_on_and_erase_removes_for_ever(engine: Any) -> None:
    engine.write("activity", activity([1, 2], T0))
    engine.delete("activity", {"user_id": 1}, at=T0 + HOUR)
    before = engine.as_of("activity:rate", {"user_id": 1}, at=T0 + HOUR - timedelta(microseconds=1))
    after = engine.as_of("activity:rate", {"user_id": 1}, at=T0 + HOUR)
    assert before.statuses().tolist() == [[asofdb.Status.PRESENT]]
    assert after.statuses().tolist() == [[asofdb.Status.MISSING]]
    deleted, written = engine.history("activity", {"user_id": 1})
    assert (deleted.deleted, deleted.values, written.deleted) == (True, {}, False)
    [receipt] = engine.erase(["activity"], {"user_id": 1})
    assert (receipt.view, receipt.versions) == ("activity", 2)
    assert receipt.bytes > 0
    assert engine.history("activity", {"user_id": 1}) == []
    assert len(engine.history("activity", {"user_id": 2})) == 1
    with pytest.raises(asofdb.InvalidError, match='no join key is named "user": user_id'):
        engine.erase("activity", {"user": 1})
    with pytest.raises(asofdb.NotFoundError, match="activty"):
        engine.delete("activty", {"user_id": 1})


def test_a_store_that_is_open_elsewhere_says_so(store: asofdb.Store, tmp_path: Path) -> None:
    with pytest.raises(asofdb.UnavailableError, match="open"):
        asofdb.Store.open(tmp_path / "store")
    with pytest.raises(asofdb.NotFoundError):
        asofdb.Store.open(tmp_path / "nothing", create=False)
    with pytest.raises(asofdb.InvalidError, match="memory_budget_bytes"):
        asofdb.Store.open(tmp_path / "small", memory_bytes=1)
    with pytest.raises(asofdb.InvalidError, match="hot_bytes is at most half of memory_budget_bytes, 8388608: 8388609"):
        asofdb.Store.open(tmp_path / "small", memory_bytes=16 << 20, hot_bytes=(8 << 20) + 1)


def test_bulk_work_of_a_store_pauses_for_its_reads_where_it_gets_a_share_of_its_time(tmp_path: Path) -> None:
    clicks = asofdb.FeatureView("activity", ["user"], [asofdb.Feature("clicks", "int64")])
    users = list(range(20_000))
    spine = {"user_id": users, "event_timestamp": [T0] * len(users)}
    with asofdb.Store.open(tmp_path / "store", bulk_share=1) as store:
        store.apply([asofdb.Entity("user", {"user_id": "int64"}), clicks])
        store.write("activity", {**spine, "clicks": users})
        assert store.training_set(spine, "activity:clicks").to_arrow().num_rows == len(users)
        assert store.stats()["bulk_paused_seconds"] == 0, "nobody read"
        is_over = threading.Event()

        def read() -> None:
            while not is_over.is_set():
                assert store.latest("activity:clicks", {"user_id": [7]}).to_dict()["clicks"] == [7]

        reader = threading.Thread(target=read)
        reader.start()
        until = time.monotonic() + 120
        while store.stats()["bulk_paused_seconds"] == 0 and time.monotonic() < until:
            assert store.training_set(spine, "activity:clicks").to_arrow().num_rows == len(users)
        is_over.set()
        reader.join()
        assert store.stats()["bulk_paused_seconds"] > 0
    with asofdb.Store.open(tmp_path / "store") as store:
        assert store.stats()["bulk_paused_seconds"] is None
    for share in (0, 101, -1, 1 << 40):
        with pytest.raises(asofdb.InvalidError, match=f"bulk_share is from 1 to 100 percent: {share}"):
            asofdb.Store.open(tmp_path / "store", bulk_share=share)


def test_the_part_of_the_memory_for_rows_that_are_read_often_can_be_said(tmp_path: Path) -> None:
    with asofdb.Store.open(tmp_path / "store", memory_bytes=32 << 20, hot_bytes=0) as store:
        assert store.stats()["hot"] is None
    with asofdb.Store.open(tmp_path / "store", memory_bytes=32 << 20, hot_bytes=2 << 20) as store:
        assert 2 << 19 < store.stats()["hot"]["bytes_max"] <= 2 << 20
    with asofdb.Store.open(tmp_path / "store", memory_bytes=32 << 20) as store:
        assert 2 << 20 < store.stats()["hot"]["bytes_max"] <= 4 << 20


def test_what_was_written_is_there_when_it_is_opened_again(tmp_path: Path) -> None:
    with asofdb.Store.open(tmp_path / "store", durability="sync") as store:
        store.apply([asofdb.Entity("user", {"user_id": "int64"})])
        store.apply(
            [
                asofdb.Entity("user", {"user_id": "int64"}),
                asofdb.FeatureView("v", ["user"], [asofdb.Feature("x", "float64")]),
            ]
        )
        store.write("v", {"user_id": [1], "x": [0.1], "event_timestamp": [T0]})
    with asofdb.Store.open(tmp_path / "store", create=False) as store:
        assert store.latest("v", {"user_id": 1}).to_dict() == {"user_id": [1], "x": [0.1]}
