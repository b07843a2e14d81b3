"""Definitions and rows of features that are computed, for the tests of them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import asofdb
from asofdb import (
    Column,
    DerivedFeature,
    DerivedView,
    Entity,
    EventView,
    Feature,
    FeatureView,
    WindowFeature,
    WindowView,
)

T = datetime(2024, 6, 1, 12, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)
MICROSECOND = timedelta(microseconds=1)

DEFINITIONS: list[Any] = [
    Entity("user", {"user_id": "int64"}),
    FeatureView(
        "profile", "user", [Feature("birth_year", "int32"), Feature("limit", "float64", default=50.0)], ttl="1d"
    ),
    EventView(
        "purchases",
        "user",
        [Column("order_id", "int64"), Column("shop", "string"), Column("amount", "float64")],
        event_id="order_id",
    ),
    WindowView(
        "spending",
        "purchases",
        [
            WindowFeature("n", "count"),
            WindowFeature("spent", "sum", of="amount"),
            WindowFeature("mean", "mean", of="amount", default=-1.0),
            WindowFeature("shops", "last_k", of="shop", windows="24h", settings={"k": 2, "distinct": True}),
            WindowFeature("at", "count_by", of="shop", windows=["24h"], settings={"values": ["a", "b"]}),
            WindowFeature("dear", "count", where="amount > 10.0", windows=["24h"]),
        ],
        windows=["1h", "24h"],
    ),
    DerivedView(
        "derived",
        [
            DerivedFeature("age", "int64", "year(now) - profile:birth_year"),
            DerivedFeature("times_mean", "float64", "amount / spending:mean_24h"),
            DerivedFeature("is_dear", "bool", "derived:times_mean > 2.0 or amount > profile:limit"),
            DerivedFeature("shop_or_none", "string", "shop", default="none"),
        ],
        request=[
            asofdb.RequestValue("amount", "float64", description="In euros"),
            asofdb.RequestValue("shop", "string", required=False),
        ],
        owner="growth@example.org",
    ),
    asofdb.FeatureService("model_v1", ["derived:age", "derived:times_mean", "spending:n_24h", "profile:limit"]),
]

DERIVED = ["derived:age", "derived:times_mean", "derived:is_dear", "derived:shop_or_none"]


def fill(engine: Any, at: datetime = T) -> None:
    """Two profiles, one of them expired at ``at``, and purchases of user 1 around the ends of its windows."""
    engine.write(
        "profile",
        {
            "user_id": [1, 2],
            "event_timestamp": [at - HOUR, at - 30 * HOUR],
            "birth_year": [1990, 1980],
            "limit": [100.0, None],
        },
    )
    engine.write(
        "purchases",
        {
            "user_id": [1, 1, 1, 1],
            "event_timestamp": [at - 2 * HOUR, at - 3 * HOUR, at - 24 * HOUR, at + MICROSECOND],
            "order_id": [1, 2, 3, 4],
            "shop": ["a", "b", "c", "a"],
            "amount": [10.0, 30.0, 500.0, 7.0],
        },
    )
