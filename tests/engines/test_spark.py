"""The contract on a local Spark: one real session, started for the test."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from abtest import analyze
from engines.drawn import drawn_experiment
from engines.same import differences

pytestmark = pytest.mark.integration

# As frames, Parquet and CSV in turn; the five ways to write a time; all that a spec can ask.
NAMES = ["rows-0", "kinds-1", "times-0", "times-3", "times-2", "kinds-5", "clusters-4"]


@pytest.fixture(scope="module")
def answers() -> dict[str, Any]:
    """What Spark says of every experiment."""
    need_spark()
    script = Path(__file__).with_name("run_spark.py")
    command = [sys.executable, str(script), *NAMES]
    run = subprocess.run(command, capture_output=True, text=True, check=False, env=without_cover())
    assert run.returncode == 0, run.stderr[-3000:]
    found: dict[str, Any] = json.loads(run.stdout)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_spark_gives_the_same_result(name: str, answers: dict[str, Any]) -> None:
    drawn = drawn_experiment(name)
    wanted = plain(analyze(drawn.spec, data=drawn.tables, engine="duckdb").to_dict())
    found = {**answers[name]["result"], "data_fingerprints": {}}
    assert differences(wanted, found) == []


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_left_in_the_cluster(name: str, answers: dict[str, Any]) -> None:
    assert answers[name]["most_kept"] > 0
    assert answers[name]["still_kept"] == 0


def test_the_command_line_runs_on_spark(root: Path, tmp_path: Path) -> None:
    need_spark()
    example = next(root.glob("experiments/*_winback_incentive_mix"))
    folder = shutil.copytree(example, tmp_path / "experiment")
    found = {}
    for engine in ("duckdb", "spark"):
        command = [sys.executable, "-m", "abtest", "analyze", str(folder / "experiment.yaml")]
        more = ["--spark-master", "local[1]"] if engine == "spark" else []
        run = subprocess.run(
            [*command, "--engine", engine, *more, "--format", "json"],
            capture_output=True,
            text=True,
            check=False,
            env=without_cover(),
        )
        assert run.returncode == 0, run.stderr[-3000:]
        found[engine] = json.loads(run.stdout)
    assert differences(found["duckdb"], found["spark"]) == []


def need_spark() -> None:
    if importlib.util.find_spec("pyspark") is None:
        pytest.skip("pyspark is not installed: pip install abtest[spark]")
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java, which is not installed")


def without_cover() -> dict[str, str]:
    """The environment without coverage of subprocesses, which Spark's own would slow down."""
    return {key: value for key, value in os.environ.items() if not key.startswith("COV")}


def plain(result: dict[str, Any]) -> dict[str, Any]:
    """The result as JSON has it: lists for tuples."""
    found: dict[str, Any] = json.loads(json.dumps(result))
    return found
