"""Servers that the benches need, on Unix sockets in a temporary directory, stopped when they are done."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import asofdb


def until(ready: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    """Waits until a server answers."""
    for _ in range(500):
        if process.poll() is not None:
            raise SystemExit(f"{process.args!r} ended with {process.returncode}")
        if ready():
            return
        time.sleep(0.02)
    raise SystemExit(f"{process.args!r} does not answer")


@contextmanager
def running(command: list[str], ready: Callable[[], bool], cores: set[int] | None) -> Iterator[None]:
    """A server, while the block runs; on these cores."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        if cores:
            for thread in Path(f"/proc/{process.pid}/task").iterdir():
                os.sched_setaffinity(int(thread.name), cores)
        until(ready, process)
        yield
    finally:
        process.terminate()
        process.wait(30)


def asof(directory: Path, cores: set[int] | None = None):  # type: ignore[no-untyped-def]
    """`asof serve` over a new store; the binary is $ASOF_BINARY or on the path. Its socket is `directory`/socket."""
    binary = os.environ.get("ASOF_BINARY") or shutil.which("asof")
    if not binary:
        raise SystemExit("set ASOF_BINARY to the binary asof")
    socket = directory / "socket"

    def ready() -> bool:
        try:
            asofdb.Client(socket).close()
        except asofdb.UnavailableError:
            return False
        return True

    return running([binary, "serve", "--store", str(directory / "store"), "--socket", str(socket)], ready, cores)


def redis(directory: Path, cores: set[int] | None = None):  # type: ignore[no-untyped-def]
    """`redis-server` without persistence. Its socket is `directory`/redis."""
    socket = directory / "redis"
    command = ["redis-server", "--port", "0", "--unixsocket", str(socket), "--save", "", "--appendonly", "no"]
    return running([*command, "--dir", str(directory)], socket.exists, cores)
