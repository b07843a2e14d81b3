"""CPU time of Feast's ``get_online_features`` with its Redis store and with this one, in one run.

Three feature views with 85 features of one entity, 20,000 entities; the same rows are written into both stores through
Feast, and the answers are compared value by value before anything is timed. Each figure is the median over rounds of
the process's CPU time a call; in each round all stores take turns.

    python benches/feast_online.py --asof TARGET/asof [--entities 1,10,100,1000] [--rounds 7] [--json OUT]

It starts a ``redis-server`` (on a loopback port: Feast's store knows no Unix sockets) and an ``asof serve`` of its own.
"""

from __future__ import annotations

import argparse
import json
import random
import socket
import statistics
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

warnings.filterwarnings("ignore")

from feast.protos.feast.types.EntityKey_pb2 import EntityKey  # noqa: E402
from feast.protos.feast.types.Value_pb2 import Value  # noqa: E402
from feast.types import Bool, Float32, Float64, Int64, String  # noqa: E402

from asofdb.feast import fast_online_features  # noqa: E402
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType  # noqa: E402

ENTITIES = 20_000
VIEWS = {"profile": 15, "activity": 50, "risk": 20}
TYPES = [Float64, Float32, Int64, Float64, String, Bool]
REFERENCES = [f"{view}:{view}_{n}" for view, count in VIEWS.items() for n in range(count)]


def main() -> None:
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as directory:
        base = Path(directory)
        with _redis(base) as redis, _sidecar(base, arguments.asof) as sidecar:
            stores = {
                "redis": _store(base, "redis", {"type": "redis", "connection_string": redis}),
                "asof sidecar": _store(base, "sidecar", _asof(socket=sidecar)),
                "asof embedded": _store(base, "embedded", _asof(path=str(base / "embedded-store"))),
            }
            newest = datetime.now(timezone.utc) - timedelta(hours=1)
            for name, store in stores.items():
                print(f"writing into {name}: {_fill(store, newest):,.0f} rows/s through online_write_batch", flush=True)
            _check_equal(stores)
            results = _measure(stores, arguments.entities, arguments.rounds)
    _print(results, arguments.entities)
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(results, indent=1))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--asof", required=True, help="the binary")
    parser.add_argument("--entities", type=lambda text: [int(n) for n in text.split(",")], default=[1, 10, 100, 1000])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json")
    return parser.parse_args()


# Servers


@contextmanager
def _running(command: list[str], is_up: Callable[[], bool]) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            if is_up():
                break
            time.sleep(0.05)
        else:
            raise SystemExit(f"did not start: {' '.join(command)}")
        yield
    finally:
        process.terminate()
        process.wait(60)


@contextmanager
def _redis(base: Path) -> Iterator[str]:
    """A Redis on a loopback port: Feast's store knows no Unix sockets."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", str(base)]

    def is_up() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    with _running(command, is_up):
        yield f"127.0.0.1:{port}"


@contextmanager
def _sidecar(base: Path, asof: str) -> Iterator[str]:
    path = base / "asof.sock"
    command = [asof, "--store", str(base / "sidecar-store"), "serve", "--socket", str(path)]
    with _running(command, path.exists):
        yield str(path)


# Stores


def _asof(**where: str) -> dict[str, str]:
    return {"type": "asofdb.feast.AsofOnlineStore", **where}


def _store(base: Path, name: str, online: dict[str, str]) -> FeatureStore:
    config = RepoConfig(
        project="bench",
        provider="local",
        registry={"path": str(base / f"{name}.db"), "cache_ttl_seconds": 0},
        online_store=online,
        entity_key_serialization_version=3,
    )
    store = FeatureStore(config=config)
    user = Entity(name="user", join_keys=["user_id"], value_type=ValueType.INT64)
    source = FileSource(path=str(base / "none.parquet"), timestamp_field="event_timestamp")
    views = [
        FeatureView(
            name=view,
            entities=[user],
            ttl=timedelta(days=30),
            schema=[
                Field(name="user_id", dtype=Int64),
                *(Field(name=f"{view}_{n}", dtype=TYPES[n % len(TYPES)]) for n in range(count)),
            ],
            source=source,
        )
        for view, count in VIEWS.items()
    ]
    store.apply([user, *views])
    return store


def _value(row: int, n: int) -> Value:
    if (row + n) % 97 == 0:
        return Value()
    match n % len(TYPES):
        case 0 | 3:
            return Value(double_val=row * 0.25 + n)
        case 1:
            return Value(float_val=row * 0.5 - n)
        case 2:
            return Value(int64_val=row * 1_000 + n)
        case 4:
            return Value(string_val=f"segment-{(row * 7 + n) % 50}")
        case _:
            return Value(bool_val=(row + n) % 3 == 0)


def _fill(store: FeatureStore, newest: datetime) -> float:
    """Writes every entity's rows, and gives how many went in a second of the store's own work."""
    provider = store._get_provider()
    spent, rows = 0.0, 0
    for view in VIEWS:
        table = store.get_feature_view(view)
        for start in range(0, ENTITIES, 2_000):
            data = [
                (
                    EntityKey(join_keys=["user_id"], entity_values=[Value(int64_val=row)]),
                    {f"{view}_{n}": _value(row, n) for n in range(VIEWS[view])},
                    newest - timedelta(seconds=row % 600),
                    None,
                )
                for row in range(start, start + 2_000)
            ]
            begin = time.perf_counter()
            provider.online_write_batch(store.config, table, data, None)
            spent += time.perf_counter() - begin
            rows += len(data)
    return rows / spent


def _check_equal(stores: dict[str, FeatureStore]) -> None:
    """Refuses to measure stores that give different answers."""
    rows = [{"user_id": row} for row in range(0, ENTITIES, 41)]
    answers = {name: store.get_online_features(REFERENCES, rows) for name, store in stores.items()}
    expected = answers["redis"].to_dict(include_event_timestamps=True)
    for name, answer in answers.items():
        found = answer.to_dict(include_event_timestamps=True)
        differing = {column for column in expected if found[column] != expected[column]}
        assert not differing and found.keys() == expected.keys(), (name, differing)
        by_name = dict(zip(answer.proto.metadata.feature_names.val, answer.proto.results, strict=True))
        redis = answers["redis"].proto
        for feature, vector in zip(redis.metadata.feature_names.val, redis.results, strict=True):
            assert list(by_name[feature].values) == list(vector.values), (name, feature)
            assert list(by_name[feature].event_timestamps) == list(vector.event_timestamps), (name, feature)


# Measurements


def _measure(stores: dict[str, FeatureStore], counts: list[int], rounds: int) -> dict[str, dict[str, dict[str, float]]]:
    """CPU milliseconds of a call: by what is done, by entities, by store."""
    uses: dict[str, Callable[[FeatureStore, list[dict[str, int]]], Any]] = {
        "get_online_features": lambda store, rows: store.get_online_features(REFERENCES, rows),
        "and its message": lambda store, rows: store.get_online_features(REFERENCES, rows).proto,
        "and to_dict()": lambda store, rows: store.get_online_features(REFERENCES, rows).to_dict(),
        "and to_df()": lambda store, rows: store.get_online_features(REFERENCES, rows).to_df(),
        "fast_online_features": lambda store, rows: fast_online_features(store, REFERENCES, rows),
        "fast, and to_dict()": lambda store, rows: fast_online_features(store, REFERENCES, rows).to_dict(),
    }
    results: dict[str, dict[str, dict[str, float]]] = {}
    for use, call in uses.items():
        results[use] = {}
        for count in counts:
            taken: dict[str, list[float]] = {name: [] for name in stores if "fast" not in use or "asof" in name}
            for number in range(rounds):
                for name in taken:
                    taken[name].append(_cpu_ms(stores[name], call, count, number))
            results[use][str(count)] = {name: statistics.median(times) for name, times in taken.items()}
    return results


def _cpu_ms(store: FeatureStore, call: Callable[..., Any], count: int, seed: int) -> float:
    random.seed(seed)
    rows = [{"user_id": random.randrange(ENTITIES)} for _ in range(count)]
    call(store, rows)
    calls = max(3, 600 // count) if count < 1000 else 3
    begin = time.process_time()
    for _ in range(calls):
        call(store, rows)
    return (time.process_time() - begin) / calls * 1_000


def _print(results: dict[str, dict[str, dict[str, float]]], counts: list[int]) -> None:
    for use, by_count in results.items():
        print(f"\n{use}: CPU ms a call (times less than Redis)")
        for count in counts:
            times = by_count[str(count)]
            redis = times.get("redis")
            cells = [
                f"{name} {ms:.3f}" + (f" ({redis / ms:.1f}x)" if redis and name != "redis" else "")
                for name, ms in times.items()
            ]
            print(f"  {count:>5} entities: " + ", ".join(cells))


if __name__ == "__main__":
    main()
