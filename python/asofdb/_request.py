"""Requests that are resolved once and read many times."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ._result import Result
from .computed import RequestValue

if TYPE_CHECKING:
    from ._native import Request as NativeRequest

__all__ = ["Request", "Time", "references_of"]

Time = datetime | np.datetime64 | str
"""A point in time: an aware datetime, a datetime64 (which is UTC), or RFC 3339 text."""


def references_of(references: str | Sequence[str]) -> tuple[str, ...]:
    """References as a tuple; a single one may stand for itself."""
    return (references,) if isinstance(references, str) else tuple(references)


def warn(request: NativeRequest, stacklevel: int) -> None:
    """Warns whoever asks for what is deprecated."""
    for warning in request.warnings():
        warnings.warn(warning, DeprecationWarning, stacklevel=stacklevel)


class Request:
    """References whose names were resolved once. It follows the catalog: after a change the next read resolves them
    again. Any number of threads may use it, and children of a fork."""

    __slots__ = ("_request",)

    def __init__(self, request: NativeRequest) -> None:
        self._request = request
        warn(request, stacklevel=4)

    def __repr__(self) -> str:
        return f"<asofdb.Request {', '.join(self.references)}>"

    @property
    def references(self) -> list[str]:
        """The references as they were given."""
        return self._request.references

    @property
    def features(self) -> list[str]:
        """``view:feature`` of each feature, in the order of answers."""
        return [f"{view}:{name}" for view, name, _ in self._request.features()]

    @property
    def names(self) -> list[str]:
        """The name of each feature's column in answers: ``view__feature`` where names collide."""
        return self._request.names()

    @property
    def types(self) -> list[str]:
        """The type of each feature."""
        return [ty for _, _, ty in self._request.features()]

    @property
    def join_keys(self) -> dict[str, str]:
        """The columns that entities have, with their types."""
        return dict(self._request.join_keys())

    @property
    def request_values(self) -> dict[str, RequestValue]:
        """The values that come with the question, by name: what features are computed from, beside the store's."""
        return {value[0]: RequestValue(*value) for value in self._request.request_values()}

    def latest(self, entities: Any, *, request: Any | None = None) -> Result:
        """As :meth:`Store.latest`."""
        return Result(self._request.read(entities, None, None, request))

    def as_of(self, entities: Any, *, at: Time, known_at: Time | None = None, request: Any | None = None) -> Result:
        """As :meth:`Store.as_of`."""
        return Result(self._request.read(entities, at, known_at, request))

    def latest_numpy(
        self,
        entities: Any,
        *,
        out: npt.NDArray[np.float32] | None = None,
        fill: float = float("nan"),
        request: Any | None = None,
    ) -> npt.NDArray[np.float32]:
        """The newest values as a float32 matrix of entities × features, ready for a model: the quickest read. It goes
        into ``out``, contiguous and of that shape, if that is given. ``request`` is as in :meth:`Store.latest`.

        Raises ``InvalidError`` when a feature is not a number or bool, or ``out`` has another shape.
        """
        return self._request.read_matrix(entities, out, fill, None, None, request)

    def as_of_numpy(
        self,
        entities: Any,
        *,
        at: Time,
        known_at: Time | None = None,
        out: npt.NDArray[np.float32] | None = None,
        fill: float = float("nan"),
        request: Any | None = None,
    ) -> npt.NDArray[np.float32]:
        """:meth:`latest_numpy` as of a time."""
        return self._request.read_matrix(entities, out, fill, at, known_at, request)
