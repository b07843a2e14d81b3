"""Dates: days without a time of day, from and to Python, numpy, pandas, polars and Arrow."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from support import T0, UTC

import asofdb

DAYS = [date(1, 1, 1), date(1969, 12, 31), date(1970, 1, 1), date(2024, 2, 29), date(9999, 12, 31)]

DEFINITIONS: list[Any] = [
    asofdb.Entity("day", {"day": "date"}),
    asofdb.FeatureView(
        "calendar",
        ["day"],
        [asofdb.Feature("next", "date", default=date(9999, 12, 31)), asofdb.Feature("holidays", "list<date>")],
    ),
]


@pytest.fixture
def store(tmp_path: Any) -> Any:
    with asofdb.Store.open(tmp_path / "store") as store:
        store.apply(DEFINITIONS)
        yield store


def rows(days: Any) -> dict[str, Any]:
    return {"day": days, "next": days, "holidays": [[day] for day in DAYS], "event_timestamp": [T0] * 5}


@pytest.mark.parametrize("form", ["list", "numpy", "pandas", "polars", "arrow", "text"])
def test_dates_of_every_library_come_back_as_dates(store: Any, form: str) -> None:
    columns = rows(DAYS)
    tables: dict[str, Any] = {
        "list": columns,
        "numpy": rows(np.array(DAYS, "datetime64[D]")),
        "pandas": pd.DataFrame(columns),
        "polars": pl.DataFrame(columns),
        "arrow": pa.table(columns),
        "text": rows([day.isoformat() for day in DAYS]),
    }
    store.write("calendar", tables[form])
    for keys in (DAYS, np.array(DAYS, "datetime64[D]"), [day.isoformat() for day in DAYS], pa.array(DAYS)):
        result = store.latest("calendar", {"day": keys})
        assert result.to_dict(entities=False) == {"next": DAYS, "holidays": [[day] for day in DAYS]}
        assert result.to_arrow(entities=False).schema.field("next").type == pa.date32()
        assert list(result.to_pandas()["next"]) == DAYS
    [version] = store.history("calendar", {"day": date(1969, 12, 31)})
    assert version.values == {"next": date(1969, 12, 31), "holidays": [date(1969, 12, 31)]}


def test_a_default_stands_in_and_reads_back_from_the_catalog(store: Any) -> None:
    assert store.latest("calendar:next", {"day": DAYS[1]}).to_dict(entities=False) == {"next": [date(9999, 12, 31)]}
    assert not store.apply(DEFINITIONS)


@pytest.mark.parametrize(
    "day", [datetime(2024, 1, 1, tzinfo=UTC), np.datetime64("2024-01-01T12:00"), 19723, "2024-01-01T00:00:00Z"]
)
def test_what_has_a_time_of_day_or_no_unit_is_no_date(store: Any, day: Any) -> None:
    with pytest.raises(asofdb.InvalidError, match="date"):
        store.latest("calendar", {"day": [day]})
    with pytest.raises(asofdb.InvalidError, match="a date is"):
        store.history("calendar", {"day": day})


def test_dates_are_no_numbers(store: Any) -> None:
    with pytest.raises(asofdb.InvalidError, match="date"):
        store.latest("calendar:next", {"day": DAYS}).to_numpy()
