"""The client for asyncio."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from support import DEFINITIONS, HOUR, T0, UTC, Sidecar, activity

import asofdb


async def test_it_has_the_methods_of_a_client(sidecar: Sidecar, tmp_path: Path) -> None:
    async with await asofdb.AsyncClient.connect(sidecar.socket) as client:
        assert await client.plan(DEFINITIONS)
        assert await client.apply(DEFINITIONS)
        assert (await client.catalog()).revision == 1
        await client.write("activity", activity([1, 2], T0, clicks=[7, None]))
        await client.write_all({"activity": activity([3], T0)}, durability="sync")
        result = await client.as_of("activity:clicks", {"user_id": [1, 2, 9]}, at=T0)
        assert result.to_dict() == {"user_id": [1, 2, 9], "clicks": [7, None, None]}
        assert (await client.latest("activity:clicks", {"user_id": 1})).statuses().tolist() == [[3]]
        request = await client.prepare("activity:clicks")
        assert (await client.as_of(request, {"user_id": 1}, at=T0, known_at=T0)).to_dict()["clicks"] == [None]
        assert len(await client.history("activity", {"user_id": 1})) == 1
        training_set = await client.training_set({"user_id": [1], "event_timestamp": [T0]}, "activity:clicks")
        assert (await asyncio.to_thread(training_set.to_arrow))["clicks"].to_pylist() == [7]
        assert (await client.export("activity", tmp_path / "export"))["rows"] == 3
        assert (
            await client.ingest("visits", [{"user_id": 1, "shop": "a", "count": 1, "event_timestamp": T0}])
        ).rows_written == 1
        await client.delete("activity", {"user_id": 1}, at=T0 + HOUR)
        assert [receipt.versions for receipt in await client.erase("activity", {"user_id": 1})] == [2]
        assert (await client.freshness("activity")).entities == 2
        assert [ages.entities for ages in await client.ages("activity")] == [2]
        assert (await client.stats())["rows"] > 0
        assert (await client.verify()).problems == []
        assert await client.now() - datetime.now(UTC) < timedelta(minutes=1)
        await client.compact()
        await client.checkpoint(tmp_path / "copy")
    with pytest.raises(asofdb.ClosedError):
        await client.latest("activity:clicks", {"user_id": 1})


async def test_many_reads_are_on_their_way_at_once(client: asofdb.Client) -> None:
    users = list(range(200))
    client.write("activity", activity(users, T0, clicks=users))
    reads = asofdb.AsyncClient(client)
    answers = await asyncio.gather(
        *(reads.as_of("activity:clicks", {"user_id": [user, user + 1]}, at=T0) for user in range(199))
    )
    assert [answer.to_dict()["clicks"] for answer in answers] == [[user, user + 1] for user in range(199)]


async def test_a_read_that_waits_lets_the_loop_run_and_can_be_cancelled(sidecar: Sidecar) -> None:
    client = await asofdb.AsyncClient.connect(sidecar.socket, timeout=300)
    await client.apply(DEFINITIONS)
    assert len(await client.latest("activity:clicks", {"user_id": [1]})) == 1
    sidecar.pause()
    try:
        read = asyncio.create_task(client.latest("activity:clicks", {"user_id": [1]}))
        for _ in range(50):
            await asyncio.sleep(0)
        assert not read.done()
        read.cancel()
        with pytest.raises(asyncio.CancelledError):
            await read
    finally:
        sidecar.resume()
    assert len(await client.latest("activity:clicks", {"user_id": [1, 2]})) == 2


def test_its_methods_have_the_parameters_and_the_documentation_of_a_client_s() -> None:
    for name, method in inspect.getmembers(asofdb.Client, inspect.isfunction):
        if name.startswith("_"):
            continue
        coroutine = getattr(asofdb.AsyncClient, name)
        assert inspect.iscoroutinefunction(coroutine), name
        assert inspect.signature(coroutine).parameters.keys() == inspect.signature(method).parameters.keys(), name
        assert coroutine.__doc__, name


async def until(has_happened: Callable[[], bool]) -> None:
    """Looks again and again, for a minute or so, whether something has happened."""
    for _ in range(6_000):
        if has_happened():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it does not happen")


async def test_an_export_that_is_cancelled_ends_here_and_in_the_sidecar(
    client: asofdb.Client, sidecar: Sidecar, tmp_path: Path
) -> None:
    # The sidecar itself would end a stream that pauses; here only the client's end may.
    sidecar.stop()
    sidecar.arguments = ("--stall-timeout", "1h")
    sidecar.start()
    # More than sockets hold, so that the sidecar is in the midst of it.
    users = list(range(200_000))
    client.ingest("activity", activity(users, T0))
    bulk = asofdb.AsyncClient(client)
    for _ in range(6):  # more often than there are threads for it
        begun, go_on = threading.Event(), threading.Event()

        def progress(*_: object, begun: threading.Event = begun, go_on: threading.Event = go_on) -> None:
            begun.set()
            go_on.wait()

        export = asyncio.create_task(bulk.export("activity", tmp_path / "out", progress=progress))
        try:
            await asyncio.to_thread(begun.wait)
            await until(lambda: sidecar.gauge("requests_in_flight") == 1)
            export.cancel()
            with pytest.raises(asyncio.CancelledError):
                await export
            await until(lambda: sidecar.gauge("requests_in_flight") == 0)
        finally:
            go_on.set()
        await until(lambda: not list(tmp_path.glob(".out*")))
        assert not (tmp_path / "out").exists()
    assert (await bulk.export("activity", tmp_path / "out"))["rows"] == len(users)
    assert client.freshness("activity").entities == len(users)


async def test_a_training_set_outlives_the_call_that_began_it(client: asofdb.Client) -> None:
    client.write("activity", activity([1], T0, clicks=[7]))
    bulk = asofdb.AsyncClient(client)
    training_set = await bulk.training_set({"user_id": [1], "event_timestamp": [T0]}, "activity:clicks")
    assert (await asyncio.to_thread(training_set.to_arrow))["clicks"].to_pylist() == [7]


async def test_errors_are_those_of_a_client(client: asofdb.Client, sidecar: Sidecar) -> None:
    reads = asofdb.AsyncClient(client)
    with pytest.raises(asofdb.NotFoundError, match="activty"):
        await reads.latest("activty", {"user_id": 1})
    with pytest.raises(asofdb.InvalidError, match="user_id"):
        await reads.latest("activity", {"user": 1})
    with pytest.raises(asofdb.InvalidError, match="time zone"):
        await reads.as_of("activity", {"user_id": 1}, at=T0.replace(tzinfo=None))
    assert len(await reads.latest("activity", {"user_id": 1})) == 1
    sidecar.kill()
    with pytest.raises(asofdb.UnavailableError):
        await reads.latest("activity", {"user_id": 1})
    sidecar.start()
    assert len(await reads.latest("activity", {"user_id": 1})) == 1


def test_it_serves_one_event_loop_after_another(client: asofdb.Client) -> None:
    reads = asofdb.AsyncClient(client)

    async def read() -> int:
        return len(await reads.latest("activity", {"user_id": [1, 2, 3]}))

    assert [asyncio.run(read()) for _ in range(3)] == [3, 3, 3]
