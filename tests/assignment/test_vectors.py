"""The conformance vectors: law for every implementation, witnessed by four hashes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from abtest.assignment import Experiment, assign
from abtest.assignment.formula import check_salt, digits_of, salted, thresholds
from abtest.errors import AssignmentError
from support import ROOT

GOLDEN = ROOT / "tests" / "golden"
VECTORS = json.loads((GOLDEN / "assignment_v1.json").read_text(encoding="ascii"))
CASES = VECTORS["cases"]
EXPERIMENTS = {
    name: Experiment.from_json(compiled) for name, compiled in VECTORS["experiments"].items()
}


def unit_of(case: dict[str, Any]) -> str | int:
    return int(case["unit"]) if case["unit_type"] == "integer" else str(case["unit"])


def at_of(case: dict[str, Any]) -> datetime | None:
    return None if case["at"] is None else datetime.fromisoformat(case["at"])


def test_there_are_enough_vectors_and_every_reason_is_among_them() -> None:
    assert len(CASES) >= 300
    assert {case["reason"] for case in CASES} == {
        "split",
        "override",
        "holdout",
        "layer",
        "not_enrolled",
        "outside_schedule",
    }
    assert len({case["id"] for case in CASES}) == len(CASES)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_vector_is_met(name: str) -> None:
    experiment = EXPERIMENTS[name]
    for case in (case for case in CASES if case["experiment"] == name):
        unit, at = unit_of(case), at_of(case)
        assert str(unit).encode().hex() == case["unit_utf8"]
        wanted = (case["variant"], case["reason"], case["bucket"], case["phase"])
        assert assign(experiment, unit, at=at) == wanted, case["id"]
        assert experiment.variant(unit, at=at) == case["variant"], case["id"]


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_compiled_form_round_trips(name: str) -> None:
    experiment = EXPERIMENTS[name]
    again = Experiment.from_json(experiment.to_json())
    assert again == experiment
    assert again.to_json() == experiment.to_json()


def test_the_two_numbers_of_every_vector() -> None:
    for case in CASES:
        digits = digits_of(salted(EXPERIMENTS[case["experiment"]].seed), case["unit"])
        assert (digits[:13], digits[13:26]) == (case["n1"], case["n2"]), case["id"]


def test_duckdb_computes_the_same_two_numbers() -> None:
    rows = [(case["id"], EXPERIMENTS[case["experiment"]].seed, case["unit"]) for case in CASES]
    with duckdb.connect() as connection:
        connection.execute("create table cases (id text, salt text, unit text)")
        connection.executemany("insert into cases values (?, ?, ?)", rows)
        found = connection.execute(
            "select id, substr(sha256(salt || ':' || unit), 1, 13), "
            "substr(sha256(salt || ':' || unit), 14, 13) from cases"
        ).fetchall()
    assert sorted(found) == sorted((case["id"], case["n1"], case["n2"]) for case in CASES)


def test_pure_javascript_gives_every_answer() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    script = Path(__file__).with_name("check_vectors.mjs")
    run = subprocess.run(
        [node, str(script), str(GOLDEN / "assignment_v1.json")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stderr == ""
    assert run.stdout.strip() == str(len(CASES))


def test_the_generator_still_writes_this_file(tmp_path: Path) -> None:
    script = GOLDEN / "make_assignment_vectors.py"
    copy = tmp_path / script.name
    copy.write_bytes(script.read_bytes())
    subprocess.run([sys.executable, "-I", str(copy)], check=True)
    written = (tmp_path / "assignment_v1.json").read_bytes()
    assert written == (GOLDEN / "assignment_v1.json").read_bytes()


@pytest.mark.parametrize("case", VECTORS["thresholds"], ids=lambda case: str(case["weights"]))
def test_thresholds(case: dict[str, Any]) -> None:
    assert [f"{end:x}" for end in thresholds(case["weights"])] == case["ends"]


@pytest.mark.parametrize("salt", VECTORS["salts"])
def test_accepted_salts(salt: str) -> None:
    assert check_salt(salt, "seed") == salt


@pytest.mark.parametrize("salt", VECTORS["refused_salts"], ids=repr)
def test_refused_salts(salt: str) -> None:
    with pytest.raises(AssignmentError, match=r"seed is .*; it must be 1 to 64 of the characters"):
        Experiment("key", [("control", 1)], seed=salt)


@pytest.mark.parametrize("unit", VECTORS["refused_units"], ids=ascii)
def test_refused_units(unit: str) -> None:
    experiment = Experiment("key", [("control", 1)])
    with pytest.raises(AssignmentError, match=r"unit is .*; it must (have at least|be valid)"):
        assign(experiment, unit)
    with pytest.raises(AssignmentError, match=r"unit is .*; it must (have at least|be valid)"):
        experiment.variant(unit)
