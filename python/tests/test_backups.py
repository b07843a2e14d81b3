"""Backups, restoring them, and the clock."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support import DEFINITIONS, T0, UTC, Sidecar, activity

import asofdb


def clicks(path: Path) -> list[Any]:
    with asofdb.Store.open(path, create=False) as store:
        assert store.verify().problems == []
        return [row.values["clicks"] for row in store.history("activity", {"user_id": 1})]


def test_a_store_or_client_is_backed_up_and_restored(engine: Any, tmp_path: Path) -> None:
    engine.write("activity", activity([1], T0, clicks=[7]))
    first = engine.backup(tmp_path / "backups")
    assert first.expired == []
    assert first.files >= first.new_files > 0
    engine.write("activity", activity([1], T0 + timedelta(1), clicks=[8]))
    second = engine.backup(str(tmp_path / "backups"), checkpoint=tmp_path / "staging")
    assert second.new_files < second.files
    names = [backup.name for backup in asofdb.Store.backups(tmp_path / "backups")]
    assert names == [first.name, second.name]
    made = asofdb.Store.restore(tmp_path / "backups", tmp_path / "first", at=first.name)
    assert (made.files, made.versions_read) == (first.files, None)
    asofdb.Store.restore(tmp_path / "backups", tmp_path / "newest")
    assert (clicks(tmp_path / "first"), clicks(tmp_path / "newest")) == ([7], [8, 7])
    with pytest.raises(asofdb.ConflictError, match="something already"):
        asofdb.Store.restore(tmp_path / "backups", tmp_path / "newest")
    with pytest.raises(asofdb.NotFoundError, match="no backup from"):
        asofdb.Store.restore(tmp_path / "backups", tmp_path / "before", at="2001-01-01")
    third = engine.backup(tmp_path / "backups", keep=1)
    assert third.expired == names


def test_backups_are_encrypted_if_a_key_is_given(store: asofdb.Store, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("07" * 32)
    store.write("activity", activity([1], T0, clicks=[7]))
    store.backup(tmp_path / "backups", key_file=key)
    with pytest.raises(asofdb.InvalidError, match="encrypted"):
        asofdb.Store.backups(tmp_path / "backups")
    asofdb.Store.restore(tmp_path / "backups", tmp_path / "restored", key_file=key)
    assert clicks(tmp_path / "restored") == [7]


def test_a_store_that_keeps_its_logs_is_restored_as_of_any_commit(tmp_path: Path) -> None:
    with asofdb.Store.open(tmp_path / "store") as store:
        store.apply(DEFINITIONS)
    asofdb.Store.keep_logs(tmp_path / "store", 64 << 20)
    with asofdb.Store.open(tmp_path / "store") as store:
        store.backup(tmp_path / "backups")
        stamps = [store.write("activity", activity([1], T0 + timedelta(day), clicks=[day])) for day in range(3)]
        store.backup(tmp_path / "backups")
        last = store.write("activity", activity([1], T0 + timedelta(9), clicks=[9]))
    assert [backup.kept_logs for backup in asofdb.Store.backups(tmp_path / "backups")] == [True, True]
    for index, stamp in enumerate(stamps):
        asofdb.Store.restore(tmp_path / "backups", tmp_path / f"at{index}", at=stamp)
        assert clicks(tmp_path / f"at{index}") == list(reversed(range(index + 1)))
    with pytest.raises(asofdb.NotFoundError, match=r"the kept logs do not reach|no kept logs"):
        asofdb.Store.restore(tmp_path / "backups", tmp_path / "later", at=last)


def test_targets_that_are_urls_are_refused_by_name(store: asofdb.Store) -> None:
    with pytest.raises(asofdb.InvalidError, match=r"URLs are not supported yet: s3://bucket/backups"):
        store.backup("s3://bucket/backups")
    with pytest.raises(asofdb.InvalidError, match=r"URLs are not supported yet"):
        asofdb.Store.restore("s3://bucket/backups", "restored")


def test_a_policy_that_keeps_nothing_is_refused(store: asofdb.Store, tmp_path: Path) -> None:
    with pytest.raises(asofdb.InvalidError, match="keep is 1 or more"):
        store.backup(tmp_path / "backups", keep=0)


def test_the_clock_is_shown_confirmed_and_repaired(engine: Any) -> None:
    clock = engine.clock()
    assert (clock.warning, clock.stamped_ahead) == (None, [])
    assert abs(datetime.now(UTC) - clock.system) < timedelta(hours=1)
    engine.confirm_clock()
    believed = engine.clock().believed
    assert believed is not None
    assert believed <= engine.now()
    repair = engine.repair_clock()
    assert (repair.back_from, repair.reclaimed, repair.restamped) == (None, [], 0)
    if isinstance(engine, asofdb.Store):
        assert engine.notices() == []


async def test_an_async_client_has_them_too(sidecar: Sidecar, tmp_path: Path) -> None:
    async with await asofdb.AsyncClient.connect(sidecar.socket) as client:
        await client.apply(DEFINITIONS)
        backup = await client.backup(tmp_path / "backups")
        assert [found.name for found in asofdb.Store.backups(tmp_path / "backups")] == [backup.name]
        assert (await client.clock()).warning is None
