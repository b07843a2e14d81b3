"""Feast's own metrics of reads, where they are on."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from asofdb import _native


@contextmanager
def timed_read() -> Iterator[None]:
    """Tells Feast's metrics, if they are on, how long a read takes."""
    metrics = _metrics()
    if metrics is None:
        yield
        return
    start = time.monotonic()
    yield
    metrics.track_online_store_read(time.monotonic() - start)


def count_values(views: Sequence[str], answer: _native.FeastAnswer) -> None:
    """Tells Feast's metrics, if they are on, how many values were there."""
    metrics = _metrics()
    if metrics is None:
        return
    present: dict[str, int] = {}
    asked: dict[str, int] = {}
    for view, count in zip(views, answer.counts(), strict=True):
        present[view] = present.get(view, 0) + count
        asked[view] = asked.get(view, 0) + len(answer)
    for view, count in present.items():
        metrics.track_feature_statuses(view, count, asked[view] - count)


def _metrics() -> Any:
    """Feast's metrics of online reads; None where they are off."""
    metrics = sys.modules.get("feast.metrics")
    return metrics if metrics is not None and metrics._config.online_features else None
