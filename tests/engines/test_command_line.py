"""abtest analyze --engine: the same answer, and one message where it cannot be."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from command_line import run
from engines.same import differences


@pytest.fixture
def spec(root: Path, tmp_path: Path) -> str:
    example = next(root.glob("experiments/*_winback_incentive_mix"))
    return str(shutil.copytree(example, tmp_path / "experiment") / "experiment.yaml")


def test_other_engines_give_the_same_json(spec: str) -> None:
    wanted = run("analyze", spec, "--format", "json")
    assert wanted.code == 0
    for engine in ("polars", "pandas"):
        found = run("analyze", spec, "--format", "json", "--engine", engine)
        assert found.code == 0
        assert differences(json.loads(wanted.out), json.loads(found.out)) == [], engine


def test_a_master_needs_spark(spec: str) -> None:
    found = run("analyze", spec, "--engine", "polars", "--spark-master", "local[1]")
    assert "--spark-master needs --engine spark" in found.failed(2)


def test_an_engine_that_is_not_there_is_wrong_usage(spec: str) -> None:
    run("analyze", spec, "--engine", "flink").failed(2)
