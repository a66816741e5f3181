from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abtest.stats.bayes.quadrature import best_of, blocks, cumulative, panels, top_breaks


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


def test_the_largest_of_many_powers() -> None:
    """F_i = x^a_i on [0, 1]: P(i largest) = a_i / sum(a), exactly. The first node has no mass."""
    power = np.linspace(1, 4, 60)[:, None]
    inner, inner_weights = panels(np.linspace(0, 1, 20))
    nodes, weights = np.append(0.0, inner), np.append(0.0, inner_weights)
    chances = best_of(power * nodes ** (power - 1), nodes**power, weights)
    assert chances == pytest.approx((power / power.sum()).ravel(), rel=1e-12)


ranges = st.lists(st.tuples(st.floats(-5, 5), st.floats(1e-6, 10)), min_size=1, max_size=8)


@given(ranges, st.floats(-5, 5))
def test_top_breaks_cover_the_largest(pairs: list[tuple[float, float]], floor: float) -> None:
    low = np.array([[start] for start, _ in pairs])
    high = low + np.array([[width] for _, width in pairs])
    (breaks,) = top_breaks(low, high, floor)
    assert (np.diff(breaks) >= 0).all()
    assert len(breaks) <= 161
    start = max(low.max(), floor)
    assert breaks[0] == start
    assert breaks[-1] == pytest.approx(max(high.max(), start))
    # No panel that begins within a range is wider than a twelfth of it, and the next end.
    for begin, end in zip(low[:, 0], high[:, 0], strict=True):
        inside = (breaks[:-1] >= begin) & (breaks[1:] <= end)
        assert (np.diff(breaks)[inside] <= (end - begin) / 12 * (1 + 1e-6) + 1e-12).all()


def test_top_breaks_do_not_grow_with_equal_ranges() -> None:
    low, high = np.array([[0.0], [-1.0]]), np.array([[1.0], [3.0]])
    few = top_breaks(low, high, -9.0)
    many = top_breaks(np.tile(low, (100, 1)), np.tile(high, (100, 1)), -9.0)
    assert np.array_equal(few, many)


def test_no_values_above_the_floor() -> None:
    breaks = top_breaks(np.array([[-3.0], [-2.0]]), np.array([[-1.0], [-1.5]]), 0.0)
    assert (breaks == 0).all()


@given(st.integers(1, 50), st.integers(1, 3_000_000))
def test_blocks_cover_every_row_once(rows: int, cells: int) -> None:
    covered = [row for block in blocks(rows, cells) for row in range(rows)[block]]
    assert covered == list(range(rows))
    assert all(
        block.stop - block.start == 1 or (block.stop - block.start) * cells <= 1_000_000
        for block in blocks(rows, cells)
    )
