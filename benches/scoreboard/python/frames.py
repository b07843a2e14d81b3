"""1,000 keys x 10 floats to a data frame of pandas: what a model that is served from Python asks for."""

import os
import sqlite3
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

import servers

FEATURES = 10
KEYS = 1_000
NAMES = [f"f{n}" for n in range(FEATURES)]


def measure(options, found):
    import board

    random = np.random.default_rng(5)
    count = min(options.rows, 200_000)
    values = random.standard_normal((count, FEATURES), np.float32)
    requests = [random.integers(0, count, KEYS) for _ in range(options.calls)]
    cores = os.sched_getaffinity(0)
    # Both ends on one core: wake-ups across cores outweigh what is measured, in virtual machines.
    os.sched_setaffinity(0, {min(cores)})
    try:
        with tempfile.TemporaryDirectory(dir=options.folder) as text:
            directory = Path(text)
            with servers.asof(directory, options.asof) as asof, servers.redis(directory) as redis:
                readers = contenders(directory, values, asof, redis)
                for name, (read, _) in readers.items():
                    np.testing.assert_array_equal(read(requests[0]).to_numpy(np.float32), values[requests[0]], name)
                for name, rounds in board.calls(readers, requests, KEYS, options.rounds).items():
                    found.add("data-frame", name, rounds)
    finally:
        os.sched_setaffinity(0, cores)


def contenders(directory, values, asof, redis):
    import asofdb

    client, store = asofdb.Client(directory / "socket"), asofdb.Store.open(directory / "embedded")
    fill_asof(client, values)
    fill_asof(store, values)
    return {
        "asofdb sidecar": (by_asof(client), [asof]),
        "asofdb embedded": (by_asof(store), []),
        "asofdb embedded, prepared": (by_prepared(store), []),
        "Redis blobs": (by_blobs(directory, values), [redis]),
        "Redis hashes": (by_hashes(directory, values), [redis]),
        "DuckDB in memory": (by_duckdb(values), []),
        "Polars join": (by_polars(values), []),
        "pandas take": (by_pandas(values), []),
        "SQLite": (by_sqlite(directory, values), []),
    }


def fill_asof(store, values):
    import asofdb

    features = [asofdb.Feature(name, "float32") for name in NAMES]
    store.apply([asofdb.Entity("user", {"user_id": "int64"}), asofdb.FeatureView("bench", ["user"], features)])
    times = pa.array(np.full(len(values), int(time.time()) * 1_000_000), pa.timestamp("us", tz="UTC"))
    columns = {"user_id": pa.array(np.arange(len(values))), "event_timestamp": times}
    columns |= {name: pa.array(values[:, n]) for n, name in enumerate(NAMES)}
    store.ingest("bench", pa.table(columns))


def by_asof(store):
    return lambda users: store.latest("bench", {"user_id": users}).to_pandas()[NAMES]


def by_prepared(store):
    request = store.prepare("bench")
    return lambda users: pd.DataFrame(request.latest_numpy({"user_id": users}), columns=NAMES, copy=False)


def by_blobs(directory, values):
    import redis

    client = redis.Redis(unix_socket_path=str(directory / "redis"))
    for first in range(0, len(values), 10_000):
        rows = range(first, min(first + 10_000, len(values)))
        client.mset({f"b{user}": values[user].tobytes() for user in rows})

    def read(users):
        blobs = client.mget([f"b{user}" for user in users.tolist()])
        return pd.DataFrame(np.frombuffer(b"".join(blobs), np.float32).reshape(len(users), FEATURES), columns=NAMES)

    return read


def by_hashes(directory, values):
    import redis

    client = redis.Redis(unix_socket_path=str(directory / "redis"))
    for first in range(0, len(values), 1_000):
        pipeline = client.pipeline(transaction=False)
        for user in range(first, min(first + 1_000, len(values))):
            pipeline.hset(f"h{user}", mapping=dict(zip(NAMES, map(repr, values[user].tolist()), strict=True)))
        pipeline.execute()

    def read(users):
        pipeline = client.pipeline(transaction=False)
        for user in users.tolist():
            pipeline.hmget(f"h{user}", NAMES)
        return pd.DataFrame([[float(text) for text in row] for row in pipeline.execute()], columns=NAMES)

    return read


def frame(values):
    return pd.DataFrame({"user_id": np.arange(len(values))} | {name: values[:, n] for n, name in enumerate(NAMES)})


def by_duckdb(values):
    import duckdb

    connection, rows = duckdb.connect(), frame(values)
    connection.execute("SET threads = 1")
    connection.register("rows", rows)
    connection.execute("CREATE TABLE bench AS FROM rows")
    connection.execute("CREATE UNIQUE INDEX by_user ON bench (user_id)")

    def read(users):
        asked = pd.DataFrame({"user_id": users, "place": np.arange(len(users))})
        connection.register("asked", asked)
        columns = ", ".join(NAMES)
        return connection.execute(f"SELECT {columns} FROM asked JOIN bench USING (user_id) ORDER BY place").df()

    return read


def by_polars(values):
    import polars as pl

    rows = pl.from_pandas(frame(values))
    return lambda users: (
        pl.DataFrame({"user_id": users})
        .join(rows, on="user_id", how="left", maintain_order="left")
        .select(NAMES)
        .to_pandas()
    )


def by_pandas(values):
    rows = frame(values).set_index("user_id")
    return lambda users: rows.loc[users, NAMES]


def by_sqlite(directory, values):
    connection = sqlite3.connect(directory / "bench.db")
    connection.execute(f"CREATE TABLE bench (user_id INTEGER PRIMARY KEY, {', '.join(f'{n} REAL' for n in NAMES)})")
    places = ", ".join("?" * (FEATURES + 1))
    rows = ((user, *row) for user, row in enumerate(values.tolist()))
    connection.executemany(f"INSERT INTO bench VALUES ({places})", rows)
    connection.commit()
    columns = ", ".join(NAMES)

    def read(users):
        found = [
            connection.execute(f"SELECT {columns} FROM bench WHERE user_id = ?", (user,)).fetchone()
            for user in users.tolist()
        ]
        return pd.DataFrame(found, columns=NAMES)

    return read
