"""Each line of the page on exit codes is produced by each command that it names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from abtest.cli.app import COMMANDS
from command_line import make_experiment, run
from nights import make_nights, night
from support import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = (ROOT / "docs" / "reference" / "exit-codes.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (\d+) \| .* \| (.*) \|$", PAGE, re.MULTILINE)
TABLE = {(int(code), one) for code, by in ROWS for one in re.findall(r"\w+", by)}
NAMES = [command.__name__.rstrip("_") for command in COMMANDS]
# What each needs so that it gets as far as the file that is at fault.
FAULTY = {
    "init": "{folder} --kind messaging",
    "schema": "-o {folder}/no/schema.json",
    "assign": "{spec} --customers {spec} --at 2026-01-06T09:00 -o {folder}/a.csv",
    "amend": "{spec} --why no",
    "sql": "{spec} --dialect duckdb",
    "simulate": "{spec} -o {folder}/made",
    "rehearse": "{spec} --history orders=no.csv",
    "decide": "{spec} --verdict ship",
    "archive": "{folder}",
    "status": "{folder}",
    "backlog": "{folder}",
    "plan": "{spec}",
}


@pytest.mark.parametrize("name", NAMES)
def test_1_a_file_is_at_fault(name: str, tmp_path: Path) -> None:
    spec = tmp_path / "experiment.yaml"
    spec.write_text("spec: abtest/v1\nkey: [\n", encoding="utf-8")
    (tmp_path / "backlog.yaml").write_text("hypotheses: [\n", encoding="utf-8")
    given = FAULTY.get(name, "{spec}").split()
    words = [word.format(spec=spec, folder=tmp_path) for word in given]
    found = run(name, *words)
    assert found.code == 1
    assert "Traceback" not in found.err


@pytest.mark.parametrize("name", NAMES)
def test_2_wrong_usage(name: str) -> None:
    found = run(name, "--no-such-option")
    assert found.code == 2
    assert "--no-such-option" in found.err


def lost(assignments: Path) -> None:
    """Two thirds of control are missing."""
    lines = assignments.read_text(encoding="utf-8").splitlines()
    kept = [line for i, line in enumerate(lines) if "control" not in line or i % 3 == 0]
    assignments.write_text("\n".join(kept) + "\n", encoding="utf-8")


def changed(spec: Path) -> None:
    """It differs from what was frozen."""
    run("freeze", spec, "--on", "2026-01-04").worked()
    text = spec.read_text(encoding="utf-8")
    spec.write_text(text.replace("window: {end: ", "window: {start: 1d, end: ", 1), "utf-8")


def check_failed(folder: Path) -> int:
    spec = make_experiment(folder)
    lost(folder / "assignments.csv")
    return run("analyze", spec, "--no-report").code


def check_failed_at_night(folder: Path) -> int:
    spec = make_nights(folder)
    text = (folder / "assignments.csv").read_text(encoding="utf-8").splitlines()
    kept = [line for i, line in enumerate(text) if i % 8 != 1 or "control" not in line]
    (folder / "assignments.csv").write_text("\n".join(kept) + "\n", encoding="utf-8")
    return run("monitor", spec, "--as-of", night(28), "--no-report").code


def not_readable(folder: Path) -> int:
    return run("analyze", make_experiment(folder), "--as-of", "2026-01-20", "--no-report").code


def drifted(folder: Path) -> int:
    spec = make_experiment(folder)
    changed(spec)
    return run("analyze", spec, "--no-report").code


def drifted_at_night(folder: Path) -> int:
    spec = make_nights(folder)
    changed(spec)
    return run("monitor", spec, "--as-of", night(20), "--no-report").code


def crossed(folder: Path) -> int:
    spec = make_nights(folder, lift=0.3, per_day=40)
    return run("monitor", spec, "--as-of", night(28), "--no-report").code


SCENES: dict[tuple[int, str], Callable[[Path], int]] = {
    (3, "analyze"): check_failed,
    (3, "monitor"): check_failed_at_night,
    (4, "analyze"): not_readable,
    (5, "analyze"): drifted,
    (5, "monitor"): drifted_at_night,
    (10, "monitor"): crossed,
}


@pytest.mark.parametrize(("code", "name"), SCENES)
def test_the_others(code: int, name: str, tmp_path: Path) -> None:
    assert SCENES[code, name](tmp_path / "experiment") == code


def test_the_page_has_these_codes_and_no_other() -> None:
    assert {(0, "all"), (1, "all"), (2, "all")} | SCENES.keys() == TABLE


def test_5_comes_before_3_and_3_before_4(tmp_path: Path) -> None:
    spec = make_experiment(tmp_path)
    lost(tmp_path / "assignments.csv")
    early = ("--as-of", "2026-01-20", "--no-report")
    assert run("analyze", spec, *early).code == 3
    changed(spec)
    assert run("analyze", spec, *early).code == 5
    spec.write_text("spec: abtest/v1\n", encoding="utf-8")
    assert run("analyze", spec, *early).code == 1
