"""examples/flights.py: it asserts its claims itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support import binary

SCRIPT = Path(__file__).parents[2] / "examples" / "flights.py"


def run(binary: str, out: Path, scratch: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), "--asof", binary, "--out", str(out)]
    environment = {**os.environ, "MPLBACKEND": "agg", "MPLCONFIGDIR": str(scratch)}
    return subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)


@pytest.fixture(autouse=True)
def libraries() -> None:
    pytest.importorskip("matplotlib")
    pytest.importorskip("sklearn")


def test_the_flights_example_holds(tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run(binary(), out, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Done: all of it holds" in done.stdout
    assert (out / "flights.png").read_bytes().startswith(b"\x89PNG")
    yesterday, again, today = (out / f"training-{name}.parquet" for name in ("yesterday", "yesterday-again", "today"))
    assert yesterday.read_bytes() == again.read_bytes() != today.read_bytes()
    assert pq.read_metadata(today).num_rows == 336_776


def test_the_flights_example_overwrites_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "something").touch()
    done = run("asof", out, tmp_path)
    assert done.returncode == 2
    assert "is not empty" in done.stderr
    assert [path.name for path in out.iterdir()] == ["something"]
