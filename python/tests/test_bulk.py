"""Loading and exporting whole views, and operations."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from support import HOUR, T0

import asofdb


def visits(rows: int, **columns: Any) -> pa.Table:
    return pa.table(
        {
            "user_id": list(range(rows)),
            "shop": ["a"] * rows,
            "count": pa.array(range(rows), pa.int32()),
            "event_timestamp": [T0] * rows,
            **columns,
        }
    )


def test_files_are_loaded_once(engine: Any, tmp_path: Path) -> None:
    first, second = tmp_path / "first.parquet", tmp_path / "second.csv"
    pq.write_table(visits(10), first)
    second.write_text("user_id,shop,count,event_timestamp\n1,b,7,2024-05-01T12:00:00Z\n")
    told: list[tuple[int, int, int | None]] = []
    report = engine.ingest("visits", first, str(second), progress=lambda *progress: told.append(progress))
    assert (report.rows_read, report.rows_written, report.rows_resumed) == (11, 11, 0)
    assert [file.rows_written for file in report.files] == [10, 1]
    assert told[-1][0] == 11
    again = engine.ingest("visits", first)
    assert (again.rows_written, again.rows_resumed) == (0, 10)
    assert engine.ingest("visits", first, from_scratch=True).rows_written == 10
    assert engine.history("visits", {"user_id": 1, "shop": "b"})[0].values == {"count": 7}


def test_tables_and_streams_of_any_size_are_loaded(engine: Any) -> None:
    rows = 200_000
    assert engine.ingest("visits", visits(rows)).rows_written == rows
    frame = pd.DataFrame({"user_id": [-1], "shop": ["x"], "count": [3], "event_timestamp": [T0]})
    assert engine.ingest("visits", frame.astype({"count": "int32"})).rows_written == 1
    table = visits(10)
    reader = pa.RecordBatchReader.from_batches(table.schema, iter(table.to_batches(max_chunksize=3)))
    assert engine.ingest("visits", reader).rows_written == 10
    found = engine.as_of("visits", {"user_id": [rows - 1, -1], "shop": ["a", "x"]}, at=T0)
    assert found.to_dict()["count"] == [rows - 1, 3]


def test_an_ingest_is_one_step_unless_its_steps_are_made_smaller(engine: Any) -> None:
    rows = 1_100_000
    table = pa.table(
        {
            "user_id": pa.array(np.arange(rows)),
            "shop": pa.array(["a"]).take(pa.array(np.zeros(rows, np.int64))),
            "count": pa.array(np.arange(rows, dtype=np.int32)),
            "event_timestamp": pa.array(np.full(rows, int(T0.timestamp() * 1_000_000)), pa.timestamp("us", "UTC")),
        }
    )
    before = engine.stats()["batches"]
    assert engine.ingest("visits", table).rows_written == rows
    assert engine.stats()["batches"] == before + 1
    # A million rows are what fits into memory.
    assert engine.ingest("visits", table, step_bytes=1 << 20).rows_written == rows
    assert engine.stats()["batches"] == before + 3
    found = engine.as_of("visits", {"user_id": [rows - 1], "shop": ["a"]}, at=T0)
    assert found.to_dict()["count"] == [rows - 1]
    for wrong in (0, -1, 2**64):
        with pytest.raises(asofdb.InvalidError, match="step_bytes is a number of bytes from 1 to 2\\*\\*64 - 1"):
            engine.ingest("visits", table, step_bytes=wrong)


def test_bad_rows_refuse_everything_or_are_set_aside(engine: Any, tmp_path: Path) -> None:
    table = visits(10, user_id=pa.array([None, *range(1, 10)], pa.int64()))
    with pytest.raises(asofdb.InvalidError, match="file the table, row 1: a join key cannot be null"):
        engine.ingest("visits", table)
    assert engine.history("visits", {"user_id": 1, "shop": "a"}) == []
    rejects = tmp_path / "rejects.ndjson"
    report = engine.ingest("visits", table, rejects=rejects)
    assert (report.rows_written, report.rows_rejected, report.rejects) == (9, 1, str(rejects))
    assert "null" in rejects.read_text()


def test_sources_are_files_or_one_table(engine: Any, tmp_path: Path) -> None:
    for sources, options in (((), {}), ((visits(1), visits(1)), {}), ((visits(1),), {"format": "csv"})):
        with pytest.raises(asofdb.InvalidError, match="or of one table"):
            engine.ingest("visits", *sources, **options)
    with pytest.raises(asofdb.NotFoundError, match="nowhere"):
        engine.ingest("visits", tmp_path / "nowhere.parquet")
    with pytest.raises(asofdb.InvalidError, match="xlsx"):
        engine.ingest("visits", tmp_path / "nowhere", format="xlsx")


def test_what_progress_raises_is_raised(engine: Any, tmp_path: Path) -> None:
    def stop(*_: object) -> None:
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        engine.ingest("visits", visits(10), progress=stop)


def test_a_view_is_exported(engine: Any, tmp_path: Path) -> None:
    engine.ingest("visits", visits(10))
    engine.ingest("visits", visits(5, event_timestamp=[T0 + 30 * 24 * HOUR] * 5))
    manifest = engine.export("visits", tmp_path / "all", partition_by="month", compression="snappy")
    assert (manifest["rows"], manifest["view"]) == (15, "visits")
    assert [file["path"].split("/")[0] for file in manifest["files"]] == ["event_month=2024-05"]
    assert ds.dataset(tmp_path / "all").to_table().num_rows == 15
    assert engine.export("visits", tmp_path / "latest", latest=True)["rows"] == 10
    assert engine.export("visits", tmp_path / "then", as_of=T0 - HOUR)["rows"] == 0
    assert engine.export("visits", tmp_path / "range", start=T0, end=T0 + HOUR)["rows"] == 10
    # An export is a table like any other.
    table = ds.dataset(tmp_path / "range").to_table()
    assert engine.ingest("visits", table).rows_written == 10
    for options, words in (
        ({"latest": True, "as_of": T0}, "give one of them"),
        ({"partition_by": "year"}, "year"),
        ({"compression": "gzip"}, "gzip"),
    ):
        with pytest.raises(asofdb.InvalidError, match=words):
            engine.export("visits", tmp_path / "bad", **options)
    with pytest.raises(asofdb.ConflictError, match="exists"):
        engine.export("visits", tmp_path / "all")


def test_operations_tell_about_the_store(engine: Any, tmp_path: Path) -> None:
    engine.write("visits", visits(3))
    freshness = engine.freshness("visits")
    assert (freshness.entities, freshness.stale, freshness.newest_event_timestamp) == (3, False, T0)
    assert engine.freshness("activity").stale
    [ages] = engine.ages("visits")
    assert (ages.view, ages.status, ages.stale, ages.entities, ages.entities_ahead) == ("visits", "fresh", False, 3, 0)
    minute = T0.replace(second=0, microsecond=0)
    assert ages.newest_event_timestamp == minute and ages.now - minute == timedelta(seconds=ages.age_seconds)
    assert ages.age_p50_seconds == ages.age_max_seconds == ages.age_seconds
    assert {one.view: one.status for one in engine.ages()}["activity"] == "no_data"
    with pytest.raises(asofdb.NotFoundError, match="visits"):
        engine.ages("visit")
    assert engine.stats()["rows"] == 3
    assert engine.verify() == asofdb.Verified(versions=3, entities=3, problems=[])
    engine.flush()
    engine.compact()
    engine.checkpoint(tmp_path / "copy")
    with asofdb.Store.open(tmp_path / "copy") as copy:
        assert copy.verify().versions == 3
