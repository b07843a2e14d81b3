"""The connection and the settings with which an online store reads."""

from __future__ import annotations

from dataclasses import dataclass

from .connect import Engine
from .kept import Kept
from .views import Naming


@dataclass(frozen=True)
class Context:
    """One online store as its calls see it."""

    engine: Engine
    naming: Naming
    kept: Kept
    serve_expired: bool
