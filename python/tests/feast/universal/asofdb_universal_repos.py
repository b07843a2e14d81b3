"""Repositories for Feast's universal tests: the module that FULL_REPO_CONFIGS_MODULE names.

Feast's tests find online stores by name, and some of them ask for one store by name (`only=["redis"]`). The store
that `ASOFDB_UNIVERSAL_STORE` asks for is registered under the name `ASOFDB_UNIVERSAL_NAME`, so that those run against
it too.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.universal.feature_repos.universal.data_sources.file import (  # type: ignore[import-not-found]
    FileDataSourceCreator,
)
from tests.universal.feature_repos.universal.online_store_creator import (  # type: ignore[import-not-found]
    OnlineStoreCreator,
)

STORE = os.environ.get("ASOFDB_UNIVERSAL_STORE", "asofdb")
NAME = os.environ.get("ASOFDB_UNIVERSAL_NAME", "redis")
OFFLINE = os.environ.get("ASOFDB_UNIVERSAL_OFFLINE", "file")
START_TIMEOUT_S = 30.0


class _Temporary(OnlineStoreCreator):  # type: ignore[misc]
    """An online store in a directory of its own, gone after the test."""

    def __init__(self, project_name: str, **kwargs: Any) -> None:
        super().__init__(project_name)
        self.directory = Path(tempfile.mkdtemp(prefix="universal-"))

    def teardown(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)


class EmbeddedCreator(_Temporary):
    """Our store, opened in the test's process."""

    def create_online_store(self) -> dict[str, Any]:
        return {"type": "asofdb.feast.AsofOnlineStore", "path": str(self.directory / "store")}


class LenientCreator(_Temporary):
    """Our store, serving expired values as Feast's own stores do."""

    def create_online_store(self) -> dict[str, Any]:
        path = str(self.directory / "store")
        return {"type": "asofdb.feast.AsofOnlineStore", "path": path, "serve_expired": True}


class _Served(_Temporary):
    """A store behind a server process that lives as long as the test."""

    server: "subprocess.Popen[bytes] | None" = None

    def start(self, command: list[str], ready: Callable[[], bool]) -> None:
        self.server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + START_TIMEOUT_S
        while not ready():
            if self.server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the server did not start: {' '.join(command)}")
            time.sleep(0.02)

    def teardown(self) -> None:
        if self.server is not None:
            self.server.terminate()
            self.server.wait(timeout=START_TIMEOUT_S)
        super().teardown()


class SidecarCreator(_Served):
    """Our store behind `asof serve`; `ASOF_BINARY` names the binary."""

    def create_online_store(self) -> dict[str, Any]:
        path = self.directory / "asof.sock"
        asof = os.environ.get("ASOF_BINARY", "asof")
        self.start(
            [asof, "--store", str(self.directory / "store"), "serve", "--socket", str(path)],
            lambda: _accepts(socket.AF_UNIX, str(path)),
        )
        return {"type": "asofdb.feast.AsofOnlineStore", "socket": str(path)}


class RedisCreator(_Served):
    """Feast's own Redis store, for comparison, on a `redis-server` of the test."""

    def create_online_store(self) -> dict[str, Any]:
        port = _free_port()
        self.start(
            ["redis-server", "--port", str(port), "--save", "", "--dir", str(self.directory)],
            lambda: _accepts(socket.AF_INET, ("127.0.0.1", port)),
        )
        return {"type": "redis", "connection_string": f"127.0.0.1:{port},db=0"}


class AsofDataSourceCreator(FileDataSourceCreator):  # type: ignore[misc]
    """Feast's Parquet sources, read through our offline store instead of Feast's."""

    def create_offline_store_config(self) -> Any:
        from asofdb.feast import AsofOfflineStoreConfig

        directory = tempfile.mkdtemp(prefix="universal-")
        self.dirs.append(directory)
        return AsofOfflineStoreConfig(path=f"{directory}/store")


class AsofSidecarDataSourceCreator(FileDataSourceCreator):  # type: ignore[misc]
    """The repository through a sidecar."""

    def create_offline_store_config(self) -> Any:
        from asofdb.feast import AsofOfflineStoreConfig

        self.sidecar = SidecarCreator(self.project_name)
        return AsofOfflineStoreConfig(socket=self.sidecar.create_online_store()["socket"])

    def teardown(self) -> None:
        self.sidecar.teardown()
        super().teardown()


def _accepts(family: socket.AddressFamily, address: Any) -> bool:
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(address) == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


STORES: dict[str, tuple[Any, "type[OnlineStoreCreator] | None"]] = {
    "asofdb": ({"type": "asofdb.feast.AsofOnlineStore"}, EmbeddedCreator),
    "asofdb-sidecar": ({"type": "asofdb.feast.AsofOnlineStore"}, SidecarCreator),
    "asofdb-lenient": ({"type": "asofdb.feast.AsofOnlineStore"}, LenientCreator),
    "redis": ({"type": "redis"}, RedisCreator),
    "sqlite": ({"type": "sqlite"}, None),
}
SOURCES: dict[str, type[FileDataSourceCreator]] = {
    "file": FileDataSourceCreator,
    "asofdb": AsofDataSourceCreator,
    "asofdb-sidecar": AsofSidecarDataSourceCreator,
}

AVAILABLE_ONLINE_STORES = {NAME: STORES[STORE]}
AVAILABLE_OFFLINE_STORES = [("local", SOURCES[OFFLINE])]
