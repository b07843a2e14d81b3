"""Historical features through Feast: our offline store beside Feast's own for files, on the same Parquet file.

    python feast_offline.py [--rows 1000000] [--features 10] [--spine 100000]

CPU seconds of the process, which reads, joins and makes a data frame. The first retrieval of ours writes the file into
the store; the next ones find it there. Feast's store reads the file each time.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from feast.repo_config import RegistryConfig
from feast.types import Float64, Int64

from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
SPAN_S = 90 * 86_400
DRIVERS = 10_000


def main() -> None:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description="Historical features: asofdb beside Feast's store for files.")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--features", type=int, default=10)
    parser.add_argument("--spine", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        names = [f"f{number}" for number in range(options.features)]
        _rows(options.rows, names).to_parquet(place / "trips.parquet")
        spine = _times(options.spine, seed=2)
        references = [f"trips:{name}" for name in names]
        ours = _store(place, "ours", {"type": "asofdb.feast.AsofOfflineStore", "path": str(place / "store")}, names)
        theirs = _store(place, "theirs", {"type": "dask"}, names)
        print("| retrieval | CPU s | rows |\n|---|---|---|")
        for what, store in (("asofdb, first", ours), ("asofdb, next", ours), ("Feast, dask", theirs)):
            retrieve = _retrieval(store, spine, references)
            seconds, rows = _measured(retrieve)
            print(f"| {what} | {seconds:.2f} | {rows} |")


def _rows(count: int, names: list[str]) -> Any:
    generator = np.random.default_rng(1)
    rows = _times(count, seed=1)
    rows["created"] = rows["event_timestamp"]
    for name in names:
        rows[name] = generator.random(count)
    return rows


def _times(count: int, seed: int) -> Any:
    generator = np.random.default_rng(seed)
    seconds = pd.to_timedelta(generator.integers(0, SPAN_S, count), unit="s")
    times = pd.Timestamp(START) + seconds
    return pd.DataFrame({"driver_id": generator.integers(0, DRIVERS, count), "event_timestamp": times})


def _store(place: Path, project: str, offline: dict[str, Any], names: list[str]) -> FeatureStore:
    store = FeatureStore(
        config=RepoConfig(
            project=project,
            provider="local",
            registry=RegistryConfig(path=str(place / f"{project}.db")),
            offline_store=offline,
            online_store={"type": "sqlite", "path": str(place / f"{project}.sqlite")},
            entity_key_serialization_version=3,
        )
    )
    driver = Entity(name="driver", join_keys=["driver_id"], value_type=ValueType.INT64)
    source = FileSource(
        name="trips",
        path=str(place / "trips.parquet"),
        timestamp_field="event_timestamp",
        created_timestamp_column="created",
    )
    schema = [Field(name="driver_id", dtype=Int64), *(Field(name=name, dtype=Float64) for name in names)]
    store.apply([driver, FeatureView(name="trips", entities=[driver], schema=schema, source=source, ttl=timedelta(0))])
    return store


def _retrieval(store: FeatureStore, spine: pd.DataFrame, references: list[str]) -> Callable[[], int]:
    return lambda: len(store.get_historical_features(spine, references).to_df())


def _measured(retrieve: Callable[[], int]) -> tuple[float, int]:
    before = time.process_time()
    rows = retrieve()
    return time.process_time() - before, rows


if __name__ == "__main__":
    main()
