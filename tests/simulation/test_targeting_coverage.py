"""Whether the value of chosen segments holds what its interval promises; docs/methods/money.md.

`python tests/simulation/test_targeting_coverage.py` prints the table.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
import pytest

from abtest.stats.moments import Moments
from abtest.stats.money.targeting import SHARED, Segments, targeting

UNITS = 100
"""Customers of each variant in each segment and half; one's contribution has the sd 1."""
ERROR = (1 / UNITS) ** 0.5
"""The standard error of a segment's effect by all data."""

TRUTHS: dict[str, tuple[float, ...]] = {
    "no effect": (0.0, 0.0, 0.0, 0.0),
    "half a standard error": (0.5, 0.5, 0.5, 0.5),
    "pays everywhere": (2.0, 2.0, 2.0, 2.0),
    "never pays": (-1.0, -1.0, -1.0, -1.0),
    "pays in half, one standard error": (1.0, 1.0, -1.0, -1.0),
    "pays in half, four standard errors": (4.0, 4.0, -4.0, -4.0),
}


@dataclass(frozen=True)
class Outcome:
    """What came of many experiments; values in standard errors of one segment.

    Attributes:
        covered: Intervals that hold the true value of what was chosen by the halves.
        without: The same if the halves were taken for independent.
        bias: The mean of estimate less truth, and its Monte Carlo error.
        everybody: Intervals of treating everybody that hold its true value.
        in_sample: The mean excess of valuing the choice on the customers that made it.
    """

    covered: float
    without: float
    bias: float
    error: float
    everybody: float
    in_sample: float


def drawn(rng: np.random.Generator, truth: tuple[float, ...]) -> Segments:
    """One half: means are normal, sums of squares chi-squared."""
    half = {}
    for place, effect in enumerate(truth):
        control, treatment = rng.normal((0.0, effect * ERROR), UNITS**-0.5)
        spread = rng.chisquare(UNITS - 1, 2)
        pair = Moments(UNITS, control, spread[0]), Moments(UNITS, treatment, spread[1])
        half[str(place)] = {"": pair}
    return half


def true_value(chosen: tuple[str, ...], truth: tuple[float, ...]) -> float:
    value: float = sum(truth[int(name)] for name in chosen) * ERROR / len(truth)
    return value


def simulate(truth: tuple[float, ...], runs: int, seed: int = 9) -> Outcome:
    rng = np.random.default_rng(seed)
    covered = without = everybody = 0
    errors, excess = [], []
    for _ in range(runs):
        halves = [drawn(rng, truth), drawn(rng, truth)]
        found = targeting(halves)
        true = sum(true_value(choice, truth) for choice in found.choices) / 2
        policy = found.treat_chosen
        off = policy.value - true
        covered += policy.low <= true <= policy.high
        without += abs(off) <= (policy.high - policy.value) / (1 + SHARED) ** 0.5
        all_of_them = tuple(found.effects)
        everybody += found.treat_all.low <= true_value(all_of_them, truth) <= found.treat_all.high
        errors.append(off)
        naive = sum(found.effects[name][0] for name in found.chosen) / len(truth)
        excess.append(naive - true_value(found.chosen, truth))
    scale = ERROR / len(truth) ** 0.5
    return Outcome(
        covered / runs,
        without / runs,
        float(np.mean(errors)) / scale,
        float(np.std(errors)) / scale / runs**0.5,
        everybody / runs,
        float(np.mean(excess)) / scale,
    )


def check(truth: tuple[float, ...], runs: int) -> None:
    found = simulate(truth, runs)
    band = 3 * (0.05 * 0.95 / runs) ** 0.5
    assert found.covered >= 0.95 - band
    assert abs(found.everybody - 0.95) <= band + 0.005  # 100 customers, and the normal quantile
    assert abs(found.bias) <= 4 * found.error


@pytest.mark.parametrize("name", ["no effect", "half a standard error"])
def test_the_interval_holds_what_it_says(name: str) -> None:
    check(TRUTHS[name], 300)


@pytest.mark.slow
@pytest.mark.parametrize("name", TRUTHS)
def test_the_interval_holds_what_it_says_in_many_runs(name: str) -> None:
    check(TRUTHS[name], 5_000)


@pytest.mark.slow
def test_halves_are_not_independent() -> None:
    """The reason for the wider interval: without it the coverage is too small."""
    found = simulate(TRUTHS["half a standard error"], 5_000)
    assert found.without < 0.945
    assert found.in_sample > 0.2


if __name__ == "__main__":
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000
    for label, effects in TRUTHS.items():
        print(label, simulate(effects, n))  # noqa: T201 - a script
