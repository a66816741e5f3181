"""How often Bayesian claims are right, through the shipped posterior; docs/calibration.md.

`python tests/simulation/test_bayes_calibration.py` prints the tables.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from scipy import stats

from abtest.methods.bayes import Bayes, LogLiftPrior, Prior
from abtest.stats.bayes.partial_pooling import learned_prior
from abtest.stats.log_lift import log_lift
from abtest.stats.summaries import Proportion

RUNS = 100_000
UNITS, RATE, TRUE_SD = 10_000, 0.12, 0.03
CERTAIN, BINS, LOOKS = 0.95, 20, 5
FLAT_SD = 10.0


@dataclass(frozen=True)
class Claims:
    """What came of the claims of a variant that is better with 95%."""

    prior: str
    claims: int
    claimed: float
    right: float
    exaggeration: float
    coverage: float


def experiments(rng: np.random.Generator, runs: int, looks: int = 1) -> tuple[Any, Any, Any]:
    """True log lifts, and events so far in control and treatment at each look."""
    truth = rng.normal(0.0, TRUE_SD, runs)
    each = UNITS // looks
    control = rng.binomial(each, RATE, (runs, looks)).cumsum(axis=1)
    rates = np.minimum(RATE * np.exp(truth), 1.0)[:, None]
    treatment = rng.binomial(each, np.repeat(rates, looks, axis=1)).cumsum(axis=1)
    return truth, control, treatment


def bayes_with(sd: float) -> Bayes:
    return Bayes(prior=Prior(log_lift=LogLiftPrior(mean=0.0, sd=sd)))


def learned_sd(rng: np.random.Generator, past: int) -> float:
    """The spread of true lifts, from past experiments, as the archive learns it."""
    _, control, treatment = experiments(rng, past)
    lifts = [
        log_lift(Proportion(UNITS, int(c)), Proportion(UNITS, int(t)))
        for c, t in zip(control[:, 0], treatment[:, 0], strict=True)
    ]
    known = [lift for lift in lifts if lift is not None]
    prior = learned_prior([lift.value for lift in known], [lift.se for lift in known])
    return prior.sd if prior is not None else 1e-6


def claims(rng: np.random.Generator, runs: int, sd: float, name: str, looks: int = 1) -> Claims:
    """Stop at the first look that is certain of a better treatment; otherwise claim nothing."""
    truth, control, treatment = experiments(rng, runs, looks)
    bayes, found = bayes_with(sd), []
    for i in range(runs):
        for look in range(looks):
            n = UNITS // looks * (look + 1)
            pair = Proportion(n, int(control[i, look])), Proportion(n, int(treatment[i, look]))
            (one,) = bayes.posterior(pair[0], [pair[1]], increase=True, ci_level=0.95).variants
            assert one is not None
            if one.prob_beats_control > CERTAIN:
                found.append((truth[i], one))
                break
    lifts = np.expm1([true for true, _ in found])
    medians = np.array([one.lift for _, one in found])
    low = np.array([one.lift_low for _, one in found])
    high = np.array([one.lift_high for _, one in found])
    return Claims(
        name,
        len(found),
        float(np.mean([one.prob_beats_control for _, one in found])),
        float((lifts > 0).mean()),
        float(medians.mean() / lifts.mean()),
        float(((low < lifts) & (lifts < high)).mean()),
    )


def rank_pvalue(rng: np.random.Generator, runs: int, units: int, rate: float) -> float:
    """Simulation-based calibration: where the truth lies in its posterior, over 20 even bins.

    The place is the posterior's mass below the truth, read off its median and interval, which fix
    a normal posterior of the log lift.
    """
    bayes, places = bayes_with(TRUE_SD), []
    half = stats.norm.ppf(0.975)
    for _ in range(runs):
        truth = rng.normal(0.0, TRUE_SD)
        pair = (
            Proportion(units, int(rng.binomial(units, rate))),
            Proportion(units, int(rng.binomial(units, min(1.0, rate * math.exp(truth))))),
        )
        (one,) = bayes.posterior(pair[0], [pair[1]], increase=True, ci_level=0.95).variants
        assert one is not None
        assert one.lift is not None
        assert one.lift_low is not None
        assert one.lift_high is not None
        sd = (math.log1p(one.lift_high) - math.log1p(one.lift_low)) / 2 / half
        places.append(stats.norm.cdf((truth - math.log1p(one.lift)) / sd))
    counts, _ = np.histogram(places, BINS, (0.0, 1.0))
    return float(stats.chisquare(counts).pvalue)


def tables(runs: int) -> list[Claims]:
    rng = np.random.default_rng(2026)
    learned = learned_sd(rng, 200)
    return [
        claims(rng, runs, sd, name, looks)
        for looks in (1, LOOKS)
        for name, sd in (
            (f"flat, {looks} look(s)", FLAT_SD),
            (f"learned ({learned:.4f}), {looks} look(s)", learned),
        )
    ]


def held(found: list[Claims]) -> None:
    """With a learned prior a claim is as good as it says; with a flat one it is not."""
    for one in found:
        error = 3 * math.sqrt(one.right * (1 - one.right) / one.claims)
        if one.prior.startswith("flat"):
            assert one.right < one.claimed - error
            assert one.exaggeration > 1.5
        else:
            assert one.right == pytest.approx(one.claimed, abs=max(error, 0.02))
            assert one.exaggeration == pytest.approx(1.0, abs=0.25)


def test_a_slice_of_the_claims() -> None:
    rng = np.random.default_rng(5)
    flat = claims(rng, 6000, FLAT_SD, "flat")
    own = claims(rng, 6000, TRUE_SD, "own")
    assert flat.right < flat.claimed - 0.03
    assert own.right > own.claimed - 0.04
    assert flat.exaggeration > 1.6 > own.exaggeration


def test_ranks_are_even() -> None:
    assert rank_pvalue(np.random.default_rng(3), 2000, UNITS, RATE) > 0.001


@pytest.mark.slow
def test_claims_are_as_good_as_they_say() -> None:
    held(tables(RUNS))


@pytest.mark.slow
def test_ranks_of_ten_thousand() -> None:
    assert rank_pvalue(np.random.default_rng(4), 10_000, UNITS, RATE) > 0.001


def report() -> str:
    """The tables of docs/calibration.md."""
    lines = [
        "| prior | claims | claimed | right | lift claimed / true | 95% interval holds |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.prior} | {row.claims} | {row.claimed:.1%} | {row.right:.1%} | "
        f"{row.exaggeration:.2f} | {row.coverage:.1%} |"
        for row in tables(RUNS)
    ]
    value = rank_pvalue(np.random.default_rng(4), 10_000, UNITS, RATE)
    return "\n".join([*lines, "", f"Ranks, {BINS} bins, 10,000 draws: chi-square p = {value:.3f}"])


if __name__ == "__main__":
    sys.stdout.write(report() + "\n")
