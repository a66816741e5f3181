"""The commands of the page on the archive run, and its YAML is valid."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from command_line import make_experiment, run
from specs import EVENTS, faults
from support import ROOT

PAGE = (ROOT / "docs" / "how-to" / "keep-an-archive.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    abtest (.*?)(?:\s+#.*)?$", PAGE, re.MULTILINE)
SPEC = re.search(r"^    analysis:\n(?:    .*\n)+", PAGE, re.MULTILINE)


def test_the_commands_run_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    spec = make_experiment(tmp_path / "experiments" / "2026_01_winback", customers=600)
    run("analyze", spec).worked()
    assert len(COMMANDS) >= 7
    for command in COMMANDS:
        run(*shlex.split(command)).worked()
    assert (tmp_path / "experiments" / "archive.json").is_file()
    assert "abandoned" in run("status", "experiments").worked().out


def test_the_spec_is_valid() -> None:
    assert SPEC is not None
    block = "\n".join(line[4:] for line in SPEC[0].splitlines())
    assert "from: ../archive.json" in block
    assert faults(f"{EVENTS}{block}\n") == []
