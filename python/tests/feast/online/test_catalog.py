"""`feast apply` and `feast teardown` change the store's catalog, which is everybody's."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from feast.protos.feast.types.Value_pb2 import Value
from feast.types import Float32, Float64, Int64, Map, String

import asofdb
from feast import BatchFeatureView, Entity, FeatureStore, Field, ValueType

from .support import DRIVER, HOUR, NOW, conv, engine_of, key, source, stats, stats_view, write


def views_of(store: FeatureStore) -> set[str]:
    return set(engine_of(store).catalog().feature_views)


def test_a_view_is_defined_as_feast_describes_it(store: FeatureStore, tmp_path: Path) -> None:
    view = stats_view(tmp_path, description="how they do", owner="ops@example.org", tags={"tier": "1"})
    store.apply([DRIVER, view])
    defined = engine_of(store).catalog().feature_views["shop__stats"]
    assert [(feature.name, feature.type) for feature in defined.features] == [("conv", "float64"), ("trips", "int64")]
    assert (defined.ttl, defined.description, defined.owner) == ("1d", "how they do", "ops@example.org")
    assert defined.tags == {"tier": "1", "feast_project": "shop", "feast_view": "stats"}
    assert (defined.event_timestamp, defined.created_timestamp) == ("event_timestamp", "created")
    entity = engine_of(store).catalog().entities["shop__driver_id.int64"]
    assert entity.join_keys == {"driver_id": "int64"}


def test_applying_again_changes_nothing(store: FeatureStore, tmp_path: Path) -> None:
    store.apply([DRIVER, stats_view(tmp_path)])
    revision = engine_of(store).catalog().revision
    store.apply([DRIVER, stats_view(tmp_path)])
    assert engine_of(store).catalog().revision == revision


def test_features_and_views_are_added(store: FeatureStore, tmp_path: Path) -> None:
    store.apply([DRIVER, stats_view(tmp_path)])
    write(store, "stats", stats(1, 0.5, NOW - HOUR))
    more = Field(name="city", dtype=String)
    store.apply([stats_view(tmp_path, schema=[*stats_view(tmp_path).schema, more]), stats_view(tmp_path, name="other")])
    found = store.get_online_features(["stats:conv", "stats:city"], [{"driver_id": 1}])
    assert found.to_dict() == {"driver_id": [1], "conv": [0.5], "city": [None]}
    row = {"conv": Value(double_val=1.5), "city": Value(string_val="rome")}
    write(store, "stats", (key(driver_id=Value(int64_val=1)), row, NOW, None))
    values = store.get_online_features(["stats:city", "other:trips"], [{"driver_id": 1}]).to_dict()
    assert (values["city"], values["trips"]) == (["rome"], [None])


def test_a_ttl_is_changed_and_taken_away(store: FeatureStore, tmp_path: Path) -> None:
    store.apply([DRIVER, stats_view(tmp_path)])
    write(store, "stats", stats(1, 0.5, NOW - timedelta(days=2)))
    assert conv(store)[1] == "OUTSIDE_MAX_AGE"
    store.apply([stats_view(tmp_path, ttl=timedelta(days=3))])
    assert conv(store)[1] == "PRESENT"
    store.apply([stats_view(tmp_path, ttl=timedelta(hours=3))])
    assert conv(store)[1] == "OUTSIDE_MAX_AGE"
    store.apply([stats_view(tmp_path, ttl=timedelta(0))])
    assert conv(store)[1] == "PRESENT"


def test_the_history_of_a_removed_feature_stays(store: FeatureStore, tmp_path: Path) -> None:
    store.apply([DRIVER, stats_view(tmp_path)])
    write(store, "stats", stats(1, 0.5, NOW - HOUR, trips=7))
    without = stats_view(tmp_path, schema=[Field(name="driver_id", dtype=Int64), Field(name="conv", dtype=Float64)])
    store.apply([without])
    engine = engine_of(store)
    feature = engine.catalog().feature_views["shop__stats"].features[1]
    assert (feature.name, feature.tags["feast_removed"]) == ("trips", "true")
    assert engine.latest("shop__stats:trips", {"driver_id": 1}).to_dict()["trips"] == [7]
    write(store, "stats", (key(driver_id=Value(int64_val=1)), {"conv": Value(double_val=1.0)}, NOW, None))
    assert engine.latest("shop__stats:trips", {"driver_id": 1}).to_dict()["trips"] == [None]
    store.apply([stats_view(tmp_path)])
    assert "feast_removed" not in engine.catalog().feature_views["shop__stats"].features[1].tags
    earlier = engine.as_of("shop__stats:trips", {"driver_id": 1}, at=NOW - HOUR)
    assert earlier.to_dict()["trips"] == [7]


def test_what_feast_has_no_word_for_stays_as_it_is_in_the_store(store: FeatureStore, tmp_path: Path) -> None:
    store.apply([DRIVER, stats_view(tmp_path), stats_view(tmp_path, name="other")])
    engine = engine_of(store)
    definitions = engine.catalog().definitions()
    view = next(view for view in definitions.feature_views if view.name == "shop__stats")
    view.status, view.replaced_by, view.drop_after = "deprecated", "shop__other", "2027-01-31"
    view.same_as = {"conv": ["shop__other:conv"]}
    view.not_same_as = {"trips": {"shop__other:trips": "of another year"}}
    view.source = asofdb.FeedSource("stats/*.parquet", "every 1h")
    view.freshness = asofdb.FreshnessObjective(stale="6h", warn="1h")
    view.check, view.retention, view.features[0].default = "trips >= 0", "90d", 0.5
    view.hot = "pin"
    engine.apply(definitions)
    before = engine.catalog().feature_views["shop__stats"]
    store.apply([stats_view(tmp_path, description="Applied again")])
    after = engine.catalog().feature_views["shop__stats"]
    assert after.description == "Applied again"
    for name in ("status", "replaced_by", "drop_after", "same_as", "not_same_as", "source", "freshness", "check"):
        assert getattr(after, name) == getattr(before, name), name
        assert getattr(after, name), name
    assert (after.retention, after.features, after.hot) == (before.retention, before.features, "pin")
    without = stats_view(tmp_path, schema=[Field(name="driver_id", dtype=Int64), Field(name="conv", dtype=Float64)])
    store.apply([without])
    removed = engine.catalog().feature_views["shop__stats"]
    assert removed.not_same_as == before.not_same_as, "the feature is there yet, with its history"


def test_tags_say_the_stage_of_a_view_and_take_it_back(store: FeatureStore, tmp_path: Path) -> None:
    tags = {
        "tier": "1",
        "asofdb_status": "deprecated",
        "asofdb_replaced_by": "other",
        "asofdb_drop_after": "2027-01-31",
    }
    store.apply([DRIVER, stats_view(tmp_path, tags=tags), stats_view(tmp_path, name="other")])
    engine = engine_of(store)

    def stage() -> tuple[Any, ...]:
        view = engine.catalog().feature_views["shop__stats"]
        assert view.tags == {"tier": "1", "feast_project": "shop", "feast_view": "stats"}
        return view.status, view.replaced_by, view.drop_after

    assert stage() == ("deprecated", "shop__other", "2027-01-31")
    store.apply([stats_view(tmp_path, tags={"tier": "1"})])
    assert stage() == ("deprecated", "shop__other", "2027-01-31"), "what tags do not say stays"
    back = {"tier": "1", "asofdb_status": "production", "asofdb_replaced_by": "", "asofdb_drop_after": ""}
    store.apply([stats_view(tmp_path, tags=back)])
    assert stage() == ("production", None, None)
    with pytest.raises(asofdb.InvalidError, match="status"):
        store.apply([stats_view(tmp_path, tags={"asofdb_status": "old"})])
    assert stage() == ("production", None, None)


def test_a_tag_pins_the_rows_of_a_view_in_memory_and_takes_it_back(store: FeatureStore, tmp_path: Path) -> None:
    store.apply([DRIVER, stats_view(tmp_path, tags={"asofdb_hot": "pin"})])
    engine = engine_of(store)

    def hot() -> str:
        view = engine.catalog().feature_views["shop__stats"]
        assert view.tags == {"feast_project": "shop", "feast_view": "stats"}
        return str(view.hot)

    assert hot() == "pin"
    store.apply([stats_view(tmp_path)])
    assert hot() == "pin", "what tags do not say stays"
    store.apply([stats_view(tmp_path, tags={"asofdb_hot": "never"})])
    assert hot() == "never"
    with pytest.raises(asofdb.InvalidError, match="hot"):
        store.apply([stats_view(tmp_path, tags={"asofdb_hot": "always"})])
    assert hot() == "never"
    store.apply([stats_view(tmp_path, tags={"asofdb_hot": ""})])
    assert hot() == "auto"


def test_a_feature_of_another_type_is_refused_with_advice(store: FeatureStore, tmp_path: Path) -> None:
    store.apply([DRIVER, stats_view(tmp_path)])
    write(store, "stats", stats(1, 0.5, NOW))
    for ty, name in ((Float32, "float32"), (Map, "MAP")):
        schema = [Field(name="driver_id", dtype=Int64), Field(name="conv", dtype=ty)]
        with pytest.raises(asofdb.ConflictError) as error:
            store.apply([stats_view(tmp_path, schema=schema)])
        assert f"feature stats:conv is float64 in the store and now {name}, and types never change" in str(error.value)
        assert "rename the feature view (`stats_v2`)" in str(error.value)
    assert conv(store)[0] == 0.5


def test_another_entity_is_refused_with_advice(store: FeatureStore, tmp_path: Path) -> None:
    store.apply([DRIVER, stats_view(tmp_path)])
    city = Entity(name="city", join_keys=["city"], value_type=ValueType.STRING)
    schema = [Field(name="city", dtype=String), Field(name="conv", dtype=Float64)]
    with pytest.raises(asofdb.ConflictError, match=r"has other join keys in the store .*rename the feature view"):
        store.apply([city, stats_view(tmp_path, entities=[city], schema=schema)])


def test_a_deleted_view_goes_with_its_history(store: FeatureStore, tmp_path: Path) -> None:
    view, other = stats_view(tmp_path), stats_view(tmp_path, name="other")
    store.apply([DRIVER, view, other])
    write(store, "stats", stats(1, 0.5, NOW))
    store.apply([other], objects_to_delete=[view], partial=False)
    assert views_of(store) == {"shop__other"}
    store.apply(
        [stats_view(tmp_path, schema=[Field(name="driver_id", dtype=Int64), Field(name="conv", dtype=Float64)])]
    )
    assert conv(store)[1] == "NOT_FOUND"


def test_a_partial_apply_deletes_nothing(store: FeatureStore, tmp_path: Path) -> None:
    store.apply([DRIVER, stats_view(tmp_path), stats_view(tmp_path, name="other")])
    online = store._get_provider().online_store
    online.update(store.config, [stats_view(tmp_path)], [stats_view(tmp_path, name="third")], [], [], partial=True)
    assert views_of(store) == {"shop__stats", "shop__other", "shop__third"}


def test_views_that_are_not_online_are_not_defined(store: FeatureStore, tmp_path: Path) -> None:
    store.apply([DRIVER, stats_view(tmp_path), stats_view(tmp_path, name="offline_only", online=False)])
    assert views_of(store) == {"shop__stats"}


def test_batch_views_are_views(store: FeatureStore, tmp_path: Path) -> None:
    view = BatchFeatureView(
        name="batch",
        entities=[DRIVER],
        schema=[Field(name="driver_id", dtype=Int64), Field(name="conv", dtype=Float64)],
        source=source(tmp_path),
        ttl=timedelta(days=1),
        online=True,
    )
    store.apply([DRIVER, view])
    assert views_of(store) == {"shop__batch"}


def test_projects_share_a_store(make_store: Any, online: dict[str, Any], tmp_path: Path) -> None:
    """Also those whose names would run together: project `a__b` with view `c`, project `a` with view `b__c`."""
    first, second = make_store(online, "a__b"), make_store(online, "a")
    first.apply([DRIVER, stats_view(tmp_path, name="c"), stats_view(tmp_path)])
    second.apply([DRIVER, stats_view(tmp_path, name="b__c"), stats_view(tmp_path)])
    for store, view, value in ((first, "c", 1.0), (second, "b__c", 2.0), (first, "stats", 3.0), (second, "stats", 4.0)):
        write(store, view, stats(1, value, NOW))
    assert first.get_online_features(["c:conv"], [{"driver_id": 1}]).to_dict()["conv"] == [1.0]
    assert second.get_online_features(["b__c:conv"], [{"driver_id": 1}]).to_dict()["conv"] == [2.0]
    assert (conv(first)[0], conv(second)[0]) == (3.0, 4.0)
    assert len(views_of(first)) == 4


def test_teardown_drops_only_its_project(make_store: Any, online: dict[str, Any], tmp_path: Path) -> None:
    first, second = make_store(online, "first"), make_store(online, "second")
    mine = [
        asofdb.Entity("user", {"user_id": "int64"}),
        asofdb.FeatureView("mine", ["user"], [asofdb.Feature("n", "int64")]),
    ]
    engine_of(first).apply(mine)
    for store in (first, second):
        store.apply([DRIVER, stats_view(tmp_path)])
        write(store, "stats", stats(1, 0.5, NOW))
    first.teardown()
    catalog = engine_of(second).catalog()
    assert set(catalog.feature_views) == {"second__stats", "mine"}
    assert set(catalog.entities) == {"second__driver_id.int64", "user"}
    assert conv(second)[0] == 0.5


def test_a_prefix_names_the_views(make_store: Any, online: dict[str, Any], tmp_path: Path) -> None:
    store = make_store({**online, "prefix": ""})
    store.apply([DRIVER, stats_view(tmp_path)])
    write(store, "stats", stats(1, 0.5, NOW))
    assert engine_of(store).latest("stats:conv", {"driver_id": 1}).to_dict()["conv"] == [0.5]
    assert conv(store)[0] == 0.5


def test_projects_with_one_prefix_do_not_take_each_others_views(
    make_store: Any, online: dict[str, Any], tmp_path: Path
) -> None:
    first, second = make_store({**online, "prefix": ""}, "first"), make_store({**online, "prefix": ""}, "second")
    first.apply([DRIVER, stats_view(tmp_path)])
    with pytest.raises(asofdb.ConflictError, match="belongs to the project 'first': configure another `prefix`"):
        second.apply([DRIVER, stats_view(tmp_path)])


def test_what_was_defined_in_the_store_itself_stays(store: FeatureStore, tmp_path: Path) -> None:
    store.apply([DRIVER, stats_view(tmp_path)])
    engine = engine_of(store)
    definitions = engine.catalog().definitions()
    definitions.feature_views[0].retention = "400d"
    definitions.feature_views[0].features[0].default = 0.25
    definitions.feature_services.append(asofdb.FeatureService("ranker", ["shop__stats:conv"]))
    engine.apply(definitions)
    store.apply([DRIVER, stats_view(tmp_path, ttl=timedelta(days=2))])
    view = engine.catalog().feature_views["shop__stats"]
    assert (view.retention, view.ttl, view.features[0].default) == ("400d", "2d", 0.25)
    assert "ranker" in engine.catalog().feature_services
    assert store.get_online_features(["stats:conv"], [{"driver_id": 8}]).to_dict()["conv"] == [0.25]


def test_versions_of_a_view_are_served_beside_each_other(
    make_store: Any, online: dict[str, Any], tmp_path: Path
) -> None:
    store = make_store(online, enable_online_feature_view_versioning=True)
    store.apply([DRIVER, stats_view(tmp_path)])
    write(store, "stats", stats(1, 0.5, NOW))
    changed = [Field(name="driver_id", dtype=Int64), Field(name="conv", dtype=String)]
    store.apply([stats_view(tmp_path, schema=changed)])
    assert len(views_of(store)) == 2
    version = store.get_feature_view("stats").current_version_number
    write(store, "stats", (key(driver_id=Value(int64_val=1)), {"conv": Value(string_val="new")}, NOW, None))
    references = [f"stats@v{version}:conv", f"stats@v{version - 1}:conv"]
    found = store.get_online_features(references, [{"driver_id": 1}], full_feature_names=True)
    assert found.to_dict() == {
        "driver_id": [1],
        f"stats@v{version}__conv": ["new"],
        f"stats@v{version - 1}__conv": [0.5],
    }
    assert store.get_online_features(["stats:conv"], [{"driver_id": 1}]).to_dict()["conv"] == ["new"]
    store.apply([], objects_to_delete=[store.get_feature_view("stats")], partial=False)
    assert views_of(store) == set()


def test_a_view_that_the_store_does_not_know_says_what_to_do(store: FeatureStore, tmp_path: Path) -> None:
    store.apply([DRIVER, stats_view(tmp_path)])
    engine_of(store).apply([], allow_drop=True)
    for read in (lambda: conv(store), lambda: write(store, "stats", stats(1, 0.5, NOW))):
        with pytest.raises(asofdb.NotFoundError, match="feast apply"):
            read()


def test_processes_apply_at_the_same_time(sidecar: Any, make_store: Any, tmp_path: Path) -> None:
    online = {"type": "asofdb.feast.AsofOnlineStore", "socket": str(sidecar.socket)}
    script = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        sys.path.insert(0, sys.argv[3])
        from feast import FeatureStore, RepoConfig
        from online.support import DRIVER, stats_view
        base, project, socket = Path(sys.argv[1]), sys.argv[2], sys.argv[4]
        online = {"type": "asofdb.feast.AsofOnlineStore", "socket": socket}
        store = FeatureStore(config=RepoConfig(project=project, provider="local", registry=str(base / f"{project}.db"),
            online_store=online, entity_key_serialization_version=3))
        online = store._get_provider().online_store
        for n in range(20):
            online.update(store.config, [], [stats_view(base, name=f"view_{n}")], [], [DRIVER], partial=True)
        """
    )
    here = str(Path(__file__).parent.parent)
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", script, str(tmp_path), project, here, str(sidecar.socket)]
        )
        for project in ("first", "second", "third")
    ]
    assert [process.wait(120) for process in processes] == [0, 0, 0]
    wanted = {f"{project}__view_{n}" for project in ("first", "second", "third") for n in range(20)}
    assert views_of(make_store(online)) == wanted
