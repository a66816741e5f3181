from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from abtest.stats.bayes.baseline_lift import BASELINE_MEAN, BASELINE_SD, baseline_lift
from abtest.stats.bayes.normal import Normal
from abtest.stats.bayes.normal_log_lift import LogLevel, normal_log_lift
from abtest.stats.bayes.question import Question
from abtest.stats.summaries import Proportion
from stats.bayes.witnesses import chances, check_against_draws, close, within_memory

if TYPE_CHECKING:
    from abtest.stats.posterior import Posterior, VariantPosterior


def _draws(rates: list[Proportion], prior: Normal) -> tuple[np.ndarray, np.ndarray]:
    """Lifts from the prior and the likelihood of each draw: importance sampling."""
    rng = np.random.default_rng(5)
    n = 400_000
    control = expit(rng.normal(BASELINE_MEAN, BASELINE_SD, n))
    log_lifts = rng.normal(prior.mean, prior.sd, (len(rates) - 1, n))
    p = np.vstack([control, control * np.exp(log_lifts)])
    possible = (p < 1).all(axis=0)
    p = np.where(possible, p, 0.5)
    height = sum(
        rate.successes * np.log(row) + (rate.n - rate.successes) * np.log1p(-row)
        for rate, row in zip(rates, p, strict=True)
    )
    height = np.where(possible, height, -np.inf)
    weights = np.exp(height - height.max())
    assert weights.sum() ** 2 / (weights**2).sum() > 1000, "too few effective draws to judge by"
    return np.expm1(log_lifts), weights


@pytest.mark.parametrize("increase", [True, False])
@pytest.mark.parametrize(
    "counts",
    [
        [(34, 1), (34, 7)],
        [(40, 0), (41, 5), (39, 12)],
        [(20, 20), (25, 25)],
        [(20, 8), (30, 12), (12, 6), (15, 4)],
    ],
)
@pytest.mark.parametrize("sd", [0.05, 0.4])
def test_summaries_against_draws(counts: list[tuple[int, int]], sd: float, increase: bool) -> None:
    rates, prior = [Proportion(*pair) for pair in counts], Normal(0.02, sd)
    question = Question(increase=increase, rope=0.02)
    together = baseline_lift(rates[0], rates[1:], prior, question)
    for rate, variant in zip(rates[1:], together.variants, strict=True):
        assert variant is not None
        alone = baseline_lift(rates[0], [rate], prior, question)
        lifts, weights = _draws([rates[0], rate], prior)
        check_against_draws(alone, lifts, weights, increase=increase, rope=0.02)
        assert replace(variant, prob_best=0.0) == replace(_only(alone), prob_best=0.0)
    lifts, weights = _draws(rates, prior)
    sign = 1.0 if increase else -1.0
    winner = np.vstack([np.zeros(lifts.shape[1]), sign * lifts]).argmax(axis=0)
    close(together.control_prob_best, winner == 0, weights)
    for place, variant in enumerate(together.variants, start=1):
        assert variant is not None
        close(variant.prob_best, winner == place, weights)


def _only(posterior: Posterior) -> VariantPosterior:
    (variant,) = posterior.variants
    assert variant is not None
    return variant


def test_with_many_events_it_is_the_normal_model() -> None:
    rates = [Proportion(100_000, 20_000), Proportion(100_000, 20_400), Proportion(50_000, 9_900)]
    levels = [LogLevel(np.log(p.value), (1 - p.value) / p.successes) for p in rates]
    prior, question = Normal(0.0, 0.05), Question(rope=0.01)
    exact = baseline_lift(rates[0], rates[1:], prior, question)
    normal = normal_log_lift(levels[0], levels[1:], prior, question)
    # Two models that meet as counts grow: at 10,000 events they differ in the fourth digit.
    for one, other in zip(exact.variants, normal.variants, strict=True):
        assert one is not None
        assert other is not None
        assert one.prob_beats_control == pytest.approx(other.prob_beats_control, abs=2e-3)
        assert one.prob_best == pytest.approx(other.prob_best, abs=2e-3)
        assert one.lift == pytest.approx(other.lift, abs=1e-4)
        assert one.lift_low == pytest.approx(other.lift_low, abs=2e-4)
        assert one.expected_loss == pytest.approx(other.expected_loss, abs=5e-5)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.integers(0, 10**6).flatmap(
            lambda n: st.builds(Proportion, st.just(n), st.integers(0, n))
        ),
        min_size=2,
        max_size=4,
    ),
    st.floats(0.01, 0.5),
    st.booleans(),
)
def test_any_counts(rates: list[Proportion], sd: float, increase: bool) -> None:
    question = Question(increase=increase, rope=0.02)
    result = baseline_lift(rates[0], rates[1:], Normal(0.0, sd), question)
    total = result.control_prob_best
    assert total is not None
    for variant in result.variants:
        assert variant is not None
        total += variant.prob_best
        assert -1e-9 <= variant.prob_beats_control <= 1 + 1e-9
        assert variant.expected_loss is not None
        assert variant.expected_loss >= 0
        assert math.isfinite(variant.expected_loss)
        assert variant.lift is not None
        assert variant.lift_low is not None
        assert variant.lift_high is not None
        assert -1 < variant.lift_low <= variant.lift <= variant.lift_high
    assert total == pytest.approx(1, abs=1e-6)


def test_no_data_leaves_the_prior() -> None:
    """Without units only the bound p_t < 1 touches a prior this narrow, and hardly."""
    result = baseline_lift(Proportion(0, 0), [Proportion(0, 0)], Normal(0.0, 0.05), Question())
    (variant,) = result.variants
    assert variant is not None
    assert variant.prob_beats_control == pytest.approx(0.5, abs=0.01)


def test_sixty_variants() -> None:
    """Four kinds of variant, from 20 to 200,000 units, fifteen of each."""
    kinds = [
        Proportion(20, 1),
        Proportion(2_000, 90),
        Proportion(2_000, 70),
        Proportion(200_000, 8_100),
    ]
    control, prior, question = Proportion(500, 19), Normal(0.0, 0.1), Question(increase=False)
    result = within_memory(
        lambda: baseline_lift(control, kinds * 15, prior, question), megabytes=150
    )
    best = chances(result)
    assert best.sum() == pytest.approx(1, abs=1e-6)
    same = best[1:].reshape(15, 4)
    assert same == pytest.approx(np.tile(same[0], (15, 1)), rel=1e-9)
    assert same[0, 1] < same[0, 2]
