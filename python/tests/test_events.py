"""Event views: defined as objects, written, counted once, deleted."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

import asofdb
from asofdb import Column, Definitions, Entity, EventView, WindowFeature, WindowView

DEFINITIONS = Definitions.of(
    [
        Entity("user", {"user_id": "int64"}),
        EventView(
            "purchases_v1",
            "user",
            [Column("order_id", "int64"), Column("amount", "float64", "In euros", {"unit": "EUR"})],
            event_id="order_id",
            retention="4000d",
            owner="shop@example.org",
        ),
    ]
)


def purchases(orders: list[int], amounts: list[float]) -> dict[str, list[object]]:
    at = datetime(2024, 5, 1, 12, tzinfo=timezone.utc)
    return {
        "user_id": [7] * len(orders),
        "event_timestamp": [at] * len(orders),
        "order_id": list(orders),
        "amount": list(amounts),
    }


def counted(store: asofdb.Store, tmp_path: Path) -> list[float]:
    import pyarrow.dataset

    out = tmp_path / f"out-{len(list(tmp_path.iterdir()))}"
    store.export("purchases_v1", out, latest=True)
    return sorted(pyarrow.dataset.dataset(out, format="parquet").to_table()["amount"].to_pylist())


def test_events_count_once_and_are_deleted_by_their_identity(tmp_path: Path) -> None:
    with asofdb.Store.open(tmp_path / "store") as store:
        store.apply(DEFINITIONS)
        store.write("purchases_v1", purchases([1, 2], [5.0, 6.0]))
        store.write("purchases_v1", purchases([2, 3], [6.5, 7.0]))
        assert counted(store, tmp_path) == [5.0, 6.5, 7.0]
        identity = {name: values for name, values in purchases([1], [0.0]).items() if name != "amount"}
        store.delete_events("purchases_v1", identity)
        assert counted(store, tmp_path) == [6.5, 7.0]
        assert len(store.history("purchases_v1", {"user_id": 7})) == 5


def test_windows_find_events_by_other_entities_too(tmp_path: Path) -> None:
    columns = [Column("order_id", "int64"), Column("shop", "string"), Column("amount", "float64")]
    events = EventView("purchases_v2", "user", columns, event_id=["order_id", "shop"], also_by=["shop"])
    spent = WindowFeature("spent", "sum", of="amount", windows="24h")
    by_shop = WindowView("shop_spent_v1", "purchases_v2", [spent], entities="shop")
    entities = [Entity("user", {"user_id": "int64"}), Entity("shop", {"shop": "string"})]
    definitions = Definitions.of([*entities, events, by_shop])
    with asofdb.Store.open(tmp_path / "store") as store:
        store.apply(definitions)
        rows = purchases([1, 2, 3], [5.0, 6.0, 7.0])
        store.write("purchases_v2", {**rows, "user_id": [7, 8, 7], "shop": ["a", "a", "b"]})
        at = datetime(2024, 5, 1, 13, tzinfo=timezone.utc)
        answer = store.as_of("shop_spent_v1", {"shop": ["a", "b", "c"]}, at=at)
        assert answer.to_dict()["spent_24h"] == [11.0, 7.0, None]
        view = store.catalog().event_views["purchases_v2"]
        assert view.also_by == [["shop"]]
        assert not store.plan(store.catalog().definitions())
        with pytest.raises(asofdb.ConflictError, match="also_by of an event view cannot change"):
            view.also_by = ()
            store.apply(Definitions.of([*entities, view]), allow_drop=True)


def test_columns_of_events_are_no_features(tmp_path: Path) -> None:
    with asofdb.Store.open(tmp_path / "store") as store:
        store.apply(DEFINITIONS)
        with pytest.raises(asofdb.InvalidError, match="is an event view, which has no features"):
            store.latest("purchases_v1:amount", {"user_id": [7]})


def test_event_views_come_back_from_the_catalog_as_they_were_defined(tmp_path: Path) -> None:
    with asofdb.Store.open(tmp_path / "store") as store:
        store.apply(DEFINITIONS)
        catalog = store.catalog()
        assert list(catalog.feature_views) == []
        view = catalog.event_views["purchases_v1"]
        assert (view.event_id, view.retention, view.columns[1].tags) == (["order_id"], "4000d", {"unit": "EUR"})
        assert not store.plan(catalog.definitions())


def test_a_promise_of_freshness_comes_back_from_the_catalog_and_is_held_to(tmp_path: Path) -> None:
    promise = asofdb.FreshnessObjective("6h", warn=timedelta(hours=1), stale_share_max=0.01)
    view = asofdb.FeatureView("orders_v1", "user", [asofdb.Feature("amount", "float64")], freshness=promise)
    late = asofdb.FreshnessObjective(stale="10m")
    events = EventView("clicks_v1", "user", [asofdb.Column("page", "string")], freshness=late)
    with asofdb.Store.open(tmp_path / "store") as store:
        store.apply(Definitions.of([Entity("user", {"user_id": "int64"}), view, events]))
        catalog = store.catalog()
        assert catalog.feature_views["orders_v1"].freshness == asofdb.FreshnessObjective("6h", "1h", 0.01)
        assert catalog.event_views["clicks_v1"].freshness == asofdb.FreshnessObjective("10m", "10m")
        assert not store.plan(catalog.definitions())
        at = datetime(2024, 5, 1, 12, tzinfo=timezone.utc)
        store.write("orders_v1", {"user_id": [7], "event_timestamp": [at], "amount": [1.0]})
        orders, clicks = store.ages("orders_v1", "clicks_v1")
        assert (orders.status, orders.stale, orders.share_over_stale) == ("stale", True, 1.0)
        assert orders.objective == {"warn": "1h", "stale": "6h", "stale_share_max": 0.01}
        assert (clicks.status, clicks.entities, clicks.newest_event_timestamp) == ("no_data", None, None)
        view.freshness = asofdb.FreshnessObjective("1h", warn="2h")
        with pytest.raises(asofdb.InvalidError, match="warn of freshness is at most stale: 2h > 1h"):
            store.apply(Definitions.of([Entity("user", {"user_id": "int64"}), view, events]))


def test_a_check_holds_and_comes_back_from_the_catalog(tmp_path: Path) -> None:
    view = asofdb.FeatureView("orders_v1", "user", [asofdb.Feature("amount", "float64")], check="amount >= 0")
    with asofdb.Store.open(tmp_path / "store") as store:
        store.apply(Definitions.of([Entity("user", {"user_id": "int64"}), view]))
        assert store.catalog().feature_views["orders_v1"].check == "amount >= 0"
        at = datetime(2024, 5, 1, 12, tzinfo=timezone.utc)
        row = {"user_id": [7], "event_timestamp": [at], "amount": [-1.0]}
        with pytest.raises(asofdb.InvalidError, match="row 0: the check of the view is false: amount >= 0"):
            store.write("orders_v1", row)
        with pytest.raises(asofdb.NotFoundError, match="no input is named `amont`"):
            store.plan(
                Definitions.of(
                    [
                        Entity("user", {"user_id": "int64"}),
                        asofdb.FeatureView(
                            "orders_v1", "user", [asofdb.Feature("amount", "float64")], check="amont > 0"
                        ),
                    ]
                )
            )
