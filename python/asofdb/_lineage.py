"""Lineage: what a store is asked to read and write, told as run events of OpenLineage."""

from __future__ import annotations

import os
import urllib.request
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from . import _native
from .errors import Error, InvalidError

if TYPE_CHECKING:
    from ._catalog import Plan

__all__ = ["Lineage", "LineageRun", "tell_plan", "told"]

# The longest time that one event may take, in seconds. Work waits for it.
_TIMEOUT = 5.0

_Things = tuple[Sequence[str], Sequence[str]]
"""References (views, features or services), and paths of files."""


class Lineage:
    """Where events go: lines of a file, or posts to an address. What cannot be told is a warning, and keeps nothing
    from being done."""

    __slots__ = ("_place", "namespace")

    def __init__(self, place: str | os.PathLike[str], namespace: str) -> None:
        """Raises ``InvalidError`` for an address that is none of HTTP or HTTPS."""
        self._place = os.fspath(place)
        self.namespace = namespace
        if self._is_address and not self._place.startswith(("http://", "https://")):
            raise InvalidError(
                f"lineage goes to a file, or to an address that begins with https:// or http://: {self._place!r}"
            )

    @property
    def _is_address(self) -> bool:
        return "://" in self._place

    def put(self, event: str) -> None:
        """Tells an event."""
        try:
            if self._is_address:
                head = {"Content-Type": "application/json"}
                asked = urllib.request.Request(self._place, event.encode(), head, method="POST")
                urllib.request.urlopen(asked, timeout=_TIMEOUT).close()
            else:
                # In one write, so that lines of several processes do not mix.
                with open(self._place, "ab", buffering=0) as file:
                    file.write(f"{event}\n".encode())
        except (OSError, ValueError) as error:
            warnings.warn(f"lineage was not told: {error}", stacklevel=2)


class LineageRun:
    """One run of a job; it ends once."""

    __slots__ = ("_is_over", "_lineage", "_run")

    def __init__(self, lineage: Lineage, run: _native.LineageRun) -> None:
        self._lineage = lineage
        self._run = run
        self._is_over = False

    @classmethod
    def begin(
        cls,
        lineage: Lineage | None,
        engine: _native.Engine,
        job: str,
        *,
        reads: _Things = ((), ()),
        writes: _Things = ((), ()),
    ) -> LineageRun | None:
        """Begins a run, if there is anybody to tell."""
        if lineage is None:
            return None
        lists = [(list(references), list(files)) for references, files in (reads, writes)]
        try:
            run = cls(lineage, _native.LineageRun(engine, lineage.namespace, job, *lists))
        except Error as error:
            # The work asks the same engine, and says it as its own error.
            warnings.warn(f"lineage was not told: {error}", stacklevel=3)
            return None
        run._put("start", None)
        return run

    def end(self, reason: str | None = None) -> None:
        """Ends it: well, or for a reason for which it failed. It ends once."""
        if not self._is_over:
            self._is_over = True
            self._put("complete" if reason is None else "fail", reason)

    def _put(self, state: str, reason: str | None) -> None:
        self._lineage.put(self._run.event(state, reason))


@contextmanager
def told(begin: Callable[[], LineageRun | None]) -> Iterator[None]:
    """Tells of work: its begin, and how it ends."""
    run = begin()
    try:
        yield
    except BaseException as error:
        if run is not None:
            run.end(str(error) or type(error).__name__)
        raise
    if run is not None:
        run.end()


def tell_plan(lineage: Lineage | None, engine: _native.Engine, plan: Plan) -> None:
    """Tells which views an apply has changed."""
    views = [change.name for change in plan if change.what.endswith("view") and change.kind != "drop"]
    if views:
        with told(lambda: LineageRun.begin(lineage, engine, "apply", writes=(views, ()))):
            pass
