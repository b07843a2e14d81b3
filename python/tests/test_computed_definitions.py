"""Views that are computed: as objects, as text, and back from the catalog."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from computed import DEFINITIONS, T, fill

import asofdb
from asofdb import Column, Definitions, DerivedFeature, DerivedView, Entity, EventView, WindowFeature, WindowView

EVENTS = EventView(
    "visits",
    "user",
    [
        Column("page", "string"),
        Column("price", "float32"),
        Column("seconds", "int32"),
        Column("day", "date"),
        Column("seen", "timestamp"),
        Column("raw", "bytes"),
    ],
)

FEATURES = [
    WindowFeature("n", "count", where="price > 1.5", windows=["30m", "7d"], default=3, tags={"pii": "no"}),
    WindowFeature("sum", "sum", of="price", description='a "sum"'),
    WindowFeature("least", "min", of="seconds", default=-1),
    WindowFeature("most", "max", of="price", default=0.5),
    WindowFeature("mean", "mean", of="price"),
    WindowFeature("variance", "variance", of="price", settings={"population": True}),
    WindowFeature("stddev", "stddev", of="price"),
    WindowFeature("first", "first", of="day", default=date(2024, 2, 29)),
    WindowFeature("last", "last", of="seen", default=datetime(2024, 5, 1, 12, 0, 0, 5, tzinfo=timezone.utc)),
    WindowFeature("firsts", "first_k", of="page", settings={"k": 2}, default=["x"]),
    WindowFeature("lasts", "last_k", of="page", settings={"k": 3, "distinct": True}),
    WindowFeature("pages", "distinct", of="page", settings={"cap": 100}),
    WindowFeature("about", "approx_distinct", of="page", settings={"precision": 10}),
    WindowFeature("p95", "quantile", of="price", settings={"q": 0.95, "error": 0.02}),
    WindowFeature("on", "count_by", of="page", settings={"values": ["home", "help"]}, default=0),
    WindowFeature("in", "count_by", of="seconds", settings={"values": [1, -2]}),
    WindowFeature("top", "count_by", of="page", settings={"top": 3}),
]

FULL = Definitions.of(
    [
        Entity("user", {"user_id": "int64"}),
        EVENTS,
        WindowView(
            "visiting",
            "visits",
            FEATURES,
            windows=[timedelta(hours=24), timedelta(minutes=90)],
            where="not is_null(page)",
            every="5m",
            offset=timedelta(seconds=1, microseconds=5),
            owner="o@example.org",
            team="ops",
            description="d",
            tags={"x": "y"},
        ),
        DerivedView(
            "ratios",
            [
                DerivedFeature("r", "float64", "visiting:sum_1d / x", default=0.25, description="e", tags={"a": "b"}),
                DerivedFeature("chosen", "list<date>", "days", default=[date(2024, 2, 29)]),
            ],
            request=[
                asofdb.RequestValue("x", "float64", description="of the request"),
                asofdb.RequestValue("days", "list<date>", required=False),
            ],
            owner="o@example.org",
            team="ops",
            description="d",
            tags={"x": "y"},
        ),
    ]
)


def test_objects_say_all_that_a_file_says_and_read_back(tmp_path: Path) -> None:
    with asofdb.Store.open(tmp_path / "store") as store:
        plan = store.apply(FULL)
        assert [(change.kind, change.what, change.name) for change in plan][2:] == [
            ("create", "window_view", "visiting"),
            ("create", "derived_view", "ratios"),
        ]
        catalog = store.catalog()
        assert list(catalog.feature_views) == []
        assert list(catalog.event_views) == ["visits"]
        assert not store.plan(catalog.definitions())
        view, wanted = catalog.window_views["visiting"], FULL.window_views[0]
        assert (view.events, view.entities, view.windows) == ("visits", ["user"], ())
        assert (view.where, view.every, view.offset) == (wanted.where, "5m", "1s 5us")
        assert (view.owner, view.team, view.description, view.tags) == ("o@example.org", "ops", "d", {"x": "y"})
        features = {feature.name: feature for feature in view.features}
        assert features["n"].windows == ["30m", "7d"]
        assert features["mean"].windows == ["1d", "90m"], "those of the view, by the names of its features"
        for feature in FEATURES:
            read = features[feature.name]
            same = ("aggregate", "of", "where", "description", "tags")
            assert [getattr(read, name) for name in same] == [getattr(feature, name) for name in same]
            assert dict(feature.settings).items() <= dict(read.settings).items(), feature.name
        defaults = {name: feature.default for name, feature in features.items() if feature.default is not None}
        assert defaults == {
            "n": 3,
            "least": -1,
            "most": 0.5,
            "first": "2024-02-29",
            "last": datetime(2024, 5, 1, 12, 0, 0, 5, tzinfo=timezone.utc),
            "firsts": ["x"],
            "on": 0,
        }
        derived, expected = catalog.derived_views["ratios"], FULL.derived_views[0]
        assert derived.request == expected.request
        assert derived.features[0] == expected.features[0]
        assert (derived.owner, derived.team, derived.tags) == ("o@example.org", "ops", {"x": "y"})


def test_what_is_computed_is_in_the_catalog_of_a_client_and_applies_again(client: asofdb.Client) -> None:
    client.apply(DEFINITIONS, allow_drop=True)
    catalog = client.catalog()
    assert list(catalog.window_views) == ["spending"]
    assert catalog.derived_views["derived"].request[0] == asofdb.RequestValue("amount", "float64", True, "In euros")
    assert not client.apply(catalog.definitions())
    assert not client.apply(Definitions.of(DEFINITIONS).to_toml())


def test_a_feature_is_computed_in_another_way_only_where_that_is_allowed(engine: Any) -> None:
    engine.apply(DEFINITIONS, allow_drop=True)
    fill(engine)
    wanted = engine.catalog().definitions()
    dear = next(feature for feature in wanted.window_views[0].features if feature.name == "dear")
    dear.where = "amount > 5.0"
    with pytest.raises(asofdb.ConflictError, match="allow redefinitions: feature spending:dear_24h"):
        engine.apply(wanted)
    with pytest.raises(asofdb.ConflictError, match="allow redefinitions"):
        engine.apply(wanted, allow_drop=True)

    def value() -> Any:
        return engine.as_of("spending:dear_24h", {"user_id": 1}, at=T).to_dict()["dear_24h"]

    assert value() == [1]
    plan = engine.apply(wanted, allow_redefine=["spending:dear_24h"])
    assert str(plan) == "! feature spending:dear_24h: computed in another way"
    assert value() == [2]


def test_definitions_that_cannot_be_computed_are_refused_with_the_rule(tmp_path: Path) -> None:
    def applied(**changes: Any) -> None:
        feature = WindowFeature(**{"name": "f", "aggregate": "mean", "of": "price", **changes})
        view = WindowView("w", "visits", [feature], windows="1h")
        store.apply([Entity("user", {"user_id": "int64"}), EVENTS, view])

    with asofdb.Store.open(tmp_path / "store") as store:
        with pytest.raises(asofdb.InvalidError, match='there is no aggregate "meen"; did you mean "mean"'):
            applied(aggregate="meen")
        with pytest.raises(asofdb.InvalidError, match='mean takes no "k"'):
            applied(settings={"k": 3})
        with pytest.raises(asofdb.NotFoundError, match="no input is named `prise`; did you mean `price`"):
            applied(where="prise > 1")
        with pytest.raises(asofdb.InvalidError, match="a window is a whole number of minutes, hours or days: 0:00:30"):
            applied(windows=timedelta(seconds=30))
        with pytest.raises(asofdb.InvalidError, match="a window is a whole number of minutes, hours or days"):
            applied(windows="30s")
        with pytest.raises(asofdb.InvalidError, match="WindowView, DerivedView and FeatureService, not WindowFeature"):
            store.apply([WindowFeature("f", "count")])  # type: ignore[list-item]
        assert store.catalog().revision == 0
