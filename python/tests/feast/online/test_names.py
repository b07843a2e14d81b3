"""Names in the store for the things of a Feast project: names that it takes, and never one for two things."""

import itertools
import re

import pytest

from asofdb.feast import names

ALLOWED = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
PIECES = ["a", "_", "__", ".", "-", "1", "é", "v2", "2E", "b__c", ":"]
TEXTS = ["".join(parts) for length in (1, 2, 3) for parts in itertools.product(PIECES, repeat=length)]


def test_plain_names_stay_readable() -> None:
    prefix = names.project_prefix("shop")
    assert names.view_name(prefix, "driver_stats") == "shop__driver_stats"
    assert names.view_name(prefix, "driver_stats", 2) == "shop__driver_stats.v2"
    assert names.entity_name(prefix, "driver_id", "int64") == "shop__driver_id.int64"
    assert names.column_name("conv_rate") == "conv_rate"


def test_a_configured_prefix_replaces_the_project() -> None:
    assert names.view_name(names.project_prefix("shop", ""), "driver_stats") == "driver_stats"
    assert names.view_name(names.project_prefix("shop", "x-"), "driver_stats") == "x-driver_stats"


def test_projects_and_views_never_collide() -> None:
    projects = [text for text in TEXTS if len(text) <= 4]
    views = ["c", "b__c", "_c", "__c", "c.v2", ".v2", "1", "_"]
    seen: dict[str, tuple[str, str, int | None]] = {}
    for project, view, version in itertools.product(projects, views, [None, 2]):
        name = names.view_name(names.project_prefix(project), view, version)
        thing = (project, view, version)
        assert seen.setdefault(name, thing) == thing
        assert ALLOWED.fullmatch(name), name


def test_views_without_a_prefix_never_collide() -> None:
    named = {names.view_name("", view, version) for view in set(TEXTS) for version in (None, 2)}
    assert len(named) == 2 * len(set(TEXTS))
    assert all(ALLOWED.fullmatch(name) for name in named)


def test_columns_read_back() -> None:
    for column in [*TEXTS, "event_timestamp", "created_timestamp", "__dummy_id", "Größe in m²"]:
        _check_column(column)


def _check_column(column: str) -> None:
    name = names.column_name(column)
    assert ALLOWED.fullmatch(name), name
    assert name not in ("event_timestamp", "created_timestamp")
    assert names.feast_column(name) == column


def test_names_that_do_not_fit_say_what_to_do() -> None:
    with pytest.raises(names.NameTooLong, match="at most 128 bytes: shorten it, or the project's name, or configure"):
        names.view_name(names.project_prefix("p" * 100), "v" * 40)
