"""Exports of mixed columns, by asofdb, DuckDB and Polars: the same rows to Parquet, the same values, what each takes.

    python benches/peers/export.py --asof target/release/asof --before another/asof

`--rows` rows (2,000,000) and 1 % of them restated, ten versions of each entity: 16 float32, 12 float64 (every other one
rounded to two digits), 12 int64, 4 bool and 6 texts of few and of many different ones, with 3 % nulls in every fourth.
asofdb exports a store into which they were loaded and compacted; DuckDB and Polars copy the rows, in the order of the
export, from a Parquet file (zstd). Each in a process of its own with two threads, in turn, `--rounds` (3) of them; medians.
`--before` is another `asof` of the same formats of a store, to be measured beside the first.

The export's values are compared by DuckDB with what was loaded. Needs numpy, pyarrow, duckdb, polars
and GNU time.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

FIRST = 1_700_000_000_000_000
DAY = 86_400_000_000
HOUR = 3_600_000_000
MOMENT = pa.timestamp("us", "UTC")
WORDS = [5, 50, 1_000, 100_000]
INTEGERS = [10, 100, 1_000, 10_000, 1_000_000, 1 << 40]
TYPES = {"f": (16, "float32"), "d": (12, "float64"), "i": (12, "int64"), "b": (4, "bool"), "t": (6, "string")}

DUCKDB = """
import duckdb, sys
source, out, codec = sys.argv[1:]
connection = duckdb.connect()
connection.execute("SET threads = 2")
connection.execute(f"COPY (SELECT * FROM '{source}') TO '{out}' (FORMAT parquet, COMPRESSION {codec})")
"""
POLARS = """
import polars, sys
source, out, codec = sys.argv[1:]
polars.scan_parquet(source).sink_parquet(out, compression=codec)
"""


def definitions() -> str:
    text = '[[entity]]\nname = "user"\njoin_keys = [{ name = "user_id", type = "int64" }]\n'
    text += '[[feature_view]]\nname = "mixed"\nentities = ["user"]\nevent_timestamp = "event_timestamp"\n'
    text += 'created_timestamp = "created_timestamp"\n'
    for letter, (count, kind) in TYPES.items():
        for n in range(count):
            text += f'[[feature_view.feature]]\nname = "{letter}{n:02}"\ntype = "{kind}"\n'
    return text


def values(random: np.random.Generator, letter: str, n: int, rows: int) -> object:
    if letter == "f":
        return random.normal(0, 100, rows).astype(np.float32)
    if letter == "d":
        numbers = random.lognormal(3, 1, rows)
        return np.round(numbers, 2) if n % 2 else numbers
    if letter == "i":
        return random.integers(0, INTEGERS[n % len(INTEGERS)], rows)
    if letter == "b":
        return random.random(rows) < 0.3
    if n < len(WORDS):
        words = np.array([f"value-{word:06}" for word in range(WORDS[n])], dtype=object)
        return words[random.integers(0, WORDS[n], rows)]
    return [f"{number:015x}" for number in random.integers(0, 1 << 60, rows).tolist()]


def batch(random: np.random.Generator, start: int, rows: int, entities: int) -> pa.Table:
    late = random.random(rows) < 0.01
    event = FIRST + (start + np.arange(rows)) * 1_000_000 - np.where(late, random.integers(0, DAY, rows), 0)
    created = event + np.where(late, DAY, 5_000_000)
    columns = {"user_id": pa.array(random.integers(0, entities, rows)), "event_timestamp": pa.array(event, MOMENT)}
    columns["created_timestamp"] = pa.array(created, MOMENT)
    for letter, (count, _) in TYPES.items():
        for n in range(count):
            mask = random.random(rows) < 0.03 if len(columns) % 4 == 3 else None
            columns[f"{letter}{n:02}"] = pa.array(values(random, letter, n, rows), mask=mask)
    table = pa.table(columns)
    again = random.random(rows) < 0.01
    restated = table.filter(pa.array(again)).set_column(2, "created_timestamp", pa.array(created[again] + HOUR, MOMENT))
    return pa.concat_tables([table, restated])


def make(path: Path, rows: int) -> None:
    random = np.random.default_rng(7)
    writer = None
    for start in range(0, rows, 500_000):
        table = batch(random, start, min(500_000, rows - start), max(rows // 10, 1))
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    if writer:
        writer.close()


def size(path: Path) -> int:
    return sum(file.stat().st_size for file in path.rglob("*.parquet")) if path.is_dir() else path.stat().st_size


def run(command: list[str], report: Path) -> tuple[float, float]:
    """CPU seconds and the peak of memory in MiB, as GNU time tells them: a child of this process begins with its peak."""
    timed = ["/usr/bin/time", "-f", "%U %S %M", "-o", f"{report}", *command]
    subprocess.run(timed, check=True, stdout=subprocess.DEVNULL, env=os.environ | {"POLARS_MAX_THREADS": "2"})
    user, system, peak = report.read_text().split()
    return float(user) + float(system), int(peak) / 1024


def remove(path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--asof", required=True)
    parser.add_argument("--before")
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--directory", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.directory) as directory:
        compare(options, Path(directory))


def compare(options: argparse.Namespace, work: Path) -> None:
    import duckdb

    rows, source, store, out = work / "rows.parquet", work / "sorted.parquet", work / "store", work / "out"
    make(rows, options.rows)
    order = "ORDER BY user_id, event_timestamp DESC, created_timestamp DESC"
    duckdb.execute(f"COPY (SELECT * FROM '{rows}' {order}) TO '{source}' (FORMAT parquet, COMPRESSION zstd)")
    (work / "mixed.toml").write_text(definitions())
    for step in (["apply", f"{work / 'mixed.toml'}"], ["ingest", "mixed", f"{rows}"], ["compact"]):
        subprocess.run([options.asof, "--store", f"{store}", *step], check=True, stdout=subprocess.DEVNULL)
    asofs = {"asofdb": options.asof} | ({"asofdb before": options.before} if options.before else {})
    for codec in ("zstd", "snappy"):
        export = ["--store", f"{store}", "export", "mixed", "--out", f"{out}", "--compression", codec]
        commands = {name: [binary, *export] for name, binary in asofs.items()}
        for name, script in (("DuckDB", DUCKDB), ("Polars", POLARS)):
            commands[name] = [sys.executable, "-c", script, f"{source}", f"{out}", codec]
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        sizes = {}
        for _ in range(options.rounds):
            for name, command in commands.items():
                remove(out)
                taken[name].append(run(command, work / "taken"))
                sizes[name] = size(out)
                if name == "asofdb":
                    columns = ", ".join(pq.read_schema(source).names)
                    left = f"SELECT {columns} FROM '{source}' EXCEPT ALL SELECT {columns} FROM '{out}/*.parquet'"
                    if duckdb.execute(f"SELECT count(*) FROM ({left})").fetchone() != (0,):
                        sys.exit("the export lacks rows")
        for name, each in taken.items():
            cpu, memory = (statistics.median(one) for one in zip(*each, strict=True))
            print(f"{codec:7} {name:14} {cpu:6.2f} CPU s {memory:6.0f} MiB {sizes[name] / 1e6:7.1f} MB", flush=True)


if __name__ == "__main__":
    main()
