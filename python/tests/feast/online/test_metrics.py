"""Feast's own metrics go on counting."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from feast import FeatureStore

from .support import DRIVER, NOW, stats, stats_view, write


def test_reads_are_counted_where_feasts_metrics_are_on(
    store: FeatureStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    metrics = pytest.importorskip("feast.metrics")
    store.apply([DRIVER, stats_view(tmp_path)])
    write(store, "stats", stats(1, None, NOW))
    counted: list[Any] = []
    monkeypatch.setattr(metrics, "track_feature_statuses", lambda *counts: counted.append(counts))
    monkeypatch.setattr(metrics, "track_online_store_read", lambda seconds: counted.append(seconds > 0))
    rows = {"driver_id": [1, 2]}
    monkeypatch.setattr(metrics._config, "online_features", False)
    store.get_online_features(["stats:conv", "stats:trips"], rows)
    assert counted == []
    monkeypatch.setattr(metrics._config, "online_features", True)
    store.get_online_features(["stats:conv", "stats:trips"], rows)
    assert counted == [True, ("stats", 2, 2)]
