"""Computes what the windows and the derived features must be for all flights, and writes `expected_windows.json`.

    python examples/flights/expected_windows.py

It is the other way to the answers: SQL that was written by hand for DuckDB, from the definitions of the words and not
from the engine's code. Each window is a range join, so that its bounds can be read in one place:

    event > T' - w  AND  event <= T'  AND  known_at <= T

T is the flight's scheduled departure and T' a microsecond before it (`offset`), for airlines cut to whole five minutes
(`every`). `known_at <= T` is what `known_at = own time` means: a flight that has not left yet has no delay to count.

Then the same features are computed once more without SQL, by walking over the events flight by flight, and both must
agree. What is written is what `asof demo` compares a training set with, see `about` in the file.

Needs duckdb, numpy and pyarrow. It takes a minute or two on one core.
"""

import argparse
import json
import math
import sys
from bisect import bisect_right
from pathlib import Path

import duckdb
import numpy as np

DIRECTORY = Path(__file__).parent

# The statuses of a value, by their numbers.
PRESENT, NULL, MISSING = 0, 1, 2

# The features, by the view that defines them, each with the most that a value may differ from the one here, relative to
# it. Most are exact: delays are whole minutes, and so their sums have no rounding; a mean is one division.
# `stddev` depends on the order of additions, `p90` is an estimate with this error.
FEATURES = {
    "airport_departures_v1": {
        "departures_1h": 0,
        "departures_24h": 0,
        "mean_dep_delay_3h": 0,
        "worst_dep_delay_3h": 0,
        "stddev_dep_delay_24h": 1e-9,
        "late_24h": 0,
        "mean_distance_24h": 0,
    },
    "carrier_departures_v1": {
        "carrier_mean_dep_delay_6h": 0,
        "carrier_p90_dep_delay_6h": 0.01,
    },
    "plane_departures_v1": {
        "flights_7d": 0,
        "last_dep_delay_24h": 0,
    },
    "flight_derived_v1": {
        "late_share_24h": 0,
        "carrier_excess_delay": 0,
        "plane_age": 0,
        "is_long_haul": 0,
        "distance_to_mean": 0,
    },
}

# A sum of a third of a million rounded numbers depends on the order of additions by less than this, relative to the sum
# of their magnitudes.
SUM_TOLERANCE = 1e-9

ABOUT = """\
What the training set of service flight_delay_v2 holds for all rows of flights.parquet, with known_at = own time. Made \
by expected_windows.py with DuckDB. For each feature: how many rows have each status; the sum, the least and the \
greatest value, where true is 1; `tolerance`, the most that a value (and the least and the greatest) may differ, \
relative to it; `sum_tolerance`, the most that the sum may differ. `digest`, where the tolerance is 0, is of every \
value: the sum modulo 2^64 over all rows of mix(bits XOR mix(4 * row + status)), where row is counted from 0, bits are \
those of the value as a float64 (0 if there is none, and for a zero of either sign), status is 0 present, 1 null, \
2 missing, and mix is the finalizer of SplitMix64. `sample` has rows of interest and why they are: null is null, \
"missing" is missing.\
"""

# ---------------------------------------------------------------------------------------------------------------------
# The tables

TABLES = f"""
CREATE TABLE flight AS
SELECT
    flight_id, airport, carrier, tailnum, distance, t,
    t - INTERVAL 1 MICROSECOND AS edge,
    time_bucket(INTERVAL 5 MINUTE, t - INTERVAL 1 MICROSECOND, TIMESTAMP '1970-01-01') AS carrier_edge
FROM (
    SELECT *, event_timestamp AT TIME ZONE 'UTC' AS t FROM '{DIRECTORY}/flights.parquet'
);

CREATE TABLE departure AS
SELECT
    flight_id, airport, carrier, tailnum, dep_delay, distance,
    event_timestamp AT TIME ZONE 'UTC' AS event,
    date_trunc('day', event_timestamp AT TIME ZONE 'UTC') AS day,
    known_at AT TIME ZONE 'UTC' AS known_at
FROM '{DIRECTORY}/departures.parquet';

CREATE TABLE plane AS
SELECT
    tailnum, year_built,
    event_timestamp AT TIME ZONE 'UTC' AS event,
    known_at AT TIME ZONE 'UTC' AS known_at
FROM '{DIRECTORY}/planes.parquet';
"""

# A window of a day touches two days. Joining on the day as well only keeps the join small; the window is in the other
# conditions.
AIRPORT = """
CREATE TABLE airport_window AS
WITH asked AS (
    SELECT
        flight_id, airport, t, edge,
        unnest([date_trunc('day', edge), date_trunc('day', edge) - INTERVAL 1 DAY]) AS day
    FROM flight
)
SELECT
    asked.flight_id,
    count(*) FILTER (event > edge - INTERVAL 1 HOUR) AS departures_1h,
    count(*) AS departures_24h,
    avg(CAST(dep_delay AS DOUBLE)) FILTER (event > edge - INTERVAL 3 HOUR) AS mean_dep_delay_3h,
    max(dep_delay) FILTER (event > edge - INTERVAL 3 HOUR) AS worst_dep_delay_3h,
    stddev_samp(CAST(dep_delay AS DOUBLE)) AS stddev_dep_delay_24h,
    count(*) FILTER (dep_delay >= 15) AS late_24h,
    avg(CAST(distance AS DOUBLE)) AS mean_distance_24h
FROM asked JOIN departure ON departure.airport = asked.airport AND departure.day = asked.day
WHERE event > edge - INTERVAL 24 HOUR AND event <= edge AND known_at <= t
GROUP BY asked.flight_id;
"""

# The value at rank floor(0.9 * (n - 1)), counted from 0, of all values in order.
CARRIER = """
CREATE TABLE carrier_window AS
WITH asked AS (
    SELECT
        flight_id, carrier, t, carrier_edge AS edge,
        unnest([date_trunc('day', carrier_edge), date_trunc('day', carrier_edge) - INTERVAL 1 DAY]) AS day
    FROM flight
)
SELECT
    asked.flight_id,
    avg(CAST(dep_delay AS DOUBLE)) AS carrier_mean_dep_delay_6h,
    list_sort(list(dep_delay))[1 + CAST(floor(0.9 * (count(*) - 1)) AS BIGINT)] AS carrier_p90_dep_delay_6h
FROM asked JOIN departure ON departure.carrier = asked.carrier AND departure.day = asked.day
WHERE event > edge - INTERVAL 6 HOUR AND event <= edge AND known_at <= t
GROUP BY asked.flight_id;
"""

# Six times a plane is down for two flights at one minute. Events of one time are ordered by their ids, and the first of
# them is the newest.
PLANE = """
CREATE TABLE plane_window AS
SELECT
    flight.flight_id,
    count(*) AS flights_7d,
    last(dep_delay ORDER BY event, departure.flight_id DESC)
        FILTER (event > edge - INTERVAL 24 HOUR) AS last_dep_delay_24h
FROM flight JOIN departure ON departure.tailnum = flight.tailnum
WHERE event > edge - INTERVAL 7 DAY AND event <= edge AND known_at <= t
GROUP BY flight.flight_id;
"""

# Whether anything at all was known of an entity. Who has events in the longest window has events; all others are asked
# for without a window.
SEEN = """
CREATE TABLE {entity}_seen AS
SELECT flight_id FROM {entity}_window
UNION
SELECT DISTINCT flight.flight_id
FROM (SELECT * FROM flight ANTI JOIN {entity}_window USING (flight_id)) AS flight
JOIN departure ON departure.{key} = flight.{key}
WHERE event <= {edge} AND known_at <= t;
"""

# Nothing in a window: counts are 0, everything else is null.
WINDOWS = """
CREATE TABLE windows AS
SELECT
    flight.*,
    airport_seen.flight_id IS NOT NULL AS has_airport,
    carrier_seen.flight_id IS NOT NULL AS has_carrier,
    plane_seen.flight_id IS NOT NULL AS has_plane,
    plane.tailnum IS NOT NULL AS is_registered,
    year_built,
    coalesce(departures_1h, 0) AS departures_1h,
    coalesce(departures_24h, 0) AS departures_24h,
    coalesce(late_24h, 0) AS late_24h,
    coalesce(flights_7d, 0) AS flights_7d,
    mean_dep_delay_3h, worst_dep_delay_3h, stddev_dep_delay_24h, mean_distance_24h,
    carrier_mean_dep_delay_6h, carrier_p90_dep_delay_6h,
    last_dep_delay_24h
FROM flight
LEFT JOIN airport_window USING (flight_id)
LEFT JOIN carrier_window USING (flight_id)
LEFT JOIN plane_window USING (flight_id)
LEFT JOIN airport_seen ON airport_seen.flight_id = flight.flight_id
LEFT JOIN carrier_seen ON carrier_seen.flight_id = flight.flight_id
LEFT JOIN plane_seen ON plane_seen.flight_id = flight.flight_id
LEFT JOIN plane ON plane.tailnum = flight.tailnum AND plane.event <= t AND plane.known_at <= t;
"""

# A value that is null is missing if one of its inputs is.
ANSWERS = """
CREATE TABLE answer AS
SELECT
    *,
    CASE WHEN departures_24h > 0 THEN late_24h / departures_24h END AS late_share_24h,
    carrier_mean_dep_delay_6h - mean_dep_delay_3h AS carrier_excess_delay,
    year(t) - year_built AS plane_age,
    distance > 1500 AS is_long_haul,
    distance / mean_distance_24h AS distance_to_mean,
    CASE WHEN has_airport THEN NULL ELSE 2 END AS airport_status,
    CASE WHEN has_carrier THEN NULL ELSE 2 END AS carrier_status,
    CASE WHEN has_plane THEN NULL ELSE 2 END AS plane_status,
    CASE WHEN is_registered THEN NULL ELSE 2 END AS registered_status,
    CASE WHEN has_airport AND has_carrier THEN NULL ELSE 2 END AS both_status
FROM windows
ORDER BY flight_id;
"""

# The column that says when a feature is missing.
STATUS_OF = {
    "airport_departures_v1": "airport_status",
    "carrier_departures_v1": "carrier_status",
    "plane_departures_v1": "plane_status",
    "late_share_24h": "airport_status",
    "carrier_excess_delay": "both_status",
    "plane_age": "registered_status",
    "distance_to_mean": "airport_status",
}


def tables() -> duckdb.DuckDBPyConnection:
    """Returns a database in which table `answer` has a row a flight."""
    database = duckdb.connect()
    database.execute("SET threads = 1")
    database.execute("SET TimeZone = 'UTC'")
    for statement in (TABLES, AIRPORT, CARRIER, PLANE):
        database.execute(statement)
    for entity, key, edge in [
        ("airport", "airport", "edge"),
        ("carrier", "carrier", "carrier_edge"),
        ("plane", "tailnum", "edge"),
    ]:
        database.execute(SEEN.format(entity=entity, key=key, edge=edge))
    database.execute(WINDOWS)
    database.execute(ANSWERS)
    (rows, ids) = database.execute("SELECT count(*), count(DISTINCT flight_id) FROM answer").fetchone()
    assert rows == ids == 336_776, f"{rows} rows of {ids} flights"
    return database


class Column:
    """The values of one feature, row by row, as float64, and their statuses."""

    def __init__(self, values: np.ma.MaskedArray, missing: np.ndarray):
        has_none = np.ma.getmaskarray(values)
        self.status = np.where(missing, MISSING, np.where(has_none, NULL, PRESENT)).astype(np.uint64)
        # Adding 0 makes a zero of a negative one.
        self.values = np.where(self.status == PRESENT, np.ma.getdata(values).astype(np.float64), 0.0) + 0.0

    def present(self) -> np.ndarray:
        return self.values[self.status == PRESENT]

    def at(self, row: int, whole: bool) -> object:
        """Returns the value as it stands in the file."""
        if self.status[row] != PRESENT:
            return [None, None, "missing"][int(self.status[row])]
        return int(self.values[row]) if whole else float(self.values[row])


def columns(database: duckdb.DuckDBPyConnection) -> dict[str, Column]:
    """Returns the features by their names, in the order of the definitions."""
    answer = database.execute("SELECT * FROM answer ORDER BY flight_id").fetchnumpy()
    found = {}
    for view, features in FEATURES.items():
        for name in features:
            status = STATUS_OF.get(name, STATUS_OF.get(view))
            missing = np.zeros(len(answer["flight_id"]), dtype=bool)
            if status is not None:
                missing = ~np.ma.getmaskarray(answer[status])
            found[name] = Column(np.ma.asarray(answer[name]), missing)
    return found


# ---------------------------------------------------------------------------------------------------------------------
# The same without SQL


class Walk:
    """The events of the entities of one kind, each by time."""

    def __init__(self, departures: dict[str, np.ndarray], key: str):
        self.events: dict[str, list[tuple]] = {}
        rows = zip(
            departures[key],
            departures["event"],
            -departures["flight_id"],
            departures["known_at"],
            departures["dep_delay"],
            departures["distance"],
            strict=True,
        )
        for entity, *event in rows:
            self.events.setdefault(entity, []).append(tuple(event))
        for events in self.events.values():
            events.sort()
        self.times = {entity: [event[0] for event in events] for entity, events in self.events.items()}

    def known(self, entity: str | None, begin: int, end: int, at: int) -> list[tuple]:
        """Returns (time, -id, known_at, delay, distance) of events after `begin` and up to `end`, known at `at`."""
        times = self.times.get(entity, [])
        events = self.events.get(entity, [])[bisect_right(times, begin) : bisect_right(times, end)]
        return [event for event in events if event[2] <= at]

    def is_seen(self, entity: str | None, end: int, at: int) -> bool:
        times = self.times.get(entity, [])
        return any(event[2] <= at for event in self.events.get(entity, [])[: bisect_right(times, end)])


def mean(numbers: list) -> float | None:
    return float(sum(numbers)) / len(numbers) if numbers else None


HOUR, FIVE_MINUTES = 3_600_000_000, 300_000_000


def walk_airport(walk: Walk, airport: str, t: int) -> dict[str, float | None]:
    edge = t - 1
    day = walk.known(airport, edge - 24 * HOUR, edge, t)
    three_hours = [event[3] for event in day if event[0] > edge - 3 * HOUR]
    delays = [event[3] for event in day]
    # Exact: sums of whole numbers, and one rounding at the end.
    n, total, squares = len(delays), int(sum(delays)), int(sum(delay * delay for delay in delays))
    return {
        "departures_1h": sum(event[0] > edge - HOUR for event in day),
        "departures_24h": n,
        "mean_dep_delay_3h": mean(three_hours),
        "worst_dep_delay_3h": max(three_hours, default=None),
        "stddev_dep_delay_24h": math.sqrt((n * squares - total * total) / (n * (n - 1))) if n > 1 else None,
        "late_24h": sum(delay >= 15 for delay in delays),
        "mean_distance_24h": mean([event[4] for event in day]),
    }


def walk_carrier(walk: Walk, carrier: str, t: int) -> dict[str, float | None]:
    edge = (t - 1) // FIVE_MINUTES * FIVE_MINUTES
    delays = sorted(event[3] for event in walk.known(carrier, edge - 6 * HOUR, edge, t))
    return {
        "carrier_mean_dep_delay_6h": mean(delays),
        "carrier_p90_dep_delay_6h": delays[9 * (len(delays) - 1) // 10] if delays else None,
    }


def walk_plane(walk: Walk, plane: str | None, t: int) -> dict[str, float | None]:
    edge = t - 1
    week = walk.known(plane, edge - 7 * 24 * HOUR, edge, t)
    day = [event[3] for event in week if event[0] > edge - 24 * HOUR]
    return {"flights_7d": len(week), "last_dep_delay_24h": day[-1] if day else None}


def micros(times: np.ndarray) -> list[int]:
    return times.astype("datetime64[us]").astype(np.int64).tolist()


def cross_check(database: duckdb.DuckDBPyConnection, found: dict[str, Column]) -> None:
    """Computes the windows again, flight by flight, and compares every value and every status."""
    departures = database.execute("SELECT * FROM departure").fetchnumpy()
    departures = {name: np.ma.getdata(column) for name, column in departures.items()}
    departures["event"], departures["known_at"] = map(
        np.array, (micros(departures["event"]), micros(departures["known_at"]))
    )
    departures = {name: column.tolist() if name != "flight_id" else column for name, column in departures.items()}
    flights = database.execute("SELECT airport, carrier, tailnum, t FROM flight ORDER BY flight_id").fetchall()
    at = micros(np.array([t for *_, t in flights], dtype="datetime64[us]"))
    for position, key, window in [
        (0, "airport", walk_airport),
        (1, "carrier", walk_carrier),
        (2, "tailnum", walk_plane),
    ]:
        walk, compared = Walk(departures, key), 0
        for row, (flight, t) in enumerate(zip(flights, at, strict=True)):
            entity = flight[position]
            end = (t - 1) // FIVE_MINUTES * FIVE_MINUTES if key == "carrier" else t - 1
            values = window(walk, entity, t)
            # Counts that are not zero say that there are events.
            has_events = any(values.values()) or walk.is_seen(entity, end, t)
            for name, value in values.items():
                same(found[name], name, row, value, has_events)
                compared += 1
        print(f"  {compared:,} values by {key} are the same without SQL")


def same(column: Column, name: str, row: int, value: float | None, has_events: bool) -> None:
    status = MISSING if not has_events else NULL if value is None else PRESENT
    in_sql = (int(column.status[row]), column.values[row])
    tolerance = 1e-9 if name.startswith("stddev") else 0.0
    equal = status != PRESENT or abs(in_sql[1] - value) <= tolerance * abs(value)
    assert in_sql[0] == status and equal, f"{name} of flight {row}: {in_sql} by SQL, {(status, value)} without"


# ---------------------------------------------------------------------------------------------------------------------
# What is written


def mix(numbers: np.ndarray) -> np.ndarray:
    """The finalizer of SplitMix64."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))


def digest(column: Column) -> str:
    rows = np.arange(len(column.values), dtype=np.uint64)
    with np.errstate(over="ignore"):
        mixed = mix(column.values.view(np.uint64) ^ mix(np.uint64(4) * rows + column.status))
        return f"{int(mixed.sum(dtype=np.uint64)):016x}"


def summary(view: str, column: Column, tolerance: float) -> dict[str, object]:
    values = column.present()
    # Sums of whole numbers are exact in any order.
    is_whole = bool(np.all(values == np.trunc(values)))
    result: dict[str, object] = {
        "view": view,
        "present": int((column.status == PRESENT).sum()),
        "null": int((column.status == NULL).sum()),
        "missing": int((column.status == MISSING).sum()),
        "sum": math.fsum(values),
        "min": float(values.min()),
        "max": float(values.max()),
        "tolerance": tolerance,
        "sum_tolerance": max(tolerance, 0 if is_whole else SUM_TOLERANCE) * math.fsum(np.abs(values)),
    }
    if tolerance == 0:
        result["digest"] = digest(column)
    return result


# An order that is none, and the same with every version of DuckDB.
SHUFFLED = "CREATE MACRO shuffled(flight_id) AS (flight_id * 48271) % 336779"

# Rows of interest: a query for flight ids, how many of them, and why.
INTERESTING = [
    (12, "first of the year", "SELECT flight_id FROM answer ORDER BY t, flight_id"),
    (
        9,
        "first known of its airport",
        """
        SELECT flight_id FROM (
            SELECT *, row_number() OVER (PARTITION BY airport ORDER BY t, flight_id) AS n FROM answer WHERE has_airport
        ) WHERE n <= 3 ORDER BY airport, t, flight_id""",
    ),
    (
        16,
        "first of its airline",
        """
        SELECT arg_min(flight_id, (t, flight_id)) AS flight_id FROM answer GROUP BY carrier ORDER BY carrier""",
    ),
    (
        16,
        "first known of its airline",
        """
        SELECT arg_min(flight_id, (t, flight_id)) AS flight_id FROM answer WHERE has_carrier
        GROUP BY carrier ORDER BY carrier""",
    ),
    (
        12,
        "after a gap at its airport",
        """
        SELECT flight_id FROM (
            SELECT flight_id, t - max(t) OVER (
                PARTITION BY airport ORDER BY t RANGE BETWEEN UNBOUNDED PRECEDING AND INTERVAL 1 MICROSECOND PRECEDING
            ) AS gap FROM flight
        ) WHERE gap IS NOT NULL ORDER BY gap DESC, flight_id""",
    ),
    (6, "one event in 24 h", "SELECT flight_id FROM answer WHERE departures_24h = 1 ORDER BY t, flight_id"),
    (
        6,
        "nothing known in 3 h at its airport",
        """
        SELECT flight_id FROM answer WHERE has_airport AND mean_dep_delay_3h IS NULL ORDER BY shuffled(flight_id)""",
    ),
    (
        6,
        "nothing known in 6 h of its airline",
        """
        SELECT flight_id FROM answer WHERE has_carrier AND carrier_mean_dep_delay_6h IS NULL
        ORDER BY shuffled(flight_id)""",
    ),
    (
        16,
        "many at the very same minute",
        """
        SELECT flight_id FROM (
            SELECT flight_id, t, airport, count(*) OVER (PARTITION BY airport, t) AS together FROM flight
        ) ORDER BY together DESC, airport, t, flight_id""",
    ),
    (
        10,
        "an event at both ends of a window",
        """
        SELECT flight_id FROM flight
        WHERE EXISTS (
            FROM departure WHERE departure.airport = flight.airport AND event = t - INTERVAL 1 HOUR AND known_at <= t
        ) AND EXISTS (
            FROM departure WHERE departure.airport = flight.airport AND event = t - INTERVAL 24 HOUR
        ) AND EXISTS (
            FROM departure
            WHERE departure.airport = flight.airport AND event = t AND departure.flight_id <> flight.flight_id
        ) ORDER BY shuffled(flight_id)""",
    ),
    (
        8,
        "an event became known at this very minute",
        """
        SELECT DISTINCT flight.flight_id FROM flight JOIN departure
        ON departure.airport = flight.airport AND known_at = t AND event < t - INTERVAL 1 HOUR
        ORDER BY shuffled(flight.flight_id)""",
    ),
    (
        8,
        "an event becomes known a minute later",
        """
        SELECT DISTINCT flight.flight_id FROM flight JOIN departure
        ON departure.airport = flight.airport AND known_at = t + INTERVAL 1 MINUTE AND event < t - INTERVAL 1 HOUR
        ORDER BY shuffled(flight.flight_id)""",
    ),
    (
        8,
        "events between the last five minutes and the flight",
        """
        SELECT DISTINCT flight.flight_id FROM flight JOIN departure
        ON departure.carrier = flight.carrier AND event > carrier_edge AND event < t AND known_at <= t
        ORDER BY shuffled(flight.flight_id)""",
    ),
    (
        8,
        "two events of its plane at one minute",
        """
        SELECT DISTINCT flight.flight_id FROM flight JOIN (
            SELECT tailnum, event FROM departure GROUP BY tailnum, event HAVING count(*) > 1
        ) AS twice ON twice.tailnum = flight.tailnum AND event <= edge AND event > edge - INTERVAL 24 HOUR
        ORDER BY flight.flight_id""",
    ),
    (4, "no plane is named", "SELECT flight_id FROM flight WHERE tailnum IS NULL ORDER BY shuffled(flight_id)"),
    (
        4,
        "the year of its plane is not known",
        """
        SELECT flight_id FROM answer WHERE is_registered AND year_built IS NULL ORDER BY shuffled(flight_id)""",
    ),
    (
        4,
        "the plane is back after days",
        """
        SELECT flight_id FROM answer WHERE flights_7d > 0 AND last_dep_delay_24h IS NULL
        ORDER BY shuffled(flight_id)""",
    ),
    (3, "the busiest planes", "SELECT flight_id FROM answer ORDER BY flights_7d DESC, flight_id"),
    (3, "the oldest planes", "SELECT flight_id FROM answer ORDER BY plane_age DESC NULLS LAST, flight_id"),
    (3, "the worst day", "SELECT flight_id FROM answer ORDER BY late_share_24h DESC NULLS LAST, t DESC, flight_id"),
    (3, "the greatest delay", "SELECT flight_id FROM answer ORDER BY worst_dep_delay_3h DESC NULLS LAST, flight_id"),
    (3, "last of the year", "SELECT flight_id FROM answer ORDER BY t DESC, flight_id DESC"),
    (64, "by the way", "SELECT flight_id FROM flight WHERE flight_id % 5261 = 0 ORDER BY flight_id"),
]


def sample(database: duckdb.DuckDBPyConnection, found: dict[str, Column]) -> dict[str, object]:
    """Returns rows of interest, each with why it is one, and all of their values."""
    database.execute(SHUFFLED)
    why: dict[int, str] = {}
    for limit, reason, query in INTERESTING:
        ids = [flight for (flight,) in database.execute(f"{query} LIMIT {limit}").fetchall()]
        assert ids, reason
        for flight in ids:
            why[flight] = f"{why[flight]}; {reason}" if flight in why else reason
    is_whole = {name: bool(np.all(column.values == np.trunc(column.values))) for name, column in found.items()}
    rows = [
        [flight, why[flight], *(column.at(flight, is_whole[name]) for name, column in found.items())]
        for flight in sorted(why)
    ]
    return {"columns": ["flight_id", "why", *found], "rows": rows}


def written(expected: dict[str, object]) -> str:
    """Returns JSON with a line a feature and a line a sample row."""
    lines = ["{", f' "about": {json.dumps(expected["about"])},', f' "rows": {expected["rows"]},', ' "features": {']
    features, rows = expected["features"], expected["sample"]["rows"]
    lines.append(",\n".join(f"  {json.dumps(name)}: {json.dumps(feature)}" for name, feature in features.items()))
    lines += [" },", ' "sample": {', f'  "columns": {json.dumps(expected["sample"]["columns"])},', '  "rows": [']
    lines.append(",\n".join(f"   {json.dumps(row)}" for row in rows))
    lines += ["  ]", " }", "}", ""]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=DIRECTORY / "expected_windows.json", help="the file to write")
    parser.add_argument("--no-cross-check", action="store_true", help="do not compute them a second time")
    arguments = parser.parse_args()
    database = tables()
    found = columns(database)
    tolerances = {name: (view, tolerance) for view, of in FEATURES.items() for name, tolerance in of.items()}
    expected = {
        "about": ABOUT,
        "rows": len(next(iter(found.values())).values),
        "features": {name: summary(tolerances[name][0], column, tolerances[name][1]) for name, column in found.items()},
        "sample": sample(database, found),
    }
    for name, feature in expected["features"].items():
        counts = "  ".join(f"{feature[status]:>7,} {status}" for status in ("present", "null", "missing"))
        print(f"  {name:26} {counts}  sum {feature['sum']:.3f}, {feature['min']:.4g} to {feature['max']:.4g}")
    if not arguments.no_cross_check:
        cross_check(database, found)
    arguments.out.write_text(written(expected))
    print(
        f"{arguments.out}: {arguments.out.stat().st_size / 1e3:.0f} KB, {len(expected['sample']['rows'])} sample rows"
    )


if __name__ == "__main__":
    sys.exit(main())
