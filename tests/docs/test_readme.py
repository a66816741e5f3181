"""The README's commands do what the README shows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from support import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
SESSIONS = re.findall(r"```console\n(.*?)```", README, flags=re.DOTALL)
PYTHON = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


def _commands(session: str) -> list[tuple[str, str]]:
    """Each command after a `$`, with the output that is shown under it."""
    parts = re.split(r"^\$ (.*)\n", session, flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2], strict=True))


def _run(command: str, folder: Path) -> str:
    words = command.split()
    assert words[0] == "abtest", f"the README may show only abtest commands, not {command}"
    environment = {**os.environ, "COLUMNS": "80", "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip().splitlines()]


def _blocks(lines: list[str]) -> list[list[str]]:
    """The lines between those that say ``...``."""
    found: list[list[str]] = [[]]
    for line in lines:
        if line == "...":
            found.append([])
        else:
            found[-1].append(line)
    return found


@pytest.mark.parametrize("session", SESSIONS)
def test_the_shown_output_is_real(session: str, tmp_path: Path) -> None:
    # A copy of the examples, so that reports and new folders are written elsewhere.
    _copy(ROOT / "experiments", tmp_path / "experiments")
    for command, shown in _commands(session):
        got, want = _lines(_run(command, tmp_path)), _lines(shown)
        if "..." not in want:
            assert got == want
            continue
        head, *middle, tail = _blocks(want)  # the README leaves lines out between them
        assert got[: len(head)] == head
        assert got[len(got) - len(tail) :] == tail
        for block in middle:
            starts = range(len(got) - len(block) + 1)
            assert block in [got[start : start + len(block)] for start in starts]


def _copy(source: Path, target: Path) -> None:
    for path in source.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            copy = target / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())


def test_there_is_something_to_check() -> None:
    assert len(SESSIONS) >= 2
    assert PYTHON


@pytest.mark.parametrize("code", PYTHON)
def test_the_python_runs(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    exec(compile(code, "README.md", "exec"), {})  # noqa: S102 - our own README


def test_its_links_lead_somewhere() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", README)
    assert len(links) > 10
    assert [link for link in links if not (ROOT / link).exists()] == []
