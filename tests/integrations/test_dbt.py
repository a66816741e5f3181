"""The generated statement as a model of dbt, built by the real dbt on DuckDB."""

from __future__ import annotations

import os
import re
import subprocess
import venv
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import duckdb
import pytest

from abtest import Experiment
from command_line import run
from support import ROOT

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.integration
SPEC = ROOT / "experiments" / "2026_01_winback_incentive_mix" / "experiment.yaml"
WANTED = ("dbt-core==1.10.23", "dbt-duckdb==1.10.1")  # its needs and ours do not fit together
PROJECT = """\
name: crm
version: "1.0.0"
profile: crm
seeds: {crm: {+column_types: {customer_id: varchar}}}
"""
PROFILE = "crm: {target: dev, outputs: {dev: {type: duckdb, path: crm.duckdb}}}\n"


@pytest.fixture(scope="module")
def dbt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """dbt in an environment of its own."""
    folder = tmp_path_factory.mktemp("dbt")
    venv.create(folder, with_pip=True)
    pip = [str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run(
        [*pip, "--only-binary", ":all:", *WANTED], check=False, capture_output=True, text=True
    )
    if done.returncode and re.search("No matching distribution|onnection", done.stderr):
        pytest.skip(f"dbt cannot be installed: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    return folder / "bin" / "dbt"


def test_dbt_builds_the_split_and_it_is_that_of_python(dbt: Path, tmp_path: Path) -> None:
    units = [f"{number:05d}" for number in range(400)] + ["کاربر", "O'Hara"]
    for name, text in {
        "dbt_project.yml": PROJECT,
        "profiles.yml": PROFILE,
        "seeds/lapsed_customers.csv": "\n".join(["customer_id", *units]) + "\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "models").mkdir()
    table = "{{ ref('lapsed_customers') }}"
    model = tmp_path / "models" / "winback_split.sql"
    given = ("--dialect", "duckdb", "--table", table, "--at", "2026-01-06T08:00", "-o", model)
    run("sql", SPEC, *given).worked()
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "COV"))}
    done = subprocess.run(
        [str(dbt), "build", "--profiles-dir", ".", "--no-use-colors"],
        cwd=tmp_path,
        env={**env, "DBT_SEND_ANONYMOUS_USAGE_STATS": "0"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    with duckdb.connect(str(tmp_path / "crm.duckdb"), read_only=True) as database:
        found = dict(database.execute("select customer_id, variant from winback_split").fetchall())
    experiment, at = Experiment.from_spec(SPEC), datetime(2026, 1, 6, 7, tzinfo=UTC)
    assert found == {unit: experiment.variant(unit, at=at) for unit in units}
