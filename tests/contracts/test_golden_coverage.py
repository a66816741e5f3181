"""Every reference case of files a to d is tested key by key, or it says here why it is not."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import pytest

from support import ROOT, SHARED

FILES = ("a_proportions", "b_means_ratios_clusters", "c_cuped", "d_retention")

_WALD = "misses far more than it says in small tables and near 0 and 1: the score is there instead"
_ONE_PIVOT = "one pivot gives p-value, difference and lift: another interval could contradict them"
_HC = "holds the covariates fixed; customers are drawn with theirs, so se_superpopulation is ours"
_STUDENT = "assumes equal variances, and errs where the variants differ in size: Welch is right"
_NPS = "by n or by hand-made corrections; ours is Welch's, unbiased_var_se_points"
_HERE = "the interval of one share is Wilson's, one for all reports"

# By the start of a case's id: the keys that are not offered, with the reason.
NOT_OFFERED: dict[str, dict[str, str]] = {
    "a-wald-family": {
        "wald_diff_ci": _WALD,
        "agresti_caffo_ci": "an approximation of what the score does without one",
        "walter_adjusted_log_rr_ci": "adds half an event to have a ratio: the score needs none",
        "linear_delta_rel_ci": _WALD,
    },
    "a-unconditional-exact": {
        "p_barnard_pooled_two_sided": "Boschloo's is as exact and at least as strong as Fisher's",
        "pi_at_max_barnard": "as p_barnard_pooled_two_sided",
        "pi_at_max_boschloo": "where the maximum lies means nothing to a reader; its value does",
    },
    "a-single": {"clopper_pearson": _HERE, "jeffreys": _HERE},
    "b-welch": {
        "fieller_ratio_ci_plugin_df": _ONE_PIVOT,
        "fieller_ratio_ci_iterative_df": _ONE_PIVOT,
        "linear_delta_rel_ci_z": _ONE_PIVOT,
        "student_p": _STUDENT,
        "student_ci": _STUDENT,
        "p_greater": "p-values are two-sided; a margin is read off the interval",
    },
    "b-skewness-rule": {
        "G1_control": "g1 with a factor that is near 1; the check is on the difference of means",
        "n_needed_355_control": "far too strict for even splits and too lax for a small holdout",
    },
    "b-ratio-aov": {
        "p_normal": "the t distribution is right for few customers too",
        "fieller_ratio_ci_z": "the t distribution is right for few customers too",
    },
    "c-lin": dict.fromkeys(("se_hc2", "se_hc3", "se_hc0", "df_ols", "p_hc2_t", "ci_hc2_t"), _HC),
    "d-nps": dict.fromkeys(
        (
            "var_treatment",
            "var_control",
            "se_points",
            "z",
            "ci_points",
            "rocks_adjusted_wald_ci_treatment",
        ),
        _NPS,
    ),
    "d-rmst": {"ratio_ci": _ONE_PIVOT, "p_ratio": _ONE_PIVOT},
}

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


def reasons_for(case_id: str) -> dict[str, str]:
    return {
        key: reason
        for prefix, keys in NOT_OFFERED.items()
        if case_id.startswith(prefix)
        for key, reason in keys.items()
    }


def missing_keys(file: str, case: dict[str, Any]) -> list[str]:
    """The keys of a case that no module which takes the case names, and that have no reason."""
    text = "".join(
        text
        for (of_file, prefix), text in readers().items()
        if of_file == file and case["id"].startswith(prefix)
    )
    given = reasons_for(case["id"])
    return [key for key in case["expected"] if f'"{key}"' not in text and key not in given]


@pytest.mark.parametrize(("file", "case"), cases())
def test_a_case_is_tested_or_says_why_not(file: str, case: dict[str, Any]) -> None:
    assert missing_keys(file, case) == []


@pytest.mark.parametrize("prefix", NOT_OFFERED)
def test_a_reason_is_about_a_key_that_is_not_tested(prefix: str) -> None:
    """A reason that outlives its need would hide a key that is offered by now."""
    found = [case.values for case in cases() if case.id.startswith(prefix)]
    if not found:
        pytest.skip("reference cases are not beside this repository (../shared/golden)")
    keys = {key for _, case in found for key in case["expected"]}
    assert set(NOT_OFFERED[prefix]) <= keys
    assert all(NOT_OFFERED[prefix].values())


def test_what_nobody_tests_is_found() -> None:
    unknown = {"id": "a-new", "expected": {"value": 1.0}}
    assert missing_keys("a_proportions", unknown) == ["value"]
    known = {"id": "a-fisher-other", "expected": {"p_two_sided": 1.0, "p_of_a_new_kind": 1.0}}
    assert missing_keys("a_proportions", known) == ["p_of_a_new_kind"]
