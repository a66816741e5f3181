"""The source archive, the types, and the oldest dependencies: each in an environment of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import venv
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from support import ROOT

pytestmark = pytest.mark.integration
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SOURCES = {"PYTHONPATH": str(ROOT / "src")}
LOWEST = ROOT / "requirements-lowest.txt"
CONSUMER = """\
from abtest import Experiment, analyze, assign
from abtest.exposures import Exposure, ExposureLog, JsonLinesSink, now
from abtest.flags import Flag

experiment = Experiment("winback", [("control", 1), ("coupon", 1)])
variant: str | None = assign(experiment, "C000123").variant
log = ExposureLog(JsonLinesSink("e.jsonl"))
taken: bool = log.put(Exposure.of(experiment, "a", assign(experiment, "a"), at=now()))
pct: object = Flag(experiment).payload(variant).get("discount_pct")


def verdict(path: str) -> str | None:
    decision = analyze(path).decision
    return None if decision is None else decision.verdict
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the source archive, and the wheel that is built from it."""
    folder = tmp_path_factory.mktemp("built")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    (path,) = built.glob("*.whl")
    return path


def new_environment(folder: Path) -> Path:
    venv.create(folder, with_pip=True)
    return folder / "bin" / "python"


def pip(python: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [str(python), "-m", "pip", "--disable-pip-version-check", *map(str, arguments)]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def clean() -> dict[str, str]:
    """This process's variables without those that would lead an environment to our sources."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "COV"))}


def test_the_source_archive_holds_what_it_takes_to_build_and_test(built: Path) -> None:
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for wanted in ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "requirements.txt"):
        assert wanted in names
    assert {"src/abtest/py.typed", "tests/conftest.py", "clients/js/abtest.js"} <= names
    assert not any(name.startswith((".git/", ".venv/", "site/")) for name in names)


def test_the_wheel_of_the_source_archive_is_typed_and_whole(wheel: Path, tmp_path: Path) -> None:
    python = new_environment(tmp_path / "empty")
    assert pip(python, "install", "--no-deps", "--no-index", wheel).returncode == 0
    code = "import abtest, abtest.exposures, abtest.flags; print(abtest.__file__)"
    command = [str(python), "-c", code]
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, cwd=tmp_path, env=clean()
    )
    assert str(tmp_path) in done.stdout


def test_the_code_of_a_user_type_checks(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "installed"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*command, "--target", str(target), str(wheel)], check=True)
    consumer, wrong = tmp_path / "consumer.py", tmp_path / "wrong.py"
    consumer.write_text(CONSUMER, encoding="utf-8")
    wrong.write_text("from abtest import assign\nassign('winback', 'a')\n", encoding="utf-8")
    options = ["--strict", "--no-incremental", "--config-file", os.devnull]
    check = [sys.executable, "-m", "mypy", *options]
    env = {**clean(), "MYPYPATH": str(target)}
    good = subprocess.run(
        [*check, str(consumer)], check=False, capture_output=True, text=True, cwd=tmp_path, env=env
    )
    # Errors inside the package would be the package's; here only the user's code counts.
    assert [line for line in good.stdout.splitlines() if line.startswith("consumer.py")] == []
    bad = subprocess.run(
        [*check, str(wrong)], check=False, capture_output=True, text=True, cwd=tmp_path, env=env
    )
    assert 'wrong.py:2: error: Argument 1 to "assign"' in bad.stdout, bad.stdout + bad.stderr


def test_the_lowest_versions_are_those_that_are_declared() -> None:
    declared = {}
    for text in PROJECT["dependencies"]:
        requirement = Requirement(text)
        [bound] = [one.version for one in requirement.specifier if one.operator == ">="]
        declared[requirement.name] = bound
    lines = LOWEST.read_text(encoding="utf-8").splitlines()
    pinned = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    assert pinned == declared


def test_an_example_with_the_lowest_versions(wheel: Path, tmp_path: Path) -> None:
    """The newest are those of requirements.txt, with which everything else is tested."""
    if sys.version_info >= (3, 13):
        pytest.skip("the lowest versions have no wheels for this Python")
    python = new_environment(tmp_path / "lowest")
    found = pip(
        python, "install", "--quiet", "--only-binary", ":all:", "--constraint", LOWEST, wheel
    )
    _skip_without_an_index(found)
    assert pip(python, "check").returncode == 0
    first = _analyzed(str(python), tmp_path)
    _agree(json.loads(first), json.loads(_analyzed(sys.executable, tmp_path, SOURCES)))


def _agree(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Counts and verdicts are the same; numbers too, but for the last digits of another NumPy."""
    assert one["decision"]["verdict"] == other["decision"]["verdict"]
    assert len(one["results"]) == len(other["results"])
    for mine, its in zip(one["results"], other["results"], strict=True):
        for key in ("metric", "variant", "n", "n_control", "verdict", "method"):
            assert mine[key] == its[key]
        for key in ("difference", "pvalue", "difference_ci_low", "lift_ci_high"):
            wanted = None if its[key] is None else pytest.approx(its[key], rel=1e-9)
            assert mine[key] == wanted, key


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_an_example_on_every_supported_python(version: str, wheel: Path, tmp_path: Path) -> None:
    """The same input gives the same bytes: from 3.12 on `sum` adds floats otherwise than before."""
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        pytest.skip("this is the one that runs all tests")
    program = _python(version)
    subprocess.run([program, "-m", "venv", str(tmp_path / "other")], check=True)
    python = tmp_path / "other" / "bin" / "python"
    pins = tmp_path / "pins.txt"
    lock = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    pins.write_text(
        "\n".join(re.findall(r"^[\w.-]+==[^\s;\\]+", lock, re.MULTILINE)), encoding="utf-8"
    )
    options = ("--quiet", "--only-binary", ":all:", "--constraint", pins)
    _skip_without_an_index(pip(python, "install", *options, wheel))
    assert _analyzed(str(python), tmp_path) == _analyzed(sys.executable, tmp_path, SOURCES)


def _python(version: str) -> str:
    """A program of this version; a shim that leads nowhere is none."""
    folders = sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin"))
    for program in (shutil.which(f"python{version}"), *(f"{one}/python" for one in folders)):
        if program is None:
            continue
        done = subprocess.run([program, "-c", ""], check=False, capture_output=True)
        if done.returncode == 0:
            return program
    pytest.skip(f"Python {version} is not installed")


def _skip_without_an_index(found: subprocess.CompletedProcess[str]) -> None:
    missing = r"No matching distribution|Could not fetch|onnection"
    if found.returncode and re.search(missing, found.stderr):
        pytest.skip(f"the package index does not have them: {found.stderr.splitlines()[-1]}")
    assert found.returncode == 0, found.stderr


def _analyzed(program: str, folder: Path, variables: dict[str, str] | None = None) -> str:
    spec = ROOT / "experiments" / "2026_01_winback_incentive_mix" / "experiment.yaml"
    done = subprocess.run(
        [program, "-m", "abtest", "analyze", str(spec), "--format", "json", "--no-save"],
        check=False,
        capture_output=True,
        text=True,
        cwd=folder,
        env=clean() | (variables or {}),
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
