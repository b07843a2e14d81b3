"""The version that answers, whatever the order in which versions came, and for how long."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from feast.protos.feast.types.Value_pb2 import Value

import asofdb
from feast import FeatureStore

from .support import DRIVER, HOUR, NOW, UTC, conv, engine_of, key, stats, stats_view, write

SECOND = timedelta(seconds=1)


@pytest.fixture
def drivers(store: FeatureStore, tmp_path: Path) -> FeatureStore:
    store.apply([DRIVER, stats_view(tmp_path)])
    return store


def test_a_late_row_never_overwrites_a_newer_one(drivers: FeatureStore) -> None:
    write(drivers, "stats", stats(1, 2.0, NOW - HOUR))
    write(drivers, "stats", stats(1, 1.0, NOW - 2 * HOUR))
    assert conv(drivers) == (2.0, "PRESENT", NOW - HOUR)


def test_of_one_event_the_version_created_last_answers(drivers: FeatureStore) -> None:
    write(drivers, "stats", stats(1, 1.0, NOW - HOUR, NOW - 30 * SECOND))
    write(drivers, "stats", stats(1, 2.0, NOW - HOUR, NOW - 20 * SECOND))
    write(drivers, "stats", stats(1, 3.0, NOW - HOUR, NOW - 25 * SECOND))
    assert conv(drivers) == (2.0, "PRESENT", NOW - HOUR)


def test_a_correction_without_created_timestamp_counts_as_created_now(drivers: FeatureStore) -> None:
    for value, created in ((1.0, None), (2.0, pd.NaT), (3.0, None)):
        write(drivers, "stats", stats(1, value, NOW - HOUR, created))
    assert conv(drivers) == (3.0, "PRESENT", NOW - HOUR)


def test_the_order_within_a_batch_does_not_matter(drivers: FeatureStore) -> None:
    write(drivers, "stats", *(stats(1, float(n), NOW - HOUR + n * SECOND) for n in (3, 1, 2)))
    assert conv(drivers) == (3.0, "PRESENT", NOW - HOUR + 3 * SECOND)


def test_timestamps_are_kept_to_the_microsecond(drivers: FeatureStore) -> None:
    event, created = NOW.replace(microsecond=123_457), NOW.replace(microsecond=654_321)
    event -= HOUR
    write(drivers, "stats", stats(1, 1.0, event, created))
    assert conv(drivers) == (1.0, "PRESENT", event)
    engine = engine_of(drivers)
    [version] = engine.history("shop__stats", {"driver_id": 1})
    assert (version.event_timestamp, version.created_timestamp) == (event, created)


def test_naive_datetimes_are_utc_and_zones_are_minded(drivers: FeatureStore) -> None:
    naive = (NOW - HOUR).replace(tzinfo=None)
    write(drivers, "stats", stats(1, 1.0, naive, naive))
    write(drivers, "stats", stats(2, 2.0, pd.Timestamp(NOW - HOUR).tz_convert("Asia/Kolkata")))
    assert conv(drivers, 1)[2] == conv(drivers, 2)[2] == NOW - HOUR


def test_a_row_without_event_timestamp_is_refused(drivers: FeatureStore) -> None:
    with pytest.raises(asofdb.InvalidError, match="every row needs an event timestamp"):
        write(drivers, "stats", stats(1, 1.0, pd.NaT))


def test_a_row_of_the_future_waits_until_its_time_has_come(drivers: FeatureStore) -> None:
    write(drivers, "stats", stats(1, 1.0, NOW - HOUR), stats(1, 2.0, NOW + timedelta(days=40)))
    assert conv(drivers) == (1.0, "PRESENT", NOW - HOUR)
    engine = engine_of(drivers)
    later = engine.as_of(["shop__stats:conv"], {"driver_id": 1}, at=NOW + timedelta(days=40))
    assert later.to_dict()["conv"] == [2.0]


def test_timestamps_of_a_wrong_unit_are_refused(drivers: FeatureStore) -> None:
    with pytest.raises(asofdb.InvalidError, match="stats"):
        write(drivers, "stats", stats(1, 1.0, datetime(9000, 1, 1, tzinfo=UTC)))
    with pytest.raises(asofdb.InvalidError, match="an unset value"):
        write(drivers, "stats", stats(1, 1.0, datetime(1970, 1, 1, tzinfo=UTC)))


OLD = NOW - timedelta(days=2)


def test_a_value_older_than_its_ttl_is_not_served(drivers: FeatureStore) -> None:
    write(drivers, "stats", stats(1, 1.0, OLD))
    assert conv(drivers) == (None, "OUTSIDE_MAX_AGE", OLD)
    view = drivers.get_feature_view("stats")
    found = drivers._get_provider().online_read(drivers.config, view, [key(driver_id=Value(int64_val=1))])
    assert found == [(OLD, {})]


def test_expired_values_are_served_where_that_is_configured(
    make_store: Any, online: dict[str, Any], tmp_path: Path
) -> None:
    store = make_store({**online, "serve_expired": True})
    store.apply([DRIVER, stats_view(tmp_path), stats_view(tmp_path, name="other")])
    write(
        store,
        "stats",
        stats(1, 1.0, OLD, trips=7),
        stats(2, 2.0, NOW),
        stats(3, 3.0, OLD + SECOND),
        stats(4, None, OLD),
    )
    write(store, "other", stats(1, -1.0, NOW), stats(3, -3.0, OLD - SECOND))
    assert conv(store) == (1.0, "PRESENT", OLD)
    references = ["stats:trips", "other:conv", "stats:conv"]
    response = store.get_online_features(references, {"driver_id": [3, 2, 1, 5, 4]}, full_feature_names=True)
    assert response.to_dict() == {
        "driver_id": [3, 2, 1, 5, 4],
        "stats__trips": [1, 1, 7, None, 1],
        "other__conv": [-3.0, None, -1.0, None, None],
        "stats__conv": [3.0, 2.0, 1.0, None, None],
    }
    assert [list(vector.statuses) for vector in response.proto.results[1:]] == [
        [1, 1, 1, 3, 1],
        [1, 3, 1, 3, 3],
        [1, 1, 1, 3, 2],
    ]
    found = store._get_provider().online_read(
        store.config, store.get_feature_view("stats"), [key(driver_id=Value(int64_val=3))], ["conv"]
    )
    assert found == [(OLD + SECOND, {"conv": Value(double_val=3.0)})]


@pytest.mark.parametrize("ttl", [None, timedelta(0)])
def test_without_a_ttl_nothing_expires(store: FeatureStore, tmp_path: Path, ttl: timedelta | None) -> None:
    store.apply([DRIVER, stats_view(tmp_path, ttl=ttl)])
    write(store, "stats", stats(1, 1.0, NOW - timedelta(days=4000)))
    assert conv(store)[:2] == (1.0, "PRESENT")


def test_history_stays_readable_as_of_any_time(drivers: FeatureStore) -> None:
    """Rows that Feast wrote, by the store's own reads: as of a time, as known at a time, and in training sets."""
    for hours in (3, 2, 1):
        write(drivers, "stats", stats(1, float(hours), NOW - hours * HOUR, NOW - hours * HOUR + 60 * SECOND))
    write(drivers, "stats", stats(1, 20.0, NOW - 2 * HOUR, NOW - SECOND))
    engine = engine_of(drivers)
    reference = "shop__stats:conv"

    def as_of(hours: float, known_at: datetime | None = None) -> Any:
        return engine.as_of(reference, {"driver_id": 1}, at=NOW - hours * HOUR, known_at=known_at).to_dict()["conv"]

    assert [as_of(hours) for hours in (4, 2.5, 1.5, 0.5)] == [[None], [3.0], [20.0], [1.0]]
    assert as_of(1.5, known_at=NOW - HOUR) == [2.0]
    spine = {"driver_id": [1, 1], "event_timestamp": [NOW - 2.5 * HOUR, NOW - 0.5 * HOUR]}
    assert engine.training_set(spine, [reference]).to_arrow()["conv"].to_pylist() == [3.0, 1.0]
    assert len(engine.history("shop__stats", {"driver_id": 1})) == 4


def test_many_rows_are_written_in_steps_and_counted(drivers: FeatureStore) -> None:
    rows = [stats(driver, driver / 2, NOW - HOUR) for driver in range(25_000)]
    steps: list[int] = []
    view = drivers.get_feature_view("stats")
    drivers._get_provider().online_write_batch(drivers.config, view, rows, steps.append)
    assert steps == [10_000, 10_000, 5_000]
    found = drivers.get_online_features(["stats:conv"], {"driver_id": [0, 9_999, 10_000, 24_999]}).to_dict()
    assert found["conv"] == [0.0, 4999.5, 5000.0, 12499.5]
