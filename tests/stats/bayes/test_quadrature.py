from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abtest.stats.bayes.quadrature import best_of, cumulative, panels


@given(st.lists(st.floats(-50, 50), min_size=2, max_size=6), st.integers(0, 11))
def test_polynomials_are_integrated_exactly(breaks: list[float], degree: int) -> None:
    ends = np.sort(np.array(breaks))
    nodes, weights = panels(ends)
    scaled = nodes / 50

    def primitive(x: np.ndarray) -> np.ndarray:
        return 50 * (x / 50) ** (degree + 1) / (degree + 1)

    whole = primitive(ends[-1]) - primitive(ends[0])
    assert (weights * scaled**degree).sum() == pytest.approx(whole, rel=1e-10, abs=1e-10)
    running = cumulative(scaled**degree, ends)
    assert running == pytest.approx(primitive(nodes) - primitive(ends[0]), rel=1e-9, abs=1e-9)


def test_leading_axes_are_kept() -> None:
    breaks = np.array([[0.0, 1.0, 2.0], [0.0, 0.0, 4.0]])
    nodes, weights = panels(breaks)
    assert (weights * nodes).sum(axis=1) == pytest.approx([2, 8])
    both = cumulative(np.stack([nodes, nodes**2]), breaks)
    assert both[0] == pytest.approx(nodes**2 / 2)
    assert both[1] == pytest.approx(nodes**3 / 3)


def test_the_largest_of_two_exponentials() -> None:
    """P(X > Y) = rate_y / (rate_x + rate_y) for exponential times, known exactly."""
    nodes, weights = panels(np.linspace(0, 60, 40))
    rates = np.array([[1.0], [3.0]])
    chances = best_of(rates * np.exp(-rates * nodes), -np.expm1(-rates * nodes), weights)
    assert chances == pytest.approx([3 / 4, 1 / 4], rel=1e-12)
