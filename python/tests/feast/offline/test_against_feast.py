"""Random histories: against the rules written down plainly, and against Feast's own store for files."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from .repository import Repository, at

TTL = timedelta(hours=6)


def _history(generator: random.Random, *, ties: bool) -> list[tuple[Any, ...]]:
    """Versions of some drivers, shuffled; with ties, and nulls in created timestamps and values."""
    rows: list[tuple[Any, ...]] = []
    seen = set()
    for number in range(400):
        driver, event = generator.randrange(20), at(minutes=15 * generator.randrange(200))
        created: Any = at(minutes=generator.randrange(10_000), microseconds=number)
        value: float | None = float(number)
        if ties:
            created = created if generator.random() < 0.9 or (driver, event) in seen else pd.NaT
            value = value if generator.random() < 0.9 else None
        elif (driver, event) in seen:
            continue
        seen.add((driver, event))
        rows.append((driver, event, created, value))
    generator.shuffle(rows)
    return rows


def _spine(generator: random.Random, rows: int) -> list[tuple[Any, datetime]]:
    times = [at(minutes=5 * generator.randrange(700)) for _ in range(rows)]
    return [(generator.randrange(22), time) for time in times]


def _expected(history: list[tuple[Any, ...]], spine: list[tuple[Any, datetime]], filtered: bool) -> list[Any]:
    """The rules, as plainly as they can be written."""
    values = []
    for driver, time in spine:
        versions = [
            (event, at(days=-9000) if pd.isna(created) else created, value)
            for key, event, created, value in history
            if key == driver and event <= time and not (filtered and (pd.isna(created) or created > time))
        ]
        newest = max(versions, key=lambda version: version[:2], default=None)
        values.append(None if newest is None or time - newest[0] > TTL else newest[2])
    return values


@pytest.mark.parametrize("seed", range(3))
def test_random_histories_follow_the_rules(repository: Repository, seed: int) -> None:
    generator = random.Random(seed)
    history, spine = _history(generator, ties=True), _spine(generator, 500)
    repository.trips(history, ttl=TTL)
    assert repository.values(spine) == _expected(history, spine, filtered=False)


def test_random_histories_follow_the_rules_of_what_was_known(repository: Repository) -> None:
    generator = random.Random(7)
    history, spine = _history(generator, ties=False), _spine(generator, 200)
    repository.trips(history, ttl=TTL)
    expected = _expected(history, spine, filtered=True)
    assert any(value is not None for value in expected)
    assert repository.values(spine, filter_by_created_timestamp=True) == expected


def _both(tmp_path: Path, history: list[tuple[Any, ...]], **options: Any) -> tuple[Repository, Repository]:
    repositories = []
    for name, offline in (("ours", None), ("feast", {"type": "dask"})):
        (tmp_path / name).mkdir()
        repository = Repository(tmp_path / name, offline=offline)
        repository.trips(history, **options)
        repositories.append(repository)
    return repositories[0], repositories[1]


def _feast_values(repository: Repository, spine: list[tuple[Any, datetime]], **options: Any) -> dict[Any, Any]:
    frame = pd.DataFrame(spine, columns=["driver_id", "event_timestamp"])
    frame["event_timestamp"] = pd.to_datetime(frame["event_timestamp"], utc=True)
    result = repository.retrieve(frame, ["trips:value"], **options)
    values = [None if pd.isna(value) else value for value in result["value"]]
    return dict(zip(zip(result["driver_id"], result["event_timestamp"], strict=True), values, strict=True))


def test_feasts_own_store_agrees_where_it_is_right(tmp_path: Path) -> None:
    generator = random.Random(11)
    history = _history(generator, ties=False)
    spine = list({(driver, time): None for driver, time in _spine(generator, 300)})
    ours, feast = _both(tmp_path, history)
    theirs = _feast_values(feast, spine)
    mine = dict(zip([(driver, pd.Timestamp(time)) for driver, time in spine], ours.values(spine), strict=True))
    compared = {row: value for row, value in mine.items() if row in theirs}
    assert len(compared) > 250
    assert compared == {row: theirs[row] for row in compared}


def test_feast_drops_rows_whose_versions_are_all_out_of_range_and_this_store_does_not(tmp_path: Path) -> None:
    ours, feast = _both(tmp_path, [(1, at(), at(), 10)], ttl=TTL)
    spine = [(1, at(hours=1)), (1, at(days=3)), (1, at(days=-3))]
    assert len(_feast_values(feast, spine)) < 3
    assert ours.values(spine) == [10, None, None]


def test_feast_merges_equal_rows_of_the_spine_and_this_store_does_not(tmp_path: Path) -> None:
    ours, feast = _both(tmp_path, [(1, at(), at(), 10)])
    spine = [(1, at(hours=1))] * 3
    frame = pd.DataFrame(spine, columns=["driver_id", "event_timestamp"])
    assert len(feast.retrieve(frame, ["trips:value"])) == 1
    assert ours.values(spine) == [10, 10, 10]


def test_feast_reorders_the_spine_and_this_store_does_not(tmp_path: Path) -> None:
    ours, feast = _both(tmp_path, [(1, at(), at(), 10), (1, at(hours=2), at(hours=2), 20)])
    spine = [(1, at(hours=3)), (1, at(hours=1))]
    assert list(_feast_values(feast, spine).values()) == [10, 20]
    assert ours.values(spine) == [20, 10]
