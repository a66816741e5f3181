"""Who answered a survey: rates against scipy, bounds by hand, and answers that are none."""

from __future__ import annotations

from typing import Any

import pytest
from scipy import stats

from analysis.by_hand import START, check_of, run_log

NPS = {
    "key": "nps",
    "kind": "survey",
    "scale": "nps",
    "events": "orders",
    "window": {"end": "30d"},
    "role": "primary",
}


def survey(answers: dict[str, list[Any]], units: int = 100, **more: Any) -> Any:
    """Each variant's first units give these answers; the others give none."""
    assignments = [(f"{variant}{i}", variant, START) for variant in answers for i in range(units)]
    rows = [
        (f"{variant}{i}", "2026-01-10 12:00:00", None, answer)
        for variant, given in answers.items()
        for i, answer in enumerate(given)
    ]
    metrics = [{**NPS, **more}]
    return run_log(assignments, rows, metrics=metrics, stream={"value": "amount"})


def test_rates_that_differ_are_warned_about_with_bounds() -> None:
    # Promoters are 9 of 90 and 20 of 60, and there are no detractors.
    result = survey({"control": [10] * 9 + [7] * 81, "coupon": [10] * 20 + [8] * 40})
    found = check_of(result, "response_rates")
    assert found.status == "warn"
    table = [[90, 10], [60, 40]]
    wanted = stats.chi2_contingency(table, correction=False).pvalue
    assert found.details["nps"]["pvalue"] == pytest.approx(wanted, rel=1e-9)
    assert found.details["nps"]["rates"] == [0.9, 0.6]
    # Control's mean over all 100 is from 9 - 10 to 9 + 10, the coupon's from 20 - 40 to 20 + 40.
    assert found.details["nps"]["bounds"]["coupon"] == pytest.approx((-39.0, 61.0))
    assert "Answered nps: 90.0% in control, 60.0% in coupon (p = " in found.message
    assert "nps of coupon less control is between -39 and 61." in found.message
    assert "Variants differ in who answers" in (found.hint or "")
    assert "nps" not in check_of(result, "missing_values").message


def test_equal_rates_pass_and_have_no_bounds() -> None:
    found = check_of(survey({"control": [9] * 50, "coupon": [2] * 50}), "response_rates")
    assert (found.status, found.hint) == ("pass", None)
    assert found.details["nps"] == {"rates": [0.5, 0.5], "pvalue": pytest.approx(1), "invalid": 0}


def test_the_bounds_of_a_share() -> None:
    more: dict[str, Any] = {"scale": "csat", "score": "top_box", "top": 4}
    found = check_of(survey({"control": [5] * 90, "coupon": [1] * 50}, **more), "response_rates")
    # Control is between 0.9 and 1; the coupon between 0 and 0.5.
    assert found.details["nps"]["bounds"]["coupon"] == pytest.approx((-1.0, -0.4))


def test_answers_that_are_none_are_counted() -> None:
    result = survey({"control": [9] * 50 + [11, 2.5], "coupon": [9] * 50 + [-1]})
    found = check_of(result, "response_rates")
    assert found.details["nps"]["invalid"] == 3
    assert "3 answers are no whole number from 0 to 10 and do not count for nps." in found.message
    assert "negative_values" not in {check.key for check in result.checks}


def test_nobody_answered() -> None:
    found = check_of(survey({"control": [], "coupon": []}, units=5), "response_rates")
    assert found.details["nps"]["pvalue"] is None
    assert found.message == "Answered nps: 0.0% in control, 0.0% in coupon."
