"""The commands of the page on reports run, in their order."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from command_line import make_experiment, run
from support import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

PAGE = (ROOT / "docs" / "how-to" / "read-a-report.md").read_text(encoding="utf-8")


def test_every_command_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_experiment(tmp_path)
    monkeypatch.chdir(tmp_path)
    commands = re.findall(r"^abtest (.*?)(?: +#.*)?$", PAGE, flags=re.MULTILINE)
    assert len(commands) == 4
    for command in commands:
        run(*command.split()).worked()
    assert (tmp_path / "result.html").read_text(encoding="utf-8").startswith("<!")
