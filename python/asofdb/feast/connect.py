"""The engines that Feast's stores of this process share.

A directory can be open once, so that the online store and the offline store of every ``FeatureStore`` object of the
process go through one engine for each path or socket. A sidecar's clients are shared too.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Protocol, Union
from weakref import WeakSet

from asofdb import Client, Store, UnavailableError

Engine = Union[Store, Client]
"""A store that is open in this process, or the client of a sidecar."""

CONSUMER = "feast"
"""The name under which the sidecar counts this process's requests."""


class Location(Protocol):
    """A store's place: the part that the configurations of the online and the offline store have in common."""

    path: str | None
    socket: str | None


@dataclass
class _Shared:
    engine: Engine
    users: WeakSet[object] = field(default_factory=WeakSet)


_lock = threading.Lock()
_shared: dict[tuple[str, str], _Shared] = {}
_of_parent: list[_Shared] = []


def _after_fork() -> None:
    """In the child of a fork: another thread may have held the lock, and open stores are the parent's.

    Those are kept and left alone, so that nothing of them is closed in this process.
    """
    global _lock
    _lock = threading.Lock()
    for key, shared in list(_shared.items()):
        if isinstance(shared.engine, Store):
            _of_parent.append(_shared.pop(key))


os.register_at_fork(after_in_child=_after_fork)


def check_location(location: Location) -> None:
    """Refuses configurations that name no store, or two."""
    if (location.path is None) == (location.socket is None):
        raise ValueError("asofdb: configure either `path` (a directory) or `socket` (of a running `asof serve`)")


def engine(location: Location, base: Path | None = None, user: object | None = None) -> Engine:
    """The engine of a location, opened where it is not open yet.

    Relative paths are relative to ``base``, the directory of the feature repository. ``user`` is an object that
    gives the engine back with :func:`release`.
    """
    key = _key(location.path, location.socket, base)
    with _lock:
        shared = _shared.get(key)
        if shared is None:
            shared = _shared[key] = _Shared(_open(*key))
        if user is not None:
            shared.users.add(user)
        return shared.engine


def release(user: object) -> None:
    """Closes the engines that nobody uses but ``user``."""
    with _lock:
        for key, shared in list(_shared.items()):
            if user not in shared.users:
                continue
            shared.users.discard(user)
            if not shared.users:
                del _shared[key]
                shared.engine.close()


def close_all() -> None:
    """Closes every engine that Feast's stores opened in this process; they open again when they are used."""
    with _lock:
        while _shared:
            _, shared = _shared.popitem()
            shared.engine.close()


@lru_cache(maxsize=64)
def _key(path: str | None, socket: str | None, base: Path | None) -> tuple[str, str]:
    """Returns the key by which an engine is known. It is looked up once, so that calls do not ask the file system."""
    kind, given = ("socket", socket) if path is None else ("path", path)
    absolute = (base or Path()) / Path(given or "").expanduser()
    return kind, os.path.realpath(absolute)


def _open(kind: str, path: str) -> Engine:
    if kind == "socket":
        return Client(path, consumer=CONSUMER)
    try:
        return Store.open(path)
    except UnavailableError as error:
        raise UnavailableError(
            f"{error}; several processes share a store through its sidecar: run `asof --store {path} serve --socket "
            "SOCKET`, and configure `socket: SOCKET` in place of `path`"
        ) from error
