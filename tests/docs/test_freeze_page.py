"""What the page on freezing shows is what the commands do."""

from __future__ import annotations

import re
import shlex
import shutil
from typing import TYPE_CHECKING

from command_line import run
from support import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

PAGE = (ROOT / "docs" / "how-to" / "freeze-a-plan.md").read_text(encoding="utf-8")
SESSIONS = re.findall(r"```console\n\$ abtest (.*?)\n(.*?)```", PAGE, flags=re.DOTALL)
EXAMPLE = "experiments/2026_03_reorder_reminder"


def test_the_shown_output_is_real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / EXAMPLE, tmp_path / EXAMPLE)
    monkeypatch.chdir(tmp_path)
    spec = tmp_path / EXAMPLE / "experiment.yaml"
    (freeze, frozen), (amend, amended) = SESSIONS
    assert run(*shlex.split(freeze)).worked().out == frozen
    text = spec.read_text(encoding="utf-8")
    line = "{key: reorder_28d, kind: repeat_purchase, events: orders, window: {end: "
    assert f"{line}28d" in text
    spec.write_text(text.replace(f"{line}28d", f"{line}35d"), encoding="utf-8")
    found = run("analyze", f"{EXAMPLE}/experiment.yaml", "--no-report")
    assert found.code == 5
    assert "metrics.reorder_28d.window.end" in found.out
    assert run(*shlex.split(amend)).worked().out == amended
    assert run("analyze", f"{EXAMPLE}/experiment.yaml", "--no-report").code == 0
