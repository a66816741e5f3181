"""An experiment is named by its file, whatever that is called, or by its folder."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from command_line import make_experiment, run

if TYPE_CHECKING:
    from pathlib import Path

ON = ("--on", "2026-04-01")


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    """A spec that is not called experiment.yaml, in a folder with spaces and Persian letters."""
    made = make_experiment(tmp_path / "نمونه کوپن" / "کوپن", customers=300)
    return made.rename(made.with_name("winback.yaml"))


def test_lock_result_decision_and_archive_fit_together(spec: Path) -> None:
    home = spec.parent
    run("freeze", home, "--on", "2026-01-04").worked()
    assert (home / "winback.lock.json").is_file()
    assert "winback.yaml: ok" in run("validate", home.parent).worked().out
    run("analyze", home).worked()
    run("decide", home, "--abandon", "--why", "closed", "--on", "2026-03-04").worked()
    shown = run("archive", home.parent, "-f", "json", *ON).worked().out
    assert '"frozen": true' in shown
    assert '"state": "abandoned"' in shown
    assert "کوپن/winback.report.html" in shown
    lock = home / "winback.lock.json"
    assert "is an input" in run("archive", home, "-f", "json", "-o", lock, *ON).failed()


def test_a_folder_without_a_spec_or_with_several(spec: Path) -> None:
    commands = {
        "freeze": (),
        "amend": ("--why", "x"),
        "decide": ("--abandon", "--why", "x"),
        "analyze": (),
        "monitor": (),
        "plan": (),
        "compile": (),
        "sql": ("--dialect", "duckdb"),
    }
    empty = spec.parent.parent
    for command, more in commands.items():
        assert "is a folder without a spec" in run(command, empty, *more).failed()
    shutil.copy(spec, spec.with_name("other.yml"))
    for command, more in commands.items():
        assert "2 specs: other.yml, winback.yaml" in run(command, spec.parent, *more).failed()


def test_experiment_yaml_is_the_one_that_a_folder_means(spec: Path) -> None:
    shutil.copy(spec, spec.with_name("experiment.yaml"))
    run("freeze", spec.parent, "--on", "2026-01-04").worked()
    assert (spec.parent / "experiment.lock.json").is_file()


def test_a_copy_counts_once(spec: Path) -> None:
    """The same experiment twice would be two independent tests in the meta-analysis."""
    run("analyze", spec).worked()
    folder = spec.parent.parent
    shutil.copytree(spec.parent, folder / "کپی")
    shown = run("archive", folder, *ON)
    assert "has the key 'winback'" in shown.failed()
    assert "1 experiment: 1 readable. 1 broken file." in shown.out


def test_an_invented_campaign_is_no_experience(spec: Path) -> None:
    rehearsal = spec.parent / "rehearsal"
    run("simulate", spec, "-o", rehearsal, "--customers", "200", "-f", "csv").worked()
    run("analyze", rehearsal).worked()
    shown = run("status", spec.parent.parent, *ON).worked()
    assert "1 experiment" in shown.out
    assert "is an invented campaign" in shown.err
    assert "winback.yaml: ok" in run("validate", spec.parent.parent).worked().out
    assert "1 experiment: 1 readable." in run("status", rehearsal, *ON).worked().out


def test_a_hint_can_be_copied_into_a_shell(spec: Path) -> None:
    assert f"abtest freeze '{spec}'" in run("amend", spec, "--why", "x").failed()
    run("freeze", spec).worked()
    assert f"abtest amend '{spec}' --why" in run("freeze", spec).failed()
