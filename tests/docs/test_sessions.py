"""Every command that a page shows with its output does what is shown, in an empty folder."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from page_sessions import Python, Step, failures, is_shown, play, steps
from support import ROOT

DOCS = ROOT / "docs"
OWN_TESTS = {
    "how-to/freeze-a-plan.md": "test_freeze_page.py edits the spec between the commands",
}
PAGES = [
    page.relative_to(DOCS).as_posix()
    for page in sorted(DOCS.rglob("*.md"))
    if "```console" in page.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("page", [page for page in PAGES if page not in OWN_TESTS])
def test_what_is_shown_is_real(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    shutil.copytree(ROOT / "experiments", "experiments")
    if "tutorials/" in page:  # from nothing
        shutil.rmtree("experiments")
    names: dict[str, Any] = {}
    for step in steps((DOCS / page).read_text(encoding="utf-8")):
        if isinstance(step, Python):
            assert failures(step, names) == 0
            continue
        printed = play(step, tmp_path)
        if isinstance(step, Step):
            assert is_shown(printed, step.shown), f"$ {step.command}\n{printed}"


def test_the_list_of_exceptions_is_current() -> None:
    assert set(OWN_TESTS) <= set(PAGES)
    assert "tutorials/from-nothing-to-a-decision.md" in PAGES


@pytest.mark.parametrize(
    ("shown", "fits"),
    [
        ("a\nb\nc\n", True),
        ("a\nc\n", False),
        ("a\n...\nc\n", True),
        ("...\nb\n...\n", True),
        ("a\n...\n", True),
        ("...\nc\n", True),
        ("b\n...\n", False),
        ("...\nb\n", False),
        ("...\nx\n...\n", False),
    ],
)
def test_three_dots_stand_for_lines(shown: str, *, fits: bool) -> None:
    assert is_shown("a\nb\nc\n", shown) is fits
