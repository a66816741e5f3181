"""Retention rates, silence and survey scores: by eye, and as the golden cases have them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from abtest import analyze
from abtest.stats.proportions.miettinen_nurminen import miettinen_nurminen
from abtest.stats.summaries import Proportion
from analysis.by_hand import START, run_log, spec_for
from support import expected, golden_cases

if TYPE_CHECKING:
    from abtest import Result
    from abtest.analysis.result import Record

BEFORE, INSIDE = "2025-12-01 10:00", "2026-01-20 10:00"
WINDOW = {"events": "orders", "window": {"end": "30d"}}


def outcomes(
    cases: list[list[Any]], stream: dict[str, Any] | None = None, **metric: Any
) -> list[tuple[float | None, int]]:
    """Each case's value and how many units count: one unit in a variant of its own.

    A case is a list of times, or of (time, amount).
    """
    keys = [f"case {i}" for i in range(len(cases))]
    orders = [
        (key, order, None, None) if isinstance(order, str) else (key, order[0], None, order[1])
        for key, found in zip(keys, cases, strict=True)
        for order in found
    ]
    variants = [{"key": key, "control": key == keys[0]} for key in keys]
    full = {"key": "m", "role": "primary", **WINDOW, **metric}
    assigned = [(key, key, START) for key in keys]
    result = run_log(assigned, orders, metrics=[full], stream=stream, variants=variants)
    return [(estimate.value, estimate.n) for estimate in result.estimates]


def test_the_retention_rate_is_of_those_who_bought_before() -> None:
    expected_of: list[tuple[list[Any], tuple[float | None, int]]] = [
        ([], (None, 0)),
        ([INSIDE], (None, 0)),  # new: in E and in N, so not in the rate
        ([BEFORE], (0.0, 1)),
        ([BEFORE, INSIDE], (1.0, 1)),
        ([BEFORE, INSIDE, INSIDE], (1.0, 1)),  # a customer is counted once
        ([START], (None, 0)),  # at the anchor is in the period, not before it
        ([BEFORE, START], (1.0, 1)),
        ([BEFORE, "2026-02-04 10:00"], (0.0, 1)),  # when the period is over
    ]
    cases = [case for case, _ in expected_of]
    assert outcomes(cases, kind="crr") == [found for _, found in expected_of]


def test_the_lookback_says_who_was_still_a_customer() -> None:
    cases = [["2025-12-26 10:00:00"], ["2025-12-26 09:59:59"], ["2025-12-26", "2026-01-06"]]
    prior = {"prior": {"lookback": "10d"}}
    assert outcomes(cases, kind="crr", **prior) == [(0.0, 1), (None, 0), (None, 0)]
    days: dict[str, Any] = {**prior, "window": {"end": "30d", "calendar": True}}
    assert outcomes(cases, kind="crr", **days) == [(0.0, 1), (0.0, 1), (1.0, 1)]


def test_silence_up_to_the_end_of_the_window() -> None:
    cases = [
        [],
        ["2026-01-28 09:59:59"],
        ["2026-01-28 10:00:00"],
        ["2026-02-04 09:59:59"],
        ["2026-02-04 10:00:00"],
    ]
    silent = [value for value, _ in outcomes(cases, kind="inactivity", days=7)]
    assert silent == [1.0, 1.0, 0.0, 0.0, 1.0]
    # With all of the window it is churn.
    whole = outcomes(cases, kind="inactivity", days=30)
    assert whole == outcomes(cases, kind="churn")


SCORES: list[tuple[list[Any], dict[str, float | None]]] = [
    ([], {"nps": None, "csat": None, "top": None}),
    ([(INSIDE, None)], {"nps": None, "csat": None, "top": None}),
    ([(INSIDE, 0.0)], {"nps": -100, "csat": None, "top": None}),
    ([(INSIDE, 3.0)], {"nps": -100, "csat": 3, "top": 0}),
    ([(INSIDE, 4.0)], {"nps": -100, "csat": 4, "top": 1}),
    ([(INSIDE, 6.0)], {"nps": -100, "csat": None, "top": None}),
    ([(INSIDE, 7.0)], {"nps": 0, "csat": None, "top": None}),
    ([(INSIDE, 9.0)], {"nps": 100, "csat": None, "top": None}),
    ([(INSIDE, 10.0)], {"nps": 100, "csat": None, "top": None}),
    ([(INSIDE, 99.0)], {"nps": None, "csat": None, "top": None}),  # "don't know" is no answer
    ([(INSIDE, 4.5)], {"nps": None, "csat": None, "top": None}),
    # The last answer counts, whatever its size, and whatever order the rows have.
    ([("2026-01-21", 1.0), (INSIDE, 5.0)], {"nps": -100, "csat": 1, "top": 0}),
    ([(INSIDE, 1.0), ("2026-01-21", 5.0)], {"nps": -100, "csat": 5, "top": 1}),
    # A row without a score does not take back the answer before it.
    ([(INSIDE, 5.0), ("2026-01-21", None)], {"nps": -100, "csat": 5, "top": 1}),
    ([(INSIDE, 2.0), (INSIDE, 5.0)], {"nps": -100, "csat": 5, "top": 1}),
    ([(INSIDE, 2.0), ("2026-02-04 10:00", 5.0)], {"nps": -100, "csat": 2, "top": 0}),
]


@pytest.mark.parametrize(
    ("which", "survey"),
    [
        ("nps", {"scale": "nps"}),
        ("csat", {"scale": "csat"}),
        ("top", {"scale": "csat", "score": "top_box", "top": 4}),
    ],
)
@pytest.mark.parametrize("calendar", [False, True])
def test_scores(which: str, survey: dict[str, Any], calendar: bool) -> None:
    window = {"end": "30d", "calendar": calendar}
    cases = [case for case, _ in SCORES]
    found = outcomes(cases, {"value": "amount"}, kind="survey", window=window, **survey)
    wanted = [scores[which] for _, scores in SCORES]
    assert found == [(score, int(score is not None)) for score in wanted]


def run(units: list[tuple[str, str, list[tuple[str, float | None]]]], metric: Any) -> Result:
    """Units as (id, variant, orders)."""
    variants = [{"key": "control", "control": True}, {"key": "treatment"}]
    events = {"orders": {"path": "-", "at": "at", "value": "amount"}}
    data = {"as_of": "2026-03-01", "assignments": {"path": "-"}, "events": events}
    frames = {
        "assignments": pd.DataFrame(
            [(unit, variant, START) for unit, variant, _ in units],
            columns=["id", "variant", "assigned_at"],
        ),
        "orders": pd.DataFrame(
            [(unit, at, amount) for unit, _, orders in units for at, amount in orders],
            columns=["id", "at", "amount"],
        ),
    }
    full = {"key": "m", "role": "primary", **WINDOW, **metric}
    return analyze(spec_for(data, [full], variants=variants), data=frames)


def numbered(found: list[tuple[str, list[Any], int]]) -> list[Any]:
    """(variant, orders, how many) as units."""
    return [
        (f"{variant}{place}-{i}", variant, orders)
        for place, (variant, orders, n) in enumerate(found)
        for i in range(n)
    ]


@pytest.mark.parametrize("case", golden_cases("d_retention", "d-nps"))
def test_nps_is_the_golden_one(case: dict[str, Any]) -> None:
    scores = {"promoters": 9.0, "passives": 8.0, "detractors": 2.0}
    units = numbered(
        [
            (variant, [(INSIDE, score)], case["inputs"][variant][who])
            for variant in ("control", "treatment")
            for who, score in scores.items()
        ]
    )
    result = run(units, {"kind": "survey", "scale": "nps"})
    record: Record = result.results[0]
    assert record.value == expected(case, "nps_treatment")
    assert record.value_control == expected(case, "nps_control")
    assert record.difference == expected(case, "diff_points")
    # Welch's, with n - 1 in each variant's multinomial variance.
    assert record.se == expected(case, "unbiased_var_se_points")


@pytest.mark.parametrize("case", golden_cases("d_retention", "d-crr"))
def test_the_retention_rate_is_the_golden_one(case: dict[str, Any]) -> None:
    """S customers at the start, E at the end, N of them new."""
    old, new = (BEFORE, None), (INSIDE, None)
    found = []
    for variant in ("control", "treatment"):
        s, e, n = (case["inputs"][variant][key] for key in "SEN")
        found += [(variant, [old, new], e - n), (variant, [old], s - (e - n)), (variant, [new], n)]
    result = run(numbered(found), {"kind": "crr"})
    record = result.results[0]
    assert (record.n, record.n_control) == tuple(
        case["inputs"][variant]["S"] for variant in ("treatment", "control")
    )
    assert record.value == expected(case, "crr_treatment")
    assert record.value_control == expected(case, "crr_control")
    assert record.difference == expected(case, "diff")
    assert record.pvalue == expected(case, "p_value")
    interval = [record.difference_ci_low, record.difference_ci_high]
    assert interval == expected(case, "diff_ci")
    lift = [1 + (record.lift_ci_low or 0.0), 1 + (record.lift_ci_high or 0.0)]
    assert lift == expected(case, "risk_ratio_ci")
    # Churn is what is left of retention: the same p-value, the difference the other way round.
    lost, lost_control = (
        Proportion(n, n - round(n * (value or 0.0)))
        for n, value in ((record.n, record.value), (record.n_control or 0, record.value_control))
    )
    churn = miettinen_nurminen(lost_control, lost, 1 - result.spec["analysis"]["alpha"])
    assert churn.pvalue == pytest.approx(record.pvalue, rel=1e-9)
    for interval_of_churn, key, one in (
        (churn.difference_ci, "churn_diff_ci", 0.0),
        (churn.lift_ci, "churn_risk_ratio_ci", 1.0),
    ):
        assert interval_of_churn is not None
        ends = [one + interval_of_churn.low, one + interval_of_churn.high]
        assert ends == expected(case, key)
