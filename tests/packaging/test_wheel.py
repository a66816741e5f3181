"""The wheel: assignment needs nothing else, and everything a report needs is inside."""

from __future__ import annotations

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    command += ["--no-build-isolation", "--wheel-dir", str(folder), str(root)]
    subprocess.run(command, check=True)
    (path,) = folder.glob("abtest-*.whl")
    return path


def test_assign_works_from_the_wheel_alone(wheel: Path, tmp_path: Path) -> None:
    environment = tmp_path / "empty"
    venv.create(environment, with_pip=True)
    python = environment / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*install, str(wheel)], check=True)
    code = (
        "from abtest import assign, Experiment\n"
        "winback = Experiment('winback', [('control', 1), ('coupon', 1)])\n"
        "print(assign(winback, 'C000123').variant)"
    )
    done = subprocess.run(
        [str(python), "-c", code], check=True, capture_output=True, text=True, cwd=tmp_path
    )
    # The same answer as sha256sum gives by hand: printf 'winback:C000123' | sha256sum
    assert done.stdout == "coupon\n"


def test_the_wheel_holds_templates_and_types(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "abtest/py.typed" in names
    assert "abtest/cli/templates/pricing.yaml" in names
    assert any(name.startswith("abtest/report/html/") and name.endswith(".html") for name in names)
    assert not any(name.startswith(("tests", "experiments")) for name in names)
