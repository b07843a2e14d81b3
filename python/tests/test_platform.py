"""What a platform team needs: finding features, those that are there twice, and who reads what."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from support import T0, Sidecar

import asofdb
from asofdb import (
    Column,
    DerivedFeature,
    DerivedView,
    Entity,
    EventView,
    Feature,
    FeatureService,
    FeatureView,
    SearchMatch,
    WindowFeature,
    WindowView,
)

USER = Entity("user", {"user_id": "int64"})

VIEWS = [
    FeatureView("ages", ["user"], [Feature("age", "float64", description="Years since birth")], team="growth"),
    FeatureView("profile", ["user"], [Feature("age_years", "float64"), Feature("orders", "int64")]),
]


def fill(engine: Any) -> None:
    """Two hundred users, whose age is there twice."""
    engine.apply([USER, *VIEWS])
    users = list(range(200))
    ages = [18.0 + user * 37 % 60 for user in users]
    at = [T0] * len(users)
    engine.write("ages", {"user_id": users, "event_timestamp": at, "age": ages})
    years, orders = [age + 0.4 for age in ages], [user * 7919 % 1000 for user in users]
    engine.write("profile", {"user_id": users, "event_timestamp": at, "age_years": years, "orders": orders})


@pytest.fixture(params=["embedded", "sidecar"])
def empty(request: pytest.FixtureRequest, tmp_path: Any) -> Any:
    if request.param == "embedded":
        with asofdb.Store.open(tmp_path / "own") as store:
            yield store
    else:
        sidecar: Sidecar = request.getfixturevalue("sidecar")
        with asofdb.Client(sidecar.socket) as client:
            yield client


def test_the_catalog_is_searched_by_words_and_filters(empty: Any) -> None:
    empty.apply([USER, *VIEWS])
    hits = empty.search("yaers birth")
    assert [(hit.kind, hit.name, hit.description) for hit in hits] == [("feature", "ages:age", "Years since birth")]
    assert hits[0].matched == [
        SearchMatch("yaers", "years", "description", "typo"),
        SearchMatch("birth", "birth", "description", "exact"),
    ]
    assert [hit.name for hit in empty.search("team:growth")] == ["ages", "ages:age"]
    assert [hit.name for hit in empty.search("unused:30d status:no_data team:growth")] == ["ages", "ages:age"]
    assert [hit.name for hit in empty.search("kind:feature", limit=2)] == ["ages:age", "profile:age_years"]
    with pytest.raises(asofdb.InvalidError, match='did you mean "team"'):
        empty.search("taem:growth")


def test_what_is_defined_later_is_found(empty: Any) -> None:
    assert empty.search("orders") == []
    empty.apply([USER, *VIEWS])
    assert [hit.name for hit in empty.search("orders")] == ["profile:orders"]


def test_features_that_are_likely_the_same_come_with_the_evidence(empty: Any) -> None:
    fill(empty)
    [pair] = empty.duplicates()
    assert (pair.features, pair.relation) == (("ages:age", "profile:age_years"), "shifted")
    assert pair.reason == "age_years is age plus 0.4 for 100 % of 200 entities"
    assert pair.values is not None
    assert (pair.values.entities, pair.values.share, pair.values.factor) == (200, 1.0, 1.0)
    assert pair.values.offset == pytest.approx(0.4)
    assert empty.duplicates("ages") == empty.duplicates(["profile"]) == [pair]
    assert empty.duplicates(at="2000-01-01T00:00:00Z") == []
    with pytest.raises(asofdb.NotFoundError, match="no feature view is named"):
        empty.duplicates("agse")


def test_who_reads_what_is_counted_and_what_is_read_is_not_dropped_by_accident(tmp_path: Any) -> None:
    with asofdb.Store.open(tmp_path / "own", consumer="trainer:v1") as store:
        fill(store)
        store.latest("ages:age", {"user_id": [1, 2, 3]})
        store.training_set({"user_id": [1, 2], "event_timestamp": [T0, T0]}, ["profile:orders"]).to_pandas()
        rows = {row.name: row for row in store.usage(1)}
        assert sorted(rows) == ["ages", "profile"]
        ages = rows["ages"]
        assert (ages.of, ages.consumer, ages.values) == ("view", "trainer:v1", {"age": 3})
        assert (ages.serving, ages.training) == (asofdb.UsageCounts(1, 3), asofdb.UsageCounts(0, 0))
        assert (rows["profile"].training, rows["profile"].day) == (asofdb.UsageCounts(1, 2), ages.last_read.date())
        for names in (True, ["age"]):
            with pytest.raises(asofdb.ConflictError, match="feature_view ages by trainer:v1 \\(1 calls"):
                store.apply([USER, VIEWS[1]], allow_drop=names)
        with pytest.raises(asofdb.InvalidError, match="names are a list"):
            store.apply([USER, VIEWS[1]], allow_drop="ages")
        assert [change.name for change in store.apply([USER, VIEWS[1]], allow_drop=["ages"]).changes] == ["ages"]


def test_a_sidecar_counts_by_the_name_of_the_client(sidecar: Sidecar) -> None:
    with asofdb.Client(sidecar.socket, consumer="ranker") as client:
        fill(client)
        client.latest("ages:age", {"user_id": [1, 2, 3]})
        assert [(row.name, row.consumer, row.serving) for row in client.usage()] == [
            ("ages", "ranker", asofdb.UsageCounts(1, 3))
        ]
        client.latest("ages:age", {"user_id": [-1]})
        [row] = client.answers()
        assert (row.view, row.feature, row.consumer) == ("ages", "age", "ranker")
        assert row.last_5m == asofdb.AnswerCounts(values=4, present=3, null=0, missing=1, expired=0, defaulted=0)


def eventually(has_happened: Callable[[], bool]) -> None:
    """Waits until something has happened, for a minute or so."""
    for _ in range(6_000):
        if has_happened():
            return
        time.sleep(0.01)
    raise AssertionError("it has not happened")


def test_a_sidecar_tells_what_is_wrong_and_who_was_told(tmp_path: Path) -> None:
    options = tmp_path / "alerts.toml"
    options.write_text(
        'look_every = "20ms"\nafter = "0s"\nrecover_after = "0s"\n[[command]]\nname = "page"\nargv = ["/bin/true"]\n'
    )
    options.chmod(0o600)
    sidecar = Sidecar(tmp_path, "--alerts", str(options))
    try:
        with asofdb.Client(sidecar.socket) as client:
            promised = FeatureView("fed", ["user"], [Feature("age", "int64")])
            promised.freshness = asofdb.FreshnessObjective(stale="1h")
            client.apply([USER, promised])
            eventually(lambda: client.alerts().targets[0].delivered == 1)
            [alert] = client.alerts().alerts
            assert (alert.kind, alert.subject, alert.state, alert.severity) == (
                "freshness",
                "fed",
                "no_data",
                "critical",
            )
            assert alert.message == 'view "fed" has no events, and promises to be fresh'
            assert alert.since <= alert.told <= client.now()
            [target] = client.alerts().targets
            assert (target.target, target.kind, target.waiting, target.last_error) == ("page", "command", 0, None)
            assert target.last_delivered is not None and target.last_delivered >= alert.told
            client.write("fed", [{"user_id": 1, "event_timestamp": client.now(), "age": 1}])
            eventually(lambda: client.alerts().alerts == [])
    finally:
        sidecar.stop()


def test_a_sidecar_without_alerts_has_none_and_a_store_has_no_such_method(sidecar: Sidecar) -> None:
    with asofdb.Client(sidecar.socket) as client:
        assert client.alerts() == asofdb.Alerts([], [])
    assert not hasattr(asofdb.Store, "alerts")


def test_limits_of_consumers_are_seen_and_changed_while_the_sidecar_serves(sidecar: Sidecar) -> None:
    limits = '[[consumer]]\nname = "ranker"\nrequests_in_flight_max = 5\nlatency_p99 = "1us"\n'
    with asofdb.Client(sidecar.socket, consumer="ranker") as client:
        assert (client.limits().limits, client.limits().by, client.limits().error) == ("", "start", None)
        changed = client.set_limits(limits)
        assert changed == client.limits() and changed.limits == limits and changed.by.startswith("uid:")
        assert changed.changed <= client.now()
        with pytest.raises(asofdb.InvalidError, match="limits:2:1: the default has no key"):
            client.set_limits("[default]\nrow_per_second = 1\n")
        client.apply([USER, FeatureView("aged", ["user"], [Feature("age", "int64")])])
        client.latest("aged", {"user_id": [1]})
        [read] = [one for one in client.consumers() if one.operation == "latest"]
        assert (read.consumer, read.view, read.requests, read.over_consumer_objective) == ("ranker", "aged", 1, 1)
        assert 0 < read.p50_seconds <= read.p99_seconds <= read.p999_seconds
        assert read.answered_bytes > 0 and read.errors == {}
        assert client.set_limits("").limits == ""
    assert not hasattr(asofdb.Store, "limits")


def test_the_name_of_a_consumer_is_checked(tmp_path: Any) -> None:
    with pytest.raises(asofdb.InvalidError, match="a consumer's name has 1 to 64 of"):
        asofdb.Store.open(tmp_path / "own", consumer="a b")


def test_what_is_deprecated_warns_those_who_prepare_it_and_stays_deprecated(empty: Any) -> None:
    old = FeatureView("old", ["user"], [Feature("age", "int32")], status="deprecated", drop_after="2027-01-31")
    old.replaced_by = "ages"
    empty.apply([USER, VIEWS[0], old])
    told = 'view "old" is deprecated; use "ages"; it may be dropped from 2027-01-31 on'
    with pytest.warns(DeprecationWarning) as warned:
        empty.prepare("old")
    assert [str(warning.message) for warning in warned] == [told]
    spine = {"user_id": [1], "event_timestamp": [T0]}
    with pytest.warns(DeprecationWarning, match='use "ages"'):
        empty.training_set(spine, "old")
    kept = empty.catalog().feature_views["old"]
    assert (kept.status, kept.replaced_by, kept.drop_after) == ("deprecated", "ages", "2027-01-31")
    assert empty.apply(empty.catalog().definitions()).changes == []


def test_views_of_every_kind_and_services_keep_their_stage_through_python(empty: Any) -> None:
    stage: dict[str, Any] = {"status": "deprecated", "drop_after": "2027-01-31"}
    wanted = [
        USER,
        VIEWS[0],
        EventView("clicks", ["user"], [Column("page", "string")], **stage),
        WindowView("counts", "clicks", [WindowFeature("n", "count")], windows="1h", **stage),
        DerivedView("doubled", [DerivedFeature("twice", "float64", "ages:age * 2.0")], **stage),
        FeatureService("new", ["ages:age"], status="production"),
        FeatureService("old", ["ages:age"], replaced_by="new", **stage),
    ]
    empty.apply(wanted)
    catalog = empty.catalog()
    kept = [catalog.event_views["clicks"], catalog.window_views["counts"], catalog.derived_views["doubled"]]
    for one in [*kept, catalog.feature_services["old"]]:
        assert (one.status, one.drop_after) == ("deprecated", "2027-01-31")
    assert catalog.feature_services["old"].replaced_by == "new"
    assert catalog.feature_services["new"].status == "production"
    assert empty.apply(catalog.definitions()).changes == []


def test_verdicts_and_sources_of_feeds_stay_as_they_were_given(empty: Any) -> None:
    ages = FeatureView("ages", ["user"], [Feature("age", "int32")])
    ages.same_as = {"age": ["years:age"]}
    ages.source = asofdb.FeedSource("data/*.parquet", "every 1h")
    years = FeatureView("years", ["user"], [Feature("age", "int32"), Feature("months", "int32")])
    years.not_same_as = {"months": {"ages:age": "months, not years"}}
    empty.apply([USER, ages, years])
    kept = empty.catalog().feature_views
    assert (kept["ages"].same_as, kept["ages"].source) == ({"age": ["years:age"]}, ages.source)
    assert kept["years"].not_same_as == {"months": {"ages:age": "months, not years"}}
    assert kept["years"].source is None
    assert empty.apply(empty.catalog().definitions()).changes == []


def test_statistics_of_a_view_are_taken_and_kept(empty: Any) -> None:
    fill(empty)
    none = empty.statistics("profile")
    assert (none.taken, none.features, none.entities) == (None, {}, None)
    taken = empty.profile("profile", entities=None)
    assert (taken.entities, taken.of_entities, taken.versions, taken.size_is_exact) == (200, 200, 200, True)
    age = taken.features["age_years"]
    assert (age.type, age.present, age.null, age.top_is_exact) == ("float64", 200, 0, True)
    assert age.numbers is not None and age.lengths is None
    assert age.numbers.count == 200 and age.numbers.min <= age.numbers.quantiles["p50"] <= age.numbers.max
    assert sum(bucket.count for bucket in age.numbers.histogram) == age.numbers.ranked == 200
    assert empty.statistics("profile") == taken
    assert empty.profile("profile", 50).entities == 50
    assert empty.statistics("profile").of_entities == 200
    with pytest.raises(asofdb.InvalidError, match="from 1 to 65536 entities, or from all, not from 0"):
        empty.profile("profile", 0)
    with pytest.raises(asofdb.NotFoundError, match="profil"):
        empty.statistics("profil")


def test_statistics_of_an_event_view_are_of_its_events(empty: Any) -> None:
    empty.apply([USER, EventView("orders", ["user"], [Column("amount", "float64")])])
    at = [T0 - timedelta(hours=number) for number in range(1, 104)]
    amounts = [float(number) for number in range(1, 104)]
    empty.write("orders", {"user_id": [1] * 103, "event_timestamp": at, "amount": amounts})
    taken = empty.profile("orders", 10)
    assert (taken.entities, taken.events, taken.events_of_entity_max) == (1, 100, 100)
    assert taken.features["amount"].numbers.max == 100.0
    every = empty.profile("orders", entities=None)
    assert (every.events, every.events_of_entity_max, every.features["amount"].present) == (103, None, 103)
    assert empty.statistics("orders") == every
    assert empty.statistics("orders").view == "orders"


def test_views_are_fed_from_their_sources(empty: Any, tmp_path: Any) -> None:
    ages = FeatureView("ages", ["user"], [Feature("age", "int64")])
    ages.source = asofdb.FeedSource("ages-*.csv", "every 1h")
    empty.apply([USER, ages])
    (tmp_path / "ages-1.csv").write_text("user_id,event_timestamp,age\n1,2024-01-01T00:00:00Z,30\n")
    [feed] = empty.feeds()
    assert (feed.view, feed.status, feed.succeeded, feed.runs) == ("ages", "never_ran", None, [])
    if isinstance(empty, asofdb.Client):
        with pytest.raises(asofdb.InvalidError, match="a sidecar reads its own files"):
            empty.materialize("ages", sources=tmp_path)
        with pytest.raises(asofdb.InvalidError, match="this sidecar loads no feeds: start it with --sources DIR"):
            empty.materialize("ages")
        return
    [run] = empty.materialize("ages", sources=tmp_path)
    assert (run.view, run.files, run.rows_read, run.rows_written, run.error) == ("ages", 1, 1, 1, None)
    [feed] = empty.feeds("ages")
    assert (feed.status, feed.succeeded, feed.runs) == ("ok", run.began, [run])
    (tmp_path / "ages-2.csv").write_text("user_id,event_timestamp,age\n1,2024-01-01T00:00:00Z,old\n")
    [run] = empty.materialize(sources=tmp_path)
    assert run.error is not None and "ages-2.csv" in run.error
    assert empty.feeds()[0].status == "failing"


def test_a_policy_refuses_what_breaks_it_and_the_log_says_who_changed_what_and_why(empty: Any) -> None:
    assert empty.policy() is None
    empty.apply([USER, VIEWS[0]], message="First")
    policy = '[view]\nteam = ["growth", "ops"]\n'
    empty.apply_policy(policy, message="Teams")
    assert empty.policy() == policy
    for change in (empty.plan, empty.apply):
        with pytest.raises(asofdb.InvalidError, match=r"feature_view profile: team is missing: growth or ops"):
            change([USER, *VIEWS])
    with pytest.raises(asofdb.InvalidError, match=r"policy:1:2: a policy has no key"):
        empty.apply_policy("[vew]")
    teams, first = empty.log()
    assert (teams.revision, teams.message, first.revision, first.message) == (2, "Teams", 1, "First")
    assert teams.who == first.who == f"uid:{os.geteuid()}"
    assert (teams.approved_by, teams.left_out) == ([], 0)
    assert [(line.kind, line.what, line.name) for line in first.changes] == [
        ("create", "entity", "user"),
        ("create", "feature_view", "ages"),
    ]
    assert str(first.changes[1]) == "+ feature_view ages (1 feature)"
    assert empty.log("ages") == [first] == empty.log(limit=2)[1:]
    assert empty.log("policy", limit=1) == [teams]


def test_a_plan_needs_the_approval_of_somebody_else(empty: Any) -> None:
    empty.apply([USER, VIEWS[0]])
    empty.apply_policy("approvals_min = 1")
    plan = empty.plan_hash([USER])
    empty.approve(plan)
    with pytest.raises(asofdb.ConflictError, match=rf"approvals by 1 others than uid:\d+; it has 0: {plan}"):
        empty.apply([USER], allow_drop=True)
    assert empty.propose([USER], message="Fewer") == plan
    waiting = empty.plans()
    assert [(one.plan, one.message, str(one.changes[0]), one.left_out) for one in waiting] == [
        (plan, "Fewer", "- feature_view ages", 0)
    ]
    assert [approval.who for approval in waiting[0].approved_by] == [waiting[0].who]
    with pytest.raises(asofdb.InvalidError, match="nothing to propose"):
        empty.propose([USER, VIEWS[0]])
    with pytest.raises(asofdb.InvalidError, match="by its hash"):
        empty.approve("abc")


def test_a_change_of_the_policy_is_made_known_line_by_line(empty: Any) -> None:
    empty.apply_policy("approvals_min = 1\n")
    wanted = "approvals_min = 0\n"
    plan = empty.policy_plan_hash(wanted)
    with pytest.raises(asofdb.ConflictError, match=f"it has 0: {plan}"):
        empty.apply_policy(wanted)
    assert empty.propose_policy(wanted, message="Alone") == plan
    [waiting] = empty.plans()
    assert (waiting.plan, waiting.message) == (plan, "Alone")
    lines = ["- policy line 1 (approvals_min = 1)", "+ policy line 1 (approvals_min = 0)"]
    assert [str(change) for change in waiting.changes[1:]] == lines
    with pytest.raises(asofdb.InvalidError, match="it is the policy already"):
        empty.propose_policy("approvals_min = 1\n")
    with pytest.raises(asofdb.InvalidError, match="policy:1:1"):
        empty.propose_policy("approvals = 1\n")
    assert empty.policy() == "approvals_min = 1\n"


def test_a_sidecar_audits_its_own_log(tmp_path: Any) -> None:
    sidecar = Sidecar(tmp_path, "--log-served", str(tmp_path / "log"), "--log-share", "1")
    try:
        with asofdb.Client(sidecar.socket) as client:
            fill(client)
            client.latest(["ages"], {"user_id": [1, 2]})
            number = client.begin_audit(known="then", examples=1)
            while (audit := client.audited(number))["state"] == "running":
                assert client.audits()[0]["audit"] == number
            assert (audit["state"], audit["known"], audit["found"]["differing"]) == ("done", "then", 0)
            with pytest.raises(asofdb.NotFoundError, match="no audit has the number 7"):
                client.audited(7)
            with pytest.raises(asofdb.InvalidError, match='known "now"'):
                client.begin_audit(known="later")  # type: ignore[arg-type]
    finally:
        sidecar.stop()


def test_what_was_served_is_logged_and_audited(tmp_path: Any) -> None:
    log = tmp_path / "served"
    with asofdb.Store.open(tmp_path / "own", log_served=log, consumer="ranker") as store:
        fill(store)
        result = store.latest(["ages", "profile:orders"], {"user_id": [1, 2, 999]})
        assert result.id is not None
        store.flush()
        found = store.audit(log)
        assert (found.rows, found.answers, found.values, found.differing) == (3, 1, 6, 0)
        store.write("ages", {"user_id": [1], "event_timestamp": [T0], "age": [99.0]})
        found = store.audit(log)
        assert found.differing == 1 and found.differences["ages:age"]["restated"] == 1
        assert found.examples[0]["id"] == result.id and found.examples[0]["again"]["value"] == 99.0
        assert store.audit(log, known="then").differing == 0
        with pytest.raises(asofdb.InvalidError, match='compares with what is known "now"'):
            store.audit(log, known="later")  # type: ignore[arg-type]
    with asofdb.Store.open(tmp_path / "own") as store:
        assert store.latest("ages", {"user_id": [1]}).id is None
        assert store.audit(log).differing == 1
    with pytest.raises(asofdb.InvalidError, match="the share of reads that are logged is above 0"):
        asofdb.Store.open(tmp_path / "own", log_served=log, log_share=2.0)


def test_a_store_has_an_id_that_stays_and_is_the_same_through_a_sidecar(sidecar: Sidecar, tmp_path: Any) -> None:
    with asofdb.Client(sidecar.socket) as client:
        served = client.id
    sidecar.stop()
    with asofdb.Store.open(sidecar.store) as store, asofdb.Store.open(tmp_path / "other") as other:
        assert store.id == served and store.id is not None and len(store.id) == 36
        assert other.id != served
    sidecar.start()


def test_reads_count_for_the_version_of_a_model(sidecar: Sidecar, tmp_path: Any) -> None:
    def read(engine: Any) -> list[tuple[str, str, str, int]]:
        fill(engine)
        engine.latest(["ages"], {"user_id": [1, 2]})
        return [(row.model, row.name, row.consumer, row.serving.rows) for row in engine.models()]

    with asofdb.Store.open(tmp_path / "own", consumer="ranker", model="fraud/3") as store:
        assert read(store) == [("fraud/3", "ages", "ranker", 2)]
    with asofdb.Client(sidecar.socket, consumer="ranker", model="fraud/4") as client:
        assert read(client) == [("fraud/4", "ages", "ranker", 2)]
        assert client.models()[0].last_read <= client.now()
    with pytest.raises(asofdb.InvalidError, match="a model is NAME/VERSION"):
        asofdb.Client(sidecar.socket, consumer="ranker", model="fraud")
    with pytest.raises(asofdb.InvalidError, match="a model reads for a consumer, and none is named"):
        asofdb.Store.open(tmp_path / "own", model="fraud/3")


async def test_answers_of_a_sidecar_have_the_id_of_the_log_of_which_a_training_set_is_made(tmp_path: Path) -> None:
    log, out = tmp_path / "log", tmp_path / "served.parquet"
    sidecar = Sidecar(tmp_path, "--log-served", str(log), "--log-share", "1")
    try:
        with asofdb.Client(sidecar.socket) as client:
            fill(client)
            first = client.latest(["ages", "profile:orders"], {"user_id": [1, 999]})
        async with await asofdb.AsyncClient.connect(sidecar.socket) as client:
            second = await client.latest("ages", {"user_id": [2]})
            assert await client.id() is not None
    finally:
        sidecar.stop()
    with asofdb.Store.open(tmp_path / "own") as store:
        report = store.training_set(references=["ages"], from_log=log, out=out, statuses=True)
    assert (report.rows, report.features["ages:age"].present) == (3, 2)
    rows = pq.read_table(out).to_pylist()
    told = [(row["answer_id"], row["answer_row"], row["user_id"], row["age"], row["age__status"]) for row in rows]
    assert told == [
        (first.id, 0, 1, 55.0, "present"),
        (first.id, 1, 999, None, "missing"),
        (second.id, 0, 2, 32.0, "present"),
    ]


def test_a_training_set_is_of_a_spine_or_of_a_log(tmp_path: Path) -> None:
    with asofdb.Store.open(tmp_path / "own") as store:
        untyped: Any = store
        with pytest.raises(asofdb.InvalidError, match="a training set needs a spine, or a log of served features"):
            untyped.training_set(references="ages")
        for wrong in ({}, {"spine": {}, "out": "x"}, {"known_at": "own_time", "out": "x"}):
            with pytest.raises(asofdb.InvalidError, match="a training set from a log goes to a file, out="):
                untyped.training_set(references="ages", from_log="log", **wrong)
