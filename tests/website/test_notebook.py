"""The notebook runs from top to bottom, and shows what the example's report says."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from support import ROOT

pytestmark = pytest.mark.integration
pytest.importorskip("marimo", reason="marimo is not installed")

NOTEBOOK = ROOT / "docs" / "examples" / "incentive_mix.py"
RUN = f"""
import importlib.util

spec = importlib.util.spec_from_file_location("notebook", {str(NOTEBOOK)!r})
notebook = importlib.util.module_from_spec(spec)
spec.loader.exec_module(notebook)
outputs, names = notebook.app.run()
print(names["decision"].verdict, names["decision"].variant)
print(round(names["lifts"].loc["repeat_purchase_30d", "coupon_freeship"], 3))
print(sorted(set(names["readings"]["prior"])))
print(sum(output is not None for output in outputs) > 8)
"""


def test_the_notebook_runs() -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "ship coupon_freeship",
        "0.291",
        "['flat', 'sceptical', 'spec']",
        "True",
    ]
