"""Makes `departures.parquet`, and writes into the other files when their rows became known.

    python examples/flights/make_departures.py

A flight that left is an event: at its scheduled departure, by its airport, carrier and plane. How late it was is known
when it leaves, and not before: that is `known_at`, the created timestamp of the event. A flight that was early is known
from its scheduled time on. A flight that was cancelled has no event: it never left.

Weather, routes and planes get a `known_at` too, which is the event timestamp of each row: what they say was known at
that time (routes are dated by the midnight that ends their day). Without it they would have become known when somebody
ingested them, years later, and a training set that uses only what was known at each flight's own time would find
nothing.

Needs pyarrow. Running it again writes the same values.
"""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

DIRECTORY = Path(__file__).parent
MICROS_A_MINUTE = 60_000_000
UTC_MICROS = pa.timestamp("us", tz="UTC")


def write(table: pa.Table, name: str) -> None:
    """Writes one row group, compressed, and tells its size."""
    path = DIRECTORY / f"{name}.parquet"
    pq.write_table(table, path, compression="zstd", compression_level=19)
    print(f"{path.name}: {table.num_rows:,} rows, {path.stat().st_size / 1e6:.2f} MB")


def departures(flights: pa.Table) -> pa.Table:
    """Returns the flights that left, oldest first, with the times at which their delays became known."""
    left = flights.filter(pc.is_valid(flights["dep_delay"]))
    assert pc.all(pc.is_valid(left["tailnum"])).as_py(), "a flight that left has a plane"
    assert pc.all(pc.equal(pc.trunc(left["dep_delay"]), left["dep_delay"])).as_py(), "delays are whole minutes"

    late = pc.max_element_wise(pc.cast(left["dep_delay"], pa.int64()), pa.scalar(0, pa.int64()))
    wait = pc.cast(pc.multiply(late, MICROS_A_MINUTE), pa.duration("us"))
    known_at = pc.cast(pc.add(left["event_timestamp"], wait), UTC_MICROS)

    columns = ["flight_id", "airport", "carrier", "tailnum", "event_timestamp", "dep_delay", "distance"]
    table = left.select(columns).append_column("known_at", known_at)
    return table.sort_by([("event_timestamp", "ascending"), ("flight_id", "ascending")]).replace_schema_metadata(None)


def known_when_it_happened(name: str) -> None:
    """Adds `known_at` to a file, or writes it anew."""
    table = pq.read_table(DIRECTORY / f"{name}.parquet")
    if "known_at" in table.column_names:
        table = table.drop_columns("known_at")
    known_at = pc.cast(table["event_timestamp"], UTC_MICROS)
    write(table.append_column("known_at", known_at).replace_schema_metadata(None), name)


def main() -> None:
    write(departures(pq.read_table(DIRECTORY / "flights.parquet")), "departures")
    for name in ("weather", "routes", "planes"):
        known_when_it_happened(name)


if __name__ == "__main__":
    main()
