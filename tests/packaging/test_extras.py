"""Each extra, installed from the wheel into an empty environment, brings what it promises."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import pytest

from support import ROOT

pytestmark = pytest.mark.integration
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OURS = {"dev", "integration"}  # for those who work on abtest, from the sources
DATA = """
import tempfile, pathlib
folder = pathlib.Path(tempfile.mkdtemp())
spec = folder / "experiment.yaml"
spec.write_text('''
spec: abtest/v1
key: gate
kind: messaging
unit: user
variants: [{key: gate_30, control: true}, {key: gate_40}]
data: {units: {path: users.csv, variant: variant}}
metrics: [{key: back, kind: proportion, column: back, role: primary}]
''')
rows = {"user": list(range(400)), "variant": ["gate_30", "gate_40"] * 200,
        "back": [i % 5 == 0 for i in range(400)]}
from abtest import analyze
def check(frame):
    [record] = analyze(spec, data={"units": frame}).results
    assert (record.n, record.n_control) == (200, 200), record
"""
USES = {
    "pandas": DATA + "import pandas\ncheck(pandas.DataFrame(rows))\n"
    "import pyarrow\npandas.DataFrame(rows).to_parquet(folder / 'users.parquet')",
    "polars": DATA + "import polars\ncheck(polars.DataFrame(rows))",
    "pyarrow": DATA + "import pyarrow\ncheck(pyarrow.table(rows))",
    "postgres": "import psycopg\nassert psycopg.pq.__impl__ == 'binary'",
    "spark": "import pyspark, pyarrow, pyspark.sql",
    "openfeature": "import openfeature.api as api\n"
    "from abtest import Experiment\n"
    "from abtest.flags import Flag\n"
    "from abtest.openfeature import AbtestProvider\n"
    "from openfeature.evaluation_context import EvaluationContext\n"
    "flag = Flag(Experiment('winback', [('control', 1), ('coupon', 1)]))\n"
    "api.set_provider(AbtestProvider([flag]))\n"
    "found = api.get_client().get_object_details('winback', {}, EvaluationContext('C000123'))\n"
    "assert str(found.reason.value) == 'SPLIT', found",
    "docs": "import material, mkdocs.config.base",
}
"""What is done with each extra: a program that fails where something is missing."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    command += ["--no-build-isolation", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    [path] = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def pins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pins") / "pins.txt"
    locks = ("requirements.txt", "requirements-integration.txt")
    text = "\n".join((ROOT / lock).read_text(encoding="utf-8") for lock in locks)
    found = re.findall(r"^[\w.-]+==[^\s;\\]+", text, re.MULTILINE)
    path.write_text("\n".join(found), encoding="utf-8")
    return path


def install(folder: Path, pins: Path, wanted: str) -> Path:
    python = folder / "bin" / "python"
    pip = [str(python), "-m", "pip", "--disable-pip-version-check"]
    done = subprocess.run(
        [*pip, "install", "--quiet", "--prefer-binary", "--constraint", str(pins), wanted],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode and re.search("No matching distribution|onnection", done.stderr):
        pytest.skip(f"the package index does not have it: {done.stderr.splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    assert subprocess.run([*pip, "check"], check=False, capture_output=True).returncode == 0
    return python


def runs(python: Path, code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "COV"))}
    return subprocess.run(
        [str(python), "-c", code], cwd=folder, env=env, check=False, capture_output=True, text=True
    )


@pytest.fixture(scope="module")
def plain(wheel: Path, pins: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with abtest and no extra."""
    folder = tmp_path_factory.mktemp("plain") / "env"
    venv.create(folder, with_pip=True)
    install(folder, pins, str(wheel))
    return folder


def test_every_extra_is_tried() -> None:
    assert USES.keys() | OURS == PROJECT["optional-dependencies"].keys()


@pytest.mark.parametrize("extra", sorted(USES))
def test_an_extra_brings_what_it_promises(
    extra: str, wheel: Path, pins: Path, plain: Path, tmp_path: Path
) -> None:
    without = runs(plain / "bin" / "python", USES[extra], tmp_path)
    assert without.returncode != 0, "the extra is not needed for this"
    # The same environment again: hard links, as an installer replaces files and changes none.
    shutil.copytree(plain, tmp_path / "env", symlinks=True, copy_function=os.link)
    python = install(tmp_path / "env", pins, f"abtest[{extra}] @ {wheel.as_uri()}")
    found = runs(python, USES[extra], tmp_path)
    assert found.returncode == 0, found.stderr
    shutil.rmtree(tmp_path / "env")  # Spark is large
