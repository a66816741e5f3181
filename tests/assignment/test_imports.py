"""What a web app loads when it assigns."""

from __future__ import annotations

import json
import subprocess
import sys

from support import ROOT

HEAVY = {"typing", "re", "dataclasses", "pydantic", "numpy", "duckdb", "json", "enum", "datetime"}
PROBE = """
import sys
sys.path.insert(0, sys.argv[1])
before = set(sys.modules)
from abtest import assign, Experiment
experiment = Experiment("winback", [("control", 1), ("coupon", 1)])
assert assign(experiment, "C000123").variant == experiment.variant("C000123") == "coupon"
added = sorted(set(sys.modules) - before)
print(*added)
"""


def added_modules(*flags: str) -> list[str]:
    command = [sys.executable, *flags, "-c", PROBE, str(ROOT / "src")]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def test_assigning_adds_at_most_fifteen_modules_of_the_standard_library() -> None:
    # -S leaves site-packages out, so that nothing loaded by a .pth file can hide an import.
    added = added_modules("-I", "-S")
    assert len(added) <= 15, added
    assert not HEAVY & set(added)
    outside = {name.partition(".")[0] for name in added} - set(sys.stdlib_module_names)
    assert outside == {"abtest"}


def test_the_compiled_form_needs_only_the_standard_library() -> None:
    probe = PROBE.replace("added =", "Experiment.from_json(experiment.to_json())\nadded =")
    command = [sys.executable, "-I", "-S", "-c", probe, str(ROOT / "src")]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    roots = {name.partition(".")[0] for name in run.stdout.split()}
    assert roots - set(sys.stdlib_module_names) == {"abtest"}


def test_the_public_names() -> None:
    probe = "import json, abtest.assignment as a; print(json.dumps(a.__all__))"
    run = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert json.loads(run.stdout) == ["Assignment", "Experiment", "assign"]
