"""Stores with definitions, in this process and behind a sidecar."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import DEFINITIONS, Sidecar

import asofdb


@pytest.fixture
def store(tmp_path: Path) -> Iterator[asofdb.Store]:
    with asofdb.Store.open(tmp_path / "store") as store:
        store.apply(DEFINITIONS)
        yield store


@pytest.fixture
def sidecar(tmp_path: Path) -> Iterator[Sidecar]:
    sidecar = Sidecar(tmp_path)
    try:
        yield sidecar
    finally:
        sidecar.stop()


@pytest.fixture
def client(sidecar: Sidecar) -> Iterator[asofdb.Client]:
    with asofdb.Client(sidecar.socket) as client:
        client.apply(DEFINITIONS)
        yield client


@pytest.fixture(params=["store", "client"])
def engine(request: pytest.FixtureRequest) -> Any:
    """Everything that both promise."""
    return request.getfixturevalue(request.param)
