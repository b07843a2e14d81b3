"""An unmodified Feast client against the sidecar: feast_client.py URL DIRECTORY NOW"""

import sys
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
import requests
from feast import Entity, FeatureService, FeatureStore, FeatureView, Field, FileSource, PushSource
from feast.errors import FeatureServiceNotFoundException, FeatureViewNotFoundException, FeastError
from feast.protos.feast.serving.ServingService_pb2 import FieldStatus
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from feast.types import Array, Bool, Bytes, Float32, Float64, Int32, Int64, String, UnixTimestamp
from feast.value_type import ValueType

URL, DIRECTORY, NOW = sys.argv[1], Path(sys.argv[2]), datetime.fromisoformat(sys.argv[3].replace("Z", "+00:00"))

(DIRECTORY / "feature_store.yaml").write_text(
    f"""
project: demo
registry: {DIRECTORY}/registry.db
provider: local
online_store:
  type: remote
  path: {URL}
offline_store:
  type: file
entity_key_serialization_version: 3
"""
)

user = Entity(name="user", join_keys=["user_id"], value_type=ValueType.INT64)
shop = Entity(name="shop", join_keys=["shop"], value_type=ValueType.STRING)
source = FileSource(name="events", path=str(DIRECTORY / "events.parquet"), timestamp_field="event_timestamp")
events = PushSource(name="user_events", batch_source=source)
stats = FeatureView(
    name="stats",
    entities=[user],
    ttl=timedelta(days=1),
    schema=[
        Field(name="clicks", dtype=Int64),
        Field(name="level", dtype=Int32),
        Field(name="score", dtype=Float32),
        Field(name="rate", dtype=Float64),
        Field(name="active", dtype=Bool),
        Field(name="name", dtype=String),
        Field(name="photo", dtype=Bytes),
        Field(name="seen", dtype=UnixTimestamp),
        Field(name="embedding", dtype=Array(Float32)),
    ],
    source=source,
)
clicks_by_shop = FeatureView(
    name="clicks_by_shop",
    entities=[user, shop],
    schema=[Field(name="clicks", dtype=Int64)],
    source=events,
)
ranker = FeatureService(name="ranker_v1", features=[stats[["score"]], clicks_by_shop])

store = FeatureStore(repo_path=str(DIRECTORY))
store.apply([user, shop, stats, clicks_by_shop, ranker])


def rows(users, event, **columns):
    """A data frame of `stats` with a value in each column that `columns` does not give."""
    frame = pd.DataFrame(
        {
            "user_id": users,
            "clicks": [9007199254740993] * len(users),
            "level": [-7] * len(users),
            "score": [0.1] * len(users),
            "rate": [0.25] * len(users),
            "active": [True] * len(users),
            "name": ["Zoë"] * len(users),
            "photo": [None] * len(users),
            "seen": [pd.Timestamp("2024-05-01T00:00:00Z")] * len(users),
            "embedding": [[0.5, 1.5]] * len(users),
            "event_timestamp": [event] * len(users),
            **columns,
        }
    )
    return frame


hour = timedelta(hours=1)
store.write_to_online_store("stats", rows([1001, 1002], NOW - hour, name=["Zoë", None]))
store.write_to_online_store("stats", rows([1003], NOW - 25 * hour))

# Values, types and statuses of rows that are there, null, expired and missing.
features = [f"stats:{name}" for name in ("clicks", "level", "score", "active", "name", "seen", "embedding")]
response = store.get_online_features(features, [{"user_id": user_id} for user_id in (1001, 1002, 1003, 9999)])
answer = response.to_dict()
assert answer["user_id"] == [1001, 1002, 1003, 9999], answer
assert answer["clicks"] == [9007199254740993, 9007199254740993, None, None], answer
assert answer["level"] == [-7, -7, None, None], answer
assert answer["score"] == [0.1, 0.1, None, None], answer
assert answer["active"] == [True, True, None, None], answer
assert answer["name"] == ["Zoë", None, None, None], answer
assert answer["seen"] == [1714521600, 1714521600, None, None], answer
assert answer["embedding"] == [[0.5, 1.5], [0.5, 1.5], None, None], answer


def statuses(response, feature):
    position = list(response.proto.metadata.feature_names.val).index(feature)
    return list(response.proto.results[position].statuses)


PRESENT, NULL = FieldStatus.PRESENT, FieldStatus.NULL_VALUE
NOT_FOUND, OUTSIDE_MAX_AGE = FieldStatus.NOT_FOUND, FieldStatus.OUTSIDE_MAX_AGE
assert statuses(response, "user_id") == [PRESENT] * 4
assert statuses(response, "clicks") == [PRESENT, PRESENT, OUTSIDE_MAX_AGE, NOT_FOUND]
assert statuses(response, "name") == [PRESENT, NULL, OUTSIDE_MAX_AGE, NOT_FOUND]

# A feature with a default in our definitions: the status still says why.
response = store.get_online_features(["stats:rate"], {"user_id": [1001, 1003, 9999]})
assert response.to_dict()["rate"] == [0.25, 0.5, 0.5]
assert statuses(response, "rate") == [PRESENT, OUTSIDE_MAX_AGE, NOT_FOUND]

# Composite keys, by push through the client; a newer event wins whatever the order of writing.
for clicks, age in ((3, 1), (2, 2)):
    frame = pd.DataFrame(
        {"user_id": [1001], "shop": ["a/b ü"], "clicks": [clicks], "event_timestamp": [NOW - age * hour]}
    )
    store.push("user_events", frame)
keys = {"user_id": [1001, 1001], "shop": ["a/b ü", "other"]}
response = store.get_online_features(["clicks_by_shop:clicks"], keys)
assert response.to_dict() == {"user_id": [1001, 1001], "shop": ["a/b ü", "other"], "clicks": [3, None]}
assert statuses(response, "clicks") == [PRESENT, NOT_FOUND]

# A service, full names.
service = store.get_feature_service("ranker_v1")
answer = store.get_online_features(service, keys, full_feature_names=True).to_dict()
assert answer["stats__score"] == [0.1, 0.1], answer
assert answer["clicks_by_shop__clicks"] == [3, None], answer

# The older read of the client, which knows one join key only.
key = EntityKey(join_keys=["user_id"], entity_values=[Value(int64_val=1001)])
view = store.get_feature_view("stats")
[(event, values)] = store._get_provider().online_read(store.config, view, [key], ["clicks", "score"])
assert event == NOW - hour, event
assert values["clicks"].int64_val == 9007199254740993, values
assert abs(values["score"].float_val - 0.1) < 1e-7, values

# A push to the server, of all views that the source feeds.
frame = rows([1004], (NOW - hour).isoformat(), shop=["c"], seen=[1714521600])
body = {"push_source_name": "user_events", "df": frame.to_dict(orient="list"), "to": "online"}
assert requests.post(f"{URL}/push", json=body).status_code == 200
response = store.get_online_features(["stats:clicks", "stats:level"], {"user_id": [1004]})
assert response.to_dict()["level"] == [-7]

# Errors come as the client's own exceptions, at once: nothing is tried again.
for expected, words, ask in (
    (FeatureViewNotFoundException, "did you mean", lambda: store.get_online_features(["stat:clicks"], {"user_id": [1]})),
    (
        FeatureServiceNotFoundException,
        "no feature service is named",
        lambda: store.get_online_features(FeatureService(name="ranker_v9", features=[]), {"user_id": [1]}),
    ),
    (FeastError, 'join key "shop"', lambda: store.get_online_features(["clicks_by_shop:clicks"], {"user_id": [1]})),
):
    try:
        ask()
    except expected as error:
        assert words in str(error), error
    else:
        raise AssertionError(f"{expected} was not raised")
