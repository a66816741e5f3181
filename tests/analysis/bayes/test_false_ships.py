"""How often a rule on the expected loss ships what does nothing, against drawn experiments."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

from abtest import analyze
from abtest.stats.bayes.normal import Normal, lift_loss, update
from abtest.stats.bayes.predictive import false_ships_by_loss, false_ships_by_value

PRIOR, SE, LIMIT = Normal(0.0, 0.05), 0.03, 0.002


@pytest.mark.parametrize("increase", [True, False])
@pytest.mark.parametrize("least_z", [-math.inf, 1.0])
def test_five_looks_against_draws(increase: bool, least_z: float) -> None:
    rng, looks, runs = np.random.default_rng(8), 5, 20_000
    steps = rng.normal(size=(runs, looks)).cumsum(axis=1) / np.arange(1, looks + 1)
    shipped = np.zeros(runs, dtype=bool)
    sign = 1 if increase else -1
    for look in range(looks):
        error = SE / math.sqrt((look + 1) / looks)
        estimates = steps[:, look] * SE * math.sqrt(looks)
        z = sign * estimates / error
        # The loss falls with z, so whether it is small enough is found on a fine grid of z.
        grid = np.linspace(-6, 6, 4001)
        small = [
            lift_loss(update(sign * one * error, error, PRIOR), increase=increase) <= LIMIT
            for one in grid
        ]
        shipped |= (z >= grid[np.argmax(small)]) & (z >= least_z)
    found = false_ships_by_loss(
        [(look + 1) / looks for look in range(looks)],
        PRIOR,
        SE,
        LIMIT,
        increase=increase,
        least_z=least_z,
    )
    assert found == pytest.approx(shipped.mean(), abs=0.012)


def test_limits_that_all_or_none_meet() -> None:
    assert false_ships_by_loss([0.5, 1.0], PRIOR, SE, 10.0) == pytest.approx(1.0)
    assert false_ships_by_loss([1.0], PRIOR, SE, 1e-30) == pytest.approx(0.0, abs=1e-12)
    with pytest.raises(ValueError, match="each must be above 0"):
        false_ships_by_loss([1.0], PRIOR, SE, 0.0)


@pytest.mark.parametrize(("require", "rate"), [(["primary"], 0.025), ([], None)])
def test_the_rate_stands_beside_the_rule(require: list[str], rate: float | None) -> None:
    made: dict[str, Any] = {
        "spec": "abtest/v1",
        "key": "by-hand",
        "kind": "messaging",
        "unit": None,
        "variants": [{"key": "none", "control": True}, {"key": "mail"}],
        "data": {"units": {"path": "units.csv", "variant": "variant"}},
        "metrics": [{"key": "won", "kind": "proportion", "column": "won", "role": "primary"}],
        "decision": {"rule": {"require": require, "max_expected_loss": 0.01}},
    }
    rows = [("none", i < 110) for i in range(1000)] + [("mail", i < 130) for i in range(1000)]
    data = {"units": pd.DataFrame(rows, columns=["variant", "won"])}
    record = analyze(made, data=data).results[0]
    (note,) = [note for note in record.rule_notes if note.startswith("False ships")]
    if rate is not None:
        assert "in 2.5% of experiments with one look" in note
    else:
        error = math.sqrt(0.89 / 110 + 0.87 / 130)

        def excess(z: float) -> float:
            share = 0.05**2 / (0.05**2 + error**2)
            belief = stats.norm(share * z * error, math.sqrt(share) * error)
            grid = np.linspace(belief.mean() - 12 * belief.std(), 0.0, 20_001)
            return float(np.trapezoid(-np.expm1(grid) * belief.pdf(grid), grid)) - 0.01

        told = 100 * stats.norm.sf(optimize.brentq(excess, -6, 6))
        assert f"in {told:.1f}% of experiments with one look" in note


@pytest.mark.parametrize("prior", [None, Normal(-0.5, 2.0)])
def test_by_value_against_draws(prior: Normal | None) -> None:
    """A true value of 0: paths of estimates, the belief at each look, and the rule on it."""
    se, limit, looks = 1.5, 0.4, [0.25, 0.5, 0.75, 1.0]
    rng = np.random.default_rng(4)
    paths = np.cumsum(rng.normal(0, 0.5, (200_000, 4)), axis=1)
    shipped = np.zeros(200_000, dtype=bool)
    for place, time in enumerate(looks):
        error, estimate = se / time**0.5, paths[:, place] / time * se
        mean, sd = estimate, error
        if prior is not None:
            share = prior.sd**2 / (prior.sd**2 + error**2)
            mean, sd = prior.mean + share * (estimate - prior.mean), share**0.5 * error
        z = mean / sd
        loss = sd * (stats.norm.pdf(z) - z * stats.norm.sf(z))
        shipped |= (mean > 0) & (loss <= limit)
    found = false_ships_by_value(looks, prior, se, limit)
    assert found == pytest.approx(shipped.mean(), abs=0.004)


def test_by_value_without_sense() -> None:
    with pytest.raises(ValueError, match="each must be above 0"):
        false_ships_by_value([1.0], None, 0.0, 1.0)
