"""Feast in the shape that it publishes figures for: 25 views x 10 features of 1, 10 and 100 entities, by its Redis and
SQLite stores, by asofdb as its store, and by asofdb's own Python client without Feast."""

import os
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np

import board
import feast_stores
import servers

COUNTS = [1, 10, 100]
ASOF = "asofdb.feast.AsofOnlineStore"


def measure(options, found):
    cores = os.sched_getaffinity(0)
    # Both ends on one core: wake-ups across cores outweigh what is measured, in virtual machines.
    os.sched_setaffinity(0, {min(cores)})
    try:
        with tempfile.TemporaryDirectory(dir=options.folder) as text:
            base, port = Path(text), servers.free_port()
            with servers.asof(base, options.asof) as asof, servers.redis(base, port) as redis:
                readers = contenders(base, port, asof, redis, options.entities)
                check(readers, options.entities)
                for count in COUNTS:
                    turns(readers, count, options, found)
    finally:
        os.sched_setaffinity(0, cores)


def contenders(base, port, asof, redis, entities):
    import asofdb

    online = {
        "Feast + Redis": ({"type": "redis", "connection_string": f"127.0.0.1:{port}"}, [redis]),
        "Feast + SQLite": ({"type": "sqlite", "path": str(base / "online.sqlite")}, []),
        "Feast + asofdb sidecar": ({"type": ASOF, "socket": str(base / "socket")}, [asof]),
        "Feast + asofdb embedded": ({"type": ASOF, "path": str(base / "embedded")}, []),
    }
    at = datetime.now(timezone.utc) - timedelta(hours=1)
    readers = {}
    for number, (name, (settings, pids)) in enumerate(online.items()):
        store = feast_stores.project(base, f"p{number}", settings)
        feast_stores.fill(store, entities, at)
        readers[name] = (by_feast(store), pids)
    request = asofdb.Client(base / "socket").prepare(by_name(asofdb.Client(base / "socket")))
    readers["asofdb sidecar"] = (lambda users: request.latest_numpy({"user_id": users}), [asof])
    return readers


def by_name(client):
    """The features in the order asked, as Feast's project has named their views in the store."""
    views = client.catalog().feature_views
    names = {feature.name: f"{view}:{feature.name}" for view, found in views.items() for feature in found.features}
    return [names[reference.split(":")[1]] for reference in feast_stores.REFERENCES]


def by_feast(store):
    def read(users):
        answer = store.get_online_features(feast_stores.REFERENCES, [{"user_id": user} for user in users.tolist()])
        return answer.to_dict()

    return read


def check(readers, entities):
    users = np.arange(0, entities, 37)
    views, features = feast_stores.VIEWS, feast_stores.FEATURES
    wanted = [[feast_stores.value(u, v, n) for v in range(views) for n in range(features)] for u in users.tolist()]
    wanted = np.array(wanted, np.float32)
    names = [reference.split(":")[1] for reference in feast_stores.REFERENCES]
    for name, (read, _) in readers.items():
        answer = read(users)
        if isinstance(answer, dict):
            answer = np.array([answer[column] for column in names], np.float32).T
        np.testing.assert_array_equal(answer, wanted, name)


def turns(readers, count, options, found):
    random = np.random.default_rng(count)
    calls = max(10, options.calls // count)
    requests = [random.integers(0, options.entities, count) for _ in range(calls)]
    for name, rounds in board.calls(readers, requests, count, options.rounds).items():
        found.add(f"feast-{count}", name, rounds)
