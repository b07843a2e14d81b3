"""Lineage: what is read and written, told as run events."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import HOUR, T0, Sidecar

import asofdb
from asofdb import Entity, Feature, FeatureService, FeatureView, FeedSource

USER = Entity("user", {"user_id": "int64"})

AGES = FeatureView("ages", ["user"], [Feature("age", "int64", description="In years")])

DEFINITIONS: list[Any] = [USER, AGES, FeatureService("ranker", ["ages:age"])]


@pytest.fixture(params=["embedded", "sidecar"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    told: dict[str, Any] = {"lineage": tmp_path / "events.ndjson", "lineage_namespace": "prod"}
    if request.param == "embedded":
        with asofdb.Store.open(tmp_path / "own", **told) as store:
            yield store
    else:
        sidecar: Sidecar = request.getfixturevalue("sidecar")
        with asofdb.Client(sidecar.socket, **told) as client:
            yield client


def events(directory: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (directory / "events.ndjson").read_text().splitlines()]


def told(directory: Path) -> list[tuple[str, str, list[str], list[str]]]:
    def names(datasets: list[dict[str, str]]) -> list[str]:
        return [dataset["name"].rpartition("/")[2] for dataset in datasets]

    return [
        (event["job"]["name"], event["eventType"], names(event["inputs"]), names(event["outputs"]))
        for event in events(directory)
    ]


def both(job: str, end: str, inputs: list[str], outputs: list[str]) -> list[tuple[str, str, list[str], list[str]]]:
    return [(job, "START", inputs, outputs), (job, end, inputs, outputs)]


def test_what_is_read_and_written_is_told_at_its_start_and_at_its_end(engine: Any, tmp_path: Path) -> None:
    (tmp_path / "ages.csv").write_text("user_id,event_timestamp,age\n1,2024-01-01T00:00:00Z,30\n")
    (tmp_path / "bad.csv").write_text("user_id,event_timestamp,age\n1,2024-01-01T00:00:00Z,old\n")
    (tmp_path / "spine.csv").write_text(f"user_id,event_timestamp\n1,{T0.isoformat()}\n")
    engine.apply(DEFINITIONS)
    engine.apply(DEFINITIONS)
    engine.ingest("ages", tmp_path / "ages.csv")
    with pytest.raises(asofdb.InvalidError):
        engine.ingest("ages", tmp_path / "bad.csv")
    engine.export("ages", tmp_path / "exported")
    engine.training_set(tmp_path / "spine.csv", "ranker", out=tmp_path / "training.parquet")
    assert told(tmp_path) == [
        *both("apply", "COMPLETE", [], ["ages"]),
        *both("ingest.ages", "COMPLETE", ["ages.csv"], ["ages"]),
        *both("ingest.ages", "FAIL", ["bad.csv"], ["ages"]),
        *both("export.ages", "COMPLETE", ["ages"], ["exported"]),
        *both("training-set", "COMPLETE", ["spine.csv", "ages"], ["training.parquet"]),
    ]
    all_events = events(tmp_path)
    for start, end in zip(all_events[::2], all_events[1::2], strict=True):
        assert start["run"]["runId"] == end["run"]["runId"]
    assert all_events[0]["outputs"][0]["namespace"] == "prod"
    fields = all_events[0]["outputs"][0]["facets"]["schema"]["fields"]
    assert fields[1] == {"name": "age", "type": "int64", "description": "In years"}
    assert "bad.csv" in all_events[5]["run"]["facets"]["errorMessage"]["message"]


def test_a_training_set_that_is_a_stream_ends_when_it_was_read(engine: Any, tmp_path: Path) -> None:
    engine.apply(DEFINITIONS)
    engine.write("ages", {"user_id": [1], "event_timestamp": [T0 - HOUR], "age": [30]})
    spine = {"user_id": [1, 2], "event_timestamp": [T0, T0]}
    before = len(told(tmp_path))
    training_set = engine.training_set(spine, "ranker")
    assert told(tmp_path)[before:] == [("training-set", "START", ["ages"], [])]
    training_set.to_arrow()
    assert told(tmp_path)[before:] == both("training-set", "COMPLETE", ["ages"], [])
    with pytest.raises(asofdb.InvalidError):
        engine.training_set({"event_timestamp": [T0]}, "ranker").to_arrow()
    assert told(tmp_path)[before + 2 :] == both("training-set", "FAIL", ["ages"], [])


def test_feeds_are_told_with_their_sources(tmp_path: Path) -> None:
    fed = FeatureView("ages", ["user"], [Feature("age", "int64")], source=FeedSource("ages-*.csv"))
    (tmp_path / "ages-1.csv").write_text("user_id,event_timestamp,age\n1,2024-01-01T00:00:00Z,30\n")
    with asofdb.Store.open(tmp_path / "own", lineage=tmp_path / "events.ndjson") as store:
        store.apply([USER, fed])
        store.materialize(sources=tmp_path)
    assert told(tmp_path)[2:] == both("materialize.ages", "COMPLETE", ["ages-*.csv"], ["ages"])
    assert events(tmp_path)[2]["inputs"][0]["name"] == str(tmp_path / "ages-*.csv")


async def test_the_client_for_asyncio_tells_the_same(sidecar: Sidecar, tmp_path: Path) -> None:
    told_to = tmp_path / "events.ndjson"
    async with await asofdb.AsyncClient.connect(sidecar.socket, lineage=told_to) as client:
        await client.apply(DEFINITIONS)
        await client.export("ages", tmp_path / "exported")
    assert [job for job, *_ in told(tmp_path)] == ["apply", "apply", "export.ages", "export.ages"]


def test_events_are_posted_to_an_address(tmp_path: Path) -> None:
    posted: list[dict[str, Any]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(201)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            address = f"http://127.0.0.1:{server.server_port}/api/v1/lineage"
            with asofdb.Store.open(tmp_path / "own", lineage=address) as store:
                store.apply(DEFINITIONS)
        finally:
            server.shutdown()
            thread.join()
    assert [(event["job"]["name"], event["eventType"]) for event in posted] == [
        ("apply", "START"),
        ("apply", "COMPLETE"),
    ]


def test_what_cannot_be_told_is_a_warning_and_keeps_nothing_from_being_done(tmp_path: Path) -> None:
    with asofdb.Store.open(tmp_path / "own", lineage=tmp_path / "none" / "events.ndjson") as store:
        with pytest.warns(UserWarning, match="lineage was not told: .*No such file or directory"):
            assert store.apply(DEFINITIONS)
        assert list(store.catalog().feature_views) == ["ages"]
    with pytest.raises(asofdb.InvalidError, match="address that begins with https:// or http://"):
        asofdb.Store.open(tmp_path / "other", lineage="ftp://example.org")
