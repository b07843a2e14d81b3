"""Training sets: the spine in every form, streamed, reproducible."""

from __future__ import annotations

import contextlib
import gc
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support import HOUR, T0, activity

import asofdb

SPINE = {
    "user_id": [1, 2, 1, None, 9, 1],
    "event_timestamp": [T0 + HOUR, T0, T0, T0, T0, None],
    "label": ["a", "b", "c", "d", "e", "f"],
}
CLICKS = [2, 5, 1, None, None, None]


@pytest.fixture
def filled(engine: Any) -> Any:
    engine.write("activity", activity([1, 2], T0, clicks=[1, 5]))
    engine.write("activity", activity([1], T0 + HOUR, clicks=[2]))
    return engine


def spine_file(path: Path) -> Path:
    pq.write_table(pa.table(SPINE), path)
    return path


@pytest.mark.parametrize("form", ["pandas", "polars", "lazy", "arrow", "reader", "dict", "path", "text"])
def test_the_spine_comes_in_every_form(filled: Any, form: str, tmp_path: Path) -> None:
    table = pa.table(SPINE)
    spine: Any = {  # type: ignore[no-untyped-call]
        "pandas": lambda: table.to_pandas().astype({"user_id": "Int64"}),
        "polars": lambda: pl.DataFrame(table),
        "lazy": lambda: pl.DataFrame(table).lazy(),
        "arrow": lambda: table,
        "reader": lambda: pa.RecordBatchReader.from_batches(table.schema, iter(table.to_batches(max_chunksize=2))),
        "dict": lambda: SPINE,
        "path": lambda: spine_file(tmp_path / "spine.parquet"),
        "text": lambda: str(spine_file(tmp_path / "spine.parquet")),
    }[form]()
    training_set = filled.training_set(spine, ["activity:clicks", "activity:rate"])
    assert training_set.report is None
    assert training_set.names == ["user_id", "event_timestamp", "label", "clicks", "rate"]
    table = training_set.to_arrow()
    assert table.column_names == ["user_id", "event_timestamp", "label", "clicks", "rate"]
    assert table["label"].to_pylist() == SPINE["label"]
    assert table["clicks"].to_pylist() == CLICKS
    assert table["rate"].to_pylist() == [0.25, 0.25, 0.25, 0.5, 0.5, 0.5]
    report: Any = training_set.report
    assert (report.rows, report.null_rows) == (6, 2)
    assert report.features["activity:clicks"] == asofdb.FeatureCounts(present=3, null=0, missing=3, expired=0)


def test_it_comes_in_every_form_and_once(filled: Any) -> None:
    frame = filled.training_set(SPINE, "ranker_v1").to_pandas()
    assert frame["clicks"].dropna().tolist() == [2, 5, 1]
    training_set = filled.training_set(SPINE, "ranker_v1")
    assert training_set.to_polars()["clicks"].to_list() == CLICKS
    with pytest.raises(asofdb.InvalidError, match="is read once"):
        training_set.to_arrow()


def test_statuses_and_times_are_columns_if_they_are_asked(filled: Any) -> None:
    table = filled.training_set(
        {"user_id": [1, 2], "when": [T0 + 4 * HOUR, T0], "clicks": [0, 0]},
        "activity:clicks",
        event_timestamp="when",
        statuses=True,
        event_timestamps=True,
    ).to_arrow()
    assert table.to_pydict() == {
        "user_id": [1, 2],
        "when": [T0 + 4 * HOUR, T0],
        "clicks": [0, 0],
        "activity__clicks": [None, 5],
        "activity__clicks__status": ["expired", "present"],
        "activity__event_timestamp": [T0 + HOUR, T0],
    }


@pytest.mark.parametrize("form", ["path", "table"])
def test_it_goes_into_a_file(filled: Any, tmp_path: Path, form: str) -> None:
    spine = spine_file(tmp_path / "spine.parquet") if form == "path" else pa.table(SPINE)
    out = tmp_path / "out.parquet"
    told: list[tuple[int, int, int | None]] = []
    report = filled.training_set(spine, "ranker_v1", out=out, progress=lambda *progress: told.append(progress))
    assert report.rows == 6
    assert pq.read_table(out)["clicks"].to_pylist() == CLICKS
    assert told[-1][0] == 6
    with pytest.raises(asofdb.ConflictError, match="exists"):
        filled.training_set(spine, "ranker_v1", out=out)


def test_it_is_made_again_with_known_at_after_late_data(filled: Any) -> None:
    before = filled.training_set(SPINE, "ranker_v1").to_arrow()
    known_at = filled.now()
    filled.write("activity", activity([1], T0 + HOUR - timedelta(seconds=1), clicks=[100]))
    filled.write("activity", activity([1], T0 + HOUR, clicks=[200]))
    assert filled.training_set(SPINE, "ranker_v1", known_at=known_at).to_arrow().equals(before)
    assert filled.training_set(SPINE, "ranker_v1").to_arrow()["clicks"].to_pylist()[0] == 200


def test_each_row_can_be_kept_to_what_was_known_at_its_own_time(filled: Any) -> None:
    """A correction that was made later is not seen by rows of the time before it."""
    asked = {"user_id": [8, 8, 8], "event_timestamp": [T0, T0 + HOUR, T0 - HOUR]}
    rows = {"user_id": [8, 8], "event_timestamp": [T0 - HOUR, T0 - HOUR], "created_timestamp": [T0 - HOUR, T0 + HOUR]}
    history = pa.table(rows).append_column("clicks", pa.array([1, 2]))
    role = {"asofdb.role": "created_timestamp"}
    fields = [field.with_metadata(role) if field.name == "created_timestamp" else field for field in history.schema]
    nothing = {"rate": pa.nulls(2, pa.float32()), "active": pa.nulls(2, pa.bool_())}
    table = pa.table(
        [*history.columns, *nothing.values()], pa.schema([*fields, ("rate", pa.float32()), ("active", pa.bool_())])
    )
    filled.write("activity", table)

    def clicks(**options: Any) -> list[Any]:
        column: list[Any] = filled.training_set(asked, "activity:clicks", **options).to_arrow()["clicks"].to_pylist()
        return column

    assert clicks(known_at="own_time") == [1, 2, 1]
    assert clicks() == [2, 2, 2]


def test_it_is_streamed(filled: Any) -> None:
    """Rows come out before all have gone in: the spine's producer never runs far ahead."""
    batches, rows = 400, 4096
    schema = pa.schema({"user_id": pa.int64(), "event_timestamp": pa.timestamp("us", "UTC")})
    asked = 0

    def produce() -> Iterator[pa.RecordBatch]:
        nonlocal asked
        for _ in range(batches):
            asked += 1
            columns = [pa.array([1] * rows), pa.array([T0] * rows, pa.timestamp("us", "UTC"))]
            yield pa.record_batch(columns, schema=schema)

    spine = pa.RecordBatchReader.from_batches(schema, produce())
    training_set = filled.training_set(spine, "activity:clicks", memory_bytes=8 << 20)
    reader = pa.RecordBatchReader.from_stream(training_set)
    first = reader.read_next_batch()
    assert first["clicks"].to_pylist()[:2] == [1, 1]
    assert asked < batches
    assert first.num_rows + sum(batch.num_rows for batch in reader) == batches * rows
    assert asked == batches


def test_a_consumer_that_holds_the_gil_does_not_wait_for_a_producer_that_needs_it(filled: Any) -> None:
    table = pa.table({"user_id": [1] * 10_000, "event_timestamp": pa.array([T0] * 10_000)})
    spine = pa.RecordBatchReader.from_batches(table.schema, (batch for batch in table.to_batches(100)))
    assert filled.training_set(spine, "activity:clicks").to_polars()["clicks"].sum() == 10_000


def thread_names() -> set[str]:
    """The names of this process's threads, those of Rust among them."""
    names = set()
    for thread in Path("/proc/self/task").iterdir():
        # A thread may end while its name is read.
        with contextlib.suppress(OSError):
            names.add((thread / "comm").read_text().strip())
    return names


def test_one_that_nobody_reads_is_given_up(filled: Any) -> None:
    for _ in range(5):
        filled.training_set(pa.table({"user_id": [1] * 100_000, "event_timestamp": [T0] * 100_000}), "activity:clicks")
    gc.collect()
    for _ in range(6_000):
        if "asofdb-join" not in thread_names():
            break
        time.sleep(0.01)
    assert "asofdb-join" not in thread_names()
    assert filled.training_set(SPINE, "activity:clicks").to_arrow()["clicks"].to_pylist() == CLICKS


def test_bad_spines_are_refused_by_name(filled: Any, tmp_path: Path) -> None:
    with pytest.raises(asofdb.InvalidError, match="event_timestamp"):
        filled.training_set({"user_id": [1]}, "activity").to_arrow()
    with pytest.raises(asofdb.InvalidError, match="user_id"):
        filled.training_set({"event_timestamp": [T0]}, "activity").to_pandas()
    with pytest.raises(asofdb.NotFoundError, match="activty"):
        filled.training_set(SPINE, "activty")
    with pytest.raises(asofdb.NotFoundError, match="nowhere"):
        filled.training_set(tmp_path / "nowhere.parquet", "activity")
    with pytest.raises(asofdb.InvalidError, match="not int"):
        filled.training_set(7, "activity")
    late = pa.table({"user_id": ["x"], "event_timestamp": [T0]})
    with pytest.raises(asofdb.InvalidError, match="must be int64"):
        filled.training_set(late, "activity").to_polars()
    # A library that reads the stream itself has our text.
    with pytest.raises(pa.ArrowException, match=r"invalid: .*must be int64"):
        pa.RecordBatchReader.from_stream(filled.training_set(late, "activity")).read_all()


def test_an_error_of_the_producer_comes_through(filled: Any) -> None:
    schema = pa.schema({"user_id": pa.int64(), "event_timestamp": pa.timestamp("us", "UTC")})

    def produce() -> Iterator[pa.RecordBatch]:
        yield pa.record_batch([pa.array([1]), pa.array([T0], pa.timestamp("us", "UTC"))], schema=schema)
        raise RuntimeError("the source broke")

    spine = pa.RecordBatchReader.from_batches(schema, produce())
    with pytest.raises(asofdb.InvalidError, match=r"cannot read the spine: .*the source broke"):
        filled.training_set(spine, "activity").to_arrow()
