"""Uniform p-values, against scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from abtest.stats.health.uniform import uniform_pvalue


@pytest.mark.parametrize("n", [10, 40, 300, 2000])
@pytest.mark.parametrize("power", [0.7, 0.9, 1.0, 1.2])
def test_against_scipy(n: int, power: float) -> None:
    values = np.random.default_rng(n).random(n) ** power
    # Stephens' formula is an approximation of the exact distribution that scipy has.
    assert uniform_pvalue(values) == pytest.approx(
        stats.kstest(values, "uniform").pvalue, abs=0.03 if n < 40 else 0.01
    )


def test_by_hand() -> None:
    assert uniform_pvalue([0.5] * 100) < 1e-20
    assert uniform_pvalue([0.5]) > 0.8


@pytest.mark.parametrize(
    ("values", "message"), [([], "there are no values"), ([0.5, 1.5], "not between 0 and 1")]
)
def test_bad_input(values: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        uniform_pvalue(values)
