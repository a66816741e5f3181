"""--format json: what a pipeline reads of each command."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from command_line import SPEC, make_experiment, run
from support import ROOT

if TYPE_CHECKING:
    from pathlib import Path

WINBACK = ROOT / "experiments" / "2026_01_winback_incentive_mix"


def told(*arguments: str | Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(*arguments, "--format", "json").worked().out)
    return found


@pytest.fixture
def faulty(tmp_path: Path) -> Path:
    path = tmp_path / "experiment.yaml"
    text = SPEC.replace("role: primary", "rol: primary")
    path.write_text(text, encoding="utf-8")
    return path


def test_validate_names_each_fault(faulty: Path) -> None:
    found = run("validate", faulty, "-f", "json")
    assert found.code == 1
    assert found.err == ""
    data = json.loads(found.out)
    assert data["schema"] == "abtest-validation/v1"
    [file] = data["files"]
    assert (file["file"], file["ok"], file["warnings"]) == (str(faulty), False, [])
    [fault] = file["faults"]
    line = 1 + SPEC.splitlines().index(next(x for x in SPEC.splitlines() if "role" in x))
    assert fault == {
        "path": "metrics.0.rol",
        "line": line,
        "message": "unknown key",
        "hint": 'did you mean "role"?',
    }


def test_validate_marks_lines_on_github(faulty: Path) -> None:
    found = run("validate", faulty, "-f", "github")
    assert found.code == 1
    assert found.err == ""
    [line] = found.out.splitlines()
    assert line.startswith(f"::error file={faulty},line=")
    assert line.endswith('::metrics.0.rol: unknown key%0AHint: did you mean "role"?')


def test_validate_says_what_is_right(tmp_path: Path) -> None:
    make_experiment(tmp_path)
    [file] = told("validate", tmp_path)["files"]
    assert file["ok"] is True
    assert file["faults"] == []


def test_a_file_that_is_not_there_is_a_fault_without_a_place(tmp_path: Path) -> None:
    found = json.loads(run("validate", tmp_path / "no.yaml", "-f", "json").out)
    [fault] = found["files"][0]["faults"]
    assert (fault["path"], fault["line"]) == (None, None)
    assert "does not exist" in fault["message"]


def test_freeze_amend_analyze_decide_and_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(WINBACK, tmp_path / "winback")
    spec = tmp_path / "winback" / "experiment.yaml"
    frozen = told("freeze", spec, "--on", "2026-01-04")
    lock = json.loads((tmp_path / "winback" / "experiment.lock.json").read_text("utf-8"))
    assert (frozen["sha256"], frozen["fixed"]) == (lock["sha256"], lock["fixed"])
    assert set(frozen["fixed"].values()) == {"permutation"}  # weights of 50:25:25, no history
    text = spec.read_text(encoding="utf-8")
    spec.write_text(text.replace("alpha: 0.05", "alpha: 0.04"), encoding="utf-8")
    amended = told("amend", spec, "--why", "stricter", "--on", "2026-01-10")
    assert (amended["amendment"], amended["why"]) == (1, "stricter")
    assert amended["changes"] == [{"path": "analysis.alpha", "before": 0.05, "after": 0.04}]
    run("analyze", spec, "--no-report", "--save").worked()
    given = ("decide", spec, "--verdict", "ship", "--variant", "coupon_freeship")
    decided = told(*given, "--why", "it pays", "--on", "2026-03-02")
    assert decided["written"] is True
    assert decided["decision"]["variant"] == "coupon_freeship"
    again = told(*given, "--why", "it pays", "--on", "2026-03-02")
    assert again == {**decided, "written": False}
    status = told("status", tmp_path, "--on", "2026-03-03")
    assert status["schema"] == "abtest-status/v1"
    [experiment] = status["experiments"]
    assert (experiment["state"], experiment["frozen"]) == ("decided", True)


def test_assign_shows_its_manifest(tmp_path: Path) -> None:
    customers, output = tmp_path / "customers.csv", tmp_path / "assignments.csv"
    customers.write_text("customer_id\n1\n2\n3\n", encoding="utf-8")
    given = ("--customers", customers, "--at", "2026-01-06T09:00", "-o", output)
    found = told("assign", WINBACK / "experiment.yaml", *given)
    manifest = output.with_name("assignments.csv.manifest.json").read_text(encoding="utf-8")
    assert found == json.loads(manifest)


def completed(**environment: str) -> str:
    """What the installed command answers a shell."""
    code = "import sys; sys.argv = ['abtest']; from abtest.cli.app import main; main()"
    env = {**os.environ, **environment}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, check=False, capture_output=True, encoding="utf-8"
    )
    return done.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete_commands_and_options(shell: str) -> None:
    for words, offered in (("abtest val", "validate"), ("abtest plan --hist", "--history")):
        asked = {
            "bash": {"COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))},
            "zsh": {"_TYPER_COMPLETE_ARGS": words},
            "fish": {"_TYPER_COMPLETE_ARGS": words, "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
        }[shell]
        found = completed(_ABTEST_COMPLETE=f"complete_{shell}", **asked)
        assert offered in found
        assert "analyze" not in found


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_is_shown(shell: str) -> None:
    assert f"complete_{shell}" in completed(_ABTEST_COMPLETE=f"source_{shell}")
