"""The client for asyncio."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from . import _native
from ._catalog import Catalog, Plan
from ._reports import Erased, Freshness, IngestReport, JoinReport, Verified, Version
from ._request import Request, Time
from ._result import Result
from ._store import Client, Path, Wanted
from ._training import TrainingSet

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["AsyncClient"]


def _settle(future: asyncio.Future[_native.Answer], answer: _native.Answer | None, error: BaseException | None) -> None:
    """Called in the event loop when an answer is there; whoever asked may have been cancelled meanwhile."""
    if future.done():
        return
    if answer is None:
        future.set_exception(error or RuntimeError("neither an answer nor an error"))
    else:
        future.set_result(answer)


class AsyncClient:
    """A :class:`Client` whose methods are coroutines. A read that waits for its answer holds no thread, and any number
    of them share one connection; everything else runs in a thread of asyncio's pool.

    >>> client = await asofdb.AsyncClient.connect("/run/asof/socket")
    >>> result = await client.latest("activity:clicks", {"user_id": [1001, 1002]})

    It may be used from several event loops, and by children of a fork.
    """

    __slots__ = ("_client", "_reads")

    def __init__(self, client: Client) -> None:
        """Over a client that is connected already; see :meth:`connect`."""
        self._client = client
        self._reads = _native.AsyncEngine(client._engine)

    @classmethod
    async def connect(
        cls, socket: Path, *, consumer: str | None = None, timeout: float = 30.0, wait: float = 0.0
    ) -> AsyncClient:
        """Connects to the sidecar that listens on the Unix socket ``socket``. See :class:`Client`."""
        path = os.fspath(socket)
        return cls(await asyncio.to_thread(lambda: Client(path, consumer=consumer, timeout=timeout, wait=wait)))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return repr(self._client).replace("Client", "AsyncClient", 1)

    async def close(self) -> None:
        """As :meth:`Store.close`."""
        await asyncio.to_thread(self._client.close)

    async def prepare(self, references: str | Sequence[str]) -> Request:
        """As :meth:`Store.prepare`; the request's own reads are those of the blocking client."""
        return await asyncio.to_thread(self._client.prepare, references)

    async def latest(self, references: str | Sequence[str] | Request, entities: Any) -> Result:
        """As :meth:`Store.latest`."""
        return await self._read(references, entities, None, None)

    async def as_of(
        self,
        references: str | Sequence[str] | Request,
        entities: Any,
        *,
        at: Time,
        known_at: Time | None = None,
    ) -> Result:
        """As :meth:`Store.as_of`."""
        return await self._read(references, entities, at, known_at)

    async def _read(
        self, references: str | Sequence[str] | Request, entities: Any, at: Time | None, known_at: Time | None
    ) -> Result:
        request = self._client._known(references)
        if request is None:
            request = await asyncio.to_thread(self._client._request, references)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[_native.Answer] = loop.create_future()
        self._reads.read(request._request, entities, at, known_at, loop.call_soon_threadsafe, _settle, future)
        return Result(await future)

    async def apply(self, definitions: Wanted, *, allow_drop: bool = False, revision: int | None = None) -> Plan:
        """As :meth:`Store.apply`."""
        return await asyncio.to_thread(
            lambda: self._client.apply(definitions, allow_drop=allow_drop, revision=revision)
        )

    async def plan(self, definitions: Wanted) -> Plan:
        """As :meth:`Store.plan`."""
        return await asyncio.to_thread(self._client.plan, definitions)

    async def catalog(self) -> Catalog:
        """As :meth:`Store.catalog`."""
        return await asyncio.to_thread(self._client.catalog)

    async def write(self, view: str, table: Any, *, durability: str | None = None) -> datetime:
        """As :meth:`Store.write`."""
        return await asyncio.to_thread(lambda: self._client.write(view, table, durability=durability))

    async def write_all(self, tables: Mapping[str, Any], *, durability: str | None = None) -> datetime:
        """As :meth:`Store.write_all`."""
        return await asyncio.to_thread(lambda: self._client.write_all(tables, durability=durability))

    async def history(self, view: str, entity: Mapping[str, Any], *, limit: int | None = None) -> list[Version]:
        """As :meth:`Store.history`."""
        return await asyncio.to_thread(lambda: self._client.history(view, entity, limit=limit))

    async def delete(
        self, views: str | Sequence[str], entity: Mapping[str, Any], *, at: Time | None = None
    ) -> datetime:
        """As :meth:`Store.delete`."""
        return await asyncio.to_thread(lambda: self._client.delete(views, entity, at=at))

    async def erase(self, views: str | Sequence[str], entity: Mapping[str, Any]) -> list[Erased]:
        """As :meth:`Store.erase`."""
        return await asyncio.to_thread(self._client.erase, views, entity)

    async def ingest(self, view: str, *sources: Any, **options: Any) -> IngestReport:
        """As :meth:`Store.ingest`."""
        return await asyncio.to_thread(lambda: self._client.ingest(view, *sources, **options))

    async def training_set(
        self, spine: Any, references: str | Sequence[str], **options: Any
    ) -> TrainingSet | JoinReport:
        """As :meth:`Store.training_set`; what it gives as a stream is read in a thread:
        ``await asyncio.to_thread(training_set.to_pandas)``."""
        return await asyncio.to_thread(lambda: self._client.training_set(spine, references, **options))

    async def export(self, view: str, out: Path, **options: Any) -> dict[str, Any]:
        """As :meth:`Store.export`."""
        return await asyncio.to_thread(lambda: self._client.export(view, out, **options))

    async def now(self) -> datetime:
        """As :meth:`Store.now`."""
        return await asyncio.to_thread(self._client.now)

    async def freshness(self, view: str) -> Freshness:
        """As :meth:`Store.freshness`."""
        return await asyncio.to_thread(self._client.freshness, view)

    async def stats(self) -> dict[str, Any]:
        """As :meth:`Store.stats`."""
        return await asyncio.to_thread(self._client.stats)

    async def verify(self) -> Verified:
        """As :meth:`Store.verify`."""
        return await asyncio.to_thread(self._client.verify)

    async def compact(self) -> None:
        """As :meth:`Store.compact`."""
        await asyncio.to_thread(self._client.compact)

    async def checkpoint(self, to: Path, *, copy: bool = False) -> None:
        """As :meth:`Store.checkpoint`."""
        await asyncio.to_thread(self._client.checkpoint, to, copy=copy)
