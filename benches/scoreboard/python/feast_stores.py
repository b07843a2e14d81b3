"""Feast projects over each of the online stores, with the same rows."""

from datetime import timedelta

from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from feast.types import Float32, Int64

VIEWS, FEATURES = 25, 10
REFERENCES = [f"v{view}:v{view}_f{n}" for view in range(VIEWS) for n in range(FEATURES)]
WRITE_ROWS = 500


def value(user, view, n):
    return (user * 7919 + view * 104_729 + n * 31) % 100_000 / 8


def project(base, name, online):
    """A project with 25 views of 10 features each, whose online store is this one."""
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
    key = Field(name="user_id", dtype=Int64)

    def view(number):
        features = [Field(name=f"v{number}_f{n}", dtype=Float32) for n in range(FEATURES)]
        ttl = timedelta(days=30)
        return FeatureView(name=f"v{number}", entities=[user], ttl=ttl, schema=[key, *features], source=source)

    store.apply([user, *(view(number) for number in range(VIEWS))])
    return store


def fill(store, entities, at):
    """Writes a row of every entity into every view, through Feast."""
    provider = store._get_provider()
    for view in range(VIEWS):
        table = store.get_feature_view(f"v{view}")
        for first in range(0, entities, WRITE_ROWS):
            rows = [
                (
                    EntityKey(join_keys=["user_id"], entity_values=[Value(int64_val=user)]),
                    {f"v{view}_f{n}": Value(float_val=value(user, view, n)) for n in range(FEATURES)},
                    at,
                    None,
                )
                for user in range(first, min(first + WRITE_ROWS, entities))
            ]
            provider.online_write_batch(store.config, table, rows, None)
