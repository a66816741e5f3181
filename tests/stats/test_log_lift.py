from __future__ import annotations

import math
from typing import Any

import pytest

from abtest.stats.log_lift import log_lift
from abtest.stats.summaries import Moments, PairMoments, Proportion
from support import expected, golden_cases


@pytest.mark.parametrize("case", golden_cases("i_bayesian", "i-loglift-prior"))
def test_reference_case(case: dict[str, Any]) -> None:
    control, treatment = (
        Proportion(case["inputs"][side]["n"], case["inputs"][side]["x"])
        for side in ("control", "treatment")
    )
    result = log_lift(control, treatment)
    assert result is not None
    assert result.value == expected(case, "log_rr")
    assert result.se == expected(case, "se")


def test_means_by_the_delta_method() -> None:
    result = log_lift(Moments(100, 10.0, 99 * 4.0), Moments(50, 12.0, 49 * 9.0))
    assert result is not None
    assert result.value == pytest.approx(math.log(1.2))
    assert result.se == pytest.approx(math.sqrt(4 / 100 / 100 + 9 / 50 / 144))


def test_a_ratio_with_a_constant_denominator_is_a_mean() -> None:
    mean = log_lift(Moments(100, 10.0, 396.0), Moments(50, 12.0, 441.0))
    ratio = log_lift(
        PairMoments(100, 10.0, 1.0, 396.0, 0.0, 0.0), PairMoments(50, 12.0, 1.0, 441.0, 0.0, 0.0)
    )
    assert mean is not None
    assert ratio is not None
    assert ratio.value == pytest.approx(mean.value)
    assert ratio.se == pytest.approx(mean.se)


@pytest.mark.parametrize(
    ("control", "treatment"),
    [
        (Proportion(10, 0), Proportion(10, 3)),
        (Proportion(10, 3), Proportion(0, 0)),
        (Moments(10, -1.0, 5.0), Moments(10, 2.0, 5.0)),
        (Moments(1, 1.0, 0.0), Moments(10, 2.0, 5.0)),
    ],
)
def test_no_log_lift_where_there_is_none(control: Any, treatment: Any) -> None:
    assert log_lift(control, treatment) is None
