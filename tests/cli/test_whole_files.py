"""Whatever stops a command (kill -9, a full disk), every file is whole: old or new."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from abtest.cli.output import PREFIX
from command_line import make_experiment, run, spawn
from nights import make_nights, night
from support import ROOT

OLD = "old\n"
COMMANDS = {
    "init": ["init", "new/experiment", "--kind", "messaging"],
    "validate": ["validate", "experiment.yaml"],
    "schema": ["schema", "-o", "out.json"],
    "plan": ["plan", "--diff", "experiment.yaml", "changed.yaml", "-o", "out.yaml"],
    "freeze": ["freeze", "experiment.yaml", "--on", "2026-01-04"],
    "amend": ["amend", "frozen/experiment.yaml", "--why", "more time", "--on", "2026-01-06"],
    "assign": [
        "assign", "experiment.yaml", "--customers", "customers.csv", "--at", "2026-01-05T09:00",
        "-o", "out.csv",
    ],
    "sql": ["sql", "experiment.yaml", "--dialect", "duckdb", "-o", "out.sql"],
    "compile": ["compile", "experiment.yaml", "-o", "out.json"],
    "analyze": ["analyze", "experiment.yaml", "--no-report"],
    "analyze -o": ["analyze", "experiment.yaml", "-o", "out.json"],
    "monitor": ["monitor", "nightly/experiment.yaml", "--as-of", night(20), "--no-report"],
    "report": ["report", "read/results/2026-03-01.json", "-o", "out.html"],
    "decide": ["decide", "read/experiment.yaml", "--verdict", "ship", "--on", "2026-03-05"],
    "archive": ["archive", ".", "-o", "out.json", "--on", "2026-03-05"],
    "status": ["status", ".", "--on", "2026-03-05"],
}  # fmt: skip
READERS = {"validate", "status"}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An experiment, one that is frozen and was then changed, and one with a result and a decision.

    Every file that a command will write is there already, with something old in it.
    """
    folder = tmp_path_factory.mktemp("template")
    spec = make_experiment(folder, customers=600)
    text = spec.read_text("utf-8")
    for name in ("json", "yaml", "csv", "csv.manifest.json", "sql", "html"):
        (folder / f"out.{name}").write_text(OLD, encoding="utf-8")
    units = "\n".join(f"{i:05}" for i in range(600))
    (folder / "customers.csv").write_text(f"customer_id\n{units}\n", encoding="utf-8")
    phase = "assignment: {phases: [{from: 2026-01-10, weights: {control: 1, کوپن: 3}}]}\n"
    (folder / "changed.yaml").write_text(text + phase, encoding="utf-8")
    for name in ("frozen", "read"):
        path = make_experiment(folder / name, customers=600)
        key = f"key: {name}\nassignment: {{seed: winback}}"
        path.write_text(text.replace("key: winback", key), encoding="utf-8")
    frozen = folder / "frozen" / "experiment.yaml"
    run("freeze", frozen, "--on", "2026-01-04").worked()
    planned = frozen.read_text("utf-8")
    frozen.write_text(planned.replace("{end: 30d}, role", "{end: 28d}, role"), encoding="utf-8")
    # The next look replaces the log and its last fingerprint.
    nights = make_nights(folder / "nightly", per_day=20)
    run("monitor", nights, "--as-of", night(15), "--no-report").worked()
    read = folder / "read" / "experiment.yaml"
    run("analyze", read, "--no-report").worked()
    run("decide", read, "--verdict", "neutral", "--why", "x", "--on", "2026-03-04").worked()
    # The result that the next analysis replaces.
    run("analyze", spec, "--no-report").worked()
    saved = folder / "results" / "2026-03-01.json"
    data = json.loads(saved.read_text("utf-8"))
    data["spec_fingerprint"] = "of another spec"
    saved.write_text(json.dumps(data), encoding="utf-8")
    return folder


def whole(files: dict[str, str]) -> dict[str, str]:
    """The files but for temporary ones, which the next run removes."""
    return {name: told for name, told in files.items() if PREFIX not in name}


CHEAP = ("init", "validate", "freeze", "decide")


def test_killed_at_every_touch_of_a_file(template: Path, tmp_path: Path) -> None:
    every_kill_leaves_whole_files(template, tmp_path, CHEAP)


@pytest.mark.integration
@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in CHEAP])
def test_killed_at_every_touch_of_larger_files(template: Path, tmp_path: Path, name: str) -> None:
    every_kill_leaves_whole_files(template, tmp_path, (name,))


def every_kill_leaves_whole_files(template: Path, folder: Path, names: Sequence[str]) -> None:
    if not hasattr(os, "fork"):
        pytest.skip("needs a system that can fork")
    lines = "".join(json.dumps(COMMANDS[name]) + "\n" for name in names)
    script = ROOT / "tests" / "kill_points.py"
    single = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1")
    done = subprocess.run(
        [sys.executable, script, template, folder / "folder"],
        input=lines, capture_output=True, text=True, check=True, env={**os.environ, **single},
    )  # fmt: skip
    for name, line in zip(names, done.stdout.splitlines(), strict=True):
        found = json.loads(line)
        before, after = found["before"], found["after"]
        assert found["code"] == 0, name
        assert (before == after) == (name in READERS), name
        assert (found["touches"] == 0) == (name in READERS), name
        # No file is opened for writing under its own name.
        assert [one for one in found["opened"] if not one.startswith(PREFIX)] == [], name
        for code, files in found["killed"]:
            assert code == -signal.SIGKILL, name
            assert set(before) <= set(files), name
            for file, told in whole(files).items():
                assert told in (before.get(file), after.get(file)), (name, file)
        assert whole(found["again"]) == after, name


@pytest.mark.integration
@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in READERS])
def test_killed_at_any_time(template: Path, tmp_path: Path, name: str) -> None:
    """Ten times at a random moment, in a loop over the same files."""
    folder = tmp_path / "folder"
    shutil.copytree(template, folder)
    begun = time.perf_counter()
    spawn(*COMMANDS[name], cwd=folder).worked()
    length = time.perf_counter() - begun
    after = contents(folder)
    shutil.rmtree(folder)
    shutil.copytree(template, folder)
    before = contents(folder)
    rng = random.Random(name)  # noqa: S311 - moments, no secrets
    for _ in range(10):
        shutil.rmtree(folder)
        shutil.copytree(template, folder)
        with subprocess.Popen(
            [sys.executable, "-m", "abtest", *COMMANDS[name]],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            time.sleep(rng.uniform(0.3, 1.05) * length)
            process.kill()
        found = contents(folder)
        assert set(before) <= set(found)
        for file, content in found.items():
            assert content in (before.get(file), after.get(file)), file


def contents(folder: Path) -> dict[str, bytes]:
    paths = [path for path in folder.rglob("*") if path.is_file() and PREFIX not in path.name]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


@pytest.fixture(scope="module")
def full_disk(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A small disk that holds the template and has no room for anything else."""
    disk = tmp_path_factory.mktemp("disk")
    mount = shutil.which("mount")
    if mount is None or not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    options = ["-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)]
    if subprocess.run([mount, *options], check=False, capture_output=True).returncode:
        pytest.skip("this system does not let root mount a small disk")
    try:
        shutil.copytree(template, disk, dirs_exist_ok=True)
        with (disk / "filler").open("wb", buffering=0) as file:
            try:
                while file.write(b"\0" * 4096):
                    pass
            except OSError:
                pass
        yield disk
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in READERS])
def test_a_full_disk(full_disk: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(full_disk)
    before = contents(full_disk)
    told = run(*COMMANDS[name]).failed(1)
    assert "space" in told.lower(), told
    assert contents(full_disk) == before
    assert list(full_disk.rglob(f"{PREFIX}*")) == []


@pytest.mark.parametrize("name", ["freeze", "assign", "analyze", "decide"])
def test_files_that_may_not_grow(
    template: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same where nobody is root: the system refuses to write more than nothing to a file."""
    resource = pytest.importorskip("resource")
    folder = tmp_path / "folder"
    shutil.copytree(template, folder)
    monkeypatch.chdir(folder)
    before = contents(folder)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        found = run(*COMMANDS[name])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    found.failed(1)
    assert contents(folder) == before
    assert list(folder.rglob(f"{PREFIX}*")) == []
