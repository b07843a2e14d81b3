"""Feature repositories whose offline store is ours."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("feast")

from asofdb.feast import connect

from .repository import Repository


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    """Both stores are ours, in one directory."""
    yield Repository(tmp_path)
    connect.close_all()
