"""Helpers that test modules import: where things are, and the reference cases."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"

Case = dict[str, Any]


def golden_cases(name: str, prefix: str = "") -> list[Any]:
    """The cases of one golden file whose id starts with prefix, as pytest parameters.

    Where the reference cases are not beside the repository, one parameter that skips.
    """
    path = SHARED / "golden" / f"{name}.json"
    if not path.is_file():
        reason = "reference cases are not beside this repository (../shared/golden)"
        return [pytest.param({}, id="absent", marks=pytest.mark.skip(reason=reason))]
    cases = json.loads(path.read_text(encoding="utf-8"))
    return [pytest.param(case, id=case["id"]) for case in cases if case["id"].startswith(prefix)]


def expected(case: Case, key: str) -> Any:
    """The expected value of one key as a pytest.approx at the case's own tolerance."""
    tolerance = {**case["tolerance"], **case["tolerance"].get("per_key", {}).get(key, {})}
    value = case["expected"][key]
    numbers = [float(v) for v in value] if isinstance(value, list) else float(value)
    return pytest.approx(numbers, rel=tolerance["rel"], abs=tolerance["abs"])
