"""The version that a row of the spine gets: the rules of the store, which are Feast's."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pytest
from feast.types import Float64

from .repository import Repository, at

HOUR = timedelta(hours=1)
US = timedelta(microseconds=1)


def test_a_version_at_the_very_time_is_used_and_a_later_one_is_not(repository: Repository) -> None:
    repository.trips([(1, at(), at(), 10), (1, at(hours=1), at(hours=1), 20)])
    spine = [(1, at()), (1, at(hours=1) - US), (1, at(hours=1)), (1, at() - US)]
    assert repository.values(spine) == [10, 10, 20, None]


def test_a_version_exactly_ttl_old_is_valid_and_an_older_one_is_not(repository: Repository) -> None:
    repository.trips([(1, at(), at(), 10)], ttl=HOUR)
    assert repository.values([(1, at(hours=1)), (1, at(hours=1) + US)]) == [10, None]


def test_a_ttl_of_zero_or_none_never_expires(repository: Repository) -> None:
    repository.trips([(1, at(), at(), 10)], ttl=timedelta(0))
    assert repository.values([(1, at(days=900))]) == [10]


def test_a_ttl_under_a_second_holds(repository: Repository) -> None:
    repository.trips([(1, at(), at(), 10)], ttl=timedelta(milliseconds=500))
    assert repository.values([(1, at(seconds=0.5)), (1, at(seconds=0.6))]) == [10, None]


def test_of_equal_events_the_one_created_last_is_used(repository: Repository) -> None:
    repository.trips([(1, at(), at(minutes=2), 20), (1, at(), at(minutes=3), 30), (1, at(), at(minutes=1), 10)])
    assert repository.values([(1, at(hours=1))]) == [30]


def test_a_null_created_timestamp_loses_against_any_other(repository: Repository) -> None:
    repository.trips([(1, at(), at(days=-900), 10), (1, at(), pd.NaT, 99), (2, at(), pd.NaT, 5)])
    assert repository.values([(1, at(hours=1)), (2, at(hours=1))]) == [10, 5]


def test_a_null_in_the_newest_version_stays_null(repository: Repository) -> None:
    repository.trips([(1, at(), at(), 10), (1, at(hours=1), at(hours=1), None)])
    assert repository.values([(1, at(minutes=30)), (1, at(hours=2))]) == [10, None]


def test_created_timestamps_decide_nothing_but_ties_unless_asked(repository: Repository) -> None:
    repository.trips([(1, at(), at(), 10), (1, at(hours=1), at(days=2), 20)])
    spine = [(1, at(hours=2))]
    assert repository.values(spine) == [20]
    assert repository.values(spine, filter_by_created_timestamp=True) == [10]


def test_filtered_by_created_timestamp_each_row_uses_what_it_could_know(repository: Repository) -> None:
    repository.trips([(1, at(), at(), 10), (1, at(), at(hours=2), 20), (1, at(hours=1), at(hours=3), 30)])
    spine = [(1, at(hours=hours)) for hours in (3, 0, 2, 1)] + [(2, at(hours=3)), (1, at() - US)]
    assert repository.values(spine, filter_by_created_timestamp=True) == [30, 10, 20, 10, None, None]


def test_every_row_of_the_spine_comes_once_and_in_its_place(repository: Repository) -> None:
    repository.trips([(1, at(), at(), 10), (2, at(), at(), 20)])
    spine = [
        (2, at(hours=1)),
        (1, at(hours=1)),
        (7, at(hours=1)),
        (1, at(hours=1)),
        (None, at(hours=1)),
        (1, at(days=-1)),
    ]
    assert repository.values(spine) == [20, 10, None, 10, None, None]


def test_the_spine_keeps_its_columns_and_a_time_that_is_null_knows_nothing(repository: Repository) -> None:
    repository.trips([(1, at(), at(), 10)])
    spine = pd.DataFrame(
        {
            "label": ["a", "b"],
            "driver_id": [1, 1],
            "event_timestamp": pd.to_datetime(pd.Series([at(hours=1), None]), utc=True),
            "order": [[1, 2], None],
        }
    )
    result = repository.retrieve(spine, ["trips:value"])
    assert list(result.columns) == ["label", "driver_id", "event_timestamp", "order", "value"]
    assert list(result["label"]) == ["a", "b"]
    assert result["value"].isna().tolist() == [False, True]
    assert result["order"][0].tolist() == [1, 2]


def test_times_without_a_zone_are_utc_and_other_zones_are_converted(repository: Repository) -> None:
    repository.trips([(1, at(), at(), 10)])
    naive = pd.DataFrame(
        {"driver_id": [1, 1], "event_timestamp": [pd.Timestamp("2026-05-01 12:00"), pd.Timestamp("2026-05-01 11:59")]}
    )
    assert repository.retrieve(naive, ["trips:value"])["value"].isna().tolist() == [False, True]
    tokyo = pd.DataFrame(
        {
            "driver_id": [1, 1],
            "event_timestamp": pd.to_datetime(["2026-05-01 21:00", "2026-05-01 20:59"]).tz_localize("Asia/Tokyo"),
        }
    )
    result = repository.retrieve(tokyo, ["trips:value"])
    assert result["value"].isna().tolist() == [False, True]
    assert result["event_timestamp"][0] == pd.Timestamp(at())


def test_a_fact_of_a_nanosecond_after_is_not_seen(repository: Repository) -> None:
    rows = pd.DataFrame(
        {"driver_id": [1], "event_timestamp": [pd.Timestamp(at()) + pd.Timedelta(nanoseconds=1)], "value": [1.0]}
    )
    repository.view("trips", repository.file_source("nanos", rows), {"value": Float64})
    assert repository.values([(1, at()), (1, at() + US)]) == [None, 1]


def test_any_column_of_times_serves_where_it_is_the_only_one(repository: Repository) -> None:
    repository.trips([(1, at(), at(), 10)])
    spine = pd.DataFrame({"driver_id": [1], "asked": pd.to_datetime([at(hours=1)], utc=True)})
    assert repository.retrieve(spine, ["trips:value"])["value"].tolist() == [10]


def test_an_empty_spine_gives_no_rows_but_all_columns(repository: Repository) -> None:
    repository.trips([(1, at(), at(), 10)])
    spine = pd.DataFrame(
        {
            "driver_id": pd.Series([], dtype="int64"),
            "event_timestamp": pd.to_datetime(pd.Series([], dtype="object"), utc=True),
        }
    )
    result = repository.retrieve(spine, ["trips:value"])
    assert list(result.columns) == ["driver_id", "event_timestamp", "value"] and len(result) == 0


def test_sql_text_is_refused_with_what_to_do(repository: Repository) -> None:
    repository.trips([(1, at(), at(), 10)])
    with pytest.raises(ValueError, match="runs no SQL: run the query where the data is"):
        repository.store.get_historical_features(entity_df="select 1", features=["trips:value"])


def test_a_missing_join_key_is_refused_before_anything_runs(repository: Repository) -> None:
    repository.trips([(1, at(), at(), 10)])
    spine = pd.DataFrame({"rider_id": [1], "event_timestamp": pd.to_datetime([at()], utc=True)})
    with pytest.raises(Exception, match="driver_id"):
        repository.store.get_historical_features(entity_df=spine, features=["trips:value"])


def test_keys_come_as_floats_objects_or_smaller_integers(repository: Repository) -> None:
    repository.trips([(1, at(), at(), 10)])
    for keys in (pd.Series([1.0, None]), pd.Series([1, None], dtype="Int64"), pd.Series([1, None], dtype="object")):
        spine = pd.DataFrame({"driver_id": keys, "event_timestamp": pd.to_datetime([at(), at()], utc=True)})
        assert repository.retrieve(spine, ["trips:value"])["value"].isna().tolist() == [False, True]
    small = pd.DataFrame(
        {"driver_id": pd.Series([1], dtype="int8"), "event_timestamp": pd.to_datetime([at()], utc=True)}
    )
    assert repository.retrieve(small, ["trips:value"])["value"].tolist() == [10]


def test_a_key_of_another_kind_is_refused_by_name(repository: Repository) -> None:
    repository.trips([(1, at(), at(), 10)])
    spine = pd.DataFrame({"driver_id": ["one"], "event_timestamp": pd.to_datetime([at()], utc=True)})
    with pytest.raises(ValueError, match="column 'driver_id' of entity_df"):
        repository.retrieve(spine, ["trips:value"])
