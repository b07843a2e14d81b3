"""Ingest of a Parquet file of 50 mixed columns into an empty store, and export of the newest row of each entity."""

import shutil
import subprocess

import numpy as np
import pyarrow.parquet as pq

import board
import mixed

CHECKED = 200
COLUMNS = ", ".join(mixed.names())
BATCH_ROWS = 20_000


def measure(options, found):
    folder = options.folder
    mixed.write(folder / "mixed.parquet", options.rows)
    (folder / "mixed.toml").write_text(mixed.definitions())
    found.about["ingest and export"] = f"{options.rows:,} rows of 50 mixed columns, two an entity"
    newest = mixed.newest(folder / "mixed.parquet")
    ingests = {"asofdb": lambda: asof_ingest(options)}
    ingests |= {name: (lambda name=name: peer(options, name)) for name in ["DuckDB", "SQLite"]}
    notes = {
        "asofdb": "keeps every version and what is latest, compressed, and waits for the disk",
        "DuckDB": "with a primary key of entity and event",
        "SQLite": "with a primary key of entity and event, by the module sqlite3",
    }
    check = lambda name, out: check_ingest(options, name, out, newest)  # noqa: E731
    board.processes(found, "ingest", ingests, options.rows, options, check, notes)
    exports(options, found, newest)


def exports(options, found, newest):
    entities = len(newest)
    found_exports = {"asofdb": lambda: asof_export(options)}
    names = ["DuckDB, from its table", "DuckDB, from Parquet", "Polars, from Parquet"]
    found_exports |= {name: (lambda name=name: peer(options, name)) for name in names}
    wanted = newest.sort_by("user_id")

    def check(name, out):
        files = sorted(out.glob("*.parquet")) if out.is_dir() else [out]
        answer = pq.ParquetDataset(files).read() if len(files) > 1 else pq.read_table(files[0])
        if answer["user_id"].to_numpy().tolist() != wanted["user_id"].to_numpy().tolist():
            return "it has other entities, or in another order"
        differing = [column for column in mixed.names() if answer[column].to_pylist() != wanted[column].to_pylist()]
        return f"its {differing[0]} is not that of the rows" if differing else None

    board.processes(found, "export", found_exports, entities, options, check)


def arguments(options, *words):
    return [options.asof, "--store", str(options.folder / "mixed-store"), *map(str, words)]


def asof_ingest(options):
    shutil.rmtree(options.folder / "mixed-store", ignore_errors=True)
    apply = arguments(options, "apply", options.folder / "mixed.toml")
    subprocess.run(apply, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    command = arguments(options, "ingest", "mixed", options.folder / "mixed.parquet")
    return command, options.folder / "mixed-store"


def asof_export(options):
    out = options.folder / "asofdb-export"
    shutil.rmtree(out, ignore_errors=True)
    return arguments(options, "export", "mixed", "--latest", "--out", out), out


def peer(options, name):
    out = options.folder / {"DuckDB": "mixed.duckdb", "SQLite": "mixed.sqlite"}.get(name, f"{name}.parquet")
    out.unlink(missing_ok=True)
    return board.child("ingest", name, options, out), out


def check_ingest(options, name, out, newest):
    """Reads the newest rows of some entities back."""
    picks = np.linspace(0, len(newest) - 1, min(CHECKED, len(newest)), dtype=np.int64)
    wanted = newest.take(picks)
    users = wanted["user_id"].to_pylist()
    answer = READ_BACK[name](options, out, users)
    for column in mixed.names():
        if [row[column] for row in answer] != wanted[column].to_pylist():
            return f"its {column} is not that of the file"
    return None


def read_asof(options, out, users):
    import asofdb

    store = asofdb.Store.open(out)
    found = store.latest("mixed", {"user_id": users}).to_arrow().to_pylist()
    store.close()
    return found


QUERY = f"SELECT {COLUMNS} FROM mixed WHERE user_id = ? ORDER BY event_timestamp DESC LIMIT 1"


def read_duckdb(_options, out, users):
    import duckdb

    with duckdb.connect(str(out), read_only=True) as connection:
        rows = [connection.execute(QUERY, [user]).fetchone() for user in users]
    return [dict(zip(mixed.names(), row, strict=True)) for row in rows]


def read_sqlite(_options, out, users):
    import sqlite3

    connection = sqlite3.connect(out)
    rows = [connection.execute(QUERY, [user]).fetchone() for user in users]
    connection.close()
    bools = set(mixed.names("bool"))
    typed = lambda name, value: bool(value) if name in bools and value is not None else value  # noqa: E731
    return [{name: typed(name, value) for name, value in zip(mixed.names(), row, strict=True)} for row in rows]


READ_BACK = {"asofdb": read_asof, "DuckDB": read_duckdb, "SQLite": read_sqlite}


def duckdb_load(settings, out):
    connection = settings.duckdb(out)
    connection.execute(f"CREATE TABLE mixed AS FROM '{settings.folder / 'mixed.parquet'}'")
    connection.execute("CREATE UNIQUE INDEX by_entity ON mixed (user_id, event_timestamp)")
    connection.execute("CHECKPOINT")


def sqlite_load(settings, out):
    import sqlite3

    connection = sqlite3.connect(out)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = OFF")
    columns = ", ".join(mixed.names())
    table = f"user_id INTEGER, event_timestamp INTEGER, {columns}, PRIMARY KEY (user_id, event_timestamp)"
    connection.execute(f"CREATE TABLE mixed ({table}) WITHOUT ROWID")
    places = ", ".join("?" * (2 + len(mixed.names())))
    for batch in pq.ParquetFile(settings.folder / "mixed.parquet").iter_batches(BATCH_ROWS):
        at = batch.column("event_timestamp").cast("int64").to_pylist()
        values = [batch.column(name).to_pylist() for name in mixed.names()]
        rows = zip(batch.column("user_id").to_pylist(), at, *values, strict=True)
        connection.executemany(f"INSERT INTO mixed VALUES ({places})", rows)
    connection.commit()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


NEWEST = """
    SELECT * FROM {} QUALIFY row_number() OVER (PARTITION BY user_id ORDER BY event_timestamp DESC) = 1
    ORDER BY user_id
"""


def duckdb_export(settings, out):
    connection = settings.duckdb(settings.folder / "mixed.duckdb")
    connection.execute(f"COPY ({NEWEST.format('mixed')}) TO '{out}' (FORMAT parquet, COMPRESSION zstd)")


def duckdb_parquet(settings, out):
    source = f"'{settings.folder / 'mixed.parquet'}'"
    settings.duckdb().execute(f"COPY ({NEWEST.format(source)}) TO '{out}' (FORMAT parquet, COMPRESSION zstd)")


def polars_parquet(settings, out):
    pl = settings.polars()
    rows = pl.scan_parquet(settings.folder / "mixed.parquet").sort("user_id", "event_timestamp")
    rows.unique("user_id", keep="last", maintain_order=True).collect().write_parquet(out, compression="zstd")


# Each writes a database or a file, in a process of its own.
PEERS = {
    "DuckDB": duckdb_load,
    "SQLite": sqlite_load,
    "DuckDB, from its table": duckdb_export,
    "DuckDB, from Parquet": duckdb_parquet,
    "Polars, from Parquet": polars_parquet,
}
