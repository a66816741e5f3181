"""What a folder keeps (lock, results, decisions) may be broken: it is named, by every reader."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from command_line import make_experiment, run
from specs import changed

if TYPE_CHECKING:
    from pathlib import Path

ON = ("--on", "2026-04-01")
DECIDE = ("--verdict", "neutral", "--why", "x")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    spec = make_experiment(tmp_path_factory.mktemp("made"), customers=300)
    run("freeze", spec, "--on", "2026-01-04").worked()
    run("analyze", spec).worked()
    return spec


@pytest.fixture
def spec(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made.parent, tmp_path / "e")
    return tmp_path / "e" / made.name


def test_a_broken_lock_is_no_frozen_plan(spec: Path) -> None:
    lock = spec.with_name("experiment.lock.json")
    lock.write_text("{", encoding="utf-8")
    for command in ("status", "archive"):
        shown = run(command, spec.parent, *ON).failed()
        assert "broken: experiment.lock.json: is no lock" in shown
        assert "Hint" not in shown


def test_the_lock_of_another_experiment_is_not_amended(spec: Path, tmp_path: Path) -> None:
    lock = spec.with_name("experiment.lock.json")
    other = make_experiment(tmp_path / "other", customers=10)
    other.write_text(changed(other.read_text("utf-8"), ("key: winback", "key: other")), "utf-8")
    run("freeze", other, "--on", "2026-01-04").worked()
    shutil.copy(other.with_name(lock.name), lock)
    before = lock.read_bytes()
    told = run("amend", spec, "--why", "x").failed()
    assert "is the frozen plan of 'other', not of 'winback'" in told
    assert lock.read_bytes() == before
    assert "key" in run("analyze", spec, "--no-save", "--no-report").out


def test_a_result_without_a_time(spec: Path) -> None:
    path = spec.parent / "results" / "2026-03-01.json"
    data = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps(data | {"as_of": "soon"}), encoding="utf-8")
    for arguments in (("report", path), ("decide", spec, *DECIDE), ("status", spec.parent, *ON)):
        assert "`as_of` is 'soon', which is no time" in run(*arguments).failed()


def test_a_decision_without_a_day(spec: Path) -> None:
    run("decide", spec, *DECIDE).worked()
    path = spec.with_name("decision.json")
    data = json.loads(path.read_text("utf-8"))
    data["decisions"][0]["on"] = "soon"
    path.write_text(json.dumps(data), encoding="utf-8")
    for arguments in (("decide", spec, *DECIDE), ("status", spec.parent, *ON)):
        assert "`decisions.0.on`" in run(*arguments).failed()


def test_links_in_a_circle(spec: Path) -> None:
    path = spec.with_name("decision.json")
    path.symlink_to(path)
    assert "links lead in a circle" in run("decide", spec, *DECIDE).failed()
