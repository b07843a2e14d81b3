"""Promises of a sidecar's client beside those of a store."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pytest
from support import DEFINITIONS, T0, Sidecar, activity

import asofdb

T = TypeVar("T")


def patiently(call: Callable[[], T]) -> T:
    """Calls again while the answer is late: a busy machine may take longer than a short time-out."""
    for _ in range(60):
        try:
            return call()
        except asofdb.UnavailableError:
            continue
    return call()


def test_no_sidecar_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(asofdb.UnavailableError, match="socket"):
        asofdb.Client(tmp_path / "socket")
    for timeout in (-1, 0, float("nan")):
        with pytest.raises(asofdb.InvalidError, match="a time-out is in seconds, above zero"):
            asofdb.Client(tmp_path / "socket", timeout=timeout)


def test_a_client_waits_for_a_sidecar_that_starts(sidecar: Sidecar) -> None:
    sidecar.stop()
    starting = threading.Timer(0.1, sidecar.start)
    starting.start()
    with asofdb.Client(sidecar.socket, wait=120) as client:
        assert client.catalog().revision == 0
    starting.join()


def test_a_consumer_has_a_name_that_is_checked(sidecar: Sidecar) -> None:
    asofdb.Client(sidecar.socket, consumer="ranker-v1").close()
    with pytest.raises(asofdb.InvalidError, match="consumer"):
        asofdb.Client(sidecar.socket, consumer="\n")


def test_a_client_reads_the_memory_of_its_sidecar(tmp_path: Path) -> None:
    sidecar = Sidecar(tmp_path, "--share-memory")
    try:
        with (
            asofdb.Client(sidecar.socket) as plain,
            asofdb.Client(sidecar.socket, consumer="ranker", shared_memory=True) as client,
        ):
            client.apply(DEFINITIONS)
            client.write("activity", activity([1, 2, 3], client.now(), clicks=[7, None, 9]))
            request = client.prepare("activity:clicks")
            users = {"user_id": [1, 2, 3, 4]}

            def read_here() -> bool:
                before = client.shared_reads["answered"]
                assert request.latest(users).to_dict()["clicks"] == [7, None, 9, None]
                return bool(client.shared_reads["answered"] > before)

            # The first read brings the rows into memory, and from time to time one asks the sidecar for the time.
            assert any(read_here() for _ in range(1_000)), client.shared_reads
            assert client.shared_reads["is_shared"] and client.shared_reads["refused"] is None
            assert plain.shared_reads == {"is_shared": False, "refused": None, "answered": 0, "passed_on": 0}
            client.write("activity", activity([1], client.now(), clicks=[8]))
            assert request.latest(users).to_dict()["clicks"] == [8, None, 9, None]
            reads = client.shared_reads["answered"] + client.shared_reads["passed_on"]
        with asofdb.Client(sidecar.socket) as plain:
            told = [row for row in plain.usage() if row.consumer == "ranker" and row.name == "activity"]
            assert [row.serving.calls for row in told] == [reads]
    finally:
        sidecar.stop()
    with pytest.raises(asofdb.UnavailableError):
        asofdb.Client(sidecar.socket, shared_memory=True)


def test_many_threads_share_a_client(client: asofdb.Client) -> None:
    users = list(range(100))
    client.write("activity", activity(users, T0, clicks=users))
    request = client.prepare("activity:clicks")
    wrong: list[Any] = []

    def read(thread: int) -> None:
        for round_ in range(50):
            mine = [(thread * 7 + round_ + n) % 100 for n in range(10)]
            found = request.as_of({"user_id": mine}, at=T0).to_dict()["clicks"]
            if found != mine:
                wrong.append((mine, found))

    threads = [threading.Thread(target=read, args=(thread,)) for thread in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_call_that_waits_lets_other_threads_run(sidecar: Sidecar) -> None:
    """The sidecar is stopped, so that a read waits: the GIL is free meanwhile."""
    client = asofdb.Client(sidecar.socket, timeout=300)
    client.apply(DEFINITIONS)
    request = client.prepare("activity:clicks")
    statuses: list[Any] = []
    reader = threading.Thread(target=lambda: statuses.extend(request.latest({"user_id": [1]}).statuses().tolist()))
    sidecar.pause()
    try:
        reader.start()
        for _ in range(100):
            reader.join(0.001)
        assert reader.is_alive()
    finally:
        sidecar.resume()
    reader.join()
    assert statuses == [[asofdb.Status.MISSING]]


def test_a_call_that_is_not_answered_in_time_fails_and_the_next_one_does_not(sidecar: Sidecar) -> None:
    asofdb.Client(sidecar.socket).apply(DEFINITIONS)
    client = asofdb.Client(sidecar.socket, timeout=1, wait=60)
    request = patiently(lambda: client.prepare("activity:clicks"))
    sidecar.pause()
    try:
        with pytest.raises(asofdb.UnavailableError, match="did not answer within 1s"):
            request.latest({"user_id": [1]})
    finally:
        sidecar.resume()
    answer = patiently(lambda: request.latest({"user_id": [1]}))
    assert answer.statuses().tolist() == [[asofdb.Status.MISSING]]


def read_in_child(client: asofdb.Client, request: asofdb.Request, users: list[int], answers: Any) -> None:
    answers.put(
        (
            client.as_of("activity:clicks", {"user_id": users}, at=T0).to_dict()["clicks"],
            request.as_of_numpy({"user_id": users}, at=T0).ravel().tolist(),
        )
    )


def test_children_of_a_fork_connect_anew(client: asofdb.Client) -> None:
    users = list(range(50))
    client.write("activity", activity(users, T0, clicks=users))
    request = client.prepare("activity:clicks")
    context = multiprocessing.get_context("fork")
    answers: Any = context.Queue()
    asked = [[n, n + 1] for n in range(0, 16, 2)]
    children = [context.Process(target=read_in_child, args=(client, request, users, answers)) for users in asked]
    for child in children:
        child.start()
    # The parent goes on with its own connections meanwhile.
    for _ in range(100):
        assert request.as_of({"user_id": [3]}, at=T0).to_dict()["clicks"] == [3]
    found = sorted(answers.get(timeout=30) for _ in children)
    for child in children:
        child.join(30)
        assert child.exitcode == 0
    assert found == [(users, [float(user) for user in users]) for users in asked]


def test_a_store_is_not_for_children_of_a_fork(store: asofdb.Store) -> None:
    store.write("activity", activity([1], T0))
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            store.latest("activity:clicks", {"user_id": [1]})
        except asofdb.ClosedError as error:
            os.write(write, str(error).encode())
        del store
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as said:
        assert "before a fork" in said.read()
    assert os.waitpid(child, 0)[1] == 0
    # The parent's store is as it was.
    assert store.as_of("activity:clicks", {"user_id": [1]}, at=T0).to_dict()["clicks"] == [0]


def test_a_sidecar_that_was_restarted_is_found_again(client: asofdb.Client, sidecar: Sidecar) -> None:
    client.write("activity", activity([1], T0, clicks=[7]), durability="sync")
    request = client.prepare("activity:clicks")
    assert request.as_of({"user_id": 1}, at=T0).to_dict()["clicks"] == [7]
    sidecar.kill()
    with pytest.raises(asofdb.UnavailableError):
        request.latest({"user_id": 1})
    sidecar.start()
    assert request.as_of({"user_id": 1}, at=T0).to_dict()["clicks"] == [7]


def test_a_matrix_may_be_read_by_others_while_it_is_filled(client: asofdb.Client) -> None:
    client.write("activity", activity([1], T0, clicks=[7]))
    out = np.zeros((1, 1), np.float32)
    view = out[:]
    client.prepare("activity:clicks").as_of_numpy({"user_id": 1}, at=T0, out=out)
    assert view.tolist() == [[7.0]]


def test_a_write_that_is_too_long_is_refused_before_it_is_sent(client: asofdb.Client) -> None:
    rows = 3_000_000
    table = pa.table(
        {
            "user_id": np.arange(rows),
            "clicks": np.arange(rows),
            "rate": np.zeros(rows, np.float32),
            "active": np.zeros(rows, np.bool_),
            "event_timestamp": pa.array(np.full(rows, T0.replace(tzinfo=None), "datetime64[us]")),
        }
    )
    with pytest.raises(
        asofdb.InvalidError, match=r"at most \d+ bytes: \d+; write fewer rows at a time, or ingest them"
    ):
        client.write("activity", table)
    assert client.stats()["rows"] == 0
    client.write("activity", table.slice(0, 1000))
    assert client.stats()["rows"] == 1000
