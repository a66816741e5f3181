from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abtest.stats.bayes.beta_binomial import beta_binomial, prob_lift_above
from abtest.stats.bayes.question import Question
from abtest.stats.summaries import Proportion
from stats.bayes.witnesses import check_against_draws
from support import expected, golden_cases


def _proportion(counts: dict[str, int]) -> Proportion:
    return Proportion(n=counts["n"], successes=counts["x"])


@pytest.mark.parametrize("case", golden_cases("i_bayesian", "i-betabinom"))
def test_reference_cases(case: dict[str, Any]) -> None:
    control, treatment = (_proportion(case["inputs"][name]) for name in ("control", "treatment"))
    (ship,) = beta_binomial(control, [treatment], Question(rope=0.01)).variants
    (keep,) = beta_binomial(control, [treatment], Question(increase=False)).variants
    assert ship is not None
    assert keep is not None
    assert ship.expected_loss is not None
    assert keep.expected_loss is not None
    mean = (1 + control.successes) / (2 + control.n)
    assert ship.prob_beats_control == expected(case, "prob_treatment_better")
    assert ship.prob_best == expected(case, "prob_treatment_better")
    assert ship.expected_loss * mean == expected(case, "expected_loss_choose_treatment")
    assert keep.expected_loss * mean == expected(case, "expected_loss_choose_control")
    assert ship.lift == expected(case, "relative_lift_median")
    assert [ship.lift_low, ship.lift_high] == expected(case, "relative_lift_ci95")
    assert ship.prob_in_rope == expected(case, "prob_rope_pm1pct")
    assert prob_lift_above(control, treatment, 0.02) == expected(case, "prob_lift_gt_2pct")


@pytest.mark.parametrize("case", golden_cases("i_bayesian", "i-prob-best"))
def test_reference_best(case: dict[str, Any]) -> None:
    control, *treatments = (_proportion(counts) for counts in case["inputs"]["arms"])
    result = beta_binomial(control, treatments, Question())
    got = [result.control_prob_best, *(v.prob_best for v in result.variants if v)]
    assert got == expected(case, "prob_best")
    assert sum(v or 0 for v in got) == pytest.approx(1, abs=1e-10)


@pytest.mark.parametrize("increase", [True, False])
@pytest.mark.parametrize(
    "counts",
    [
        [(1000, 110), (1000, 130), (900, 90)],
        [(20, 0), (25, 3), (30, 30)],
        [(50, 5), (100_000, 12_000)],
    ],
)
def test_summaries_against_draws(counts: list[tuple[int, int]], increase: bool) -> None:
    rates = [Proportion(*pair) for pair in counts]
    rng = np.random.default_rng(11)
    draws = np.stack([rng.beta(1 + p.successes, 1 + p.n - p.successes, 200_000) for p in rates])
    result = beta_binomial(rates[0], rates[1:], Question(increase=increase, rope=0.05))
    check_losses = [v.expected_loss for v in result.variants if v]
    sign = 1 if increase else -1
    mean = (1 + rates[0].successes) / (2 + rates[0].n)
    for loss, treatment in zip(check_losses, draws[1:], strict=True):
        shortfall = np.maximum(0, sign * (draws[0] - treatment))
        error = shortfall.std() / np.sqrt(len(shortfall))
        assert loss is not None
        assert loss * mean == pytest.approx(shortfall.mean(), abs=4 * error + 1e-9)
    # The loss is over the posterior mean and was checked above; the rest follows from the lifts.
    lifts = draws[1:] / draws[0] - 1
    without_loss = replace(
        result,
        variants=tuple(
            replace(v, expected_loss=float(np.maximum(0, -sign * lift).mean()))
            for v, lift in zip(result.variants, lifts, strict=True)
            if v
        ),
    )
    check_against_draws(without_loss, lifts, increase=increase, rope=0.05)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.integers(0, 10**5).flatmap(
            lambda n: st.builds(Proportion, st.just(n), st.integers(0, n))
        ),
        min_size=2,
        max_size=5,
    ),
    st.booleans(),
)
def test_any_counts(rates: list[Proportion], increase: bool) -> None:
    result = beta_binomial(rates[0], rates[1:], Question(increase=increase, rope=0.05))
    total = result.control_prob_best
    assert total is not None
    for variant in result.variants:
        assert variant is not None
        total += variant.prob_best
        assert -1e-9 <= variant.prob_beats_control <= 1 + 1e-9
        assert variant.lift is not None
        assert variant.lift_low is not None
        assert variant.lift_high is not None
        assert -1 <= variant.lift_low <= variant.lift <= variant.lift_high
    assert total == pytest.approx(1, abs=1e-7)


def test_the_loss_of_identical_variants() -> None:
    """E|A - B| of two uniforms is 1/3, so E[max(0, B - A)] is 1/6 and the mean is 1/2."""
    (variant,) = beta_binomial(Proportion(0, 0), [Proportion(0, 0)], Question()).variants
    assert variant is not None
    assert variant.expected_loss == pytest.approx(1 / 3, rel=1e-9)
    assert variant.prob_beats_control == pytest.approx(0.5, rel=1e-9)
    assert variant.lift == pytest.approx(0, abs=1e-9)
    # The ratio of two uniforms is below r <= 1 with probability r / 2.
    assert variant.lift_low == pytest.approx(0.05 - 1, rel=1e-9)
