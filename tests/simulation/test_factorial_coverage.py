"""How often intervals of factorial effects hold the truth, with interactions that cancel out."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from abtest.stats.factorial import combined, margin
from abtest.stats.means.t_pivot import t_comparison
from abtest.stats.means.welch import mean_level
from abtest.stats.summaries import Moments

RUNS = 4_000
CELLS = list(itertools.product((0, 1), repeat=3))

pytestmark = pytest.mark.slow


def truth(cell: tuple[int, ...]) -> float:
    """The first factor helps without the second and harms with it: its main effect is 0."""
    return 10 + 2 * cell[0] * (1 - 2 * cell[1]) + cell[2]


def one_trial(rng: np.random.Generator) -> dict[tuple[int, ...], Moments]:
    found = {}
    for cell in CELLS:
        n = int(rng.integers(25, 60))
        y = truth(cell) + rng.gamma(2, 2 + cell[0], n) - 2 * (2 + cell[0])
        found[cell] = Moments(n, float(y.mean()), float(((y - y.mean()) ** 2).sum()))
    return found


def test_coverage_of_each_kind_of_effect() -> None:
    rng = np.random.default_rng(20260105)
    held = np.zeros(3)
    for _ in range(RUNS):
        cells = {cell: mean_level(moments) for cell, moments in one_trial(rng).items()}
        main = t_comparison(margin(cells, {0: 0}), margin(cells, {0: 1}), 0.95, "f")
        sides = [
            combined([(1.0, margin(cells, {0: 1, 1: b})), (-1.0, margin(cells, {0: 0, 1: b}))])
            for b in (0, 1)
        ]
        both = t_comparison(sides[0], sides[1], 0.95, "f")
        simple = t_comparison(margin(cells, {0: 0, 1: 1}), margin(cells, {0: 1, 1: 1}), 0.95, "f")
        for place, (found, effect) in enumerate([(main, 0.0), (both, -4.0), (simple, -2.0)]):
            assert found.difference_ci is not None
            held[place] += effect in found.difference_ci
    error = np.sqrt(0.95 * 0.05 / RUNS)
    assert np.all(np.abs(held / RUNS - 0.95) <= 3 * error)
