"""Runs one contender of a module in a process of its own: child.py MODULE NAME FOLDER MEMORY_GIB THREADS OUT.

Its libraries are there before the clock starts, which is not so for `asof`, whose whole process is measured. The times
are written to the file that SCOREBOARD_TIMES names."""

import importlib
import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Settings:
    """What a contender may use."""

    folder: Path
    memory: int
    threads: int

    def duckdb(self, path=":memory:"):
        """A connection that keeps within it."""
        import duckdb

        connection = duckdb.connect(str(path))
        connection.execute(f"SET threads = {self.threads}")
        connection.execute(f"SET memory_limit = '{self.memory} GiB'")
        connection.execute(f"SET temp_directory = '{self.folder / 'spill'}'")
        connection.execute("SET TimeZone = 'UTC'")
        return connection

    def polars(self):
        """The module."""
        import polars

        return polars


LIBRARIES = {"DuckDB": ["duckdb"], "Polars": ["polars"], "pandas": ["pandas", "pyarrow.parquet"], "SQLite": ["sqlite3"]}


def main():
    module, name, folder, memory, threads, *arguments = sys.argv[1:]
    os.environ["POLARS_MAX_THREADS"] = threads
    contender = importlib.import_module(module).PEERS[name]
    for library in LIBRARIES[name.partition(",")[0]]:
        importlib.import_module(library)
    begin, cpu = time.monotonic(), time.process_time()
    contender(Settings(Path(folder), int(memory), int(threads)), *arguments)
    times = {"wall": time.monotonic() - begin, "cpu": time.process_time() - cpu}
    Path(os.environ["SCOREBOARD_TIMES"]).write_text(json.dumps(times))


if __name__ == "__main__":
    main()
