from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from abtest.stats.sequential.split_process import split_log_e_value
from support import expected, golden_cases


@pytest.mark.parametrize("case", golden_cases("j_health", "j-srm-sequential"))
def test_reference_cases(case: dict[str, Any]) -> None:
    inputs = case["inputs"]
    log_e = split_log_e_value(
        inputs["counts"], inputs["expected_shares"], inputs["dirichlet_prior"]
    )
    assert math.exp(log_e) == expected(case, "e_value")
    assert min(1.0, math.exp(-log_e)) == expected(case, "anytime_p_at_this_point")


def test_its_mean_under_the_plan_is_one() -> None:
    """By enumeration of all splits of 40 units."""
    mean = sum(
        math.comb(40, x)
        * 0.3**x
        * 0.7 ** (40 - x)
        * math.exp(split_log_e_value([x, 40 - x], [0.3, 0.7]))
        for x in range(41)
    )
    assert mean == pytest.approx(1, rel=1e-10)


def test_it_alarms_at_most_as_often_as_it_says() -> None:
    """4,000 experiments of 28 nights and 100 units a night, at alpha 0.05."""
    nights = np.random.default_rng(13).binomial(100, 0.5, size=(4_000, 28))
    totals = np.cumsum(nights, axis=1)
    alarmed = np.zeros(4_000, dtype=bool)
    for night in range(28):
        n = 100 * (night + 1)
        for count in np.unique(totals[:, night]).tolist():
            if split_log_e_value([count, n - count], [0.5, 0.5]) >= math.log(20):
                alarmed |= totals[:, night] == count
    assert alarmed.mean() <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 4_000)


def test_a_variant_that_was_to_get_nobody() -> None:
    assert split_log_e_value([10, 10, 1], [0.5, 0.5, 0.0]) == math.inf
    without = split_log_e_value([10, 10], [0.5, 0.5])
    assert split_log_e_value([10, 10, 0], [0.5, 0.5, 0.0]) == pytest.approx(without)


def test_no_units_say_nothing() -> None:
    assert split_log_e_value([0, 0], [0.5, 0.5]) == 0


@pytest.mark.parametrize(
    ("counts", "shares", "prior", "message"),
    [
        ([1], [0.5, 0.5], None, "there are 1 counts and 2 shares"),
        ([-1, 2], [0.5, 0.5], None, "none may be negative"),
        ([1, 2], [0.5, 0.6], None, "they add up to 1"),
        ([1, 2], [0.5, 0.5], [1.0], "there are 1 prior numbers for 2 shares"),
        ([1, 2], [0.5, 0.5], [1.0, 0.0], "every number of the prior must be above 0"),
    ],
)
def test_bad_input(
    counts: list[int], shares: list[float], prior: list[float] | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        split_log_e_value(counts, shares, prior)
