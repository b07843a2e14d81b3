"""Point-in-time joins, Parquet to Parquet: rows of a training set with the newest values of two tables before each."""

import shutil
import subprocess

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import board

FIRST, DAY = 1_704_067_200_000_000, 86_400_000_000
VERSIONS = 10
TABLES = {"wide": 50, "narrow": 10}
TIME = pa.timestamp("us", tz="UTC")
ENTITY = '[[entity]]\nname = "user"\njoin_keys = [{ name = "user_id", type = "int64" }]\n'
NOTES = {
    "asofdb": "its store holds the tables, which was loaded before; the others read them from Parquet each time",
    "pandas": "merge_asof of both tables, with everything in memory",
}


def measure(options, found):
    folder, rows = options.folder, options.rows
    make(folder, rows, options.spine)
    load(options)
    wanted = {}

    def check(name, out):
        answer = pq.read_table(out).sort_by("row")
        columns = {f"{table}_f{n}": answer[f"{table}_f{n}"] for table, count in TABLES.items() for n in range(count)}
        if not wanted:
            wanted.update(columns)
        for column, values in columns.items():
            if not np.array_equal(values.to_numpy(), wanted[column].to_numpy(), equal_nan=True):
                return f"its {column} is not that of asofdb"
        return None

    def peer(name):
        out = folder / f"{name}.parquet"
        out.unlink(missing_ok=True)
        return board.child("join", name, options, out), out

    contenders = {"asofdb": lambda: asof(options)} | {name: (lambda name=name: peer(name)) for name in PEERS}
    board.processes(found, "join", contenders, options.spine, options, check, NOTES)
    found.about["join"] = f"{options.spine:,} rows with 60 features of two tables of {rows:,} rows each"


def make(folder, rows, spine):
    """Tables in the order of their events, as logs are; a spine in no order."""
    random = np.random.default_rng(11)
    users = max(rows // VERSIONS, 1)
    for table, features in TABLES.items():
        at = np.sort(FIRST + random.integers(0, VERSIONS * DAY, rows))
        columns = {"user_id": pa.array(random.integers(0, users, rows)), "event_timestamp": pa.array(at, TIME)}
        columns |= {f"{table}_f{n}": pa.array(random.random(rows, np.float32)) for n in range(features)}
        # One event of an entity at a time: the newest of two would be anybody's choice.
        kept = pa.table(columns).group_by(["user_id", "event_timestamp"], use_threads=False)
        kept = kept.aggregate([(name, "first") for name in columns if name.startswith(table)])
        kept = kept.rename_columns([name.removesuffix("_first") for name in kept.column_names])
        pq.write_table(kept.select(list(columns)), folder / f"{table}.parquet", compression="zstd")
    at = FIRST + random.integers(0, VERSIONS * DAY, spine)
    columns = {"row": pa.array(np.arange(spine)), "user_id": pa.array(random.integers(0, users, spine))}
    pq.write_table(pa.table(columns | {"event_timestamp": pa.array(at, TIME)}), folder / "spine.parquet")


def load(options):
    views = [
        f'[[feature_view]]\nname = "{table}"\nentities = ["user"]\n'
        + "".join(f'[[feature_view.feature]]\nname = "{table}_f{n}"\ntype = "float32"\n' for n in range(features))
        for table, features in TABLES.items()
    ]
    (options.folder / "join.toml").write_text(ENTITY + "".join(views))
    command(options, "apply", options.folder / "join.toml")
    for table in TABLES:
        command(options, "ingest", table, options.folder / f"{table}.parquet")
    command(options, "compact")


def arguments(options, *words):
    return [options.asof, "--store", str(options.folder / "join-store"), *map(str, words)]


def command(options, *words):
    subprocess.run(arguments(options, *words), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def asof(options):
    out = options.folder / "asofdb.parquet"
    shutil.rmtree(out, ignore_errors=True)
    out.unlink(missing_ok=True)
    spine = options.folder / "spine.parquet"
    return arguments(options, "training-set", "wide:*", "narrow:*", "--spine", spine, "--out", out), out


def by_duckdb(settings, out):
    connection = settings.duckdb()
    for name in ["spine", *TABLES]:
        connection.execute(f"CREATE VIEW {name} AS FROM '{settings.folder / name}.parquet'")
    columns = ", ".join(f"{table}.{table}_f{n}" for table, count in TABLES.items() for n in range(count))
    joins = " ".join(
        f"ASOF LEFT JOIN {table} ON s.user_id = {table}.user_id AND s.event_timestamp >= {table}.event_timestamp"
        for table in TABLES
    )
    query = f"SELECT s.row, s.user_id, s.event_timestamp, {columns} FROM spine s {joins}"
    connection.execute(f"COPY ({query}) TO '{out}' (FORMAT parquet, COMPRESSION zstd)")


def by_polars(settings, out):
    pl = settings.polars()
    joined = pl.scan_parquet(settings.folder / "spine.parquet").sort("event_timestamp")
    for table in TABLES:
        right = pl.scan_parquet(settings.folder / f"{table}.parquet").sort("event_timestamp")
        joined = joined.join_asof(right, on="event_timestamp", by="user_id", check_sortedness=False)
    joined.collect().write_parquet(out, compression="zstd")


def by_pandas(settings, out):
    import pandas as pd

    joined = pd.read_parquet(settings.folder / "spine.parquet").sort_values("event_timestamp")
    for table in TABLES:
        right = pd.read_parquet(settings.folder / f"{table}.parquet").sort_values("event_timestamp")
        joined = pd.merge_asof(joined, right, on="event_timestamp", by="user_id")
    joined.to_parquet(out, compression="zstd")


# Each writes the joined rows, in a process of its own.
PEERS = {"DuckDB": by_duckdb, "Polars": by_polars, "pandas": by_pandas}
