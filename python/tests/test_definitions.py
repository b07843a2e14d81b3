"""Definitions as objects, as text and as files."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from support import DEFINITIONS

import asofdb

FULL = asofdb.Definitions(
    entities=[
        asofdb.Entity("user", {"user_id": "int64"}, description='A "user"\n\x7f é', tags={"tier": "1", "a b": "ü"}),
        asofdb.Entity("place", {"city": "string", "zone": "int32"}),
    ],
    feature_views=[
        asofdb.FeatureView(
            "activity",
            ["user", "place"],
            [
                asofdb.Feature("a", "bool", "whether", default=True, tags={"pii": "no"}),
                asofdb.Feature("b", "int32", default=-7),
                asofdb.Feature("c", "int64", default=2**62),
                asofdb.Feature("d", "float32", default=0.5),
                asofdb.Feature("e", "float64", default=1e-300),
                asofdb.Feature("f", "string", default='tab\t"quoted"'),
                asofdb.Feature("g", "bytes", default=b"bytes"),
                asofdb.Feature("h", "timestamp", default=datetime(2024, 5, 1, 12, 0, 0, 5, tzinfo=timezone.utc)),
                asofdb.Feature("i", "list<float64>", default=[1.5, float("-inf")]),
                asofdb.Feature("j", "list<string>", default=[]),
            ],
            ttl=timedelta(hours=2, microseconds=5),
            retention="400d",
            keep_newest=False,
            max_future_skew=timedelta(minutes=1),
            event_timestamp="when",
            created_timestamp="known",
            owner="o@example.org",
            team="ops",
            description="d",
            tags={"x": "y"},
            hot="pin",
        )
    ],
    feature_services=[asofdb.FeatureService("model_v1", ["activity:*"], "m@example.org", "s", {"k": "v"})],
)


def test_objects_say_all_that_a_file_says_and_read_back(tmp_path: Path) -> None:
    with asofdb.Store.open(tmp_path / "store") as store:
        plan = store.apply(FULL)
        assert [(change.kind, change.what, change.name) for change in plan] == [
            ("create", "entity", "user"),
            ("create", "entity", "place"),
            ("create", "feature_view", "activity"),
            ("create", "feature_service", "model_v1"),
        ]
        read = store.catalog().definitions()
        assert {entity.name: entity for entity in read.entities} == {one.name: one for one in FULL.entities}
        [view], [wanted] = read.feature_views, FULL.feature_views
        assert view.features == wanted.features
        assert (view.ttl, view.retention, view.max_future_skew) == ("2h 5us", "400d", "1m")
        assert (view.keep_newest, view.event_timestamp, view.created_timestamp) == (False, "when", "known")
        assert (view.owner, view.team, view.description, view.tags) == ("o@example.org", "ops", "d", {"x": "y"})
        assert view.hot == "pin"
        assert read.feature_services == FULL.feature_services
        assert not store.plan(read)


def test_text_and_files_are_taken_too(tmp_path: Path) -> None:
    text = asofdb.Definitions.of(DEFINITIONS).to_toml()
    path = tmp_path / "definitions.toml"
    path.write_text(text)
    with asofdb.Store.open(tmp_path / "store") as store:
        assert len(store.plan(text).changes) == 5
        assert len(store.apply(path).changes) == 5
        assert str(store.apply(str(path))) == "nothing to do"


def test_a_catalog_is_changed_by_its_definitions(engine: Any) -> None:
    definitions = engine.catalog().definitions()
    definitions.feature_views[0].features.append(asofdb.Feature("new", "float64"))
    plan = engine.apply(definitions)
    assert str(plan) == "+ feature activity:new (float64)"
    assert engine.catalog().feature_views["activity"].features[-1].name == "new"
    assert engine.catalog().revision == 2


def test_what_is_not_named_is_dropped_only_if_that_is_allowed(engine: Any) -> None:
    definitions = engine.catalog().definitions()
    definitions.feature_services.clear()
    with pytest.raises(asofdb.ConflictError, match="feature_service ranker_v1"):
        engine.apply(definitions)
    assert "ranker_v1" in engine.catalog().feature_services
    assert str(engine.apply(definitions, allow_drop=True)) == "- feature_service ranker_v1"
    assert engine.catalog().feature_services == {}


def test_a_view_is_pinned_and_taken_out_of_memory_by_its_definition(engine: Any) -> None:
    definitions = engine.catalog().definitions()
    view = definitions.feature_views[0]
    assert view.hot == "auto"
    for before, hot in (("auto", "pin"), ("pin", "never"), ("never", "auto")):
        view.hot = hot
        assert str(engine.apply(definitions)) == f"~ feature_view {view.name}: hot {before} -> {hot}"
        assert engine.catalog().feature_views[view.name].hot == hot
    view.hot = "warm"
    with pytest.raises(asofdb.InvalidError, match="hot is pin, auto or never"):
        engine.plan(definitions)


def test_broken_definitions_are_refused_with_the_place(tmp_path: Path, store: asofdb.Store) -> None:
    path = tmp_path / "bad.toml"
    path.write_text('[[entity]]\nname = "user"\njoin_keys = [{ name = "user_id", type = "int65" }]\n')
    with pytest.raises(asofdb.InvalidError, match=r"bad\.toml:3:\d+: a type is bool, int32"):
        store.apply(path)
    with pytest.raises(asofdb.NotFoundError, match="nowhere"):
        store.apply(tmp_path / "nowhere.toml")
    with pytest.raises(asofdb.InvalidError, match="not dict"):
        store.apply([{"name": "user"}])  # type: ignore[list-item]
    with pytest.raises(asofdb.InvalidError, match="default of feature 'x' needs a time zone"):
        naive = asofdb.Feature("x", "timestamp", default=datetime(2024, 1, 1))
        asofdb.Definitions(feature_views=[asofdb.FeatureView("v", ["user"], [naive])]).to_toml()
    with pytest.raises(asofdb.InvalidError, match="not negative"):
        asofdb.Definitions(feature_views=[asofdb.FeatureView("v", ["user"], [], ttl=-timedelta(1))]).to_toml()
    assert store.catalog().revision == 1


def test_one_name_may_stand_for_a_list(store: asofdb.Store) -> None:
    view = asofdb.FeatureView("visited", "shop", [asofdb.Feature("count", "int64")])
    store.apply([*DEFINITIONS, view, asofdb.FeatureService("visits_v1", "visited:count")])
    assert store.catalog().feature_views["visited"].entities == ["shop"]
    assert store.catalog().feature_services["visits_v1"].features == ["visited:count"]


def test_definitions_made_from_an_older_catalog_drop_nothing(engine: Any) -> None:
    before = engine.catalog()
    wanted = before.definitions()
    wanted.feature_services.clear()
    other = before.definitions()
    other.entities.append(asofdb.Entity("other", {"other_id": "int64"}))
    engine.apply(other, revision=before.revision)
    with pytest.raises(asofdb.ConflictError, match="its revision is 2, not 1"):
        engine.apply(wanted, allow_drop=True, revision=before.revision)
    assert "other" in engine.catalog().entities
    assert "ranker_v1" in engine.catalog().feature_services
