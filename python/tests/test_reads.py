"""Latest and as-of reads: entities in all forms, answers in all forms."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from support import HOUR, T0, UTC, activity

import asofdb
from asofdb import Status

PRESENT, NULL, MISSING, EXPIRED = Status.PRESENT, Status.NULL, Status.MISSING, Status.EXPIRED


@pytest.fixture
def filled(engine: Any) -> Any:
    """User 1 has a row of an hour ago, 2 one with a null, 3 an old one; 4 none."""
    now = datetime.now(UTC)
    engine.write("activity", activity([1, 2], now - HOUR, clicks=[7, None], active=[True, False]))
    engine.write("activity", activity([3], now - 3 * HOUR))
    engine.write("visits", [{"user_id": 1, "shop": "é", "count": 3, "event_timestamp": now - HOUR}])
    return engine


def test_every_value_comes_with_its_status_and_time(filled: Any) -> None:
    result = filled.latest("ranker_v1", {"user_id": [1, 2, 3, 4, None]})
    assert len(result) == 5
    assert result.references == ["activity:clicks", "activity:rate", "activity:active"]
    assert result.to_dict() == {
        "user_id": [1, 2, 3, 4, None],
        "clicks": [7, None, None, None, None],
        "rate": [0.25, 0.25, 0.5, 0.5, 0.5],
        "active": [True, False, None, None, None],
    }
    assert result.statuses().tolist() == [
        [PRESENT, PRESENT, PRESENT],
        [NULL, PRESENT, PRESENT],
        [EXPIRED] * 3,
        [MISSING] * 3,
        [MISSING] * 3,
    ]
    times = result.event_timestamps()
    assert times.dtype == np.dtype("datetime64[us]")
    assert np.isnat(times).tolist() == [[False] * 3] * 3 + [[True] * 3] * 2
    assert times[2, 0] < times[0, 0] == times[1, 2]


@pytest.mark.parametrize(
    "entities",
    [
        {"user_id": [1, 2]},
        {"user_id": (1, 2)},
        {"user_id": range(1, 3)},
        {"user_id": np.array([1, 2])},
        {"user_id": np.array([1, 2], dtype=np.int32)},
        {"user_id": np.array([1, 2], dtype=np.uint8)},
        {"user_id": np.array([1, 99, 2, 99])[::2]},
        {"user_id": [np.int64(1), np.int64(2)]},
        {"user_id": pa.array([1, 2])},
        {"user_id": pa.chunked_array([[1], [2]])},
        {"user_id": pa.array([1, 2], pa.int32())},
        {"user_id": pd.Series([1, 2])},
        {"user_id": pl.Series([1, 2])},
        [{"user_id": 1}, {"user_id": 2}],
        pa.table({"user_id": [1, 2]}),
        pa.record_batch({"user_id": [1, 2]}),
        pa.table({"other": ["a", "b"], "user_id": [1, 2]}),
        pd.DataFrame({"user_id": [1, 2]}),
        pl.DataFrame({"user_id": [1, 2]}),
    ],
    ids=lambda entities: type(entities).__name__,
)
def test_entities_come_in_every_form(filled: Any, entities: Any) -> None:
    result = filled.latest("activity:clicks", entities)
    assert result.to_dict() == {"user_id": [1, 2], "clicks": [7, None]}
    matrix = filled.prepare("activity:clicks").latest_numpy(entities, fill=-1)
    assert matrix.tolist() == [[7.0], [-1.0]]


def test_single_values_are_one_row(filled: Any) -> None:
    assert filled.latest("activity:clicks", {"user_id": 1}).to_dict() == {"user_id": [1], "clicks": [7]}
    assert filled.latest("activity:clicks", {"user_id": np.int64(1)}).to_numpy().tolist() == [[7.0]]
    assert filled.latest("visits:count", {"user_id": 1, "shop": "é"}).to_dict()["count"] == [3]
    assert filled.latest("activity:clicks", {"user_id": None}).statuses().tolist() == [[MISSING]]


def test_several_views_and_keys_at_once(filled: Any) -> None:
    result = filled.latest(["visits:count", "activity:*"], {"shop": ["é", "x"], "user_id": [1, 1]})
    assert result.to_dict() == {
        "user_id": [1, 1],
        "shop": ["é", "x"],
        "count": [3, None],
        "clicks": [7, 7],
        "rate": [0.25, 0.25],
        "active": [True, True],
    }
    assert result.names(full_names=True)[:2] == ["visits__count", "activity__clicks"]
    assert filled.prepare(["visits:count", "activity:*"]).names == ["count", "clicks", "rate", "active"]
    assert result.to_dicts()[1] == {
        "user_id": 1,
        "shop": "x",
        "count": None,
        "clicks": 7,
        "rate": 0.25,
        "active": True,
    }


def test_no_entities_is_no_rows(filled: Any) -> None:
    nothing: list[Any] = [[], {"user_id": []}, pa.table({"user_id": pa.array([], pa.int64())})]
    for none in nothing:
        result = filled.latest("ranker_v1", none)
        assert len(result) == 0
        assert result.to_numpy().shape == (0, 3)
        assert result.to_arrow().num_rows == 0
        assert filled.prepare("ranker_v1").latest_numpy(none).shape == (0, 3)


def test_answers_come_in_every_form(filled: Any) -> None:
    result = filled.latest("ranker_v1", {"user_id": [1, 2, 4]})
    expected = {
        "user_id": [1, 2, 4],
        "clicks": [7, None, None],
        "rate": [0.25, 0.25, 0.5],
        "active": [True, False, None],
    }
    assert result.to_arrow().to_pydict() == expected
    assert pa.table(result).to_pydict() == expected
    assert pl.DataFrame(result).to_dict(as_series=False) == expected
    assert result.to_polars().to_dict(as_series=False) == expected
    frame = result.to_pandas()
    assert frame["rate"].tolist() == expected["rate"]
    assert frame["user_id"].dtype == np.int64
    with_all = result.to_arrow(statuses=True, event_timestamps=True, full_names=True, entities=False)
    assert with_all.column_names == [
        "activity__clicks",
        "activity__clicks__status",
        "activity__rate",
        "activity__rate__status",
        "activity__active",
        "activity__active__status",
        "activity__event_timestamp",
    ]
    assert with_all["activity__clicks__status"].to_pylist() == ["present", "null", "missing"]
    assert with_all["activity__event_timestamp"].type == pa.timestamp("us", "UTC")


def test_matrices_are_float32_or_float64_in_the_order_asked(filled: Any) -> None:
    filled.write("activity", activity([5], datetime.now(UTC), clicks=[2**40 + 1]))
    result = filled.latest(["activity:active", "activity:clicks"], {"user_id": [1, 5, 2]})
    single, double = result.to_numpy(), result.to_numpy(np.float64, fill=-1)
    assert single.dtype == np.float32 and double.dtype == np.float64
    assert double.tolist() == [[1, 7], [1, 2**40 + 1], [0, -1]]
    assert single.tolist()[:2] == [[1, 7], [1, float(2**40)]]
    assert np.isnan(single[2, 1])
    assert single.flags.c_contiguous
    with pytest.raises(asofdb.InvalidError, match="float32 or float64, not int64"):
        result.to_numpy(np.int64)


def test_a_matrix_goes_into_the_callers_array(filled: Any) -> None:
    request = filled.prepare("ranker_v1")
    out = np.zeros((2, 3), np.float32)
    assert request.latest_numpy({"user_id": [1, 4]}, out=out, fill=-1) is out
    assert out.tolist() == [[7, 0.25, 1], [-1, 0.5, -1]]
    for shape in ((3, 3), (3, 2), (1, 6)):
        with pytest.raises(asofdb.InvalidError, match=r"of the shape \(2, 3\), not"):
            request.latest_numpy({"user_id": [1, 4]}, out=np.zeros(shape, np.float32))
    for wrong in (np.zeros((3, 2), np.float32).T, np.zeros((2, 6), np.float32)[:, ::2]):
        with pytest.raises(asofdb.InvalidError, match="row by row"):
            request.latest_numpy({"user_id": [1, 4]}, out=wrong)
    with pytest.raises(TypeError):
        request.latest_numpy({"user_id": [1]}, out=np.zeros((1, 3)))


def test_text_does_not_go_into_a_matrix(engine: Any) -> None:
    definitions = engine.catalog().definitions()
    definitions.feature_views[0].features.append(asofdb.Feature("name", "string"))
    engine.apply(definitions)
    with pytest.raises(asofdb.InvalidError, match="activity:name is string"):
        engine.latest("activity:name", {"user_id": [1]}).to_numpy()
    with pytest.raises(asofdb.InvalidError, match="activity:name is string"):
        engine.prepare("activity:name").latest_numpy({"user_id": [1]})


def test_as_of_sees_what_was_true_then_and_known_by_then(engine: Any) -> None:
    for clicks, event, created in ((1, T0, T0), (2, T0 + HOUR, T0 + HOUR), (3, T0, T0 + 3 * HOUR)):
        definitions = engine.catalog().definitions()
        definitions.feature_views[0].created_timestamp = "created"
        engine.apply(definitions)
        engine.write("activity", activity([1], event, clicks=[clicks], created=[created]))

    def clicks_at(at: Any, known_at: Any = None) -> Any:
        return engine.as_of("activity:clicks", {"user_id": 1}, at=at, known_at=known_at).to_dict()["clicks"][0]

    microsecond = timedelta(microseconds=1)
    assert clicks_at(T0 - microsecond) is None
    assert clicks_at(T0) == 3
    assert clicks_at(T0, known_at=T0 + 2 * HOUR) == 1
    assert clicks_at(T0 + HOUR) == 2
    assert clicks_at(T0 + HOUR, known_at=T0) == 1
    assert clicks_at(T0 + 3 * HOUR) == 2
    assert clicks_at(T0 + 3 * HOUR + microsecond) is None
    request = engine.prepare("activity:clicks")
    assert request.as_of_numpy({"user_id": 1}, at=T0, known_at=T0).tolist() == [[1.0]]


def test_a_time_is_aware_or_says_that_it_is_utc(engine: Any) -> None:
    engine.write("activity", activity([1], T0, clicks=[5]))
    naive = T0.replace(tzinfo=None)
    east = timezone(timedelta(hours=5, minutes=30))
    for at in (
        T0,
        T0.astimezone(east),
        pd.Timestamp(T0),
        np.datetime64(naive, "us"),
        np.datetime64(naive, "ns"),
        T0.isoformat(),
        "2024-05-01T12:00:00.123456Z",
    ):
        assert engine.as_of("activity:clicks", {"user_id": 1}, at=at).to_dict()["clicks"] == [5], at
    for wrong, why in (
        (naive, "needs a time zone"),
        (pd.Timestamp(naive), "needs a time zone"),
        (pd.Timestamp("2024-05-01T12:00:00.123456789Z"), "nanoseconds"),
        (np.datetime64("2024-05-01T12:00:00.123456789"), "microseconds"),
        (np.datetime64("NaT"), "NaT"),
        (1714564800, "not int"),
        ("yesterday", "RFC 3339"),
    ):
        with pytest.raises(asofdb.InvalidError, match=why):
            engine.as_of("activity:clicks", {"user_id": 1}, at=wrong)


@pytest.mark.parametrize(
    ("references", "entities", "error", "words"),
    [
        ("activty", {"user_id": [1]}, asofdb.NotFoundError, 'did you mean "activity"'),
        (["activity:clcks"], {"user_id": [1]}, asofdb.NotFoundError, 'did you mean "clicks"'),
        ([], {"user_id": [1]}, asofdb.InvalidError, "at least one feature"),
        (["activity", "activity:rate"], {"user_id": [1]}, asofdb.InvalidError, "each feature once"),
        ("activity", {"user": [1]}, asofdb.InvalidError, 'needs join key "user_id"'),
        ("activity", {"user_id": [1], "x": [1]}, asofdb.InvalidError, 'has join key "x"'),
        ("activity", {"user_id": ["a"]}, asofdb.InvalidError, "column \"user_id\", row 0: not int64: 'a'"),
        ("activity", {"user_id": [1, 1.5]}, asofdb.InvalidError, "row 1: not int64: 1.5"),
        ("activity", {"user_id": [True]}, asofdb.InvalidError, "not int64: True"),
        ("activity", {"user_id": [2**63]}, asofdb.InvalidError, "not int64"),
        ("activity", {"user_id": np.array([1.5])}, asofdb.InvalidError, "user_id"),
        ("activity", {"user_id": np.array([2**63], np.uint64)}, asofdb.InvalidError, "cannot hold"),
        ("activity", {"user_id": np.zeros((2, 2))}, asofdb.InvalidError, "2 dimensions"),
        ("activity", pa.table({"user_id": ["a"]}), asofdb.InvalidError, "must be int64"),
        ("visits", {"user_id": [1, 2], "shop": ["a"]}, asofdb.InvalidError, "one length"),
        ("activity", 7, asofdb.InvalidError, "not int"),
    ],
)
def test_bad_questions_are_refused_by_name(engine: Any, references: Any, entities: Any, error: Any, words: str) -> None:
    with pytest.raises(error) as raised:
        engine.latest(references, entities)
    assert words in str(raised.value)


def test_a_request_follows_the_catalog(engine: Any) -> None:
    request = engine.prepare("activity:*")
    assert request.features == ["activity:clicks", "activity:rate", "activity:active"]
    assert request.types == ["int64", "float32", "bool"]
    assert request.join_keys == {"user_id": "int64"}
    definitions = engine.catalog().definitions()
    definitions.feature_views[0].features.append(asofdb.Feature("new", "int32", default=9))
    engine.apply(definitions)
    assert request.latest({"user_id": 1}).to_dict()["new"] == [9]
    # Even of what it is asked about.
    definitions.feature_views = [one for one in definitions.feature_views if one.name == "visits"]
    definitions.feature_services.clear()
    engine.apply(definitions, allow_drop=["activity"])
    definitions.feature_views.append(
        asofdb.FeatureView("activity", ["shop"], [asofdb.Feature("clicks", "int64", default=4)])
    )
    engine.apply(definitions)
    assert request.latest({"shop": "a"}).to_dict() == {"shop": ["a"], "clicks": [4]}


def test_it_says_what_it_is(engine: Any) -> None:
    assert "3 features: activity:clicks" in repr(engine.latest("activity", {"user_id": [1]}))
    assert repr(engine.prepare("activity")) == "<asofdb.Request activity>"
    assert "asofdb." in repr(engine)
    engine.close()
    assert "closed" in repr(engine)
    with pytest.raises(asofdb.ClosedError, match="was closed"):
        engine.latest("activity", {"user_id": [1]})
