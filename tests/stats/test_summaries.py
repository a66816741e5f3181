from __future__ import annotations

import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abtest.stats.summaries import Moments, PairMoments, Proportion

values = st.lists(st.tuples(st.floats(-100, 100), st.floats(-100, 100)), min_size=2, max_size=20)


@given(values, st.integers(0, 20))
def test_merged_shards_against_numpy(rows: list[tuple[float, float]], cut: int) -> None:
    shards = [PairMoments(0, 0.0, 0.0, 0.0, 0.0, 0.0), PairMoments(0, 0.0, 0.0, 0.0, 0.0, 0.0)]
    for place, (y, x) in enumerate(rows):
        shards[place >= cut] += PairMoments(1, y, x, 0.0, 0.0, 0.0)
    whole = shards[0] + shards[1]
    witness = np.cov(np.array(rows).T, ddof=0) * len(rows)
    assert whole.n == len(rows)
    assert [whole.mean_y, whole.mean_x] == pytest.approx(list(np.mean(rows, axis=0)), abs=1e-9)
    assert [whole.m2_y, whole.m2_x] == pytest.approx(list(np.diag(witness)), rel=1e-9, abs=1e-7)
    assert whole.c_xy == pytest.approx(witness[0, 1], rel=1e-9, abs=1e-7)


@pytest.mark.parametrize("offset", [0, 10**9, 10**12])
def test_moments_keep_their_digits_on_a_large_offset(offset: int) -> None:
    numbers = [offset + value for value in (1, 2, 3, 4)]
    total = Moments(0, 0.0, 0.0)
    for number in numbers:
        total += Moments(1, float(number), 0.0)
    assert total.mean == statistics.mean(numbers)
    assert total.variance == pytest.approx(5 / 3, rel=1e-12)


def test_nothing_plus_nothing() -> None:
    nothing, no_pairs = Moments(0, 0.0, 0.0), PairMoments(0, 0.0, 0.0, 0.0, 0.0, 0.0)
    assert nothing + nothing == nothing
    assert no_pairs + no_pairs == no_pairs


def test_proportions_add() -> None:
    total = Proportion(10, 3) + Proportion(30, 7)
    assert total == Proportion(40, 10)
    assert total.value == 0.25
