"""Every reference case of the files below is tested key by key."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import pytest

from support import ROOT, SHARED

FILES = (
    "a_proportions",
    "b_means_ratios_clusters",
    "c_cuped",
    "d_retention",
    "e_multiplicity",
    "f_factorial",
    "g_sequential",
    "h_noninferiority",
    "i_bayesian",
    "j_health",
    "k_power",
    "l_segments",
    "m_decisions",
)

# Prefixes of the file d_retention that are not written in the call which takes them.
BY_PREFIX = {"tests/analysis/test_golden_event_logs.py": ("d-exact", "d-window", "d-rolling")}


@cache
def readers() -> dict[tuple[str, str], str]:
    """The text of the test modules that take cases, by file and prefix of the case's id."""
    found: dict[tuple[str, str], str] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        calls = re.findall(r'golden_cases\(\s*"(\w+)"(?:,\s*"([^"]+)")?\s*\)', text)
        name = path.relative_to(ROOT).as_posix()
        calls += [("d_retention", prefix) for prefix in BY_PREFIX.get(name, ())]
        for file, prefix in calls:
            if prefix:
                found[file, prefix] = found.get((file, prefix), "") + text
    return found


def cases() -> list[Any]:
    found: list[Any] = []
    for name in FILES:
        path = SHARED / "golden" / f"{name}.json"
        if not path.is_file():
            reason = "reference cases are not beside this repository (../shared/golden)"
            return [pytest.param("", {}, id="absent", marks=pytest.mark.skip(reason=reason))]
        read = json.loads(path.read_text(encoding="utf-8"))
        found += [pytest.param(name, case, id=case["id"]) for case in read]
    return found


def missing_keys(file: str, case: dict[str, Any]) -> list[str]:
    """The keys of a case that no module which takes the case names."""
    text = "".join(
        text
        for (of_file, prefix), text in readers().items()
        if of_file == file and case["id"].startswith(prefix)
    )
    return [key for key in case["expected"] if f'"{key}"' not in text]


@pytest.mark.parametrize(("file", "case"), cases())
def test_every_key_of_a_case_is_tested(file: str, case: dict[str, Any]) -> None:
    assert missing_keys(file, case) == []


def test_what_nobody_tests_is_found() -> None:
    unknown = {"id": "a-new", "expected": {"value": 1.0}}
    assert missing_keys("a_proportions", unknown) == ["value"]
    known = {"id": "a-fisher-other", "expected": {"p_two_sided": 1.0, "p_of_a_new_kind": 1.0}}
    assert missing_keys("a_proportions", known) == ["p_of_a_new_kind"]
