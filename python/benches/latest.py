"""Latest values of 1, 100 and 1,000 entities x 50 features into a float32 matrix: asofdb's sidecar beside redis-py.

Both over Unix sockets on this host, the same values, checked to be equal. Redis keeps a hash an entity and answers
HMGET in one pipeline, whose texts are parsed as floats; that is how feature stores on Redis keep features that can be
read one by one. For comparison also one packed value an entity (MGET), which gives up reading and writing single
features. redis-py parses with hiredis where that is installed; the bench says which it was.

    ASOF_BINARY=.../asof python benches/latest.py [--entities 20000] [--pinned] [--layer BINARY]

`--pinned` puts both ends on one core: wake-ups across cores outweigh everything else in virtual machines.
`--layer` is the example of that name: the same reads from Rust, for what Python adds to them.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import redis as redis_py
import servers

import asofdb

FEATURES = 50
BATCHES = (1, 100, 1000)
Matrix = npt.NDArray[np.float32]


def fill_asof(client: asofdb.Client, values: Matrix) -> None:
    features = [asofdb.Feature(f"f{n}", "float32") for n in range(FEATURES)]
    client.apply([asofdb.Entity("user", {"user_id": "int64"}), asofdb.FeatureView("bench", ["user"], features)])
    rows = len(values)
    columns = {"user_id": pa.array(np.arange(rows)), "event_timestamp": pa.array([datetime.now(timezone.utc)] * rows)}
    columns |= {f"f{n}": pa.array(values[:, n]) for n in range(FEATURES)}
    client.ingest("bench", pa.table(columns))


def fill_redis(client: redis_py.Redis, values: Matrix) -> None:
    names = [f"f{n}" for n in range(FEATURES)]
    for start in range(0, len(values), 1000):
        pipeline = client.pipeline(transaction=False)
        for user in range(start, min(start + 1000, len(values))):
            texts = map(repr, values[user].tolist())
            pipeline.hset(f"user:{user}", mapping=dict(zip(names, texts, strict=True)))
            pipeline.set(f"packed:{user}", values[user].tobytes())
        pipeline.execute()


def microseconds(read: Callable[[npt.NDArray[np.int64]], Matrix], batches: list[npt.NDArray[np.int64]]) -> list[float]:
    """The time of each call."""
    times = []
    for users in batches:
        start = time.perf_counter_ns()
        read(users)
        times.append((time.perf_counter_ns() - start) / 1000)
    return times


def layer(directory: Path, binary: Path, values: Matrix) -> None:
    """Medians of the same reads from Rust and from Python, turn by turn."""
    request = asofdb.Client(directory / "socket").prepare("bench")
    for rows in BATCHES:
        rounds = max(200, 20_000 // rows)
        batches = [(n * 7919 + np.arange(rows) * 104_729) % len(values) for n in range(rounds)]
        rust, python = [], []
        for _ in range(7):
            command = [str(binary), str(directory / "socket"), *map(str, (len(values), rows, rounds))]
            rust.append(float(subprocess.run(command, capture_output=True, check=True).stdout))
            python.append(
                statistics.median(microseconds(lambda users: request.latest_numpy({"user_id": users}), batches))
            )
        print(
            f"{rows:,} rows: Rust {statistics.median(rust):,.1f}, Python {statistics.median(python):,.1f}, "
            f"Python adds {statistics.median(np.subtract(python, rust)):.1f} microseconds"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entities", type=int, default=20_000)
    parser.add_argument("--pinned", action="store_true")
    parser.add_argument("--layer", type=Path)
    arguments = parser.parse_args()
    cores = {0} if arguments.pinned else None
    if cores:
        os.sched_setaffinity(0, cores)
    random = np.random.default_rng(7)
    values = random.standard_normal((arguments.entities, FEATURES), np.float32)
    with tempfile.TemporaryDirectory() as text:
        directory = Path(text)
        with servers.asof(directory, cores), servers.redis(directory, cores):
            compare(directory, values, random)
            if arguments.layer:
                layer(directory, arguments.layer, values)


def compare(directory: Path, values: Matrix, random: np.random.Generator) -> None:
    client = asofdb.Client(directory / "socket")
    redis = redis_py.Redis(unix_socket_path=str(directory / "redis"))
    fill_asof(client, values)
    fill_redis(redis, values)
    request = client.prepare("bench")
    names = [f"f{n}" for n in range(FEATURES)]

    def by_handle(users: npt.NDArray[np.int64]) -> Matrix:
        return request.latest_numpy({"user_id": users})

    def by_result(users: npt.NDArray[np.int64]) -> Matrix:
        return client.latest(["bench:*"], {"user_id": users.tolist()}).to_numpy()

    def by_hmget(users: npt.NDArray[np.int64]) -> Matrix:
        pipeline = redis.pipeline(transaction=False)
        for user in users.tolist():
            pipeline.hmget(f"user:{user}", names)
        return np.array([[float(text) for text in row] for row in pipeline.execute()], np.float32)

    def by_mget(users: npt.NDArray[np.int64]) -> Matrix:
        packed = redis.mget([f"packed:{user}" for user in users.tolist()])
        return np.frombuffer(b"".join(packed), np.float32).reshape(len(users), FEATURES)

    readers = {
        "prepared, latest_numpy": by_handle,
        "latest(...).to_numpy()": by_result,
        "redis-py HMGET, floats": by_hmget,
        "redis-py MGET, packed": by_mget,
    }
    parser = "hiredis" if importlib.util.find_spec("hiredis") else "its own parser"
    print(f"{len(values):,} entities x {FEATURES}; redis-py {redis_py.__version__} with {parser}")
    print("p50 (p99) in microseconds, and HMGET over each\n")
    print(f"{'':26}" + "".join(f"{f'{rows:,} rows':>32}" for rows in BATCHES))
    found: dict[str, list[list[float]]] = {name: [] for name in readers}
    for rows in BATCHES:
        rounds = max(30, min(4000, 40_000 // rows))
        batches = [random.integers(0, len(values), rows) for _ in range(rounds)]
        for name, read in readers.items():
            np.testing.assert_array_equal(read(batches[0]), values[batches[0]], err_msg=name)
            microseconds(read, batches[: rounds // 5])
        # Round by round and in another order each, so that what disturbs the machine disturbs all of them.
        times: dict[str, list[float]] = {name: [] for name in readers}
        for start in range(0, rounds, 10):
            for name in random.permutation(list(readers)).tolist():
                times[name] += microseconds(readers[name], batches[start : start + 10])
        for name in readers:
            found[name].append(times[name])
    for name, columns in found.items():
        line = f"{name:26}"
        for times_of, hmget in zip(columns, found["redis-py HMGET, floats"], strict=True):
            p50 = statistics.median(times_of)
            p99 = sorted(times_of)[int(len(times_of) * 0.99)]
            line += f"{f'{p50:,.1f} ({p99:,.1f})':>22}{statistics.median(hmget) / p50:>9.1f}x"
        print(line)


if __name__ == "__main__":
    main()
