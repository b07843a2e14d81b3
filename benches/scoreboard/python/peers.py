"""The scoreboard's part in Python: data frames, Feast, point-in-time joins, ingest and export, by asofdb and its peers.

    python benches/scoreboard/python/peers.py --asof target/debug/asof --out python.json

`scripts/scoreboard` makes the environment and runs it. Answers are compared before anything is kept; a contender that
gives others, fails, or takes longer than `--seconds` is told with the reason instead of a figure. The results are JSON
of the same form as those of the program `scoreboard`, which makes the tables of both.

Needs asofdb with pandas, numpy, pyarrow, duckdb, polars, redis (with hiredis), feast, and `redis-server` on the path.
"""

import argparse
import os
import shutil
import tempfile
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")

import board  # noqa: E402

GROUPS = ["frames", "feast_peers", "join", "ingest"]


def parsed():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="where the results go, as JSON")
    parser.add_argument("--asof", default=shutil.which("asof") or "target/debug/asof", help="asofdb's command line")
    parser.add_argument("--rows", type=int, default=500_000, help="of each table that is joined, ingested or read")
    parser.add_argument("--spine", type=int, default=100_000, help="rows that are joined to")
    parser.add_argument("--entities", type=int, default=1_000, help="in the Feast stores, each of 25 views")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each contender")
    parser.add_argument("--calls", type=int, default=50, help="of each turn, where a turn has many")
    parser.add_argument("--memory", type=int, default=8, help="GiB that DuckDB may take")
    parser.add_argument("--seconds", type=int, default=600, help="that one turn of a contender may take")
    parser.add_argument("--groups", nargs="*", default=GROUPS, choices=GROUPS)
    parser.add_argument("--folder", type=Path, help="for data, which are deleted; else a temporary directory")
    return parser.parse_args()


def main():
    options = parsed()
    # Where a path is given, spilled data and stores go to that disk instead of /tmp.
    with tempfile.TemporaryDirectory(dir=options.folder and options.folder.absolute()) as folder:
        options.folder = Path(folder)
        options.asof = str(Path(options.asof).absolute())
        found = board.Board(options.out)
        for group in options.groups:
            print(f"{group}, load {os.getloadavg()[0]:.1f}", flush=True)
            found.about[f"load before {group}"] = f"{os.getloadavg()[0]:.2f}"
            __import__(group).measure(options, found)
            found.write()


if __name__ == "__main__":
    main()
