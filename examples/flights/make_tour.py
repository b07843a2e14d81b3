"""Makes the files of the demo's tour: `tour/punctuality-2013-*.parquet` and `tour/correction.csv`.

    python examples/flights/make_tour.py

The tour plays two teams. The second one computes for itself, from the same flights, what the first one has: how late the
flights of a route arrived, in hours where the first has minutes. It brings a file a month. A day after the flights the
weather service corrects one temperature.

Needs pyarrow. Running it again writes the same values.
"""

import csv
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

DIRECTORY = Path(__file__).parent
TOUR = DIRECTORY / "tour"

# The hour at JFK whose temperature is corrected, and by how much, in degrees Fahrenheit.
CORRECTED = datetime(2013, 12, 23, 15, tzinfo=UTC)
CORRECTION = 9.0


def write_punctuality(routes: pa.Table, month: int) -> None:
    """Writes what the second team knows of the days of a month."""
    days = routes.filter(pc.equal(pc.month(routes["event_timestamp"]), month))
    days = days.filter(pc.equal(pc.year(days["event_timestamp"]), 2013))
    arrival, departure = (pc.cast(days[name], pa.float64()) for name in ("mean_arr_delay", "mean_dep_delay"))
    table = pa.table({
        "origin": days["origin"],
        "dest": days["dest"],
        "event_timestamp": days["event_timestamp"],
        "avg_arrival_delay_h": pc.divide(arrival, 60.0),
        "minutes_made_up": pc.cast(pc.subtract(departure, arrival), pa.float32()),
        "known_at": days["known_at"],
    })
    path = TOUR / f"punctuality-2013-{month:02}.parquet"
    pq.write_table(table, path, compression="zstd", row_group_size=1 << 20)
    print(f"{path.name}: {table.num_rows} rows, {path.stat().st_size} bytes")


def write_correction(weather: pa.Table) -> None:
    """Writes one row of the weather again, with another temperature; it becomes known when it is ingested."""
    hour = weather.filter(pc.and_(
        pc.equal(weather["airport"], "JFK"),
        pc.equal(weather["event_timestamp"], pa.scalar(CORRECTED, pa.timestamp("us", tz="UTC"))),
    ))
    (row,) = hour.drop_columns("known_at").to_pylist()
    row["event_timestamp"] = CORRECTED.strftime("%Y-%m-%dT%H:%M:%SZ")
    row |= {name: f"{value:.2f}" for name, value in row.items() if isinstance(value, float)}
    row["temp"] = f"{float(row['temp']) + CORRECTION:.2f}"
    with (TOUR / "correction.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, row, lineterminator="\n")
        writer.writeheader()
        writer.writerow(row)


def main() -> None:
    TOUR.mkdir(exist_ok=True)
    routes = pq.read_table(DIRECTORY / "routes.parquet")
    for month in (11, 12):
        write_punctuality(routes, month)
    write_correction(pq.read_table(DIRECTORY / "weather.parquet"))


if __name__ == "__main__":
    main()
