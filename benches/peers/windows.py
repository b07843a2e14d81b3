"""Windows for a training set, by asofdb, DuckDB and Polars: the same rows, the same answers, what each takes.

    python benches/peers/windows.py --asof target/release/asof

Each of `--spine` rows (1,000,000) asks for count and sum of an amount over six windows that end at its own time, over
`--events` purchases (10,000) of each of `--users` users (1,000) in two days. One amount in ten is null. A window of a
length w at the time T has the events with T - w < event <= T.

Every contender reads Parquet and writes Parquet, in a process of its own: DuckDB and Polars the events and the rows,
asofdb its store, into which the events were loaded before (which is shown as a contender of its own), and the rows.
DuckDB has two threads and `--memory` GiB (8), Polars two threads. A contender that takes longer than `--seconds` (600),
or a quarter more memory than that, is stopped and shown so: try it with a smaller `--spine`.

The forms:
- `duckdb range join`: the definition as it is read aloud, the rows joined with the events of the longest window, and
  grouped. A row with 5,000 events in its window is 5,000 rows on the way.
- `duckdb over`: events and rows in one table, and window functions with RANGE frames over it.
- `duckdb prefix`: running counts and sums of each user, and for each bound of a window an ASOF join; a window is the
  difference of two. It does for what can be subtracted, and so not for a minimum, a maximum or a quantile; and what is
  small in a sum is lost behind what came before.
- `polars rolling`: events and rows in one frame, and rolling sums by time over it.
- `polars prefix`: as that of DuckDB, with `join_asof`.
- `polars join_where` is the range join, for which Polars makes all pairs.

Answers are compared with those of the first contender that ran: counts exactly, sums to a relative 1e-9.

Needs numpy, pyarrow, duckdb and polars.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

FIRST = 1_704_067_200_000_000  # 2024-01-01
MICROS = 2 * 86_400_000_000
WINDOWS = {"5m": 300, "1h": 3_600, "3h": 10_800, "6h": 21_600, "12h": 43_200, "24h": 86_400}  # seconds
THREADS = 2

DEFINITIONS = """
[[entity]]
name = "user"
join_keys = [{ name = "user_id", type = "int64" }]

[[event_view]]
name = "purchases"
entities = ["user"]
event_id = ["order_id"]
columns = [{ name = "order_id", type = "int64" }, { name = "amount", type = "float64" }]

[[window_view]]
name = "six"
from = "purchases"
windows = ["5m", "1h", "3h", "6h", "12h", "24h"]
feature = [{ name = "n", aggregate = "count" }, { name = "sum", aggregate = "sum", of = "amount" }]
"""


def make(folder, users, events, spine):
    """Writes events.parquet, sorted by nothing in particular, and spine.parquet, rows of the second day."""
    random = np.random.default_rng(11)
    count = users * events
    order = random.permutation(count)
    times = FIRST + random.integers(0, MICROS, count)
    amounts = random.integers(0, 10_000, count) / 100.0
    utc = pa.timestamp("us", tz="UTC")
    write(
        folder / "events.parquet",
        user_id=pa.array(order % users),
        event_timestamp=pa.array(times, utc),
        order_id=pa.array(order // users),
        amount=pa.array(amounts, mask=random.integers(0, 10, count) == 0),
    )
    write(
        folder / "spine.parquet",
        row=pa.array(np.arange(spine)),
        user_id=pa.array(random.integers(0, users, spine)),
        event_timestamp=pa.array(FIRST + MICROS // 2 + random.integers(0, MICROS // 2, spine), utc),
    )


def write(path, **columns):
    pq.write_table(pa.table(columns), path, compression="zstd", row_group_size=1 << 20)


def asof_load(options, _):
    """Makes the store with its definitions; gives the command that loads the events."""
    definitions = options.folder / "definitions.toml"
    definitions.write_text(DEFINITIONS)
    shutil.rmtree(options.folder / "store", ignore_errors=True)
    subprocess.run(asof(options, "apply", definitions), check=True, stdout=subprocess.DEVNULL)
    return asof(options, "ingest", "purchases", options.folder / "events.parquet")


def asof_join(options, out):
    return asof(options, "training-set", "six:*", "--spine", options.folder / "spine.parquet", "--out", out)


def asof(options, *arguments):
    return [options.asof, "--store", str(options.folder / "store"), *map(str, arguments)]


def duckdb_run(options, out, query):
    import duckdb

    connection = duckdb.connect()
    connection.execute(f"SET threads = {THREADS}")
    connection.execute(f"SET memory_limit = '{options.memory} GiB'")
    connection.execute(f"SET temp_directory = '{options.folder / 'spill'}'")
    connection.execute("SET TimeZone = 'UTC'")
    for name in ["events", "spine"]:
        connection.execute(f"CREATE VIEW {name} AS FROM '{options.folder / name}.parquet'")
    connection.execute(f"COPY ({query}) TO '{out}' (FORMAT parquet)")


def duckdb_range(options, out):
    sums = ", ".join(
        f"count(*) FILTER (e.event_timestamp > s.event_timestamp - INTERVAL {seconds} SECOND) AS n_{name}, "
        f"coalesce(sum(e.amount) FILTER (e.event_timestamp > s.event_timestamp - INTERVAL {seconds} SECOND), 0) "
        f"AS sum_{name}"
        for name, seconds in WINDOWS.items()
    )
    longest = max(WINDOWS.values())
    # A row without an event in the longest window has none in the others: none of these rows is left out, because each
    # has some.
    duckdb_run(
        options,
        out,
        f"""
        SELECT s.row, {sums}
        FROM spine s JOIN events e
          ON e.user_id = s.user_id
         AND e.event_timestamp <= s.event_timestamp
         AND e.event_timestamp > s.event_timestamp - INTERVAL {longest} SECOND
        GROUP BY s.row
        """,
    )


def duckdb_over(options, out):
    columns = ", ".join(
        f"count(is_event) OVER w_{name} AS n_{name}, coalesce(sum(amount) OVER w_{name}, 0) AS sum_{name}"
        for name in WINDOWS
    )
    # As microseconds, so that a window can leave out its first one.
    frames = ", ".join(
        f"w_{name} AS (PARTITION BY user_id ORDER BY us RANGE BETWEEN {seconds * 1_000_000 - 1} PRECEDING "
        "AND CURRENT ROW)"
        for name, seconds in WINDOWS.items()
    )
    duckdb_run(
        options,
        out,
        f"""
        WITH together AS (
            SELECT NULL AS row, user_id, epoch_us(event_timestamp) AS us, amount, 1 AS is_event FROM events
            UNION ALL
            SELECT row, user_id, epoch_us(event_timestamp) AS us, NULL AS amount, NULL AS is_event FROM spine
        )
        SELECT * EXCLUDE (user_id, us, amount, is_event)
        FROM (SELECT row, user_id, us, amount, is_event, {columns} FROM together WINDOW {frames})
        WHERE row IS NOT NULL
        """,
    )


def duckdb_prefix(options, out):
    # The running values behind each time; of events at one time the last one has all of them.
    ends = {"now": 0, **WINDOWS}
    joins = " ".join(
        f"ASOF LEFT JOIN running r_{name} ON s.user_id = r_{name}.user_id "
        f"AND s.us - {seconds * 1_000_000} >= r_{name}.us"
        for name, seconds in ends.items()
    )
    columns = ", ".join(
        f"coalesce(r_now.n, 0) - coalesce(r_{name}.n, 0) AS n_{name}, "
        f"coalesce(r_now.total, 0) - coalesce(r_{name}.total, 0) AS sum_{name}"
        for name in WINDOWS
    )
    duckdb_run(
        options,
        out,
        f"""
        WITH at_times AS (
            SELECT user_id, epoch_us(event_timestamp) AS us, count(*) AS n, coalesce(sum(amount), 0) AS total
            FROM events GROUP BY ALL
        ), running AS MATERIALIZED (
            SELECT user_id, us, sum(n) OVER w AS n, sum(total) OVER w AS total FROM at_times
            WINDOW w AS (PARTITION BY user_id ORDER BY us ROWS UNBOUNDED PRECEDING)
        )
        SELECT s.row, {columns}
        FROM (SELECT row, user_id, epoch_us(event_timestamp) AS us FROM spine) s {joins}
        """,
    )


def polars_frames(options):
    os.environ["POLARS_MAX_THREADS"] = str(THREADS)
    import polars as pl

    return pl, pl.scan_parquet(options.folder / "events.parquet"), pl.scan_parquet(options.folder / "spine.parquet")


def polars_rolling(options, out):
    pl, events, spine = polars_frames(options)
    events = events.select(
        pl.lit(None, pl.Int64).alias("row"), "user_id", "event_timestamp", "amount", pl.lit(1).alias("is_event")
    )
    spine = spine.select(
        "row", "user_id", "event_timestamp", pl.lit(None, pl.Float64).alias("amount"), pl.lit(0).alias("is_event")
    )
    together = pl.concat([events, spine], how="vertical_relaxed").sort("user_id", "event_timestamp").collect()

    def rolling(column, name):
        return pl.col(column).rolling_sum_by("event_timestamp", window_size=name, closed="right", min_samples=0)

    columns = [rolling("is_event", name).over("user_id").alias(f"n_{name}") for name in WINDOWS]
    columns += [rolling("amount", name).over("user_id").fill_null(0.0).alias(f"sum_{name}") for name in WINDOWS]
    names = [f"{kind}_{name}" for kind in ["n", "sum"] for name in WINDOWS]
    together.lazy().with_columns(columns).filter(pl.col("row").is_not_null()).select("row", *names).sink_parquet(out)


def polars_prefix(options, out):
    pl, events, spine = polars_frames(options)
    running = (
        events.sort("user_id", "event_timestamp")
        .select(
            "user_id",
            "event_timestamp",
            pl.int_range(1, pl.len() + 1).over("user_id").alias("n"),
            pl.col("amount").fill_null(0.0).cum_sum().over("user_id").alias("total"),
        )
        # The running values behind each time; of events at one time the last one has all of them.
        .unique(["user_id", "event_timestamp"], keep="last", maintain_order=True)
        .sort("event_timestamp")
        .collect()
        .lazy()
    )
    joined = spine.sort("event_timestamp")
    for name, seconds in {"now": 0, **WINDOWS}.items():
        bound = pl.col("event_timestamp") - pl.duration(seconds=seconds)
        right = running.rename({"n": f"_n_{name}", "total": f"_total_{name}", "event_timestamp": "_at"})
        joined = (
            joined.with_columns(bound.alias("_bound"))
            .join_asof(right, left_on="_bound", right_on="_at", by="user_id", check_sortedness=False)
            .drop("_bound", "_at", strict=False)
        )
    columns = []
    for name in WINDOWS:
        for to, of in [("n", "_n"), ("sum", "_total")]:
            columns.append((filled(pl, f"{of}_now") - filled(pl, f"{of}_{name}")).alias(f"{to}_{name}"))
    joined.select("row", *columns).collect().write_parquet(out)


def filled(pl, name):
    return pl.col(name).fill_null(0)


def polars_join_where(options, out):
    pl, events, spine = polars_frames(options)
    longest = pl.duration(seconds=max(WINDOWS.values()))
    pairs = spine.with_columns((pl.col("event_timestamp") - longest).alias("start")).join_where(
        events.rename({"user_id": "of", "event_timestamp": "event"}),
        pl.col("of") == pl.col("user_id"),
        pl.col("event") <= pl.col("event_timestamp"),
        pl.col("event") > pl.col("start"),
    )
    columns = []
    for name, seconds in WINDOWS.items():
        inside = pl.col("event") > pl.col("event_timestamp") - pl.duration(seconds=seconds)
        columns.append(inside.sum().alias(f"n_{name}"))
        columns.append(pl.col("amount").filter(inside).sum().alias(f"sum_{name}"))
    pairs.group_by("row").agg(columns).collect(engine="streaming").write_parquet(out)


# Each gives the command to be measured.
ASOFDB = {"asofdb, loading": asof_load, "asofdb": asof_join}

# Each writes its answers, in a process of its own.
PEERS = {
    "duckdb range join": duckdb_range,
    "duckdb over": duckdb_over,
    "duckdb prefix": duckdb_prefix,
    "polars rolling": polars_rolling,
    "polars prefix": polars_prefix,
    "polars join_where": polars_join_where,
}


def peak(pid):
    """The most memory that a process has had since it began to run its program, in bytes."""
    # `ru_maxrss` would be at least that of this process, of which it was made.
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    lines = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(lines[0].split()[1]) << 10 if lines else 0


def run(options, name, out):
    """Runs a contender in a process of its own; gives its CPU seconds, seconds and memory, or why it was stopped."""
    if name in ASOFDB:
        command = ASOFDB[name](options, out)
    else:
        command = [sys.executable, __file__, "--child", name, "--out", str(out)]
        command += ["--folder", str(options.folder), "--memory", str(options.memory)]
    started = time.monotonic()
    quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    pid = os.posix_spawn(command[0], command, os.environ, file_actions=quiet)
    stopped, most = None, 0
    while True:
        done, status, usage = os.wait4(pid, os.WNOHANG)
        if done:
            break
        most = max(most, peak(pid))
        if time.monotonic() - started > options.seconds:
            stopped = f"longer than {options.seconds} s"
        elif most > (options.memory << 30) * 1.25:
            stopped = f"more than {options.memory} GiB"
        if stopped:
            os.kill(pid, 9)
            _, status, usage = os.wait4(pid, 0)
            break
        time.sleep(0.1)
    wall = time.monotonic() - started
    result = {"cpu": usage.ru_utime + usage.ru_stime, "wall": wall, "mib": most / (1 << 20)}
    if stopped or status != 0:
        result["stopped"] = stopped or f"ended with {os.waitstatus_to_exitcode(status)}"
    return result


def read_answers(path):
    table = pq.read_table(path).sort_by("row")
    return {name: table[name].to_numpy() for name in table.column_names if name.startswith(("n_", "sum_"))}


def compare(wanted, found):
    """Says how far answers are off, or what is wrong with them."""
    worst = 0.0
    for name in wanted:
        left, right = wanted[name].astype(float), found[name].astype(float)
        if len(left) != len(right):
            return f"{len(right)} rows, not {len(left)}"
        if name.startswith("n_") and not np.array_equal(left, right):
            return f"{name}: {np.count_nonzero(left != right)} counts differ"
        off = np.abs(left - right) / np.maximum(np.abs(left), 1.0)
        if not np.all(off <= 1e-9):
            return f"{name}: {np.count_nonzero(off > 1e-9)} sums differ, by {np.nanmax(off):.1e}"
        worst = max(worst, float(off.max(initial=0.0)))
    return f"same answers, sums to {worst:.0e}" if worst else "same answers"


def show(name, result):
    figures = f"{result['cpu']:8.1f} {result['wall']:8.1f} {result['mib']:8.0f}"
    print(f"{name:20} {figures}  {result.get('stopped') or result.get('answers', '')}", flush=True)


def parsed():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=1_000)
    parser.add_argument("--events", type=int, default=10_000, help="of each user")
    parser.add_argument("--spine", type=int, default=1_000_000)
    parser.add_argument("--memory", type=int, default=8, help="GiB that a contender may take")
    parser.add_argument("--seconds", type=int, default=600, help="that a contender may take")
    parser.add_argument("--asof", default=shutil.which("asof") or "target/release/asof")
    parser.add_argument("--folder", type=Path, default=Path("target/windows-peers"), help="for data and answers")
    parser.add_argument("--only", nargs="*", help="contenders; the others are left out")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def make_once(options):
    options.folder.mkdir(parents=True, exist_ok=True)
    made = options.folder / "made.json"
    sizes = [options.users, options.events, options.spine]
    if not made.exists() or json.loads(made.read_text()) != sizes:
        shutil.rmtree(options.folder / "store", ignore_errors=True)
        make(options.folder, *sizes)
        made.write_text(json.dumps(sizes))


def main():
    options = parsed()
    if options.child:
        return PEERS[options.child](options, options.out)
    make_once(options)
    rows, events = f"{options.spine:,}", f"{options.users * options.events:,}"
    print(f"{rows} rows, {events} events, six windows, load {os.getloadavg()[0]:.1f}")
    print(f"{'':20} {'CPU s':>8} {'s':>8} {'MiB':>8}")
    wanted = None
    for name in [*ASOFDB, *PEERS]:
        if options.only and name not in options.only:
            continue
        out = options.folder / f"{name.replace(' ', '-')}.parquet"
        out.unlink(missing_ok=True)
        result = run(options, name, out)
        if out.exists() and "stopped" not in result:
            answers = read_answers(out)
            wanted = wanted or answers
            result["answers"] = compare(wanted, answers)
        show(name, result)


if __name__ == "__main__":
    main()
