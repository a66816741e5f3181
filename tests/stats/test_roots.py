from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abtest.stats.roots import find_root


@given(st.floats(1e-6, 1e6))
def test_finds_a_known_root(root: float) -> None:
    assert find_root(lambda x: root - x, 0.0, 2e6) == pytest.approx(root, rel=1e-14)


def test_infinite_values_do_no_harm() -> None:
    assert find_root(lambda x: -math.log(x) if x else math.inf, 0.0, 3.0) == pytest.approx(1)


def test_without_a_crossing_it_stays_in_the_bracket() -> None:
    assert find_root(lambda _: 1.0, 0.0, 2.0) == 2
    assert find_root(lambda _: -1.0, 0.0, 2.0) == 0
    assert find_root(lambda x: 1.0 - x, 1.0, 2.0) == 1
