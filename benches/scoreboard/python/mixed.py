"""Rows of 50 mixed columns: 16 float32, 12 float64, 12 int64, 4 bool, 6 texts of few and of many values; every fourth
column has 3 % nulls. The same composition as that of benches/support/mixed.rs, with values of its own."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

FIRST, DAY = 1_704_067_200_000_000, 86_400_000_000
KINDS = {"float32": 16, "float64": 12, "int64": 12, "bool": 4, "string": 6}
NULL_SHARE = 0.03
# A chunk is made at a time, so that memory does not grow with the number of rows.
CHUNK_ROWS = 250_000
FEW = np.array([f"segment-{n:02}" for n in range(40)])


def columns():
    """Names and kinds, in order."""
    return [(f"{kind}_{n}", kind) for kind, count in KINDS.items() for n in range(count)]


def names(of=None):
    return [name for name, kind in columns() if of is None or kind == of]


def definitions():
    features = [f'[[feature_view.feature]]\nname = "{name}"\ntype = "{kind}"\n' for name, kind in columns()]
    return (
        '[[entity]]\nname = "user"\njoin_keys = [{ name = "user_id", type = "int64" }]\n'
        '[[feature_view]]\nname = "mixed"\nentities = ["user"]\n' + "".join(features)
    )


def values(kind, number, rows, random):
    match kind:
        case "float32":
            return random.integers(0, 100_000, rows).astype(np.float32) / np.float32(1_000)
        case "float64":
            return random.standard_normal(rows)
        case "int64":
            return random.integers(0, 10 ** (number % 12 + 1), rows)
        case "bool":
            return random.integers(0, 2, rows).astype(bool)
        case _ if number % 2 == 0:
            return FEW[random.integers(0, len(FEW), rows)]
        case _:
            return np.array([f"user-{n:x}" for n in random.integers(0, 1 << 48, rows)])


def write(path, rows):
    """Two rows an entity, at times of their own, in no order."""
    random = np.random.default_rng(29)
    order = random.permutation(rows)
    writer = None
    for first in range(0, rows, CHUNK_ROWS):
        chunk = order[first : first + CHUNK_ROWS]
        at = FIRST + (chunk % 2) * DAY + chunk // 2 % 86_400 * 1_000_000
        table = {"user_id": pa.array(chunk // 2), "event_timestamp": pa.array(at, pa.timestamp("us", tz="UTC"))}
        for place, (name, kind) in enumerate(columns()):
            mask = random.random(len(chunk)) < NULL_SHARE if place % 4 == 3 else None
            table[name] = pa.array(values(kind, place, len(chunk), random), mask=mask)
        table = pa.table(table)
        writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd")
        writer.write_table(table)
    writer.close()


def newest(path):
    """The newest row of each entity, by pyarrow alone."""
    table = pq.read_table(path)
    order = pc.sort_indices(table, [("user_id", "ascending"), ("event_timestamp", "descending")])
    table = table.take(order)
    users = table["user_id"].to_numpy()
    first = np.flatnonzero(np.r_[True, users[1:] != users[:-1]])
    return table.take(pa.array(first))
