"""Runs one contender of a module in a process of its own: child.py MODULE NAME FOLDER MEMORY_GIB THREADS OUT."""

import importlib
import os
import sys
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
        """The module, with so many threads."""
        os.environ["POLARS_MAX_THREADS"] = str(self.threads)
        import polars

        return polars


if __name__ == "__main__":
    module, name, folder, memory, threads, *arguments = sys.argv[1:]
    importlib.import_module(module).PEERS[name](Settings(Path(folder), int(memory), int(threads)), *arguments)
