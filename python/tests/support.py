"""Helpers that tests share: definitions, rows, a sidecar."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

import asofdb

UTC = timezone.utc
T0 = datetime(2024, 5, 1, 12, 0, 0, 123456, tzinfo=UTC)
HOUR = timedelta(hours=1)

DEFINITIONS: list[Any] = [
    asofdb.Entity("user", {"user_id": "int64"}),
    asofdb.Entity("shop", {"shop": "string"}),
    asofdb.FeatureView(
        "activity",
        ["user"],
        [
            asofdb.Feature("clicks", "int64"),
            asofdb.Feature("rate", "float32", default=0.5),
            asofdb.Feature("active", "bool"),
        ],
        ttl="2h",
    ),
    asofdb.FeatureView("visits", ["user", "shop"], [asofdb.Feature("count", "int32")]),
    asofdb.FeatureService("ranker_v1", ["activity:clicks", "activity:rate", "activity:active"]),
]

ALL_TYPES: list[Any] = [
    asofdb.Entity("thing", {"thing": "string"}),
    asofdb.FeatureView(
        "everything",
        ["thing"],
        [
            asofdb.Feature(f"a_{name}", name)
            for name in ("bool", "int32", "int64", "float32", "float64", "string", "bytes", "timestamp", "date")
        ]
        + [
            asofdb.Feature(f"l_{name}", f"list<{name}>")
            for name in ("bool", "int32", "int64", "float32", "float64", "string", "bytes", "timestamp", "date")
        ],
    ),
]


def binary() -> str:
    """The command `asof`, which serves; a test that needs it skips where there is none."""
    found = os.environ.get("ASOF_BINARY") or shutil.which("asof")
    if not found:
        pytest.skip("no asof binary: set ASOF_BINARY to one")
    return found


class Sidecar:
    """`asof serve` over a store, until it is stopped."""

    def __init__(self, directory: Path, *arguments: str, store: str = "served") -> None:
        self.store = directory / store
        self.socket = directory / "run" / "socket"
        self.http = directory / "run" / "http"
        self.socket.parent.mkdir(mode=0o700, exist_ok=True)
        self.arguments = arguments
        self.start()

    def start(self) -> None:
        command = [binary(), "serve", "--store", str(self.store), "--socket", str(self.socket)]
        command += ["--http-socket", str(self.http), *self.arguments]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        asofdb.Client(self.socket, wait=20).close()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)

    def pause(self) -> None:
        """Stops every thread. When this returns it has happened, so that nothing is answered from then on."""
        self.process.send_signal(signal.SIGSTOP)
        # Without it, a thread may run on for a while: the signal is only sent.
        _, status = os.waitpid(self.process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)

    def resume(self) -> None:
        """Lets it go on."""
        self.process.send_signal(signal.SIGCONT)

    def gauge(self, name: str) -> int:
        """Reads a gauge of its native door. ``/metrics`` has them all."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self.http))
            connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            text = b"".join(iter(lambda: connection.recv(1 << 16), b"")).decode()
        found = re.search(rf'^asof_{name}{{door="native"}} (\d+)$', text, re.MULTILINE)
        assert found, text
        return int(found[1])

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(30)


def activity(users: list[int], event: datetime, **columns: list[Any]) -> dict[str, list[Any]]:
    """Rows of `activity`, with a value in each column that `columns` does not give."""
    rows = len(users)
    return {
        "user_id": users,
        "clicks": list(range(rows)),
        "rate": [0.25] * rows,
        "active": [True] * rows,
        "event_timestamp": [event] * rows,
        **columns,
    }
