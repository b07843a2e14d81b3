"""Features that are computed, with values worked out by hand: embedded, and through a sidecar."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from computed import DEFINITIONS, DERIVED, HOUR, MICROSECOND, T, fill

import asofdb
from asofdb import Status

PRESENT, NULL, MISSING, EXPIRED = Status.PRESENT, Status.NULL, Status.MISSING, Status.EXPIRED


@pytest.fixture
def filled(engine: Any) -> Any:
    """Everything that both promise, with the rows of the module ``computed``."""
    engine.apply(DEFINITIONS, allow_drop=True)
    fill(engine)
    return engine


def test_windows_have_the_values_and_statuses_of_their_events(filled: Any) -> None:
    features = [f"spending:{name}" for name in ("n_1h", "n_24h", "spent_1h", "spent_24h", "mean_1h", "mean_24h")]
    features += ["spending:shops_24h", "spending:at_a_24h", "spending:at_b_24h", "spending:dear_24h"]
    result = filled.as_of(features, {"user_id": [1, 2]}, at=T)
    rows = result.to_dicts()
    assert rows[0] == {
        "user_id": 1,
        "n_1h": 0,
        "n_24h": 2,
        "spent_1h": 0.0,
        "spent_24h": 40.0,
        "mean_1h": -1.0,
        "mean_24h": 20.0,
        "shops_24h": ["a", "b"],
        "at_a_24h": 1,
        "at_b_24h": 1,
        "dear_24h": 1,
    }
    assert result.statuses()[0].tolist() == [PRESENT] * 4 + [NULL] + [PRESENT] * 5
    assert result.statuses()[1].tolist() == [MISSING] * 10, "nothing is known of user 2"
    assert (rows[1]["n_24h"], rows[1]["mean_24h"]) == (None, -1.0), "the default stands in"
    times = result.event_timestamps()
    assert times[0, 0] == np.datetime64("2024-06-01T10:00:00")
    assert np.isnat(times[1, 0])
    later = filled.as_of("spending:n_24h", {"user_id": 1}, at=T + MICROSECOND).to_dict()["n_24h"]
    assert later == [3], "the event of a microsecond later is in, that of a day before stays out"
    before = filled.as_of("spending:spent_24h", {"user_id": 1}, at=T - MICROSECOND).to_dict()["spent_24h"]
    assert before == [540.0], "the event of a day before is not yet as old as the window"


def test_late_events_count_from_when_they_were_known(filled: Any) -> None:
    known = filled.now()
    filled.write(
        "purchases",
        {"user_id": [1], "event_timestamp": [T - HOUR / 2], "order_id": [9], "shop": ["z"], "amount": [5.0]},
    )

    def spent(**times: Any) -> Any:
        return filled.as_of("spending:spent_24h", {"user_id": 1}, at=T, **times).to_dict()["spent_24h"][0]

    assert (spent(), spent(known_at=known)) == (45.0, 40.0)


def test_features_are_computed_from_rows_windows_request_values_and_each_other(filled: Any) -> None:
    entities = {"user_id": [1, 1, 2, 3]}
    values = {"amount": [50.0, 10.0, 60.0, 60.0], "shop": ["a", None, None, None]}
    result = filled.as_of(DERIVED, entities, at=T, request=values)
    assert result.to_dict() == {
        "user_id": [1, 1, 2, 3],
        "age": [34, 34, None, None],
        "times_mean": [2.5, 0.5, -60.0, -60.0],
        "is_dear": [True, False, True, True],
        "shop_or_none": ["a", "none", "none", "none"],
    }
    assert result.statuses().tolist() == [
        [PRESENT, PRESENT, PRESENT, PRESENT],
        [PRESENT, PRESENT, PRESENT, NULL],
        [EXPIRED, PRESENT, PRESENT, NULL],
        [MISSING, PRESENT, PRESENT, NULL],
    ]
    times = result.event_timestamps()
    assert times[0, 0] == np.datetime64("2024-06-01T11:00:00"), "of the profile"
    assert times[0, 2] == np.datetime64("2024-06-01T10:00:00"), "of the oldest input that was read"
    assert times[0, 3] == np.datetime64("2024-06-01T12:00:00"), "values of the request are of the time asked about"


def test_request_values_come_in_any_form(filled: Any) -> None:
    features = ["derived:times_mean", "derived:shop_or_none"]
    users, amounts, shops = [1, 1], [50.0, 10.0], ["a", None]
    together = {"user_id": users, "amount": amounts, "shop": shops}
    frame = pd.DataFrame({"amount": amounts, "shop": shops})
    for entities, values in [
        (together, None),
        ([{"user_id": 1, "amount": 50.0, "shop": "a"}, {"user_id": 1, "amount": 10.0}], None),
        (pd.DataFrame(together), None),
        (pl.DataFrame(together), None),
        (pa.table(together), None),
        ({"user_id": users}, {"amount": amounts, "shop": shops}),
        ({"user_id": np.array(users)}, {"amount": np.array(amounts, "float32"), "shop": np.array(shops, object)}),
        ({"user_id": users}, {"amount": pd.Series([50, 10]), "shop": pl.Series(shops)}),
        ({"user_id": users, "shop": shops}, {"amount": amounts}),
        (pd.DataFrame({"user_id": users}), frame),
        ([{"user_id": 1}, {"user_id": 1}], [{"amount": 50.0, "shop": "a"}, {"amount": 10.0}]),
    ]:
        result = filled.as_of(features, entities, at=T, request=values).to_dict()
        assert (result["times_mean"], result["shop_or_none"]) == ([2.5, 0.5], ["a", "none"]), entities
        assert list(result) == ["user_id", "times_mean", "shop_or_none"], "values of the request are no answer"
    one = filled.as_of(features, {"user_id": 1, "amount": 50}, at=T).to_dict()
    assert one == {"user_id": [1], "times_mean": [2.5], "shop_or_none": ["none"]}
    for_all = filled.as_of(features, {"user_id": [1, 1, 1]}, at=T, request={"amount": 10.0, "shop": "b"}).to_dict()
    assert (for_all["times_mean"], for_all["shop_or_none"]) == ([0.5] * 3, ["b"] * 3), "single values go for all"
    assert len(filled.as_of(features, [], at=T, request=[])) == 0
    assert len(filled.as_of(features, {"user_id": []}, at=T, request={"amount": 1.0})) == 0


def test_values_that_the_request_does_not_take_are_refused_with_the_rule(filled: Any) -> None:
    features = ["derived:times_mean", "derived:shop_or_none"]

    def refused(entities: Any, request: Any, references: Any = features) -> str:
        with pytest.raises(asofdb.InvalidError) as error:
            filled.latest(references, entities, request=request)
        return str(error.value)

    user = {"user_id": [1, 2]}
    assert refused(user, None) == 'the request needs a value for "amount" (float64)'
    assert refused(user, {"amount": [1.0, None]}) == 'the request needs a value for "amount" (float64)'
    assert 'takes a request value "amont" (amount, shop)' in refused(user, {"amont": [1.0, 2.0]})
    assert "no feature takes a request value of that name (user_id, amount, shop)" in refused(
        {**user, "amont": [1, 2]}, None
    )
    assert refused(user, {"amount": [1.0]}) == 'request value "amount" has 1 rows, the entities have 2'
    assert refused({**user, "amount": [1.0]}, None) == 'request value "amount" has 1 rows, the entities have 2'
    assert "given twice" in refused({**user, "amount": [1.0, 2.0]}, {"amount": 3.0})
    assert 'column "amount", row 1: ' in refused(user, {"amount": [1.0, "2"]})
    assert refused(user, {"amount": float("nan")}) == 'request value "amount" cannot be NaN'
    assert "does not fit" in refused(user, {"amount": np.array([1, 2**53 + 1])})
    stored = refused(user, {"amount": 1.0}, "profile:limit")
    assert stored == 'no feature of the request takes request values: "amount"'
    frame = pd.DataFrame({"amount": [1.0, 2.0]})
    assert refused(user, frame, "profile:limit") == "no feature of the request takes request values"
    assert 'no view of the request has join key "amount" (user_id)' in refused(
        {**user, "amount": [1, 2]}, None, "profile"
    )


def test_a_prepared_request_tells_its_values_and_reads_matrices(filled: Any) -> None:
    request = filled.prepare("model_v1")
    assert request.join_keys == {"user_id": "int64"}
    assert request.request_values == {
        "amount": asofdb.RequestValue("amount", "float64", True, "In euros"),
        "shop": asofdb.RequestValue("shop", "string", False),
    }
    assert request.types == ["int64", "float64", "int64", "float64"]
    expected = [[34.0, 2.5, 2.0, 100.0], [-7.0, -50.0, -7.0, 50.0]]
    entities = {"user_id": np.array([1, 2])}
    out = np.empty((2, 4), dtype="float32")
    assert request.as_of_numpy(entities, at=T, out=out, fill=-7.0, request={"amount": 50.0}) is out
    assert out.tolist() == expected
    together = {**entities, "amount": np.array([50.0, 50.0])}
    assert request.as_of_numpy(together, at=T, fill=-7.0).tolist() == expected
    assert request.as_of(together, at=T).to_numpy(fill=-7.0).tolist() == expected
    assert filled.prepare("profile").request_values == {}


def test_now_is_the_present_of_the_read(filled: Any) -> None:
    now = filled.now()
    fill(filled, now)
    entities, values = {"user_id": [1]}, {"amount": [50.0]}
    request = filled.prepare("model_v1")
    age = now.year - 1990
    for answer in [request.latest(entities, request=values), filled.latest("model_v1", entities, request=values)]:
        # The event a microsecond after `now` counts by the time of the read.
        assert answer.to_dict()["age"] == [age]
        assert answer.to_dict()["n_24h"] == [3]
        assert answer.to_dict()["times_mean"] == [50.0 / (47.0 / 3)]
    assert request.latest_numpy(entities, request=values)[0, 2] == 3.0
    assert request.latest_numpy({**entities, **values})[0, 0] == age


def test_a_training_row_is_what_a_read_gives(filled: Any) -> None:
    times = [T, T - HOUR, T + MICROSECOND, None]
    spine = pa.table(
        {
            "user_id": [1, 1, 2, 1],
            "event_timestamp": pa.array(times, pa.timestamp("us", tz="UTC")),
            "amount": [50, 10, 60, 1],
            "shop": ["a", None, None, "b"],
            "label": [True, False, True, False],
        }
    )
    features = [*DERIVED, "spending:n_24h", "spending:shops_24h"]
    joined = filled.training_set(spine, features, statuses=True).to_arrow()
    assert joined.column_names[:5] == spine.column_names
    assert joined["age"].to_pylist() == [34, 34, None, None]
    assert joined["age__status"].to_pylist() == ["present", "present", "expired", "missing"]
    assert joined["n_24h"].to_pylist() == [2, 3, None, None]
    for row, at in enumerate(times[:3]):
        entities = {"user_id": spine["user_id"][row].as_py()}
        values = {"amount": spine["amount"][row].as_py(), "shop": spine["shop"][row].as_py()}
        online = filled.as_of(features, entities, at=at, request=values).to_arrow(statuses=True, entities=False)
        for name in online.column_names:
            assert joined[name][row].as_py() == online[name][0].as_py(), (name, row)
    with pytest.raises(asofdb.InvalidError, match='no column for the request value "amount"'):
        filled.training_set(spine.drop_columns(["amount"]), features).to_arrow()


def test_a_view_of_request_values_alone_needs_no_entities(engine: Any) -> None:
    twice = asofdb.DerivedFeature("twice", "int64", "x * 2")
    given = asofdb.DerivedFeature("given", "bool", "not is_null(y)")
    values = [asofdb.RequestValue("x", "int64"), asofdb.RequestValue("y", "list<float64>", required=False)]
    optional = asofdb.DerivedView(
        "o",
        [asofdb.DerivedFeature("z", "int64", "coalesce(z0, 7)")],
        [asofdb.RequestValue("z0", "int64", required=False)],
    )
    engine.apply([asofdb.DerivedView("d", [twice, given], values), optional], allow_drop=True)
    assert engine.prepare("d").join_keys == {}
    big = 2**62
    for entities, request in [({"x": [4, big]}, None), ({}, {"x": [4, big]}), ([{}, {}], {"x": [4, big]})]:
        result = engine.latest("d:twice", entities, request=request)
        assert result.to_dict() == {"twice": [8, None]}, "an overflow is null"
        assert result.statuses().tolist() == [[PRESENT], [NULL]]
    assert engine.latest("d", {}, request={"x": 3}).to_dict() == {"twice": [6], "given": [False]}
    listed = engine.latest("d", [{"x": 1, "y": [0.5]}, {"x": 2, "y": None}]).to_dict()
    assert listed == {"twice": [2, 4], "given": [True, False]}
    assert engine.latest("o", {}).to_dict() == {"z": [7]}, "one row, with nothing given"
    assert engine.latest("o", [{}, {"z0": 1}]).to_dict() == {"z": [7, 1]}
    assert len(engine.latest("o", [])) == 0


def test_requests_follow_a_change_of_the_values_that_they_take(filled: Any) -> None:
    request = filled.prepare("derived:age")
    assert request.as_of({"user_id": [1]}, at=T, request={"amount": 1.0}).to_dict()["age"] == [34]
    wanted = filled.catalog().definitions()
    wanted.derived_views[0].request.append(asofdb.RequestValue("more", "int64", required=False))
    filled.apply(wanted)
    values = {"amount": 1.0, "more": 5}
    assert request.as_of({"user_id": [1]}, at=T, request=values).to_dict()["age"] == [34]
    assert list(request.request_values) == ["amount", "shop", "more"]


def test_what_is_computed_has_no_rows_of_its_own(filled: Any) -> None:
    row = {"user_id": [1], "event_timestamp": [datetime(2024, 1, 1, tzinfo=timezone.utc)]}
    with pytest.raises(asofdb.InvalidError, match="it has no rows of its own"):
        filled.write("spending", row)
    with pytest.raises(asofdb.InvalidError, match="it has no rows of its own"):
        filled.history("spending", {"user_id": 1})


async def read_with_values(socket: str) -> tuple[Any, Any, Any]:
    async with await asofdb.AsyncClient.connect(socket) as client:
        request = await client.prepare("model_v1")
        past = await client.as_of(request, {"user_id": [1]}, at=T, request={"amount": [50.0]})
        together = await client.as_of("model_v1", {"user_id": [1], "amount": [10.0]}, at=T)
        latest = await client.latest("derived:shop_or_none", {}, request={"amount": 1.0, "shop": "b"})
        return past.to_dict(), together.to_dict(), latest.to_dict()


def test_the_client_for_asyncio_sends_values_of_the_request(client: asofdb.Client) -> None:
    import asyncio

    client.apply(DEFINITIONS, allow_drop=True)
    fill(client)
    past, together, latest = asyncio.run(read_with_values(client._socket))
    assert past == {"user_id": [1], "age": [34], "times_mean": [2.5], "n_24h": [2], "limit": [100.0]}
    assert together["times_mean"] == [0.5]
    assert latest["shop_or_none"] == ["b"]
