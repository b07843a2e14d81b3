"""Every type of value of Feast, from a file through the store to a training set."""

from __future__ import annotations

import json
import uuid
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from feast.types import (
    Array,
    Bool,
    Bytes,
    Float32,
    Float64,
    Int32,
    Int64,
    Json,
    Map,
    Set,
    String,
    Struct,
    UnixTimestamp,
    Uuid,
)
from feast.types import (
    Decimal as FeastDecimal,
)

from feast import FileSource

from .repository import Repository, at

TIME = datetime(2020, 2, 3, 4, 5, 6, tzinfo=timezone.utc)
UUID = str(uuid.UUID(int=7))

SCALARS = {
    "bool": (Bool, pa.bool_(), True),
    "int32": (Int32, pa.int32(), -5),
    "int64": (Int64, pa.int64(), 2**60),
    "float32": (Float32, pa.float32(), 1.5),
    "float64": (Float64, pa.float64(), 0.1),
    "string": (String, pa.large_string(), "äö"),
    "bytes": (Bytes, pa.binary(), b"\x00\xff"),
    "time": (UnixTimestamp, pa.timestamp("ns", tz="UTC"), TIME),
    "strings": (Array(String), pa.list_(pa.string()), ["a", ""]),
    "floats": (Array(Float32), pa.list_(pa.float64()), [1.5, 2.5]),
    "empty": (Array(Int64), pa.list_(pa.int64()), []),
}


def _retrieved(repository: Repository, types: dict[str, Any], columns: dict[str, Any]) -> pa.Table:
    """One row with the columns and one with nulls, through a file."""
    table = pa.table(
        {
            "driver_id": pa.array([1, 2]),
            "event_timestamp": pa.array([at(), at()], pa.timestamp("us", tz="UTC")),
            **columns,
        }
    )
    path = repository.directory / "types.parquet"
    pq.write_table(table, path)
    repository.view("types", FileSource(name="types", path=str(path), timestamp_field="event_timestamp"), types)
    spine = pd.DataFrame({"driver_id": [1, 2, 3], "event_timestamp": [at()] * 3})
    return repository.store.get_historical_features(spine, [f"types:{name}" for name in types]).to_arrow()


def test_scalars_and_lists_keep_their_values_and_their_nulls(repository: Repository) -> None:
    types = {name: dtype for name, (dtype, _, _) in SCALARS.items()}
    columns = {name: pa.array([value, None], type_) for name, (_, type_, value) in SCALARS.items()}
    rows = _retrieved(repository, types, columns).to_pylist()
    assert {name: rows[0][name] for name in SCALARS} == {name: value for name, (_, _, value) in SCALARS.items()}
    assert all(row[name] is None for row in rows[1:] for name in SCALARS)


def test_what_the_store_has_no_type_for_keeps_its_values_and_its_nulls(repository: Repository) -> None:
    document = json.dumps({"b": [1, None], "a": {"x": 1.5}})
    types = {
        "document": Json,
        "map": Map,
        "struct": Struct({"name": String, "age": Int64}),
        "set": Set(Int64),
        "uuid": Uuid,
        "decimal": FeastDecimal,
        "maps": Array(Map),
        "nested": Array(Array(Int64)),
    }
    columns = {
        "document": pa.array([document, None]),
        "map": pa.array([[("k", "v")], None], pa.map_(pa.string(), pa.string())),
        "struct": pa.array([{"name": "n", "age": 3}, None]),
        "set": pa.array([[3, 1, 1], None]),
        "uuid": pa.array([UUID, None]),
        "decimal": pa.array([Decimal("1.20"), None]),
        "maps": pa.array([[[("k", "v")], []], None], pa.list_(pa.map_(pa.string(), pa.string()))),
        "nested": pa.array([[[1, 2], [3]], None]),
    }
    rows = _retrieved(repository, types, columns).to_pylist()
    first = rows[0]
    assert json.loads(first["document"]) == json.loads(document)
    assert first["map"] == [("k", "v")]
    assert first["struct"] == {"name": "n", "age": 3}
    assert first["set"] == [1, 3]
    assert first["uuid"] == UUID
    assert Decimal(first["decimal"]) == Decimal("1.20")
    assert first["maps"] == [[("k", "v")], []]
    assert first["nested"] == [[1, 2], [3]]
    assert all(row[name] is None for row in rows[1:] for name in types)
