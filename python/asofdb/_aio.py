"""The client for asyncio."""

from __future__ import annotations

import asyncio
import functools
import os
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar, overload

from . import _native
from ._reports import JoinReport
from ._request import Request, Time
from ._result import Result
from ._store import Client, JoinOptions, Path, Progress
from ._training import TrainingSet

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

__all__ = ["AsyncClient"]

P = ParamSpec("P")
T = TypeVar("T")

# Threads of a process for bulk work. Each holds a connection; the sidecar has two places for such work, unless told
# otherwise, and the others would only wait in its line.
_BULK_THREADS_MAX = 4


@functools.cache
def _bulk_threads() -> Executor:
    return ThreadPoolExecutor(_BULK_THREADS_MAX, thread_name_prefix="asofdb-bulk")


# The child of a fork has none of its parent's threads.
os.register_at_fork(after_in_child=_bulk_threads.cache_clear)


def _settle(future: asyncio.Future[_native.Answer], answer: _native.Answer | None, error: BaseException | None) -> None:
    """Called in the event loop when an answer is there; whoever asked may have been cancelled meanwhile."""
    if future.done():
        return
    if answer is None:
        future.set_exception(error or RuntimeError("neither an answer nor an error"))
    else:
        future.set_result(answer)


def _coroutine(
    method: Callable[Concatenate[Client, P], T], *, bulk: bool = False
) -> Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, T]]:
    """Makes a coroutine of a method of :class:`Client`, with its parameters and its documentation."""

    @functools.wraps(method)
    async def call(self: AsyncClient, /, *args: P.args, **kwargs: P.kwargs) -> T:
        # Without threads of its own it takes one of asyncio's.
        return await self._in_thread(_bulk_threads() if bulk else None, method, *args, **kwargs)

    return call


class AsyncClient:
    """A :class:`Client` whose methods are coroutines. A read that waits for its answer holds no thread, and any number
    of them share one connection; everything else runs in a thread. Exports, ingests, training sets and what else takes
    long have four threads of their own in a process.

    >>> client = await asofdb.AsyncClient.connect("/run/asof/socket")
    >>> result = await client.latest("activity:clicks", {"user_id": [1001, 1002]})

    Of a read that is cancelled the answer is dropped. Any other call that is cancelled closes its connection, by which
    the sidecar ends what it does for it; what was written by then stays written. A training set that is given as a
    stream is read in a thread: ``await asyncio.to_thread(training_set.to_pandas)``.

    It may be used from several event loops, and by children of a fork.
    """

    __slots__ = ("_client", "_reads")

    def __init__(self, client: Client) -> None:
        """Over a client that is connected already; see :meth:`connect`."""
        self._client = client
        self._reads = _native.AsyncEngine(client._engine)

    @classmethod
    async def connect(
        cls,
        socket: Path,
        *,
        consumer: str | None = None,
        model: str | None = None,
        timeout: float = 30.0,
        wait: float = 0.0,
        lineage: Path | None = None,
        lineage_namespace: str = "asofdb",
    ) -> AsyncClient:
        """Connects to the sidecar that listens on the Unix socket ``socket``. See :class:`Client`."""
        connect = functools.partial(
            Client,
            socket,
            consumer=consumer,
            model=model,
            timeout=timeout,
            wait=wait,
            lineage=lineage,
            lineage_namespace=lineage_namespace,
        )
        return cls(await asyncio.to_thread(connect))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return repr(self._client).replace("Client", "AsyncClient", 1)

    async def close(self) -> None:
        """As :meth:`Client.close`."""
        await asyncio.to_thread(self._client.close)

    async def prepare(self, references: str | Sequence[str]) -> Request:
        """As :meth:`Client.prepare`; the request's own reads are those of the blocking client."""
        return await asyncio.to_thread(self._client.prepare, references)

    async def latest(
        self, references: str | Sequence[str] | Request, entities: Any, *, request: Any | None = None
    ) -> Result:
        """As :meth:`Client.latest`."""
        return await self._read(references, entities, None, None, request)

    async def as_of(
        self,
        references: str | Sequence[str] | Request,
        entities: Any,
        *,
        at: Time,
        known_at: Time | None = None,
        request: Any | None = None,
    ) -> Result:
        """As :meth:`Client.as_of`."""
        return await self._read(references, entities, at, known_at, request)

    async def _read(
        self,
        references: str | Sequence[str] | Request,
        entities: Any,
        at: Time | None,
        known_at: Time | None,
        values: Any | None,
    ) -> Result:
        request = self._client._known(references)
        if request is None:
            request = await asyncio.to_thread(self._client._request, references)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[_native.Answer] = loop.create_future()
        self._reads.read(request._request, entities, at, known_at, values, loop.call_soon_threadsafe, _settle, future)
        return Result(await future)

    async def _in_thread(
        self,
        threads: Executor | None,
        method: Callable[Concatenate[Client, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        client = self._client._cancellable()
        work = functools.partial(method, client, *args, **kwargs)
        try:
            return await asyncio.get_running_loop().run_in_executor(threads, work)
        except asyncio.CancelledError:
            client._engine.cancel()
            raise

    async def id(self) -> str | None:
        """As :attr:`Client.id`, which waits for the sidecar."""
        return await self._in_thread(None, lambda client: client.id)

    # Each is a coroutine with the parameters and the result of the client's method.

    apply = _coroutine(Client.apply)
    plan = _coroutine(Client.plan)
    plan_hash = _coroutine(Client.plan_hash)
    approve = _coroutine(Client.approve)
    propose = _coroutine(Client.propose)
    propose_policy = _coroutine(Client.propose_policy)
    policy_plan_hash = _coroutine(Client.policy_plan_hash)
    begin_audit = _coroutine(Client.begin_audit)
    audits = _coroutine(Client.audits)
    audited = _coroutine(Client.audited)
    plans = _coroutine(Client.plans)
    policy = _coroutine(Client.policy)
    apply_policy = _coroutine(Client.apply_policy)
    log = _coroutine(Client.log)
    catalog = _coroutine(Client.catalog)
    search = _coroutine(Client.search)
    history = _coroutine(Client.history)
    write = _coroutine(Client.write)
    write_all = _coroutine(Client.write_all)
    delete = _coroutine(Client.delete)
    delete_events = _coroutine(Client.delete_events)
    erase = _coroutine(Client.erase)
    now = _coroutine(Client.now)
    stats = _coroutine(Client.stats)
    answers = _coroutine(Client.answers)
    feeds = _coroutine(Client.feeds)
    materialize = _coroutine(Client.materialize, bulk=True)
    audit = _coroutine(Client.audit, bulk=True)
    statistics = _coroutine(Client.statistics)
    profile = _coroutine(Client.profile, bulk=True)
    alerts = _coroutine(Client.alerts)
    consumers = _coroutine(Client.consumers)
    limits = _coroutine(Client.limits)
    set_limits = _coroutine(Client.set_limits)
    usage = _coroutine(Client.usage, bulk=True)
    models = _coroutine(Client.models)
    flush = _coroutine(Client.flush)
    clock = _coroutine(Client.clock)
    confirm_clock = _coroutine(Client.confirm_clock)

    ingest = _coroutine(Client.ingest, bulk=True)
    export = _coroutine(Client.export, bulk=True)
    ages = _coroutine(Client.ages)
    freshness = _coroutine(Client.freshness, bulk=True)
    duplicates = _coroutine(Client.duplicates, bulk=True)
    verify = _coroutine(Client.verify, bulk=True)
    compact = _coroutine(Client.compact, bulk=True)
    checkpoint = _coroutine(Client.checkpoint, bulk=True)
    backup = _coroutine(Client.backup, bulk=True)
    repair_clock = _coroutine(Client.repair_clock, bulk=True)

    # A type checker takes the first overload of what it is given, so that these are spelled here.

    @overload
    async def training_set(
        self, spine: Any, references: str | Sequence[str], *, out: None = None, **options: Unpack[JoinOptions]
    ) -> TrainingSet: ...

    @overload
    async def training_set(
        self,
        spine: Any,
        references: str | Sequence[str],
        *,
        out: Path,
        progress: Progress | None = None,
        **options: Unpack[JoinOptions],
    ) -> JoinReport: ...

    @overload
    async def training_set(
        self,
        *,
        from_log: Path,
        out: Path,
        references: str | Sequence[str] = (),
        statuses: bool = False,
        event_timestamps: bool = False,
        full_names: bool = False,
        progress: Progress | None = None,
    ) -> JoinReport: ...

    @functools.wraps(Client.training_set)
    async def training_set(self, *args: Any, **kwargs: Any) -> TrainingSet | JoinReport:
        return await self._in_thread(_bulk_threads(), Client.training_set, *args, **kwargs)
