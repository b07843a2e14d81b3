"""The guide, docs/python.md: every block of Python runs as written, in order, in one namespace."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import Sidecar

import asofdb

GUIDE = Path(__file__).parents[2] / "docs" / "python.md"
README = Path(__file__).parents[1] / "README.md"

BLOCK = re.compile(r"^```python(?P<needs>[^\n]*)\n(?P<code>.*?)^```$", re.DOTALL | re.MULTILINE)


class Page:
    """The blocks of a page of Markdown, run one after another."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.text = path.read_text(encoding="utf-8")
        self.namespace: dict[str, Any] = {"__name__": "guide"}

    def blocks(self, needs: str) -> Iterator[tuple[int, str]]:
        """The line and the code of blocks that need something, or nothing."""
        for match in BLOCK.finditer(self.text):
            if match["needs"].strip() == needs:
                yield self.text.count("\n", 0, match.start("code")), match["code"]

    def run(self, line: int, code: str) -> None:
        # Errors then name the page and its line.
        exec(compile("\n" * line + code, str(self.path), "exec"), self.namespace)

    def close(self) -> None:
        """Closes what a block that failed left open."""
        for value in self.namespace.values():
            if isinstance(value, (asofdb.Store, asofdb.Client)):
                value.close()


@pytest.fixture
def page() -> Iterator[Page]:
    page = Page(GUIDE)
    yield page
    page.close()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_guide_runs_as_written(here: Path, page: Page) -> None:
    blocks = list(page.blocks(""))
    assert len(blocks) > 15
    for line, code in blocks:
        page.run(line, code)


def test_the_guide_runs_as_written_with_a_sidecar(here: Path, page: Page) -> None:
    alone, served = list(page.blocks("")), list(page.blocks("sidecar"))
    assert len(served) == 3
    for line, code in alone:
        if line > served[0][0]:
            break
        page.run(line, code)
    sidecar = Sidecar(here, store="asof-data")
    try:
        page.namespace["socket"] = str(sidecar.socket)
        for line, code in served:
            page.run(line, code)
    finally:
        sidecar.stop()


def test_what_the_guide_says_is_printed_is_printed(here: Path, page: Page, capsys: pytest.CaptureFixture[str]) -> None:
    for line, code in page.blocks(""):
        page.run(line, code)
    printed = capsys.readouterr().out
    outputs = re.findall(r"^```text\n(.*?)^```$", page.text, re.DOTALL | re.MULTILINE)
    assert len(outputs) == 2
    for output in outputs:
        assert output in printed


def test_the_readme_of_the_package_runs_as_written(here: Path) -> None:
    page = Page(README)
    try:
        for line, code in page.blocks(""):
            page.run(line, code)
    finally:
        page.close()
