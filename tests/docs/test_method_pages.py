"""Every method has a page: what it assumes, when to use it, the formula and its source."""

from __future__ import annotations

import importlib
import re

import pytest

from abtest.methods import METHODS
from support import ROOT

PAGES = ROOT / "docs" / "methods"
KINDS = [kind().kind for kind in METHODS]


@pytest.mark.parametrize("kind", KINDS)
def test_a_method_has_its_page(kind: str) -> None:
    page = (PAGES / f"{kind}.md").read_text(encoding="utf-8")
    assert f"(`{kind}`)" in page.splitlines()[0]
    marked = re.findall(r"^(?:\*\*|#+ )(.+)$", page, re.MULTILINE)
    for part in ("assumes", "when", "formula|how", "source"):
        assert any(re.search(part, line[:40], re.IGNORECASE) for line in marked), part
    assert re.search(r"\b(18|19|20)\d\d\b", page), "a source has a year"


def test_a_function_of_the_other_tools_page_exists() -> None:
    page = (PAGES / "textbook.md").read_text(encoding="utf-8")
    named = re.findall(r"`(stats(?:\.[a-z_0-9]+)+)\.([a-z_0-9]+)`", page)
    assert len(named) > 15
    for module, function in named:
        assert callable(getattr(importlib.import_module(f"abtest.{module}"), function))


def test_the_example_of_the_other_tools_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    page = (PAGES / "textbook.md").read_text(encoding="utf-8")
    for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(compile(block, "textbook.md", "exec"), {})  # noqa: S102 - our own page
    assert "Interval(low=" in capsys.readouterr().out
