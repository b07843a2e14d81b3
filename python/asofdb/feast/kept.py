"""A cache of what an online store has worked out."""

from __future__ import annotations

from typing import Any, Final

from .connect import Engine

_KEPT_MAX: Final = 1024
"""The most entries that an online store keeps; beyond, all are forgotten at once."""


class Kept:
    """Results that an online store has worked out, by what was asked."""

    def __init__(self) -> None:
        self._known: dict[tuple[Any, ...], tuple[Any, Engine, Any]] = {}

    def find(self, key: tuple[Any, ...], source: Any, engine: Engine) -> Any:
        """Returns what was kept under ``key``, if it was made of this very ``source`` and for this engine."""
        kept = self._known.get(key)
        return kept[2] if kept is not None and kept[0] is source and kept[1] is engine else None

    def keep(self, key: tuple[Any, ...], source: Any, engine: Engine, made: Any) -> None:
        """Keeps what was made under ``key``."""
        if len(self._known) >= _KEPT_MAX:
            self._known.clear()
        self._known[key] = (source, engine, made)
