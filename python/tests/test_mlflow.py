"""Training sets in MLflow: a real one, with its runs in SQLite."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support import HOUR, T0, Sidecar

import asofdb
from asofdb import Entity, Feature, FeatureService, FeatureView
from asofdb.mlflow import log_training_set, models_using, training_set_of

USER = Entity("user", {"user_id": "int64"})

STATS = FeatureView("stats_v1", ["user"], [Feature("clicks", "int64"), Feature("rate", "float32", default=0.5)])

TEN = FeatureView("stats_v10", ["user"], [Feature("orders", "int64")])

DEFINITIONS: list[Any] = [USER, STATS, TEN, FeatureService("ranker_v1", ["stats_v1:clicks", "stats_v1:rate"])]


def fill(engine: Any, users: list[int], clicks: int, hours: int = 1) -> None:
    rows = len(users)
    event = [T0 - hours * HOUR] * rows
    engine.write(
        "stats_v1", {"user_id": users, "event_timestamp": event, "clicks": [clicks] * rows, "rate": [0.25] * rows}
    )
    engine.write("stats_v10", {"user_id": users, "event_timestamp": event, "orders": [clicks] * rows})


def spine(users: list[int]) -> Any:
    times = pd.to_datetime([T0] * len(users))
    return pd.DataFrame({"user_id": users, "event_timestamp": times, "label": [f"l{user}" for user in users]})


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One database for all tests: MLflow takes seconds to make its tables."""
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/mlflow.db"


@pytest.fixture(autouse=True)
def tracking(database: str, tmp_path: Path) -> Iterator[None]:
    mlflow.set_tracking_uri(database)
    mlflow.create_experiment(str(tmp_path), artifact_location=(tmp_path / "artifacts").as_uri())
    mlflow.set_experiment(str(tmp_path))
    yield
    if mlflow.active_run() is not None:
        mlflow.end_run()


@pytest.fixture(params=["embedded", "sidecar"])
def engine(request: pytest.FixtureRequest, tmp_path: Any) -> Any:
    if request.param == "embedded":
        with asofdb.Store.open(tmp_path / "own") as store:
            store.apply(DEFINITIONS)
            yield store
    else:
        sidecar: Sidecar = request.getfixturevalue("sidecar")
        with asofdb.Client(sidecar.socket) as client:
            client.apply(DEFINITIONS)
            yield client


def test_a_training_set_is_made_again_to_the_bit_whatever_has_arrived_since(engine: Any) -> None:
    fill(engine, [1, 2, 3], 7)
    training_set = engine.training_set(spine([3, 1, 4]), "ranker_v1", statuses=True)
    table = training_set.to_arrow()
    with mlflow.start_run() as run:
        record = log_training_set(None, training_set)
    assert (record.name, record.store_id, record.references) == ("training", engine.id, ["ranker_v1"])
    assert list(record.features) == ["stats_v1:clicks", "stats_v1:rate"]
    assert record.spine.rows == 3 and list(record.spine.columns) == ["user_id", "event_timestamp", "label"]
    assert record.counts["stats_v1:clicks"] == {"present": 2, "null": 0, "missing": 1, "expired": 0}
    fill(engine, [1, 2, 3, 4], 99)
    again = training_set_of(run, engine)
    assert again.is_same and again.differences == []
    assert again.table is not None and again.table.equals(table)
    assert again.record == record
    assert engine.training_set(spine([3, 1, 4]), "ranker_v1").to_arrow()["clicks"].to_pylist() == [99, 99, 99]


def test_what_is_recorded_is_seen_in_mlflow(engine: Any) -> None:
    training_set = engine.training_set(spine([1]), ["stats_v1:clicks"], known_at=T0)
    training_set.to_arrow()
    with mlflow.start_run() as run:
        record = log_training_set(run, training_set)
    kept = mlflow.get_run(run.info.run_id)
    [used] = kept.inputs.dataset_inputs
    assert (used.dataset.name, used.dataset.source_type) == ("training", "asofdb")
    assert [tag.value for tag in used.tags] == ["training"]
    tags = {key: value for key, value in kept.data.tags.items() if key.startswith("asofdb.")}
    assert tags == {
        "asofdb.training.store_id": engine.id,
        "asofdb.training.catalog_revision": "1",
        "asofdb.training.known_at": T0.isoformat(),
        "asofdb.training.spine_digest": record.spine.digest,
        "asofdb.training.digest": record.result.digest,
        "asofdb.training.references": "stats_v1:clicks",
        "asofdb.view.stats_v1": "read",
    }


def test_each_difference_is_named(engine: Any, tmp_path: Path) -> None:
    fill(engine, [1, 2], 7)
    training_set = engine.training_set(spine([1, 2]), ["stats_v1", "stats_v10:orders"])
    training_set.to_arrow()
    with mlflow.start_run() as run:
        log_training_set(run, training_set)
    others = [
        (spine([2, 1]), "spine: values, their type or their order are others in the columns user_id, label"),
        (spine([1]), "spine: it had 2 rows, and has 1"),
        (
            spine([1, 2]).drop(columns="label"),
            "spine: it had the columns user_id, event_timestamp, label, and has user_id, event_timestamp",
        ),
    ]
    for other, message in others:
        again = training_set_of(run, engine, spine=other)
        assert [str(one) for one in again.differences] == [message]
    engine.erase("stats_v10", {"user_id": 2})
    again = training_set_of(run, engine)
    message = "1 values fewer are present: they were erased, or retention has reached them"
    assert [str(one) for one in again.differences] == [f"values orders: {message}"]
    rate = Feature("rate", "float32", default=0.75)
    engine.apply([USER, FeatureView("stats_v1", ["user"], [Feature("clicks", "int64"), rate]), TEN], allow_drop=True)
    again = training_set_of(run, engine)
    assert [(one.kind, one.subject) for one in again.differences] == [
        ("definition", "stats_v1:rate"),
        ("values", "orders"),
    ]
    assert "default Float32(0.5)" in again.differences[0].message
    assert "default Float32(0.75)" in again.differences[0].message
    engine.apply([USER, STATS], allow_drop=["stats_v10"])
    again = training_set_of(run, engine)
    assert again.table is None and not again.is_same
    assert [(one.kind, one.subject) for one in again.differences] == [("definition", "stats_v10:orders")]


def test_a_restated_version_and_another_store_are_told(tmp_path: Path) -> None:
    created = FeatureView("stats_v1", ["user"], [Feature("clicks", "int64")], created_timestamp="created")
    rows = {"user_id": [1], "event_timestamp": [T0 - HOUR], "created": [T0 - HOUR]}
    with asofdb.Store.open(tmp_path / "one") as one:
        one.apply([USER, created])
        one.write("stats_v1", {**rows, "clicks": [1]})
        training_set = one.training_set(spine([1]), "stats_v1", known_at="own_time")
        training_set.to_arrow()
        with mlflow.start_run() as run:
            log_training_set(run, training_set)
        assert training_set_of(run, one).is_same
        one.write("stats_v1", {**rows, "clicks": [2]})
        [told] = training_set_of(run, one).differences
        assert (told.kind, told.subject) == ("values", "clicks")
        assert "versions were written again over the same times" in told.message
        one_id = one.id
    with asofdb.Store.open(tmp_path / "other") as other:
        other.apply([USER, created])
        other.write("stats_v1", {**rows, "clicks": [1]})
        [told] = training_set_of(run, other).differences
        assert str(told) == f"store: it was made from the store {one_id}, and this is {other.id}"


def test_training_sets_in_files_are_recorded_and_made_again(engine: Any, tmp_path: Path) -> None:
    fill(engine, [1, 2], 7)
    path, out = tmp_path / "labels.csv", tmp_path / "training.parquet"
    path.write_text(f"user_id;event_timestamp;label\n2;{T0.isoformat()};a\n1;{T0.isoformat()};\n")
    report = engine.training_set(path, "ranker_v1", out=out, delimiter=";")
    streamed = engine.training_set(path, "ranker_v1", delimiter=";")
    streamed.to_arrow()
    with mlflow.start_run() as run:
        record = log_training_set(run, report)
    assert (record.spine, record.result) == (streamed.spine_digest, streamed.digest)
    assert record.spine_artifact == "asofdb/training/spine.csv"
    again = training_set_of(run, engine)
    assert again.is_same and again.table is not None and again.table.equals(pq.read_table(out))
    table = engine.training_set(spine([1, 2]), "ranker_v1", out=tmp_path / "of-table.parquet")
    with mlflow.start_run() as run:
        assert log_training_set(run, table).spine.rows == 2
    assert training_set_of(run, engine).is_same
    out.write_bytes(out.read_bytes() + b"x")
    with mlflow.start_run() as run, pytest.raises(asofdb.ConflictError, match="has changed since the training set was"):
        log_training_set(run, report)


def test_a_spine_that_is_too_large_or_was_a_stream_is_not_logged_and_must_be_given(engine: Any) -> None:
    table = pa.Table.from_pandas(spine([1, 2]), preserve_index=False)
    large = engine.training_set(table, "stats_v1")
    large.to_arrow()
    stream = engine.training_set(pa.RecordBatchReader.from_batches(table.schema, table.to_batches()), "stats_v1")
    stream.to_arrow()
    with mlflow.start_run() as run:
        with pytest.warns(UserWarning, match=r"the spine of the training set is not logged.* and may have 10"):
            log_training_set(run, large, name="large", spine_bytes_max=10)
        with pytest.warns(UserWarning, match="for it was a stream, or has changed"):
            log_training_set(run, stream, name="stream")
        log_training_set(run, large, name="none", log_spine=False)
    for name in ("large", "stream", "none"):
        with pytest.raises(asofdb.InvalidError, match=r"was not logged: give it \(spine=\)"):
            training_set_of(run, engine, name=name)
        assert training_set_of(run, engine, name=name, spine=table).is_same


def test_a_run_has_one_training_set_of_a_name(engine: Any) -> None:
    first, second = (engine.training_set(spine(users), "stats_v1", known_at=T0) for users in ([1], [2]))
    with mlflow.start_run() as run:
        with pytest.raises(asofdb.InvalidError, match="read all of the training set before it is logged"):
            log_training_set(run, first)
        first.to_arrow()
        second.to_arrow()
        log_training_set(run, first)
        log_training_set(run.info.run_id, first)
        with pytest.raises(asofdb.ConflictError, match="has another training set named 'training' already"):
            log_training_set(run, second)
        log_training_set(run, second, name="validation")
        with pytest.raises(asofdb.InvalidError, match="has a name of 1 to 64 letters"):
            log_training_set(run, second, name="a b")
    validation = training_set_of(run, engine, name="validation").table
    assert validation is not None and validation["user_id"].to_pylist() == [2]
    with pytest.raises(asofdb.NotFoundError, match="named 'test'; it has: training, validation"):
        training_set_of(run, engine, name="test")


def test_many_references_fit_into_tags(tmp_path: Path) -> None:
    views = [
        FeatureView(f"view_{number:03}_{'x' * 80}", ["user"], [Feature("value", "int64")]) for number in range(150)
    ]
    with asofdb.Store.open(tmp_path / "own") as store:
        store.apply([USER, *views])
        names = [f"{view.name}:value" for view in views]
        training_set = store.training_set(spine([1]), names, full_names=True)
        training_set.to_arrow()
        with mlflow.start_run() as run:
            log_training_set(run, training_set)
        tags = mlflow.get_run(run.info.run_id).data.tags
        parts = ["", ".2", ".3"]
        assert "".join(tags[f"asofdb.training.references{part}"] for part in parts) == " ".join(names)
        assert sum(tag.startswith("asofdb.view.") for tag in tags) == 150
        assert training_set_of(run, store).is_same


def test_registered_models_are_found_by_exactly_the_views_that_they_were_trained_with(engine: Any) -> None:
    client = mlflow.MlflowClient()
    fraud = f"fraud-{engine.id}"
    client.create_registered_model(fraud)
    runs = []
    for references in (["stats_v1"], ["stats_v10"], ["ranker_v1", "stats_v10"]):
        training_set = engine.training_set(spine([1]), references)
        training_set.to_arrow()
        with mlflow.start_run() as run:
            log_training_set(run, training_set)
        client.create_model_version(fraud, f"runs:/{run.info.run_id}/model", run.info.run_id)
        runs.append(run.info.run_id)
    found = [one for one in models_using("stats_v1") if one.name == fraud]
    assert [(str(one), one.run_id) for one in found] == [(f"{fraud}/1", runs[0]), (f"{fraud}/3", runs[2])]
    assert [one.version for one in models_using("stats_v10") if one.name == fraud] == ["2", "3"]
    assert models_using("stats") == []
    with pytest.raises(asofdb.InvalidError, match="no view has such a name"):
        models_using("stats` = 'x")


def test_without_mlflow_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(ImportError, match=r"asofdb\.mlflow needs mlflow: pip install mlflow"):
        models_using("stats_v1")
