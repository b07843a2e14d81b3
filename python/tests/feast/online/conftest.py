"""Feature stores over a store of this process, and over a sidecar."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("feast")

from asofdb.feast import close_all
from feast import FeatureStore, RepoConfig


@pytest.fixture(autouse=True)
def _feast_is_quiet_and_closed() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    close_all()


@pytest.fixture(params=["embedded", "sidecar"])
def online(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """The configuration of an online store, wherever it is."""
    store: dict[str, Any] = {"type": "asofdb.feast.AsofOnlineStore"}
    if request.param == "embedded":
        return {**store, "path": str(tmp_path / "store")}
    return {**store, "socket": str(request.getfixturevalue("sidecar").socket)}


@pytest.fixture
def embedded(tmp_path: Path) -> dict[str, Any]:
    """The configuration of an online store of this process."""
    return {"type": "asofdb.feast.AsofOnlineStore", "path": str(tmp_path / "store")}


MakeStore = Callable[..., FeatureStore]


@pytest.fixture
def make_store(tmp_path: Path) -> MakeStore:
    """Makes feature stores, each with a registry of its project."""

    def make(online: dict[str, Any], project: str = "shop", **registry: Any) -> FeatureStore:
        config = RepoConfig(
            project=project,
            provider="local",
            registry={"path": str(tmp_path / f"{project}.db"), **registry},
            online_store=online,
            entity_key_serialization_version=3,
            repo_path=tmp_path,
        )
        return FeatureStore(config=config)

    return make


@pytest.fixture
def store(make_store: MakeStore, online: dict[str, Any]) -> FeatureStore:
    """A feature store without definitions."""
    return make_store(online)
