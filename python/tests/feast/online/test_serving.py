"""The ways in which Feast is run: materialization, push, its server, several processes."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import textwrap
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from feast.data_source import PushMode

import asofdb
from asofdb.feast import AsofOnlineStoreConfig, close_all
from asofdb.feast.connect import engine
from feast import FeatureStore, PushSource, RepoConfig

from .support import DRIVER, HOUR, NOW, conv, engine_of, source, stats, stats_view, write

ROWS: dict[str, list[Any]] = {
    "driver_id": [1, 1, 2],
    "conv": [1.0, 2.0, 3.0],
    "trips": [1, 2, 3],
    "event_timestamp": [NOW - 3 * HOUR, NOW - 2 * HOUR, NOW - 3 * HOUR],
    "created": [NOW - 2 * HOUR, NOW - HOUR, NOW - HOUR],
}


def test_materialize_and_materialize_incremental(store: FeatureStore, tmp_path: Path) -> None:
    store.apply([DRIVER, stats_view(tmp_path, source=source(tmp_path, "stats", ROWS))])
    store.materialize(NOW - 4 * HOUR, NOW - 2.5 * HOUR)
    assert [conv(store, driver)[0] for driver in (1, 2)] == [1.0, 3.0]
    store.materialize_incremental(NOW)
    assert [conv(store, driver) for driver in (1, 2)] == [
        (2.0, "PRESENT", NOW - 2 * HOUR),
        (3.0, "PRESENT", NOW - 3 * HOUR),
    ]
    engine = engine_of(store)
    versions = engine.history("shop__stats", {"driver_id": 1})
    assert [(version.event_timestamp, version.created_timestamp) for version in versions] == [
        (NOW - 2 * HOUR, NOW - HOUR),
        (NOW - 3 * HOUR, NOW - 2 * HOUR),
    ]


def test_materializing_again_is_harmless(store: FeatureStore, tmp_path: Path) -> None:
    store.apply([DRIVER, stats_view(tmp_path, source=source(tmp_path, "stats", ROWS))])
    write(store, "stats", stats(1, 9.0, NOW - HOUR))
    for _ in range(2):
        store.materialize(NOW - 4 * HOUR, NOW)
    assert conv(store, 1)[0] == 9.0


def test_push(store: FeatureStore, tmp_path: Path) -> None:
    pushed = PushSource(name="stats_push", batch_source=source(tmp_path))
    store.apply([DRIVER, stats_view(tmp_path, source=pushed)])
    store.push("stats_push", pd.DataFrame(ROWS), to=PushMode.ONLINE)
    assert [conv(store, driver)[0] for driver in (1, 2)] == [2.0, 3.0]


def test_the_files_of_a_feast_source_are_ingested_as_they_are(store: FeatureStore, tmp_path: Path) -> None:
    """Bulk loads that go round Feast's row by row."""
    rows = {name.replace("event_timestamp", "happened"): values for name, values in ROWS.items()}
    given = source(tmp_path, "stats", rows)
    given.timestamp_field = "happened"
    store.apply([DRIVER, stats_view(tmp_path, source=given)])
    report = engine_of(store).ingest("shop__stats", given.path)
    assert report.rows_written == 3
    assert conv(store) == (2.0, "PRESENT", NOW - 2 * HOUR)


# Feast's server


@contextmanager
def _serving(repository: Path, workers: int) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-W", "ignore", "-m", "feast.cli.cli", "-c", str(repository), "serve"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers", str(workers)]
    with (repository / "server.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    try:
        for _ in range(600):
            assert process.poll() is None, (repository / "server.log").read_text()[-4000:]
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()
                break
            except OSError:
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(60)


def _post(url: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read() or b"null")


def _repository(tmp_path: Path, online: dict[str, Any]) -> FeatureStore:
    configuration = {
        "project": "shop",
        "provider": "local",
        "registry": str(tmp_path / "registry.db"),
        "online_store": online,
        "entity_key_serialization_version": 3,
    }
    (tmp_path / "feature_store.yaml").write_text(json.dumps(configuration))
    store = FeatureStore(repo_path=str(tmp_path))
    pushed = PushSource(name="stats_push", batch_source=source(tmp_path))
    store.apply([DRIVER, stats_view(tmp_path, source=pushed)])
    write(store, "stats", stats(1, 0.5, NOW - HOUR), stats(2, None, NOW - HOUR), stats(3, 1.5, NOW - timedelta(days=3)))
    return store


@pytest.mark.parametrize(("kind", "workers"), [("embedded", 1), ("sidecar", 2)])
def test_feast_serve(request: pytest.FixtureRequest, tmp_path: Path, kind: str, workers: int) -> None:
    online: dict[str, Any] = {"type": "asofdb.feast.AsofOnlineStore"}
    if kind == "sidecar":
        online["socket"] = str(request.getfixturevalue("sidecar").socket)
    else:
        online["path"] = "data/asof"
    _repository(tmp_path, online)
    close_all()
    with _serving(tmp_path, workers) as url:
        asked = {"features": ["stats:conv"], "entities": {"driver_id": [1, 2, 3, 4]}}
        answer = _post(f"{url}/get-online-features", asked)
        assert answer["metadata"]["feature_names"] == ["driver_id", "conv"]
        assert answer["results"][1]["values"] == [0.5, None, None, None]
        assert answer["results"][1]["statuses"] == ["PRESENT", "NULL_VALUE", "OUTSIDE_MAX_AGE", "NOT_FOUND"]
        row = {
            "driver_id": [4],
            "conv": [4.5],
            "trips": [1],
            "event_timestamp": [NOW.isoformat()],
            "created": [NOW.isoformat()],
        }
        _post(f"{url}/push", {"push_source_name": "stats_push", "df": row, "to": "online"})
        assert _post(f"{url}/get-online-features", asked)["results"][1]["values"][3] == 4.5


# Processes


def test_one_process_has_one_engine_for_a_path(make_store: Any, tmp_path: Path) -> None:
    first = AsofOnlineStoreConfig(path=str(tmp_path / "store"))
    (tmp_path / "link").symlink_to(tmp_path / "store")
    assert engine(first) is engine(AsofOnlineStoreConfig(path="link"), tmp_path)
    stores = [make_store({"type": "asofdb.feast.AsofOnlineStore", "path": "store"}, project) for project in ("a", "b")]
    engines = {id(engine_of(store)) for store in stores}
    assert engines == {id(engine(first))}


def test_a_second_process_is_told_of_the_sidecar(tmp_path: Path) -> None:
    engine(AsofOnlineStoreConfig(path=str(tmp_path / "store")))
    script = textwrap.dedent(
        """
        import sys
        from asofdb import UnavailableError
        from asofdb.feast import AsofOnlineStoreConfig
        from asofdb.feast.connect import engine
        try:
            engine(AsofOnlineStoreConfig(path=sys.argv[1]))
        except UnavailableError as error:
            print(error)
        """
    )
    command = [sys.executable, "-W", "ignore", "-c", script, str(tmp_path / "store")]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "another process" in said
    assert "configure `socket: SOCKET` in place of `path`" in said


def _in_child(work: Callable[[], object]) -> str:
    """Returns what `work` gives in a fork of this process."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, str(work()).encode())
        except BaseException as error:
            os.write(writing, f"{type(error).__name__}: {error}".encode())
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as answer:
        return answer.read()


def test_workers_forked_from_a_process_that_reads_through_a_sidecar(
    sidecar: Any, make_store: Any, tmp_path: Path
) -> None:
    store = make_store({"type": "asofdb.feast.AsofOnlineStore", "socket": str(sidecar.socket)})
    store.apply([DRIVER, stats_view(tmp_path)])
    write(store, "stats", stats(1, 0.5, NOW))
    assert conv(store)[0] == 0.5
    assert _in_child(partial(conv, store)).startswith("(0.5, 'PRESENT',")
    assert conv(store)[0] == 0.5


def test_workers_forked_from_a_process_that_has_the_store_open(make_store: Any, embedded: Any, tmp_path: Path) -> None:
    store = make_store(embedded)
    store.apply([DRIVER, stats_view(tmp_path)])
    write(store, "stats", stats(1, 0.5, NOW))
    assert _in_child(partial(conv, store)).startswith("UnavailableError: ")
    assert conv(store)[0] == 0.5


@pytest.mark.parametrize("where", [{}, {"path": "a", "socket": "b"}])
def test_a_configuration_names_one_store(where: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"either `path` .* or `socket`"):
        AsofOnlineStoreConfig(**where)
    with pytest.raises(Exception, match=r"either `path` .* or `socket`"):
        online = {"type": "asofdb.feast.AsofOnlineStore", **where}
        RepoConfig(project="shop", provider="local", registry="r.db", online_store=online)


def test_a_closed_store_opens_again_when_it_is_used(make_store: Any, embedded: Any, tmp_path: Path) -> None:
    store = make_store(embedded)
    store.apply([DRIVER, stats_view(tmp_path)])
    write(store, "stats", stats(1, 0.5, NOW))
    close_all()
    with asofdb.Store.open(tmp_path / "store") as mine:
        assert mine.latest("shop__stats:conv", {"driver_id": 1}).to_dict()["conv"] == [0.5]
    assert conv(store)[0] == 0.5
