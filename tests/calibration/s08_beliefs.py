"""Bayesian claims.

True lifts are normal with a standard deviation of 3% (a third of campaigns moves repeat purchase
by more than that); 10,000 customers per variant, a rate of 12%. Three priors read the same data: a
*flat* one, the *true* one, and one *learned* from 200 past experiments as the archive learns it.

*Claims*: a variant is announced where its probability of being better exceeds 95%, at one look or
at the first of five. "Claimed" is the mean of that probability, "right" how often the announced
variant is better, "announced over true" the size of the announced lifts as a share of the true,
and "interval holds" how often the 95% interval of an announced lift does. *Belief 0.95 to 0.975*
and its like: of all experiments with such a probability, how many variants are better. A prior that
fits makes "right" what was claimed ("right less claimed" is nothing), with five looks as with one.
A flat one does not: of what it calls 95% to 97.5% likely about 87% is so, and of all that it
announces at one look (above 95%, much of it above 99%) about 90%; what it announces is more than
twice too large.

*Ranks*: where the truth lies in the posterior. With the true prior it is below the posterior's 5%
point in 5% of experiments, below its median in half, and so on (simulation-based calibration).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, partial
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from abtest.methods.bayes import Bayes, LogLiftPrior, Prior
from abtest.stats.bayes.partial_pooling import learned_prior
from abtest.stats.log_lift import log_lift
from abtest.stats.posterior import VariantPosterior
from abtest.stats.summaries import Proportion
from calibration.cells import Cell, Claim, Tally, hits, values
from calibration.shipped import METRIC, Floats, Integers, comparer, single

LEVEL, CERTAIN = 0.95, 0.95
UNITS, RATE, TRUE_SD, PAST = 10_000, 0.12, 0.03, 200
SPREAD = {"flat": 10.0, "true": TRUE_SD}
BELIEFS = ((0.5, 0.7), (0.7, 0.9), (0.9, 0.95), (0.95, 0.975), (0.975, 0.99), (0.99, 1.0))


def experiments(
    rng: np.random.Generator, runs: int, units: int = UNITS, looks: int = 1
) -> tuple[Floats, Integers, Integers]:
    """True log lifts, and events so far in control and treatment at each look."""
    truth = rng.normal(0.0, TRUE_SD, runs)
    each = units // looks
    control = rng.binomial(each, RATE, (runs, looks)).cumsum(axis=1)
    rates = np.minimum(RATE * np.exp(truth), 1.0)[:, None]
    treatment = rng.binomial(each, np.repeat(rates, looks, axis=1)).cumsum(axis=1)
    return truth, control, treatment


@cache
def bayes_with(sd: float) -> Bayes:
    """The default model with a prior on the log lift."""
    return Bayes(prior=Prior(log_lift=LogLiftPrior(mean=0.0, sd=sd)))


def posterior(units: int, control: int, treatment: int, sd: float) -> VariantPosterior:
    """The reading of one experiment."""
    spec = single("share", (1, 1))
    shares = Proportion(units, int(control)), Proportion(units, int(treatment))
    made = comparer(spec, {(METRIC, "control"): shares[0], (METRIC, "v1"): shares[1]})
    (found,) = made.posterior(spec.metrics[0], bayes_with(sd)).variants
    if found is None:
        raise ValueError(f"no posterior of {control} and {treatment} in {units}.")
    return found


def prior_sd(rng: np.random.Generator, prior: str) -> float:
    """The prior's spread; the learned one anew from past experiments."""
    if prior != "learned":
        return SPREAD[prior]
    _, control, treatment = experiments(rng, PAST)
    lifts = [
        log_lift(Proportion(UNITS, int(c)), Proportion(UNITS, int(t)))
        for c, t in zip(control[:, 0], treatment[:, 0], strict=True)
    ]
    known = [lift for lift in lifts if lift is not None]
    learned = learned_prior([lift.value for lift in known], [lift.se for lift in known])
    return learned.sd if learned is not None else 1e-6


def claims(prior: str, looks: int, rng: np.random.Generator, repeats: int) -> dict[str, Tally]:
    """Stop at the first look that is certain of a better treatment; otherwise claim nothing."""
    sd = prior_sd(rng, prior)
    truth, control, treatment = experiments(rng, repeats, looks=looks)
    found: list[tuple[float, VariantPosterior]] = []
    for run in range(repeats):
        for look in range(looks):
            n = UNITS // looks * (look + 1)
            one = posterior(n, control[run, look], treatment[run, look], sd)
            if one.prob_beats_control > CERTAIN:
                found.append((float(np.expm1(truth[run])), one))
                break
    true = np.array([lift for lift, _ in found])
    claimed = np.array([one.prob_beats_control for _, one in found])
    announced = np.array([one.lift for _, one in found], dtype=float)
    inside = [_low(one) <= lift <= _high(one) for lift, one in found]
    return {
        "announced": Tally(float(len(found)), float(repeats)),
        "claimed": values(claimed),
        "right": hits(true > 0),
        "right less claimed": gap(true > 0, claimed),
        "announced over true": Tally(float(announced.sum()), float(true.sum())),
        "interval holds": hits(inside),
    }


def gap(right: npt.NDArray[np.bool_], claimed: Floats) -> Tally:
    """How much more often claims are right than they say; its error is what they say it is."""
    spread = float((claimed * (1 - claimed)).sum())
    return Tally(float(right.sum() - claimed.sum()), float(len(claimed)), spread)


def believed(
    prior: str, belief: tuple[float, float], rng: np.random.Generator, repeats: int
) -> dict[str, Tally]:
    """Experiments in which either variant is believed to be better with such a probability."""
    sd = prior_sd(rng, prior)
    truth, control, treatment = experiments(rng, repeats)
    claimed, right = [], []
    for run in range(repeats):
        one = posterior(UNITS, control[run, 0], treatment[run, 0], sd).prob_beats_control
        leads = one >= 0.5
        sure = one if leads else 1 - one
        if belief[0] <= sure < belief[1]:
            claimed.append(sure)
            right.append((truth[run] > 0) == leads)
    return {
        "announced": Tally(float(len(right)), float(repeats)),
        "claimed": values(claimed),
        "right": hits(right),
        "right less claimed": gap(np.array(right, dtype=bool), np.array(claimed)),
    }


def ranks(units: int, rng: np.random.Generator, repeats: int) -> dict[str, Tally]:
    """Where the truth lies: the posterior of the log lift is normal, fixed by its interval."""
    truth, control, treatment = experiments(rng, repeats, units)
    places, inside = [], []
    for run in range(repeats):
        one = posterior(units, control[run, 0], treatment[run, 0], TRUE_SD)
        low, high = np.log1p(_low(one)), np.log1p(_high(one))
        sd = (high - low) / 2 / stats.norm.ppf(0.5 + LEVEL / 2)
        places.append(stats.norm.cdf((truth[run] - (low + high) / 2) / sd))
        inside.append(low <= truth[run] <= high)
    found = np.array(places)
    return {
        "below its 5% point": hits(found < 0.05),
        "below its median": hits(found < 0.5),
        "in its middle half": hits(abs(found - 0.5) < 0.25),
        "above its 95% point": hits(found > 0.95),
        "interval holds": hits(inside),
    }


def _low(one: VariantPosterior) -> float:
    return float("-inf") if one.lift_low is None else one.lift_low


def _high(one: VariantPosterior) -> float:
    return float("inf") if one.lift_high is None else one.lift_high


def _settings(what: str, prior: str, units: int = UNITS) -> dict[str, Any]:
    return {"what": what, "prior": prior, "customers per variant": units}


def _cells() -> Iterator[Cell]:
    for looks in (1, 5):
        for prior in ("flat", "true", "learned"):
            yield Cell(
                "S8",
                _settings(f"claims, {looks} look{'s' * (looks > 1)}", prior),
                60_000 if looks == 1 else 20_000,
                partial(claims, prior, looks),
                (
                    Claim("announced"),
                    Claim("claimed"),
                    Claim("right"),
                    Claim("right less claimed", 0.0, "within" if prior == "true" else "shown"),
                    Claim("announced over true"),
                    Claim("interval holds", LEVEL, "within" if prior == "true" else "shown"),
                ),
                batch=2_000,
            )
    for prior in ("flat", "true"):
        for belief in BELIEFS:
            yield Cell(
                "S8",
                _settings(f"belief {belief[0]:.4g} to {belief[1]:.4g}", prior),
                40_000,
                partial(believed, prior, belief),
                (
                    Claim("announced"),
                    Claim("claimed"),
                    Claim("right"),
                    Claim("right less claimed", 0.0, "within" if prior == "true" else "shown"),
                ),
                batch=2_000,
            )
    for units in (UNITS, 1_000):
        yield Cell(
            "S8",
            _settings("ranks", "true", units),
            20_000,
            partial(ranks, units),
            (
                Claim("below its 5% point", 0.05, "within"),
                Claim("below its median", 0.5, "within"),
                Claim("in its middle half", 0.5, "within"),
                Claim("above its 95% point", 0.05, "within"),
                Claim("interval holds", LEVEL, "within"),
            ),
            batch=2_000,
            fast=1_000 if units == UNITS else 0,
        )


CELLS: tuple[Cell, ...] = tuple(_cells())
