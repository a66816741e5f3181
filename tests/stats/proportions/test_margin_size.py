"""How often a share exactly at its margin passes, by enumeration of all tables."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from abtest.stats.proportions.margins import share_difference_at
from abtest.stats.summaries import Proportion


def size(n_control: int, n_treatment: int, rate: float, margin: float, score: str) -> float:
    """P(above < 0.025) where the treatment is worse by exactly the margin."""
    sides = [
        stats.binom.pmf(np.arange(n + 1), n, p)
        for n, p in ((n_control, rate), (n_treatment, rate - margin))
    ]
    likely = [[x for x in range(len(pmf)) if pmf[x] > 1e-6] for pmf in sides]
    total = 0.0
    for x in likely[0]:
        low, high = 0, n_treatment + 1  # the first count of the treatment that passes
        while low < high:
            middle = (low + high) // 2
            found = share_difference_at(
                Proportion(n_control, x),
                Proportion(n_treatment, middle),
                -margin,
                score,  # type: ignore[arg-type]
            )
            low, high = (low, middle) if found.above < 0.025 else (middle + 1, high)
        total += sides[0][x] * sides[1][low:].sum()
    return total


@pytest.mark.parametrize(
    ("n_control", "n_treatment", "score", "most"),
    [
        (300, 300, "miettinen_nurminen", 0.028),
        (300, 300, "farrington_manning", 0.028),
        (50, 950, "scas", 0.029),
        (950, 50, "scas", 0.029),
    ],
)
@pytest.mark.parametrize("rate", [0.3, 0.8])
def test_the_error_at_the_margin(
    n_control: int, n_treatment: int, score: str, most: float, rate: float
) -> None:
    found = size(n_control, n_treatment, rate, 0.1, score)
    assert 0.018 < found < most


def test_the_plain_score_leaks_where_the_variants_differ_in_size() -> None:
    """Why a guardrail with unequal weights is compared by SCAS."""
    plain = [size(950, 50, rate, 0.1, "miettinen_nurminen") for rate in (0.2, 0.9)]
    corrected = [size(950, 50, rate, 0.1, "scas") for rate in (0.2, 0.9)]
    assert max(abs(p - 0.025) for p in plain) > max(abs(p - 0.025) for p in corrected)
